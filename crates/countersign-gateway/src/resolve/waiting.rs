//! A call that waits for people: who calls what. Its arguments, and what would leave, stand with
//! the approval, so a held call costs the same memory whatever its size, and keeps no old policy
//! alive.

use super::{OutgoingBody, Resolved, from_arguments, leads_to, not_catalogued};
use crate::{Inner, respond::Stop, sessions::Key, trace::Trace};
use countersign_model::{CallId, Caller, Epoch, FunctionName, decide::passes, record::Who};
use http::HeaderMap;
use serde_json::Value;
use std::sync::Arc;

/// A call without its arguments.
#[derive(Debug)]
pub(crate) struct Waiting {
    call: CallId,
    pub(crate) trace: Trace,
    caller: Arc<Caller>,
    function: FunctionName,
    headers: HeaderMap,
}

impl Resolved {
    /// Lets go of the arguments, of what would leave, and of the policy it was judged under.
    pub(crate) fn wait(self) -> Waiting {
        let Self { call, trace, caller, function, headers, .. } = self;
        Waiting { call, trace, caller, function: function.name.clone(), headers }
    }
}

impl Resolved {
    /// The call under the policy of this moment. A body may have taken long to arrive, and what
    /// was decided elsewhere in that time counts. One that is streamed has not been read yet.
    pub(crate) fn under_policy_in_force(mut self, inner: &Inner) -> Result<Self, Box<Stop>> {
        let in_force = self.snapshot.epoch() == inner.governance.policy().epoch();
        if in_force || matches!(self.outgoing.body, OutgoingBody::Stream(..)) {
            return Ok(self);
        }
        let arguments = std::mem::take(&mut self.arguments);
        self.wait().resume(inner, arguments)
    }
}

impl Waiting {
    pub(crate) fn caller(&self) -> &Arc<Caller> {
        &self.caller
    }

    /// The call with these arguments, under the policy of this moment.
    pub(crate) fn resume(self, inner: &Inner, arguments: Value) -> Result<Resolved, Box<Stop>> {
        let snapshot = inner.governance.policy().load();
        let Some((ix, function)) = snapshot.catalog().by_name(self.function.as_str()) else {
            return Err(self.stop(not_catalogued()));
        };
        let function = Arc::clone(function);
        let routes = inner.routes.of(&snapshot);
        let outgoing = from_arguments(&function, &arguments)
            .and_then(|out| leads_to(&routes, ix, &function, &out).map(|()| out))
            .map_err(|stop| self.stop(stop))?;
        let Self { call, trace, caller, headers, .. } = self;
        Ok(Resolved {
            call,
            trace,
            caller,
            snapshot,
            routes,
            ix,
            function,
            arguments,
            outgoing,
            headers,
        })
    }

    /// Completes when such a call may not run any more, whatever people say, and never else.
    /// `judged` is the policy under which it may.
    pub(crate) async fn cut(&self, inner: &Inner, mut judged: Epoch) -> Box<Stop> {
        let policy = inner.governance.policy();
        loop {
            // Made before the look: a swap in between is not missed.
            let swapped = policy.swapped();
            if policy.epoch() != judged {
                let snapshot = policy.load();
                judged = snapshot.epoch();
                let Some((ix, _)) = snapshot.catalog().by_name(self.function.as_str()) else {
                    return self.stop(not_catalogued());
                };
                if let Err(refusal) = passes(&self.caller, ix, &snapshot, inner.now()) {
                    return self.stop(refusal.into());
                }
            }
            swapped.await;
        }
    }

    /// Says of a stop which call it ended.
    pub(crate) fn stop(&self, mut stop: Stop) -> Box<Stop> {
        stop.details.who = Some(Box::new(Who::from(&*self.caller)));
        stop.details.function = Some(self.function.clone());
        stop.details.session = Some(Box::new(Key::of(&self.caller, &self.headers)));
        stop.at(self.call)
    }
}
