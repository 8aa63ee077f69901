//! What happens to a call once it is cleared: its intent, forward, mask, record, respond. It goes on
//! to the end even if the caller hangs up, so that the ledger says how it ended.

use crate::{
    Inner, forward,
    hold::Approved,
    masking::{self, Masked},
    permit, record,
    resolve::Resolved,
    respond::{Answer, Stop},
};
use countersign_model::Grounds;
use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

/// A call that may get its permit.
#[derive(Debug)]
pub(crate) enum Cleared {
    /// Its grants carry it.
    Granted(Resolved, Grounds),
    /// People said yes to it.
    Approved(Approved),
}

pub(crate) async fn finish(inner: Arc<Inner>, cleared: Cleared) -> Result<Answer, Box<Stop>> {
    let _leaving = inner.metrics.leave();
    let permit = match cleared {
        Cleared::Granted(resolved, grounds) => permit::permit(&inner, resolved, &grounds).await?,
        // Few calls use an approval, and every call would carry the room for it.
        Cleared::Approved(approved) => Box::pin(approved.redeem(&inner)).await?,
    };
    let forwarded = match forward::forward(&inner, permit).await {
        Ok(forwarded) => forwarded,
        Err(no_answer) => return Err(Box::pin(record::no_answer(&inner, no_answer)).await),
    };
    match masking::mask(&inner, forwarded).await {
        Ok(Masked::Whole(whole)) => record::whole(&inner, *whole).await,
        Ok(Masked::Stream(stream)) => Ok(record::stream(inner, *stream)),
        Err(unfit) => Err(Box::pin(record::unfit(&inner, unfit)).await),
    }
}

/// Finishes a call, also when nobody waits for it any more: dropped half-way, it goes on in a task
/// of its own. The record is still written by the call itself, in order; only who waits for it has
/// changed.
pub(crate) fn even_if_alone(inner: Arc<Inner>, cleared: Cleared) -> EvenIfAlone {
    EvenIfAlone(Some(Box::pin(finish(inner, cleared))))
}

type Finishing = Pin<Box<dyn Future<Output = Result<Answer, Box<Stop>>> + Send>>;

/// See [`even_if_alone`].
pub(crate) struct EvenIfAlone(Option<Finishing>);

impl Future for EvenIfAlone {
    type Output = Result<Answer, Box<Stop>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(future) = &mut self.0 else { return Poll::Pending };
        let ready = future.as_mut().poll(context);
        if ready.is_ready() {
            self.0 = None;
        }
        ready
    }
}

impl Drop for EvenIfAlone {
    fn drop(&mut self) {
        if let (Some(future), Ok(runtime)) = (self.0.take(), tokio::runtime::Handle::try_current())
        {
            runtime.spawn(future);
        }
    }
}
