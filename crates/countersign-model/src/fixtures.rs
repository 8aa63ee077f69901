//! A small world for tests: one target, a handful of functions, people, an agent.

use crate::{
    Caller, CallerKind, Catalog, Digest, Grant, GrantId, GrantState, Holder, Snapshot, Span,
    Subject, Timestamp,
    catalog::raw::{RawCatalog, RawFile},
    grant::Certification,
    snapshot::{Epoch, Facts},
};
use serde_json::json;
use std::sync::Arc;

pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_795_340_000_000);

pub(crate) fn raw_file() -> serde_json::Value {
    json!({
        "target": {
            "name": "billing", "kind": "http", "url": "http://127.0.0.1:1/api", "purpose": "Bills",
            "owners": ["olivia"]
        },
        "functions": [
            {
                "name": "billing.refunds.create", "purpose": "Pay money back", "sensitivity": "high",
                "tags": ["money"], "scopes": ["billing.write"],
                "http": {"method": "POST", "path": "/v1/refunds"},
                "input": {
                    "type": "object", "required": ["amount"], "additionalProperties": false,
                    "properties": {"amount": {"type": "number"}, "customer": {"type": "string"}, "note": {"type": "string"}}
                },
                "review": {"every": "90d", "due": "14d"},
                "approval": [
                    {"when": "args.amount > 500", "from": ["group:finance"]},
                    {"when": "args.amount > 2000", "from": ["group:finance"], "people": 2}
                ],
                "constraints": [{"block": "args.amount > 5000", "because": "too much for one call"}],
                "rate": {"calls": 100, "per": "1m"}
            },
            {
                "name": "billing.customers.get", "purpose": "Look a customer up", "sensitivity": "medium",
                "tags": ["read"],
                "http": {"method": "GET", "path": "/v1/customers/{customer}"},
                "review": {"every": "180d", "overdue": "block"}
            },
            {
                "name": "billing.status", "purpose": "See whether it runs", "sensitivity": "low",
                "tags": ["read"],
                "http": {"method": "GET", "path": "/v1/status"},
                "review": {"every": "365d", "overdue": "warn"}
            }
        ],
        "agents": [{"subject": "agent:dunning", "sponsor": "riley", "purpose": "Remind customers"}],
        "schedules": [{
            "name": "quarter", "title": "Quarterly review", "every": "quarterly",
            "from": "2027-01-15", "time_zone": "Europe/Berlin", "at": "08:30",
            "scope": {"sensitivities": ["high"]}, "owner": "rita",
            "stages": [{"reviewers": ["owner", "sponsor"], "mode": {"quorum": 2}}],
            "fallback": ["fiona"]
        }]
    })
}

pub(crate) fn catalog() -> Arc<Catalog> {
    let file: RawFile = serde_json::from_value(raw_file()).unwrap();
    let raw = RawCatalog::join([file]).unwrap();
    Arc::new(crate::catalog::compile(&raw, &|_| Ok(())).unwrap())
}

pub(crate) fn caller(subject: &str) -> Caller {
    Caller {
        subject: Subject::from(subject),
        kind: CallerKind::Person,
        actors: vec![],
        client: None,
        issuer: "demo".into(),
        groups: [].into(),
        scopes: ["billing.write".into()].into(),
        name: None,
        email: None,
        expires_at: NOW.plus(Span::from_days(1)),
        issued: crate::Issued::default(),
    }
}

/// A grant that was certified so many days ago.
pub(crate) fn grant(id: u8, holder: Holder, functions: &[&str], certified_days_ago: i64) -> Grant {
    let at = NOW.minus(Span::from_days(certified_days_ago));
    Grant {
        id: GrantId::from_bytes([id; 16]),
        version: 1,
        holder,
        functions: functions.iter().map(|it| (*it).into()).collect(),
        tags: vec![],
        reason: "dunning".to_owned(),
        constraints: vec![],
        rate: None,
        made_by: Subject::from("olivia"),
        made_at: at,
        origin: crate::GrantOrigin::Direct,
        successor_of: None,
        expires_at: None,
        certified: Some(Certification { by: Subject::from("olivia"), at, version: 1 }),
        state: GrantState::Active,
    }
}

pub(crate) fn subject(name: &str) -> Holder {
    Holder::Subject(Subject::from(name))
}

pub(crate) fn snapshot(grants: Vec<Grant>) -> Snapshot {
    snapshot_of(Facts { grants: grants.into_iter().map(Arc::new).collect(), ..Facts::default() })
}

pub(crate) fn snapshot_of(facts: Facts) -> Snapshot {
    Snapshot::compile(Facts { epoch: Epoch(1), catalog: catalog(), ..facts })
}

pub(crate) fn digest(byte: u8) -> Digest {
    Digest([byte; 32])
}
