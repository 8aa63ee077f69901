use super::*;
use countersign_model::{
    Digest, Entropy, Epoch, GrantId, GrantRef, Reason, SessionId,
    ids::EntryId,
    record::{CallIntent, CallOutcome, CallRefused, Entry, Event, GatewayEvent, GatewayState, Who},
};
use proptest::prelude::*;
use serde_json::json;

const START: Timestamp = Timestamp::from_millis(1_800_000_000_000);

/// Something that happens; numbers name calls, people, functions.
#[derive(Clone, Debug)]
enum Step {
    Leaves { call: u8, person: u8, function: u8, approved: bool },
    Ends { call: u8, status: u16, amount: Option<i64> },
    Refused { person: u8, function: u8, reason: u8 },
    Starts,
    Else,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (any::<u8>(), 0_u8..4, 0_u8..3, any::<bool>())
            .prop_map(|(call, person, function, approved)| Step::Leaves { call, person, function, approved }),
        4 => (any::<u8>(), prop::sample::select(vec![0_u16, 200, 204, 302, 400, 503]),
                prop::option::of(0_i64..20))
            .prop_map(|(call, status, amount)| Step::Ends { call, status, amount }),
        2 => (0_u8..4, 0_u8..3, 0_u8..3)
            .prop_map(|(person, function, reason)| Step::Refused { person, function, reason }),
        1 => Just(Step::Starts),
        1 => Just(Step::Else),
    ]
}

fn id(number: u8) -> CallId {
    CallId::from_bytes([number; 16])
}

fn who(person: u8) -> Who {
    let actors = if person == 3 { vec![Subject::from("agent:dunning")] } else { vec![] };
    let subject = format!("person \"{person}\"").as_str().into();
    Who { subject, actors, client: None, issuer: "acme".into() }
}

/// The entry of a step, as the gateway writes it.
fn entry(place: usize, step: &Step) -> Vec<u8> {
    let at = Timestamp::from_millis(START.millis() + i64::try_from(place).unwrap() * 40_000_000);
    let grant = |byte: u8| GrantRef { id: GrantId::from_bytes([byte; 16]), version: 1 };
    let function = |number: u8| FunctionName::from(format!("billing.f{number}").as_str());
    let event = match *step {
        Step::Leaves { call, person, function: number, approved } => {
            let who = who(person);
            let grants = (0..=who.actors.len()).map(|it| grant(person + u8::try_from(it).unwrap()));
            Event::CallIntent(Box::new(CallIntent {
                call: id(call),
                session: SessionId::from_bytes([1; 16]),
                epoch: Epoch(1),
                grants: grants.collect(),
                who,
                function: function(number),
                contract: Digest::default(),
                target: "billing".into(),
                reason: Reason::Granted,
                approval: approved.then(|| countersign_model::ApprovalId::from_bytes([1; 16])),
                arguments: Digest::default(),
            }))
        }
        Step::Ends { call, status, .. } => Event::CallOutcome(CallOutcome {
            call: id(call),
            status,
            reason: Reason::Granted,
            took_ms: 1,
            bytes: 2,
            masked: 3,
            recording: None,
        }),
        Step::Refused { person, function: number, reason } => {
            let reasons = [Reason::NoGrant, Reason::OutsideConstraints, Reason::GrantRevoked];
            Event::CallRefused(Box::new(CallRefused {
                call: id(0),
                epoch: Epoch(1),
                who: who(person),
                function: Some(function(number)),
                reason: reasons[usize::from(reason)],
                approval: None,
            }))
        }
        Step::Starts => Event::Gateway(GatewayEvent {
            gateway: "one".to_owned(),
            version: "0".to_owned(),
            now: GatewayState::Started,
        }),
        Step::Else => Event::RecordViewed(countersign_model::record::RecordViewed {
            by: "a\"type\":\"call.intent\"".into(),
            session: SessionId::from_bytes([1; 16]),
        }),
    };
    let entropy = Entropy::new(|bytes| bytes.fill(7));
    Entry::new(EntryId::new(at, &entropy), at, event).to_bytes()
}

/// Tables in memory.
#[derive(Debug, Default, PartialEq)]
struct Tables {
    rows: BTreeMap<UsageKey, UsageRow>,
    denied: BTreeMap<(Subject, FunctionName, String, i64), u64>,
    open: BTreeMap<CallId, String>,
}

impl Tables {
    fn write(&mut self, fold: &mut Fold) {
        let (batch, opened) = fold.batch();
        assert_eq!(batch.unreadable, 0);
        let standing = batch.keys().iter().filter_map(|it| self.rows.get(it).cloned()).collect();
        for row in batch.onto(batch.keys(), standing).unwrap() {
            self.rows.insert(row.key.clone(), row);
        }
        for DeniedRow { subject, function, reason, week, calls } in batch.denied() {
            *self.denied.entry((subject, function, reason, week)).or_default() += calls;
        }
        for call in batch.closed() {
            assert!(self.open.remove(call).is_some(), "only what is kept is forgotten");
        }
        for (call, text) in opened {
            self.open.insert(call, text);
        }
    }
}

/// Folds all steps; the batch ends behind those that are named. At each of these the gateway forgets what
/// it has in memory, as after a crash.
fn fold(steps: &[Step], ends: &[usize]) -> Tables {
    let (mut tables, mut fold) = (Tables::default(), Fold::default());
    for (place, step) in steps.iter().enumerate() {
        let amount = match step {
            Step::Ends { amount, .. } => *amount,
            Step::Leaves { .. } | Step::Refused { .. } | Step::Starts | Step::Else => None,
        };
        let arguments = || CallArguments::of(json!({"amount": amount?}), &[]);
        fold.take(Line::of(&entry(place, step)), &mut |_| arguments());
        if ends.contains(&place) {
            tables.write(&mut fold);
            let open = tables.open.iter();
            let open = open.map(|(call, text)| (*call, Intent::from_text(text).unwrap()));
            fold = Fold::with_open(open.collect());
        }
    }
    tables.write(&mut fold);
    tables
}

proptest! {
    #[test]
    fn however_entries_are_put_into_batches_the_same_is_written(
        steps in prop::collection::vec(step(), 0..80),
        ends in prop::collection::vec(0_usize..80, 0..12),
    ) {
        // A call leaves once.
        let mut left = HashSet::new();
        let is_new = |step: &Step| match step {
            Step::Leaves { call, .. } => left.insert(*call),
            Step::Ends { .. } | Step::Refused { .. } | Step::Starts | Step::Else => true,
        };
        let mut is_new = is_new;
        let steps: Vec<Step> = steps.into_iter().filter(|it| is_new(it)).collect();
        prop_assert_eq!(fold(&steps, &[]), fold(&steps, &ends));
    }
}

fn leaves(call: u8, person: u8) -> Step {
    Step::Leaves { call, person, function: 0, approved: false }
}

fn ends(call: u8, status: u16) -> Step {
    Step::Ends { call, status, amount: Some(5) }
}

fn check(steps: &[Step], expect: &[(u8, &str, u64, u64)]) {
    let tables = fold(steps, &[]);
    let found: Vec<(u8, &str, u64, u64)> = tables
        .rows
        .values()
        .map(|it| (it.key.grant.to_bytes()[0], it.key.subject.as_str(), it.used, it.failed))
        .collect();
    assert_eq!(found, expect);
}

#[test]
fn only_what_ran_and_succeeded_is_use() {
    check(&[leaves(1, 0), ends(1, 200)], &[(0, "person \"0\"", 1, 0)]);
    check(&[leaves(1, 0), ends(1, 404)], &[(0, "person \"0\"", 0, 1)]);
    check(&[leaves(1, 0), ends(1, 0)], &[(0, "person \"0\"", 0, 1)]);
    // Nobody knows yet; with the next start nobody ever will.
    check(&[leaves(1, 0)], &[]);
    check(&[leaves(1, 0), Step::Starts], &[(0, "person \"0\"", 0, 1)]);
    check(&[leaves(1, 0), Step::Starts, ends(1, 200)], &[(0, "person \"0\"", 0, 1)]);
    check(&[ends(1, 200), Step::Else], &[]);
    check(&[Step::Refused { person: 0, function: 0, reason: 0 }], &[]);
}

#[test]
fn a_call_for_a_user_counts_for_the_grants_of_both() {
    check(&[leaves(1, 3), ends(1, 200)], &[(3, "person \"3\"", 1, 0), (4, "agent:dunning", 1, 0)]);
}

#[test]
fn what_can_not_be_read_is_said() {
    let unreadable = |bytes: &[u8]| matches!(Line::of(bytes), Line::Unreadable);
    assert!(unreadable(b"no entry"));
    assert!(unreadable(br#"{"v":1,"type":"call.intent","call":"call_1"}"#));
    assert!(!unreadable(br#"{"v":1,"type":"something.new","call":1}"#));
}
