use super::{Source, load, parse};

const BILLING: &str = "\
target:
  name: billing
  kind: http
  url: https://billing.internal
  purpose: Customers and invoices.
  owners: [olivia@acme.example]
functions:
  - name: billing.customers.get
    purpose: Read one customer.
    sensitivity: medium
    http: {method: GET, path: '/v1/customers/{customer}'}
    mask:
      - {field: $.email, how: partial}
  - name: billing.refunds.create
    purpose: Pay money back.
    sensitivity: high
    http: {method: POST, path: /v1/refunds}
    input:
      type: object
      properties: {amount: {type: number}}
      additionalProperties: false
    approval:
      - when: args.amount > 100.0
        from: [owner]
";

fn faults(files: &[(&str, &str)]) -> Vec<String> {
    let sources: Vec<Source> = files
        .iter()
        .map(|(file, text)| Source { file: (*file).into(), text: (*text).to_owned() })
        .collect();
    let faults = parse(&sources).map_or_else(|faults| faults, |_| Vec::new());
    faults.iter().map(ToString::to_string).collect()
}

#[test]
fn every_fault_names_file_line_and_key() {
    let rows: [(&str, &str, &[&str]); 9] = [
        ("", "", &[]),
        (
            "  owners: [olivia@acme.example]\n",
            "",
            &[
                "b.yaml:7: functions[0].owners: function billing.customers.get: nobody answers for \
             this function; name an owner here or on target billing",
                "b.yaml:13: functions[1].owners: function billing.refunds.create: nobody answers for \
             this function; name an owner here or on target billing",
            ],
        ),
        (
            "how: partial",
            "how: vanish",
            &["b.yaml:13: functions[0].mask[0]: function billing.customers.get: how: `vanish` is \
             not a way to mask: known are partial, hash, redact, null and drop"],
        ),
        (
            "sensitivity: high",
            "sensitivty: high",
            &[
                "b.yaml:14: functions[1].sensitivity: is missing",
                "b.yaml:16: functions[1].sensitivty: unknown key; did you mean `sensitivity`?",
            ],
        ),
        ("args.amount", "args.amuont", &["b.yaml:23: functions[1].approval[0].when: "]),
        (
            "from: [owner]",
            "from: [boss]",
            &[
                "b.yaml:24: functions[1].approval[0].from[0]: function billing.refunds.create: `boss` \
             is no approver; write owner, subject, group:NAME or person:SUBJECT",
            ],
        ),
        (
            "name: billing.refunds",
            "name: biling.refunds",
            &[
                "b.yaml:14: functions[1].name: function biling.refunds.create: no target `biling` is \
             described; a name is TARGET.FUNCTION",
            ],
        ),
        (
            "path: /v1/refunds}",
            "path: /v1/refunds, headers: {amount: content-length}}",
            &["b.yaml:17: functions[1].http.headers.amount: function billing.refunds.create: \
             `content-length` is the gateway's own to write, and would be refused on every call; \
             name another header, or leave the argument out"],
        ),
        ("  kind: http\n", "  kind: smtp\n", &["b.yaml:3: target.kind: `smtp` is not known"]),
    ];
    for (from, to, expect) in rows {
        let text = if from.is_empty() { BILLING.to_owned() } else { BILLING.replacen(from, to, 1) };
        let found = faults(&[("b.yaml", &text)]);
        assert_eq!(found.len(), expect.len(), "{found:?}");
        for (found, expect) in found.iter().zip(expect) {
            assert!(found.starts_with(expect), "{found}\n{expect}");
        }
    }
}

const REVIEWS: &str = "\
schedules:
  - name: quarter
    title: Each quarter
    every: quarterly
    from: 2027-01-15
    time_zone: Europe/Berlin
    at: '09:00'
    scope: {sensitivities: [high]}
    owner: sam@acme.example
    stages:
      - reviewers: [owner, manager]
        mode: any_one
    fallback: [amir@acme.example]
    duration: 21d
";

#[test]
fn a_bad_schedule_is_named_by_file_line_and_key() {
    let rows = [
        ("quarter\n", "quarter\n", ""),
        ("quarterly", "weekly", "r.yaml:4: schedules[0].every: schedule quarter: monthly, "),
        (
            "01-15",
            "02-30",
            "r.yaml:5: schedules[0].from: schedule quarter: `2027-02-30` is no date",
        ),
        (
            "Berlin",
            "Bonn",
            "r.yaml:6: schedules[0].time_zone: schedule quarter: `Europe/Bonn` is no ",
        ),
        (
            "09:00",
            "25:00",
            "r.yaml:7: schedules[0].at: schedule quarter: `25:00` is no time of day",
        ),
        (
            "sensitivities: [high]",
            "functions: [billing.gone]",
            "r.yaml:8: schedules[0].scope.functions[0]: schedule quarter: no function `billing.gone`",
        ),
        (
            "owner, manager",
            "owner, boss",
            "r.yaml:11: schedules[0].stages[0].reviewers[1]: schedule quarter: `boss` is no reviewer",
        ),
        (
            "any_one",
            "{quorum: 1}",
            "r.yaml:12: schedules[0].stages[0].mode.quorum: schedule quarter: 2 ",
        ),
        (
            "    fallback: [amir@acme.example]\n",
            "",
            "r.yaml:2: schedules[0].fallback: schedule quarter: high",
        ),
        ("21d", "190d", "r.yaml:14: schedules[0].duration: schedule quarter: "),
        (
            "duration",
            "duratoin",
            "r.yaml:14: schedules[0].duratoin: unknown key; did you mean `duration`?",
        ),
    ];
    for (from, to, expect) in rows {
        let text = REVIEWS.replacen(from, to, 1);
        let found = faults(&[("b.yaml", BILLING), ("r.yaml", &text)]);
        assert_eq!(found.len(), usize::from(!expect.is_empty()), "{from}: {found:?}");
        assert!(found.iter().all(|it| it.starts_with(expect)), "{found:?}\n{expect}");
    }
}

#[test]
fn faults_of_grants_and_separations_have_lines_too() {
    let grants = "grants:
  - name: riley-reads
    holder: {subject: riley, group: support}
    reason: ' '
    functions: [billing.customers.get, billing.customers.gone]
    tags: [unheard]
    constraints: ['args.nothing == 1']
  - name: No name
    holder: {subject: riley}
    reason: support
separations:
  - name: both
    first: [billing.customers.get]
    second: [billing.nothing]
    why: ''
";
    let found = faults(&[("b.yaml", BILLING), ("g.yaml", grants)]);
    let expect = [
        "g.yaml:14: separations[0].second: separation both: ",
        "g.yaml:15: separations[0].why: separation both: say why nobody may hold both",
    ];
    for expect in expect {
        assert!(found.iter().any(|it| it.starts_with(expect)), "{expect}\n{found:#?}");
    }
    let (grants, _) = grants.split_once("separations:").unwrap();
    let found = faults(&[("b.yaml", BILLING), ("g.yaml", grants)]);
    let expect = [
        "g.yaml:3: grants[0].holder: grant riley-reads: name a `subject` or a `group`, and one of both",
        "g.yaml:4: grants[0].reason: grant riley-reads: say why somebody may",
        "g.yaml:5: grants[0].functions[1]: grant riley-reads: no function `billing.customers.gone`",
        "g.yaml:6: grants[0].tags[0]: grant riley-reads: no function has the tag `unheard`",
        "g.yaml:7: grants[0].constraints[0]: grant riley-reads: for billing.customers.get: ",
        "g.yaml:8: grants[1].functions: grant No name: name 1 to 500 functions or tags",
        "g.yaml:8: grants[1].name: grant No name: lower-case letters, digits, `-` and `_`",
    ];
    assert_eq!(found.len(), expect.len(), "{found:#?}");
    for (found, expect) in found.iter().zip(expect) {
        assert!(found.starts_with(expect), "{found}\n{expect}");
    }
    let twice = "grants:
  - {name: one, holder: {group: support}, reason: support, functions: [billing.customers.get]}
";
    let found = faults(&[("b.yaml", BILLING), ("g.yaml", twice), ("h.yaml", twice)]);
    assert_eq!(found, ["h.yaml:2: grants[0].name: grant one: described twice"]);
}

#[test]
fn what_two_files_describe_is_the_second_ones_fault() {
    let again = "agents: []\nfunctions: []\ntarget: {name: billing, kind: http, url: http://x, purpose: y}\n";
    assert_eq!(
        faults(&[("a.yaml", BILLING), ("z.yaml", again)]),
        ["z.yaml:3: target.name: target billing: described twice"]
    );
}

#[test]
fn a_directory_is_read_with_what_is_in_it() {
    let directory = tempfile::tempdir().unwrap();
    let nothing = load(directory.path()).unwrap_err();
    assert!(nothing[0].to_string().ends_with("holds no .yaml files"), "{nothing:?}");
    std::fs::create_dir(directory.path().join("deeper")).unwrap();
    std::fs::write(directory.path().join("deeper/billing.yaml"), BILLING).unwrap();
    std::fs::write(directory.path().join(".hidden.yaml"), "nonsense: [").unwrap();
    std::fs::write(directory.path().join("README.md"), "# no catalog").unwrap();
    let loaded = load(directory.path()).unwrap();
    assert_eq!((loaded.files, loaded.catalog.functions.len()), (1, 2));
    let missing = load(&directory.path().join("nowhere")).unwrap_err();
    assert!(missing[0].to_string().contains("can't be read"), "{missing:?}");
}

/// The catalog that everybody copies is right, and the demo's targets have what it names.
#[test]
fn the_demo_catalog_compiles() {
    let loaded = parse(&crate::commands::demo::catalog("http://127.0.0.1:7070")).unwrap();
    assert!(loaded.catalog.functions.len() >= 12, "{}", loaded.catalog.functions.len());
    assert!(loaded.catalog.functions.iter().all(|it| !it.owners.is_empty()));
    assert_eq!(loaded.catalog.schedules.len(), 2);
}
