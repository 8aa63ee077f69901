//! Asking for a grant. Every function that is asked for needs a yes of an owner of it whom the grant
//! would not reach; then the grant is made. Nobody says yes to what they asked for themself.

use super::{
    GrantError, GrantStep, check, life,
    life::in_order,
    refuse_conflict, refuse_other_catalog, refuse_unowned,
    rights::{certified_at_birth, may_answer_request, owns},
};
use crate::{
    Actor, Forbidden, Governance, Unavailable,
    roles::{self, may_act},
};
use countersign_model::{
    Digest, FunctionName, Grant, GrantId, GrantOrigin, GrantRef, GrantRequestId, GrantState,
    Holder, Snapshot, Subject, Timestamp,
    catalog::Rate,
    grant::{Certification, GrantRequest, GrantRequestState, REQUEST_WITHIN, Terms, Yes},
    record::{Entry, Event, GrantChange, GrantRequestChanged, GrantRequested},
};
use countersign_store::{Effect, GrantRequestRow, GrantRequestsOf, GrantRow, Transaction, Written};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Requests of one person that wait at most.
const WAITING_MAX: u64 = 50;

/// What somebody asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewGrantRequest {
    /// For whom: an agent whom the asker answers for; absent: themself.
    #[serde(default)]
    pub subject: Option<Subject>,
    /// Which functions. Of a renewal, none: it has those of the grant.
    #[serde(default)]
    pub functions: Vec<FunctionName>,
    /// Why.
    pub reason: String,
    /// CEL expressions that a call's arguments must satisfy.
    #[serde(default)]
    pub constraints: Vec<String>,
    /// How many calls the holder may make, for each function.
    #[serde(default)]
    pub rate: Option<Rate>,
    /// When it ends by itself.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
    /// The grant that gets another end instead.
    #[serde(default)]
    pub renews: Option<GrantId>,
}

/// Which requests to list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrantRequestFilter {
    /// Those that wait for an answer.
    Pending,
    /// All.
    All,
}

/// A request as somebody sees it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GrantRequestView {
    /// The request.
    #[serde(flatten)]
    pub request: GrantRequest,
    /// Functions that no owner has said yes to yet.
    pub open: Vec<FunctionName>,
    /// Whether who looks may answer.
    pub may_answer: bool,
    /// Whether who looks may take it back.
    pub may_withdraw: bool,
}

/// An answer that was begun: the actor as judged, the policy, the request as it waits.
struct Begun {
    actor: Actor,
    snapshot: Arc<Snapshot>,
    now: Timestamp,
    change: Transaction,
    row: GrantRequestRow,
}

impl Governance {
    /// Asks for a grant, or for another end of one.
    ///
    /// # Errors
    /// [`GrantError`].
    pub async fn request_grant(
        &self,
        actor: &Actor,
        new: NewGrantRequest,
    ) -> Result<GrantRequest, GrantError> {
        self.refresh().await?;
        let actor = self.judged(actor);
        may_act(&actor)?;
        let (snapshot, now) = (self.policy().load(), self.clock().now());
        let request = self.read_request(new, &actor, &snapshot, now)?;
        let grant = as_grant(&request, &actor.person.subject, now);
        check(&grant, snapshot.catalog(), now)?;
        refuse_unowned(&grant, &snapshot)?;
        if request.renews.is_none() {
            refuse_conflict(&grant, &snapshot, now)?;
        }
        let mut change = self.store().change().await?;
        change.lock_epoch().await?;
        let by = &actor.person.subject;
        if change.grant_requests_waiting_of(by).await? >= WAITING_MAX {
            let message = format!("{WAITING_MAX} requests of yours wait already; withdraw one");
            return Err(GrantError::invalid("functions", message));
        }
        change.add_grant_request(&request).await?;
        let event = Event::GrantRequested(GrantRequested {
            request: request.id,
            by: by.clone(),
            digest: digest(&request),
        });
        let entry = Entry::new(self.new_entry(now), now, event);
        self.keep(&mut change, entry, &request.id.to_string(), Effect::AtCommit).await?;
        self.tell_requested(&mut change, &request, &snapshot).await?;
        change.commit().await?;
        self.settle(Effect::AtCommit).await?;
        Ok(request)
    }

    /// An owner's yes. With narrower terms, the request is narrowed by it. The last yes that is
    /// needed makes the grant.
    ///
    /// # Errors
    /// [`GrantError`].
    pub async fn approve_grant_request(
        &self,
        actor: &Actor,
        id: GrantRequestId,
        narrower: Option<Terms>,
        comment: &str,
    ) -> Result<GrantRequest, GrantError> {
        let comment = roles::comment(comment)
            .map_err(|bad| GrantError::invalid("comment", bad.to_string()))?
            .to_owned();
        let Begun { actor, snapshot, now, mut change, mut row } =
            self.begin_request(actor, id).await?;
        let catalog = snapshot.catalog();
        may_answer_request(&actor, &row.request, catalog)?;
        if let Some(terms) = narrower {
            let terms = in_order(terms);
            terms.within(&row.request.terms, catalog)?;
            if row.request.renews.is_some() && terms.functions != row.request.terms.functions {
                let message = "a renewal changes only the end; narrow the grant itself";
                return Err(GrantError::invalid("functions", message));
            }
            row.request.terms = terms;
            check(&as_grant(&row.request, &actor.person.subject, now), catalog, now)?;
        }
        let by = actor.person.subject.clone();
        row.request.yes.retain(|it| it.by != by);
        row.request.yes.push(Yes { by: by.clone(), at: now, comment });
        let open = row.request.open(|who, name| owns(who, name, catalog));
        if !open.is_empty() {
            return self.end_request_with(change, row, Some(&by), now).await;
        }
        let grant = match row.request.renews {
            None => self.grant_asked(&mut change, &actor, &row.request, &snapshot, now).await?,
            Some(renews) => {
                self.renew_asked(&mut change, &actor, renews, &row.request, &snapshot).await?
            }
        };
        row.request.state = GrantRequestState::Approved { at: now, grant };
        let request = self.end_request_with(change, row, Some(&by), now).await?;
        self.settle(Effect::AtDelivery).await?;
        Ok(request)
    }

    /// An owner's no.
    ///
    /// # Errors
    /// [`GrantError`].
    pub async fn deny_grant_request(
        &self,
        actor: &Actor,
        id: GrantRequestId,
        why: &str,
    ) -> Result<GrantRequest, GrantError> {
        let why = roles::reason(why).map_err(|bad| GrantError::invalid("why", bad.to_string()))?;
        let Begun { actor, snapshot, now, change, mut row } = self.begin_request(actor, id).await?;
        may_answer_request(&actor, &row.request, snapshot.catalog())?;
        let by = actor.person.subject;
        row.request.state = GrantRequestState::Denied { by: by.clone(), at: now, why };
        self.end_request_with(change, row, Some(&by), now).await
    }

    /// Takes a request back: whoever asked, or whom it is for.
    ///
    /// # Errors
    /// [`GrantError`].
    pub async fn withdraw_grant_request(
        &self,
        actor: &Actor,
        id: GrantRequestId,
    ) -> Result<GrantRequest, GrantError> {
        let Begun { actor, now, change, mut row, .. } = self.begin_request(actor, id).await?;
        may_act(&actor)?;
        if !is_theirs(&actor, &row.request) {
            return Err(Forbidden::NotYours.into());
        }
        let by = actor.person.subject;
        row.request.state = GrantRequestState::Withdrawn { by: by.clone(), at: now };
        self.end_request_with(change, row, Some(&by), now).await
    }

    /// Requests that an actor may see, the newest first: roles all; else whoever asked, whom they
    /// are for, and owners of a function.
    ///
    /// # Errors
    /// [`GrantError::Unavailable`].
    pub async fn grant_requests(
        &self,
        actor: &Actor,
        filter: GrantRequestFilter,
    ) -> Result<Vec<GrantRequestView>, GrantError> {
        let of = match filter {
            GrantRequestFilter::Pending => GrantRequestsOf::Pending,
            GrantRequestFilter::All => GrantRequestsOf::All,
        };
        let rows = self.store().view().await?.grant_requests(of).await?;
        let (snapshot, now) = (self.policy().load(), self.clock().now());
        let rows = rows.into_iter().map(|it| it.request);
        let seen = rows.filter(|it| sees(actor, it, &snapshot));
        let wanted = |it: &GrantRequest| filter == GrantRequestFilter::All || it.waits(now);
        Ok(seen.filter(wanted).map(|it| view(actor, it, &snapshot, now)).collect())
    }

    /// A request, if the actor may see it.
    ///
    /// # Errors
    /// [`GrantError::NotFound`], [`GrantError::Unavailable`].
    pub async fn grant_request(
        &self,
        actor: &Actor,
        id: GrantRequestId,
    ) -> Result<GrantRequestView, GrantError> {
        let row = self.store().view().await?.grant_request(id).await?;
        let (snapshot, now) = (self.policy().load(), self.clock().now());
        let seen = row.map(|it| it.request).filter(|it| sees(actor, it, &snapshot));
        Ok(view(actor, seen.ok_or(GrantError::NotFound)?, &snapshot, now))
    }

    /// Ends requests that nobody answered in time.
    pub(crate) async fn lapse_grant_requests(&self) -> Result<(), Unavailable> {
        let now = self.clock().now();
        let lapsed = self.store().view().await?.grant_requests_lapsed(now).await?;
        for mut row in lapsed {
            row.request.state = GrantRequestState::Lapsed { at: now };
            let change = self.store().change().await?;
            match self.end_request_with(change, row, None, now).await {
                // Another gateway did it, or somebody answered in this moment.
                Ok(_) | Err(GrantError::Changed) => {}
                Err(GrantError::Unavailable(error)) => return Err(error),
                Err(_) => {}
            }
        }
        Ok(())
    }

    async fn begin_request(&self, actor: &Actor, id: GrantRequestId) -> Result<Begun, GrantError> {
        self.refresh().await?;
        let actor = self.judged(actor);
        let (snapshot, now) = (self.policy().load(), self.clock().now());
        let mut change = self.store().change().await?;
        change.lock_epoch().await?;
        refuse_other_catalog(&mut change, snapshot.catalog()).await?;
        let row = change.grant_request(id).await?.ok_or(GrantError::NotFound)?;
        if !sees(&actor, &row.request, &snapshot) {
            return Err(GrantError::NotFound);
        }
        match &row.request.state {
            GrantRequestState::Pending if row.request.waits(now) => {
                Ok(Begun { actor, snapshot, now, change, row })
            }
            GrantRequestState::Pending => Err(GrantError::Answered("lapsed")),
            other @ (GrantRequestState::Approved { .. }
            | GrantRequestState::Denied { .. }
            | GrantRequestState::Withdrawn { .. }
            | GrantRequestState::Lapsed { .. }) => Err(GrantError::Answered(other.name())),
        }
    }

    async fn end_request_with(
        &self,
        mut change: Transaction,
        row: GrantRequestRow,
        by: Option<&Subject>,
        now: Timestamp,
    ) -> Result<GrantRequest, GrantError> {
        match change.write_grant_request(&row).await? {
            Written::Done => {}
            Written::Conflict => return Err(GrantError::Changed),
        }
        let request = row.request;
        let grant = match &request.state {
            GrantRequestState::Approved { grant, .. } => Some(*grant),
            GrantRequestState::Pending
            | GrantRequestState::Denied { .. }
            | GrantRequestState::Withdrawn { .. }
            | GrantRequestState::Lapsed { .. } => None,
        };
        let event = Event::GrantRequestChanged(GrantRequestChanged {
            request: request.id,
            by: by.cloned(),
            now: request.state.name().to_owned(),
            grant,
            digest: digest(&request),
        });
        let entry = Entry::new(self.new_entry(now), now, event);
        self.keep(&mut change, entry, &request.id.to_string(), Effect::AtCommit).await?;
        self.tell_answered(&mut change, &request).await?;
        change.commit().await?;
        self.settle(Effect::AtCommit).await?;
        Ok(request)
    }

    async fn grant_asked(
        &self,
        change: &mut Transaction,
        actor: &Actor,
        request: &GrantRequest,
        snapshot: &Snapshot,
        now: Timestamp,
    ) -> Result<GrantRef, GrantError> {
        let by = &actor.person.subject;
        let mut grant = as_grant(request, by, now);
        grant.id = GrantId::new(now, self.entropy());
        check(&grant, snapshot.catalog(), now)?;
        refuse_unowned(&grant, snapshot)?;
        refuse_conflict(&grant, snapshot, now)?;
        if certified_at_birth(actor, &grant, snapshot.catalog()) {
            let version = grant.version;
            grant.certified = Some(Certification { by: by.clone(), at: now, version });
        }
        self.make_grant(change, &grant, by).await?;
        Ok(grant.reference())
    }

    async fn renew_asked(
        &self,
        change: &mut Transaction,
        actor: &Actor,
        id: GrantId,
        request: &GrantRequest,
        snapshot: &Snapshot,
    ) -> Result<GrantRef, GrantError> {
        let row = change.grant(id).await?.ok_or(GrantError::NotFound)?;
        let now = self.clock().now();
        let terms = Terms { expires_at: request.terms.expires_at, ..row.grant.terms() };
        let ends = request.terms.expires_at.filter(|_| terms == request.terms);
        // The owners said yes to what it permitted when it was asked for.
        let Some(ends) = ends else {
            return Err(GrantError::Version { current: row.grant.version });
        };
        let grant = life::renewed(actor, &row.grant, ends, snapshot, now)?;
        let reference = grant.reference();
        let next = GrantRow { grant, revision: row.revision };
        let (kind, by) = (GrantChange::Renewed, &actor.person.subject);
        let step = GrantStep { next, kind, by, effect: Effect::AtDelivery };
        // A renewal ends no held calls.
        drop(self.change_grant(change, step).await?);
        Ok(reference)
    }

    fn read_request(
        &self,
        new: NewGrantRequest,
        actor: &Actor,
        snapshot: &Snapshot,
        now: Timestamp,
    ) -> Result<GrantRequest, GrantError> {
        let NewGrantRequest { subject, functions, reason, constraints, rate, expires_at, renews } =
            new;
        let me = &actor.person.subject;
        let subject = subject.unwrap_or_else(|| me.clone());
        let sponsored = snapshot.agents().get(&subject).is_some_and(|it| it.sponsor == *me);
        if subject != *me && !sponsored {
            let message = "ask for yourself, or for an agent that you answer for";
            return Err(GrantError::invalid("subject", message));
        }
        let reason =
            roles::reason(&reason).map_err(|bad| GrantError::invalid("reason", bad.to_string()))?;
        let holder = Holder::Subject(subject);
        let asked = Terms { functions, tags: vec![], constraints, rate, expires_at };
        let terms = match renews {
            None => in_order(asked),
            Some(id) => renewal(id, &holder, &asked, snapshot, now)?,
        };
        Ok(GrantRequest {
            id: GrantRequestId::new(now, self.entropy()),
            holder,
            terms,
            reason,
            renews,
            asked_by: me.clone(),
            asked_at: now,
            lapses_at: now.plus(REQUEST_WITHIN),
            yes: Vec::new(),
            state: GrantRequestState::Pending,
        })
    }
}

/// What a renewal asks for: what there is, with another end.
fn renewal(
    id: GrantId,
    holder: &Holder,
    asked: &Terms,
    snapshot: &Snapshot,
    now: Timestamp,
) -> Result<Terms, GrantError> {
    let theirs = snapshot.grant(id).filter(|it| it.holder == *holder);
    let grant = theirs.ok_or(GrantError::NotFound)?;
    if let Some(ended) = grant.ended(now) {
        return Err(ended.into());
    }
    if !grant.tags.is_empty() {
        let message = "a grant by tag is renewed by an administrator; ask one";
        return Err(GrantError::invalid("renews", message));
    }
    if !asked.functions.is_empty() || !asked.constraints.is_empty() || asked.rate.is_some() {
        let message = "a renewal changes only the end; ask for a new grant";
        return Err(GrantError::invalid("functions", message));
    }
    if asked.expires_at.is_none() {
        return Err(GrantError::invalid("expires_at", "say until when"));
    }
    Ok(Terms { expires_at: asked.expires_at, ..grant.terms() })
}

/// The grant that a request asks for.
fn as_grant(request: &GrantRequest, made_by: &Subject, now: Timestamp) -> Grant {
    let Terms { functions, tags, constraints, rate, expires_at } = request.terms.clone();
    Grant {
        id: GrantId::from_bytes([0; 16]),
        version: 1,
        holder: request.holder.clone(),
        functions,
        tags,
        reason: request.reason.clone(),
        constraints,
        rate,
        made_by: made_by.clone(),
        made_at: now,
        origin: GrantOrigin::Request {
            id: request.id,
            asked_by: request.asked_by.clone(),
            approved_by: request.yes.iter().map(|it| it.by.clone()).collect(),
        },
        successor_of: None,
        expires_at,
        certified: None,
        state: GrantState::Active,
    }
}

fn is_theirs(actor: &Actor, request: &GrantRequest) -> bool {
    let me = &actor.person.subject;
    request.asked_by == *me || request.holder == Holder::Subject(me.clone())
}

fn sees(actor: &Actor, request: &GrantRequest, snapshot: &Snapshot) -> bool {
    let mine = |name: &FunctionName| owns(&actor.person.subject, name, snapshot.catalog());
    actor.sees_grants() || is_theirs(actor, request) || request.terms.functions.iter().any(mine)
}

fn view(
    actor: &Actor,
    request: GrantRequest,
    snapshot: &Snapshot,
    now: Timestamp,
) -> GrantRequestView {
    let catalog = snapshot.catalog();
    let waits = request.waits(now);
    GrantRequestView {
        open: request.open(|who, name| owns(who, name, catalog)),
        may_answer: waits && may_answer_request(actor, &request, catalog).is_ok(),
        may_withdraw: waits && may_act(actor).is_ok() && is_theirs(actor, &request),
        request,
    }
}

fn digest(request: &GrantRequest) -> Digest {
    Digest::of_json(&serde_json::to_value(request).unwrap_or_default())
}
