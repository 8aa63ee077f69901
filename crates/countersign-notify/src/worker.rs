//! The work beside calls: one task for each channel, so that a dead one holds up no other, and one that
//! does what is due once a day.

use crate::Senders;
use countersign_governance::{Governance, Outgoing, Unavailable};
use std::{future::Future, time::Duration};
use tokio::task::JoinSet;

impl Senders {
    /// Sends what is to be sent, for ever. Run it once; it ends when it is dropped.
    pub async fn keep_sending(self, governance: Governance) {
        let mut tasks = JoinSet::new();
        for channel in self.channels() {
            let (senders, governance) = (self.clone(), governance.clone());
            tasks.spawn(async move {
                repeat(&format!("notices over {}", channel.name), LOOK_EVERY, || {
                    senders.send_due(&governance, &channel.name)
                })
                .await;
            });
        }
        tasks.spawn(async move {
            repeat("notices of the day", DAILY_LOOK_EVERY, || async {
                governance.daily_notices().await.map(|()| Rest::None)
            })
            .await;
        });
        while tasks.join_next().await.is_some() {}
    }

    /// Sends what is due over a channel, some of it; whether more may be due.
    ///
    /// # Errors
    /// [`Unavailable`]: what was sent and could not be written down is sent again under the same id.
    pub async fn send_due(
        &self,
        governance: &Governance,
        channel: &str,
    ) -> Result<Rest, Unavailable> {
        let claimed = governance.claim_notices(channel, AT_ONCE).await?;
        let rest = if claimed.is_empty() { Rest::None } else { Rest::Some };
        let mut sending = JoinSet::new();
        for outgoing in claimed {
            let (senders, governance) = (self.clone(), governance.clone());
            sending.spawn(async move { senders.send_one(&governance, &outgoing).await });
        }
        let mut failed = None;
        while let Some(ended) = sending.join_next().await {
            match ended {
                Ok(Ok(())) => {}
                Ok(Err(error)) => failed = Some(error),
                Err(error) => tracing::error!(%error, channel, "sending a notice broke off"),
            }
        }
        failed.map_or(Ok(rest), Err)
    }

    async fn send_one(
        &self,
        governance: &Governance,
        outgoing: &Outgoing,
    ) -> Result<(), Unavailable> {
        let attempt = self.send(outgoing).await;
        governance.settle_notice(outgoing, attempt).await
    }
}

/// Whether more may be due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// Nothing was.
    None,
    /// Something was.
    Some,
}

/// Does something again and again, and says in the log when it begins to fail and when it goes on.
async fn repeat<F>(what: &str, every: Duration, act: impl Fn() -> F)
where
    F: Future<Output = Result<Rest, Unavailable>>,
{
    let mut failing = false;
    loop {
        match act().await {
            Ok(rest) => {
                if std::mem::take(&mut failing) {
                    tracing::info!(what, "goes on");
                }
                if rest == Rest::Some {
                    continue;
                }
            }
            Err(error) => {
                if !std::mem::replace(&mut failing, true) {
                    tracing::warn!(what, code = error.code(), %error, "waits");
                }
            }
        }
        tokio::time::sleep(every).await;
    }
}

/// Deliveries over one channel at the same time.
const AT_ONCE: u32 = 8;
/// How often a channel is looked at when nothing was due.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often it is asked whether the day's work is due.
const DAILY_LOOK_EVERY: Duration = Duration::from_secs(20);
