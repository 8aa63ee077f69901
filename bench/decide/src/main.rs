//! What one decision costs, in nanoseconds of one thread: the time from the call to the answer, with
//! few grants and with many, with an expression and without, and with what stands over grants.

use countersign_model::{
    Call, Caller, CallerKind, Catalog, Decision, Denial, DenialId, Denied, Epoch, Grant, GrantId,
    GrantOrigin, GrantState, Holder, Issued, Snapshot, Span, Subject, Timestamp,
    catalog::{
        FunctionIx, Rate, compile,
        raw::{RawCatalog, RawFile},
    },
    decide,
    decide::{Meter, Taken},
    grant::Certification,
    snapshot::Facts,
};
use serde_json::{Value, json};
use std::{collections::BTreeSet, hint::black_box, sync::Arc, time::Instant};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const NOW: Timestamp = Timestamp::from_millis(1_795_340_000_000);
/// Functions in the catalog, and grants of each subject.
const FUNCTIONS: usize = 200;
const GRANTS_OF_ONE: usize = 10;
/// Calls of one measurement.
const CALLS: usize = 400_000;

fn main() {
    println!("| grants | expression | over grants | p50 ns | p99 ns | p99.9 ns |");
    println!("|--:|---|---|--:|--:|--:|");
    for grants in [1_000, 1_000_000] {
        for over in [Over::Nothing, Over::Denials, Over::Separation] {
            for expression in [Expression::None, Expression::One] {
                let snapshot = snapshot(grants, over);
                measure(&snapshot, grants, expression, over);
            }
        }
    }
    let mut clock: Vec<u128> = (0..CALLS).map(|_| Instant::now().elapsed().as_nanos()).collect();
    clock.sort_unstable();
    println!("\nReading the clock takes {} ns of each.", clock[CALLS / 2]);
}

/// What stands over grants.
#[derive(Clone, Copy)]
enum Over {
    Nothing,
    /// A thousand denials of others.
    Denials,
    /// A separation in which the function stands.
    Separation,
}

#[derive(Clone, Copy)]
enum Expression {
    None,
    One,
}

struct Unlimited;

impl Meter for Unlimited {
    fn take(&self, _: &Subject, _: FunctionIx, _: Rate) -> Taken {
        Taken::Within
    }
}

fn measure(snapshot: &Snapshot, grants: usize, expression: Expression, over: Over) {
    let subjects = grants / GRANTS_OF_ONE;
    let arguments = json!({"customer": "c_81", "amount": 40.5});
    let callers: Vec<Caller> = (0..4096).map(|it| caller(scattered(it) % subjects)).collect();
    // Every subject holds a grant for the first function, and one with a constraint for the second.
    let name = match expression {
        Expression::None => "desk.f0",
        Expression::One => "desk.f1",
    };
    let (function, _) = snapshot.catalog().by_name(name).expect("in the catalog");
    let mut took: Vec<u128> = Vec::with_capacity(CALLS);
    for place in 0..CALLS {
        let caller = &callers[place % callers.len()];
        let call = Call { caller, function, arguments: &arguments };
        let begun = Instant::now();
        let decision = black_box(decide(black_box(&call), snapshot, NOW, &Unlimited));
        took.push(begun.elapsed().as_nanos());
        assert!(matches!(decision, Decision::Forward(_)), "{decision:?}");
    }
    took.sort_unstable();
    let expression = match expression {
        Expression::None => "none",
        Expression::One => "one",
    };
    let over = match over {
        Over::Nothing => "nothing",
        Over::Denials => "1,000 denials of others",
        Over::Separation => "a separation",
    };
    let at = |share: f64| took[((CALLS as f64) * share) as usize];
    println!("| {grants} | {expression} | {over} | {} | {} | {} |", at(0.5), at(0.99), at(0.999));
}

/// Numbers in no order, the same each time.
fn scattered(place: usize) -> usize {
    let mut number = (place as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    number ^= number >> 29;
    (number.wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 16) as usize
}

fn snapshot(grants: usize, over: Over) -> Snapshot {
    let grants = (0..grants).map(|place| Arc::new(grant(place))).collect();
    let denials = match over {
        Over::Nothing | Over::Separation => vec![],
        Over::Denials => (0..1_000).map(|it| Arc::new(denial(it))).collect(),
    };
    let catalog = Arc::new(catalog(over));
    Snapshot::compile(Facts { epoch: Epoch(1), catalog, grants, denials, ..Facts::default() })
}

fn catalog(over: Over) -> Catalog {
    let functions: Vec<Value> = (0..FUNCTIONS)
        .map(|it| {
            json!({
                "name": format!("desk.f{it}"), "purpose": "Look", "sensitivity": "low",
                "tags": [format!("tag{}", it % 20)],
                "http": {"method": "GET", "path": format!("/v1/f{it}"),
                    "query": ["customer", "amount"]},
                "input": {"type": "object", "additionalProperties": false, "properties": {
                    "customer": {"type": "string"}, "amount": {"type": "number"}}},
            })
        })
        .collect();
    let separations = match over {
        Over::Nothing | Over::Denials => json!([]),
        Over::Separation => json!([{"name": "apart", "first": ["desk.f0", "desk.f1"],
            "second": ["desk.f198", "desk.f199"], "why": "measured"}]),
    };
    let file = json!({
        "target": {"name": "desk", "kind": "http", "url": "http://desk.internal",
            "purpose": "Desk", "owners": ["olivia"]},
        "functions": functions,
        "separations": separations,
    });
    let file: RawFile = serde_json::from_value(file).expect("a file");
    let raw = RawCatalog::join([file]).expect("a catalog");
    compile(&raw, &|_| Ok(())).expect("compiles")
}

fn subject(number: usize) -> Subject {
    Subject::from(format!("person-{number}@acme.example").as_str())
}

fn grant(place: usize) -> Grant {
    let (of, which) = (place / GRANTS_OF_ONE, place % GRANTS_OF_ONE);
    // The first two for what is measured, the others for anything but the separation's other side.
    let function = if which < 2 { which } else { 2 + scattered(place) % (FUNCTIONS - 4) };
    let at = NOW.minus(Span::from_days(10));
    let mut id = [0; 16];
    id[8..].copy_from_slice(&(place as u64).to_be_bytes());
    Grant {
        id: GrantId::from_bytes(id),
        version: 1,
        holder: Holder::Subject(subject(of)),
        functions: vec![format!("desk.f{function}").as_str().into()],
        tags: vec![],
        reason: "measured".to_owned(),
        constraints: if which == 1 { vec!["args.amount <= 50.0".to_owned()] } else { vec![] },
        rate: None,
        made_by: "olivia".into(),
        made_at: at,
        origin: GrantOrigin::Direct,
        successor_of: None,
        expires_at: None,
        certified: Some(Certification { by: "olivia".into(), at, version: 1 }),
        state: GrantState::Active,
    }
}

fn denial(number: usize) -> Denial {
    Denial {
        id: DenialId::from_bytes([7; 16]),
        whom: Holder::Subject(Subject::from(format!("other-{number}").as_str())),
        what: Denied::Functions { functions: vec!["desk.f0".into()], tags: vec![] },
        by: "olivia".into(),
        at: NOW,
        why: "measured".to_owned(),
        until: None,
    }
}

fn caller(number: usize) -> Caller {
    Caller {
        subject: subject(number),
        kind: CallerKind::Person,
        actors: vec![],
        client: None,
        issuer: "demo".into(),
        groups: ["support".into(), "staff".into()].into(),
        scopes: BTreeSet::new(),
        name: None,
        email: None,
        expires_at: NOW.plus(Span::from_days(1)),
        issued: Issued::default(),
    }
}
