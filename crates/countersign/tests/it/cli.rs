//! What needs no gateway: check, init, schema, completions, the offline ledger, and how errors and
//! exit codes look.

use std::{fs, path::Path, process::Command};

/// A command with nothing of this user's around it.
fn countersign(directory: &Path, line: &[&str]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command.args(line).current_dir(directory).env_clear().env("HOME", directory);
    let output = command.output().unwrap();
    Ran {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

#[derive(Debug)]
struct Ran {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Ran {
    fn expect(&self, code: i32, stdout: &str, stderr: &str) {
        assert_eq!(self.code, Some(code), "{self:#?}");
        assert!(self.stdout.contains(stdout), "{self:#?}");
        assert!(self.stderr.contains(stderr), "{self:#?}");
    }
}

#[test]
fn help_documents_the_exit_codes_as_the_manual_does() {
    let here = tempfile::tempdir().unwrap();
    let ran = countersign(here.path(), &["--help"]);
    ran.expect(0, "Exit codes:", "");
    let manual =
        fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/manual/exit-codes.md"))
            .unwrap();
    for code in 0..=6 {
        assert!(ran.stdout.contains(&format!("\n  {code}  ")), "{ran:#?}");
        assert!(manual.contains(&format!("\n| {code} | ")), "{code}");
    }
}

#[test]
fn check_shows_what_presets_made_of_the_issuers() {
    let here = tempfile::tempdir().unwrap();
    let config = "listen: 127.0.0.1:7070\npublic_url: https://g.example.com\n\
        master_key: {file: k}\nroles: {administrators: [ops]}\nissuers:\n  - name: ci\n    \
        audiences: [https://g.example.com]\n    preset: {gitlab_ci: {projects: [7]}}\n";
    fs::write(here.path().join("countersign.yaml"), config).unwrap();
    let ran = countersign(here.path(), &["check", "--show-issuers"]);
    ran.expect(0, "\"subject\": \"project:{project_id}\"", "");
    let shown: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(shown["issuers"][0]["url"], "https://gitlab.com");
    assert_eq!(shown["issuers"][0]["claims"]["kind"], "service");
    fs::write(here.path().join("countersign.yaml"), config.replace("[7]", "[]")).unwrap();
    countersign(here.path(), &["check", "--show-issuers"]).expect(2, "", "anyone on GitLab");
}

#[test]
fn what_init_writes_passes_check_and_faults_are_named() {
    let here = tempfile::tempdir().unwrap();
    countersign(here.path(), &["init"]).expect(2, "", "nobody can be asked");
    countersign(here.path(), &["init", "--issuer", "https://id.example.com"])
        .expect(0, "wrote", "");
    countersign(here.path(), &["init", "--yes"]).expect(2, "", "example.yaml already");
    countersign(here.path(), &["check"]).expect(0, "ok countersign.yaml: gateway main", "");
    let file = here.path().join("countersign.yaml");
    let text = fs::read_to_string(&file).unwrap();
    let line = text.lines().position(|line| line.starts_with("listen:")).unwrap() + 1;
    fs::write(&file, text.replace("listen:", "lsten:")).unwrap();
    let ran = countersign(here.path(), &["check"]);
    ran.expect(
        2,
        "",
        &format!("countersign.yaml:{line}: lsten: unknown key; did you mean `listen`?"),
    );
    let ran = countersign(here.path(), &["check", "--json"]);
    let answer: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(answer["faults"][1]["key"], "lsten", "{answer}");
    assert!(!here.path().join("state").exists(), "check touches nothing");
}

#[test]
fn catalog_check_names_file_line_and_key() {
    let here = tempfile::tempdir().unwrap();
    countersign(here.path(), &["init", "--yes"]).expect(0, "wrote", "");
    countersign(here.path(), &["catalog", "check"]).expect(0, "1 target, 2 functions", "");
    let file = here.path().join("catalog/example.yaml");
    let text = fs::read_to_string(&file).unwrap();
    let line = text.lines().position(|line| line.contains("from: [owner]")).unwrap() + 1;
    fs::write(&file, text.replace("from: [owner]", "from: [nobody]")).unwrap();
    countersign(here.path(), &["catalog", "check"]).expect(
        2,
        "",
        &format!("catalog/example.yaml:{line}: functions[1].approval[0].from[0]: "),
    );
    countersign(here.path(), &["catalog", "check", "nowhere"]).expect(2, "", "can't be read");
}

#[test]
fn schemas_and_completions_are_written() {
    let here = tempfile::tempdir().unwrap();
    for (of, key) in [("config", "public_url"), ("catalog", "functions")] {
        let ran = countersign(here.path(), &["schema", of]);
        let schema: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        assert!(schema["properties"][key].is_object(), "{schema}");
        assert_eq!(schema["additionalProperties"], false);
    }
    countersign(here.path(), &["completions", "bash"]).expect(0, "_countersign", "");
}

#[test]
fn a_gateway_that_is_not_there_is_said_in_two_lines() {
    let here = tempfile::tempdir().unwrap();
    // Nobody listens on the discard port here.
    let server = ["--server", "http://127.0.0.1:9", "--token", "x"];
    let ran = countersign(here.path(), &[&["whoami"], &server[..]].concat());
    ran.expect(5, "", "error: can't reach http://127.0.0.1:9");
    assert_eq!(ran.stderr.lines().count(), 2, "{ran:#?}");
    let ran = countersign(here.path(), &[&["call", "a.b", "x=1"], &server[..]].concat());
    ran.expect(5, "", " next: ");
    let nobody = countersign(here.path(), &["grants", "list", "--server", "http://127.0.0.1:9"]);
    nobody.expect(1, "", "sign in: countersign login --server http://127.0.0.1:9");
    let plain = ["whoami", "--server", "http://gateway.example", "--token", "x"];
    countersign(here.path(), &plain).expect(2, "", "write an https URL");
}

#[test]
fn the_ledger_verifies_offline_and_a_change_is_found() {
    let here = tempfile::tempdir().unwrap();
    let directory = here.path().join("ledger");
    let key = countersign_ledger::SigningKey::from_seed(&[7; 32]).unwrap();
    let options = countersign_ledger::LogOptions::default();
    let mut log = countersign_ledger::Log::open(&directory, "test/main", key, options).unwrap();
    log.append(&[b"one", b"two", b"three"]).unwrap();
    log.publish().unwrap();
    let vkey = log.verifier_key().to_string();
    drop(log);
    countersign(here.path(), &["ledger", "verify", "ledger"]).expect(0, "verified: 3 entries", "");
    let kept = here.path().join("kept");
    fs::copy(directory.join("checkpoint"), &kept).unwrap();
    let since = ["ledger", "verify", "ledger", "--vkey", &vkey, "--since", "kept", "--json"];
    let ran = countersign(here.path(), &since);
    let answer: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(answer["size"], 3, "{answer}");
    let other = ["ledger", "verify", "ledger", "--vkey", "test/main+00000000+AAAA"];
    countersign(here.path(), &other).expect(6, "", "not verified");

    let proof = countersign(here.path(), &["ledger", "proof", "ledger", "1"]);
    fs::write(here.path().join("proof"), &proof.stdout).unwrap();
    let check = ["ledger", "proof", "ledger", "1", "--check", "proof", "--vkey", &vkey];
    countersign(here.path(), &check).expect(0, "proven: entry 1", "");
    let wrong = ["ledger", "proof", "ledger", "2", "--check", "proof", "--vkey", &vkey];
    countersign(here.path(), &wrong).expect(6, "", "the proof does not hold");

    let bundle = directory.join("tile/entries/000.p/3");
    let bytes = fs::read(&bundle).unwrap();
    fs::write(&bundle, String::from_utf8(bytes).unwrap().replace("two", "owt")).unwrap();
    countersign(here.path(), &["ledger", "verify", "ledger"]).expect(6, "", "entry 1");
}

#[test]
fn the_demo_stays_on_this_machine_and_says_when_its_port_is_taken() {
    let here = tempfile::tempdir().unwrap();
    countersign(here.path(), &["demo", "--listen", "0.0.0.0:0"]).expect(2, "", "signs anybody in");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ran = countersign(here.path(), &["demo", "--listen", &address]);
    ran.expect(1, "", "the port is taken");
    ran.expect(1, "", "--listen 127.0.0.1:");
    assert!(!here.path().join("countersign-demo").exists(), "nothing was begun");
}
