//! Once a day: what is due is told, and everybody gets one digest of what waits for them. Whichever
//! gateway comes first does it; who dies in the middle leaves the rest to the next look, of any gateway,
//! and nobody is told twice.

use super::{NewNotice, TEXT_CHARS_MAX, inbox::INBOX};
use crate::{FreshnessView, Governance, GrantView, Unavailable, grants::rights::reached};
use countersign_model::{
    Holder, NoticeAbout, NoticeId, NoticeKind, Snapshot, Span, Subject, Timestamp, Urgency,
};
use countersign_store::{ApiKeyRow, InDigest, NoticeRow, StoreError, Written};
use std::{collections::BTreeSet, fmt::Write as _, sync::Arc};

impl Governance {
    /// Does what is due by the time of day, if nobody has done it yet. Ask as often as you like.
    ///
    /// # Errors
    /// [`Unavailable`]; ask again.
    pub async fn daily_notices(&self) -> Result<(), Unavailable> {
        let now = self.clock().now();
        let Some(day) = self.0.notices.digest.last(now) else { return Ok(()) };
        if self.store().view().await?.day_is_done(DIGESTS, &day).await? {
            return Ok(());
        }
        self.tell_what_is_due(now).await?;
        self.give_up_notices(now).await?;
        self.make_digests(&day).await?;
        let mut change = self.store().change().await?;
        match change.take_day(DIGESTS, &day).await? {
            Written::Done => change.forget_notices(now.minus(NOTICES_KEPT)).await?,
            // Another gateway came to the end first.
            Written::Conflict => return Ok(()),
        }
        Ok(change.commit().await?)
    }

    async fn tell_what_is_due(&self, now: Timestamp) -> Result<(), Unavailable> {
        let snapshot = self.policy().load();
        let all = Arc::clone(&snapshot);
        // There may be a hundred thousand of them.
        let looking = tokio::task::spawn_blocking(move || {
            let stand = all.grants().filter(|it| it.ended(now).is_none());
            stand.flat_map(|it| of_grant(&GrantView::of(it, &all, now), &all)).collect::<Vec<_>>()
        });
        let mut notices = looking.await.map_err(|_| Unavailable::Policy)?;
        let keys = self.store().view().await?.api_keys(None, KEYS_MAX).await?;
        let ends = |it: &&ApiKeyRow| {
            it.revoked.is_none()
                && it.expires_at > now
                && it.expires_at <= now.plus(KEY_ENDS_WITHIN)
        };
        notices.extend(keys.iter().filter(ends).flat_map(|it| of_key(it, &snapshot)));
        for some in notices.chunks(NOTICES_AT_ONCE) {
            let mut change = self.store().change().await?;
            for notice in some {
                self.tell(&mut change, notice.clone()).await?;
            }
            change.commit().await?;
        }
        Ok(())
    }

    async fn make_digests(&self, day: &str) -> Result<(), Unavailable> {
        let mut after = String::new();
        loop {
            let people = self.store().view().await?.digests_wanted(&after, PEOPLE_AT_ONCE).await?;
            let Some(last) = people.last() else { return Ok(()) };
            after = last.as_str().to_owned();
            for person in &people {
                self.make_digest(person, day).await?;
            }
        }
    }

    async fn make_digest(&self, to: &Subject, day: &str) -> Result<(), StoreError> {
        let mut change = self.store().change().await?;
        let mut parts = Vec::new();
        for part in change.for_digest(to, PARTS_MAX).await? {
            match change.in_digest(part.id).await? {
                Written::Done => parts.push(part),
                // Somebody answered in this moment.
                Written::Conflict => {}
            }
        }
        let place = |kind: NoticeKind| NoticeKind::ALL.iter().position(|it| *it == kind);
        parts.sort_by_key(|it| (place(it.kind), it.id));
        if parts.is_empty() {
            return Ok(());
        }
        let about: BTreeSet<&NoticeAbout> = parts.iter().flat_map(|it| &it.about).collect();
        let things = if parts.len() == 1 { "thing" } else { "things" };
        let new = NewNotice {
            to: to.clone(),
            kind: NoticeKind::Digest,
            about: about.into_iter().cloned().collect(),
            title: format!("{} {things} for you at Countersign, {day}", parts.len()),
            text: digest_text(&parts),
            link: INBOX.to_owned(),
            urgency: Urgency::Now,
            occasion: format!("digest:{day}"),
        };
        let brings: Vec<NoticeId> = parts.iter().map(|it| it.id).collect();
        let row = self.notice_row(new, brings, self.clock().now());
        match self.keep_notice(&mut change, &row, InDigest::No).await? {
            Written::Done => {}
            // Another gateway made it; what came since waits for tomorrow's.
            Written::Conflict => return Ok(()),
        }
        change.commit().await
    }
}

/// What is due of a grant: its owners and whoever holds it are told, once for each lapse.
fn of_grant(view: &GrantView, snapshot: &Snapshot) -> Vec<NewNotice> {
    let lapsing = |wanted| view.functions.iter().filter(move |it| it.freshness == wanted);
    let (kind, freshness) = if lapsing(FreshnessView::Overdue).next().is_some() {
        (NoticeKind::GrantOverdue, FreshnessView::Overdue)
    } else if lapsing(FreshnessView::Due).next().is_some() {
        (NoticeKind::GrantDue, FreshnessView::Due)
    } else {
        return Vec::new();
    };
    let grant = &view.grant;
    let until = lapsing(freshness).filter_map(|it| it.until).min();
    let names: Vec<&str> = lapsing(freshness).map(|it| it.name.as_str()).take(NAMES_MAX).collect();
    let lapse = until.map_or_else(|| "never".to_owned(), Timestamp::date);
    let title = match (kind, until) {
        (NoticeKind::GrantDue, Some(at)) => {
            format!("The grant of {} lapses on {}", grant.holder, at.date())
        }
        (_, Some(at)) => format!("The grant of {} lapsed on {}", grant.holder, at.date()),
        (_, None) => format!("Nobody has certified the grant of {} yet", grant.holder),
    };
    let text = format!(
        "{title}. It is for {}. An owner of the functions, whom it does not reach, certifies, narrows \
         or revokes it.",
        names.join(", ")
    );
    let owners = reached(grant, snapshot.catalog()).into_iter();
    let owners = owners.filter(|it| names.contains(&it.name.as_str())).flat_map(|it| &it.owners);
    let mut people: BTreeSet<&Subject> = owners.collect();
    people.extend(match &grant.holder {
        // Who answers for an agent is told in its place.
        Holder::Subject(holder) => {
            Some(snapshot.agents().get(holder).map_or(holder, |it| &it.sponsor))
        }
        Holder::Group(_) => None,
    });
    let notice = |to: &Subject| NewNotice {
        to: to.clone(),
        kind,
        about: vec![grant.id.into()],
        title: title.clone(),
        text: text.clone(),
        link: format!("/console/grants/{}", grant.id),
        urgency: Urgency::Digest,
        occasion: format!("grant:{}:{}:{}:{lapse}", grant.id, grant.version, kind.name()),
    };
    people.into_iter().map(notice).collect()
}

/// An API key that ends soon: its agent's sponsor is told, and whoever made it.
fn of_key(key: &ApiKeyRow, snapshot: &Snapshot) -> Vec<NewNotice> {
    let sponsor = snapshot.agents().get(&key.subject).map(|it| &it.sponsor);
    let people: BTreeSet<&Subject> = sponsor.into_iter().chain([&key.made_by]).collect();
    let notice = |to: &Subject| NewNotice {
        to: to.clone(),
        kind: NoticeKind::ApiKeyEnds,
        about: vec![key.id.into()],
        title: format!("An API key of {} ends on {}", key.subject, key.expires_at.date()),
        text: format!(
            "The key {} of {} ends on {}. Whoever still needs it asks an administrator for a new one \
             before.",
            key.id,
            key.subject,
            key.expires_at.date()
        ),
        link: "/console/api-keys".to_owned(),
        urgency: Urgency::Digest,
        occasion: format!("{}:ends", key.id),
    };
    people.into_iter().map(notice).collect()
}

/// What a digest says: the notices under the headings of their kinds.
fn digest_text(parts: &[NoticeRow]) -> String {
    let mut text = String::new();
    let mut heading = "";
    let mut left = parts.len();
    for part in parts {
        if text.chars().count() > TEXT_CHARS_MAX / 2 {
            let _ = write!(text, "\nAnd {left} more.");
            break;
        }
        if part.kind.heading() != heading {
            heading = part.kind.heading();
            let _ = writeln!(text, "{}{heading}:", if text.is_empty() { "" } else { "\n" });
        }
        // Writing to a string can't fail.
        let _ = writeln!(text, "- {}", part.title);
        left -= 1;
    }
    text
}

/// What is done once a day.
const DIGESTS: &str = "digests";
/// Notices that one digest brings; more wait for the next.
const PARTS_MAX: u32 = 500;
const PEOPLE_AT_ONCE: u32 = 200;
const NOTICES_AT_ONCE: usize = 200;
/// Functions that a notice names.
const NAMES_MAX: usize = 10;
/// How long before its end an API key is told of.
const KEY_ENDS_WITHIN: Span = Span::from_days(14);
const KEYS_MAX: u32 = 10_000;
/// How long notices and their deliveries are kept here; the ledger keeps that they were sent.
const NOTICES_KEPT: Span = Span::from_days(800);
