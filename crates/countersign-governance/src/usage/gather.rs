//! From rows to what reviewers see: adds up what all gateways counted of each grant within a look-back.

use super::{
    arguments::Arguments,
    fold::{DAY_MILLIS, day_begins, day_of},
    history::{Bucket, DAYS_KEPT, History, Width, week_of},
};
use crate::{Unavailable, grants::rights::reached};
use countersign_model::{
    FunctionName, Grant, GrantId, Holder, Snapshot, Span, Subject, Timestamp,
    review::usage::{GrantUsage, SUBJECTS_MAX, WidenedUsage},
};
use countersign_store::{DeniedRow, StoreError, Transaction, UsagePosition, UsageRow};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A gateway that lags by more than this when it was seen last has calls that nobody counted.
const LAG_MAX: Span = Span::from_seconds(3_600);
const WEEK_DAYS: i64 = 7;

/// What a look at usage rests on.
pub(super) struct Gather<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) now: Timestamp,
    pub(super) look_back: Span,
}

/// The look-back in days, and what is known of counting.
struct Frame {
    today: i64,
    /// The first day that counts.
    from: i64,
    weeks: usize,
    since: Timestamp,
    until: Timestamp,
}

/// Calls of each subject that did not run, by function and reason.
type Denied = HashMap<Subject, HashMap<FunctionName, Vec<(String, u64)>>>;

impl Gather<'_> {
    /// What each of these grants was used for.
    pub(super) async fn usage(
        &self,
        view: &mut Transaction,
        grants: &[GrantId],
    ) -> Result<BTreeMap<GrantId, GrantUsage>, Unavailable> {
        let frame = self.frame(view).await?;
        let empty = GrantUsage {
            since: frame.since,
            until: frame.until,
            weeks: vec![0; frame.weeks],
            ..GrantUsage::default()
        };
        let mut found: BTreeMap<GrantId, GrantUsage> =
            grants.iter().map(|id| (*id, empty.clone())).collect();
        self.add_widened(view, &mut found).await?;
        let mut users: HashMap<GrantId, BTreeMap<Subject, u64>> = HashMap::new();
        for row in view.usage_of(grants).await? {
            let Some(usage) = found.get_mut(&row.key.grant) else { continue };
            let used = add(usage, &row, &frame)?;
            if used > 0 {
                let users = users.entry(row.key.grant).or_default();
                *users.entry(row.key.subject.clone()).or_default() += used;
            }
        }
        self.add_denied(view, &mut found, &users, &frame).await?;
        for (id, users) in users {
            if let Some(usage) = found.get_mut(&id) {
                most_frequent(usage, users);
            }
        }
        Ok(found)
    }

    /// Says which of these were widened within the look-back, and when last.
    async fn add_widened(
        &self,
        view: &mut Transaction,
        found: &mut BTreeMap<GrantId, GrantUsage>,
    ) -> Result<(), StoreError> {
        // What changes a grant's terms makes another version, so most are not asked about.
        let changed = |id: &GrantId| self.snapshot.grant(*id).is_none_or(|it| it.version > 1);
        let changed: Vec<GrantId> = found.keys().copied().filter(changed).collect();
        for (id, at) in view.widened_since(&changed, self.now.minus(self.look_back)).await? {
            if let Some(usage) = found.get_mut(&id) {
                usage.widened = Some(WidenedUsage { at, used: 0 });
            }
        }
        Ok(())
    }

    async fn frame(&self, view: &mut Transaction) -> Result<Frame, Unavailable> {
        let positions = view.usage_positions().await?;
        let alive = view.gateways_seen().await?;
        let today = day_of(self.now);
        let first = day_of(self.now.minus(self.look_back));
        let from = if today - first > DAYS_KEPT { week_of(first) } else { first };
        let days = (self.look_back.millis() + DAY_MILLIS - 1) / DAY_MILLIS;
        let weeks = usize::try_from((days + WEEK_DAYS - 1) / WEEK_DAYS).unwrap_or(1).max(1);
        let began = positions.iter().map(|it| it.began_at).min();
        Ok(Frame {
            today,
            from,
            weeks,
            since: began.map_or(self.now, |it| it.max(day_begins(from))),
            until: counted_until(&positions, &alive, day_begins(from), self.now),
        })
    }

    async fn add_denied(
        &self,
        view: &mut Transaction,
        found: &mut BTreeMap<GrantId, GrantUsage>,
        users: &HashMap<GrantId, BTreeMap<Subject, u64>>,
        frame: &Frame,
    ) -> Result<(), StoreError> {
        let subjects_of = |grant: &Grant| -> Vec<Subject> {
            match &grant.holder {
                Holder::Subject(subject) => vec![subject.clone()],
                // Who is in a group is said by tokens: known are those who came by it.
                Holder::Group(_) => {
                    users.get(&grant.id).map(|it| it.keys().cloned().collect()).unwrap_or_default()
                }
            }
        };
        let grants = found.keys().filter_map(|id| self.snapshot.grant(*id));
        let subjects: BTreeSet<Subject> = grants.flat_map(|it| subjects_of(it.as_ref())).collect();
        let subjects: Vec<Subject> = subjects.into_iter().collect();
        let denied = by_subject(view.denied_of(&subjects, week_of(frame.from)).await?);
        if denied.is_empty() {
            return Ok(());
        }
        for (id, usage) in found {
            let Some(grant) = self.snapshot.grant(*id) else { continue };
            let subjects = subjects_of(grant);
            let mut tried = subjects.iter().filter_map(|it| denied.get(it)).peekable();
            if tried.peek().is_none() {
                continue;
            }
            let functions = reached(grant, self.snapshot.catalog());
            for by_function in tried {
                for function in &functions {
                    for (reason, calls) in by_function.get(&function.name).into_iter().flatten() {
                        *usage.denied.entry(reason.clone()).or_default() += calls;
                    }
                }
            }
        }
        Ok(())
    }
}

fn by_subject(rows: Vec<DeniedRow>) -> Denied {
    let mut denied = Denied::new();
    for DeniedRow { subject, function, reason, calls, .. } in rows {
        denied.entry(subject).or_default().entry(function).or_default().push((reason, calls));
    }
    denied
}

/// Until when all gateways have counted. One that lags says until when; one that never counted and ran
/// within the look-back leaves everything open.
fn counted_until(
    positions: &[UsagePosition],
    alive: &[(String, Timestamp)],
    from: Timestamp,
    now: Timestamp,
) -> Timestamp {
    if positions.is_empty() {
        return Timestamp::default();
    }
    let mut until = now;
    for (name, seen_at) in alive.iter().filter(|(_, seen_at)| *seen_at >= from) {
        let counted = positions.iter().find(|it| it.gateway == *name).map(|it| it.counted_until);
        let counted = counted.unwrap_or_default();
        if counted < seen_at.minus(LAG_MAX) {
            until = until.min(counted);
        }
    }
    until
}

/// Adds a row, and gives the calls within the look-back.
fn add(usage: &mut GrantUsage, row: &UsageRow, frame: &Frame) -> Result<u64, Unavailable> {
    let damaged = || StoreError::Damaged {
        what: "row of usage",
        source: "its history or its arguments are of no known form".into(),
    };
    let history = History::from_bytes(&row.history).ok_or_else(damaged)?;
    let (mut used, mut masked, mut first) = (0, 0, None);
    for bucket in history.buckets().iter().filter(|it| it.day >= frame.from) {
        let counts = bucket.counts;
        used += counts.used;
        masked += counts.masked;
        usage.failed += counts.failed;
        usage.approvals += counts.approvals;
        if counts.used > 0 {
            first = first.or(Some(day_begins(bucket.day)));
            if let Some(widened) = &mut usage.widened
                && last_day(bucket) >= day_of(widened.at)
            {
                widened.used += counts.used;
            }
            if let Some(week) = usage.weeks.get_mut(frame.week(bucket)) {
                *week += counts.used;
            }
        }
    }
    let exact = row.first_used_at.filter(|it| day_of(*it) >= frame.from);
    usage.used += used;
    usage.first_used_at = match (usage.first_used_at, exact.or(first)) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    };
    usage.last_used_at = usage.last_used_at.max(row.last_used_at);
    let function = usage.functions.entry(row.key.function.clone()).or_default();
    function.used += used;
    function.masked += masked;
    function.last_used_at = function.last_used_at.max(row.last_used_at);
    if used > 0 {
        let arguments = Arguments::from_bytes(&row.arguments).ok_or_else(damaged)?;
        arguments.tell(frame.from, function);
    }
    Ok(used)
}

impl Frame {
    /// The place of a bucket's week; the oldest takes what began before it.
    fn week(&self, bucket: &Bucket) -> usize {
        let back = (self.today - last_day(bucket)).max(0) / WEEK_DAYS;
        let back = usize::try_from(back).unwrap_or(usize::MAX);
        self.weeks.saturating_sub(1).saturating_sub(back)
    }
}

fn last_day(bucket: &Bucket) -> i64 {
    match bucket.width {
        Width::Day => bucket.day,
        Width::Week => bucket.day + WEEK_DAYS - 1,
    }
}

fn most_frequent(usage: &mut GrantUsage, users: BTreeMap<Subject, u64>) {
    let mut users: Vec<(Subject, u64)> = users.into_iter().collect();
    users.sort_by(|(one, first), (other, second)| second.cmp(first).then(one.cmp(other)));
    let named = users.len().min(SUBJECTS_MAX);
    usage.more_subjects = u64::try_from(users.len() - named).unwrap_or(0);
    usage.subjects = users.into_iter().take(named).collect();
}
