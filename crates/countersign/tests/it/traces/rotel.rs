//! rotel reads what the gateway sends, and writes down what it understood.

use super::{APPROVER, ITEM, PARENT, TRACE, ask, is_discreet, parent, pay, say, traced};
use crate::lab::{Say, until};
use serde_json::json;
use std::{
    fs::{self, File},
    net::TcpListener,
    process::{Child, Command, Stdio},
};
use tempfile::TempDir;

/// rotel, until it is dropped.
struct Rotel {
    child: Child,
    directory: TempDir,
    url: String,
}

impl Rotel {
    fn start(program: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let log = File::create(directory.path().join("rotel.out")).unwrap();
        let [http, grpc] = free_ports();
        let child = Command::new(program)
            .args(["start", "--otlp-http-endpoint", &http, "--otlp-grpc-endpoint", &grpc])
            .args(["--exporter", "blackhole", "--debug-log", "traces"])
            .args(["--debug-log-verbosity", "detailed"])
            .current_dir(directory.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        Self { child, directory, url: format!("http://{http}") }
    }

    fn said(&self) -> String {
        fs::read_to_string(self.directory.path().join("rotel.out")).unwrap()
    }

    /// What it understood of the span of this name: its lines.
    fn span(&self, name: &str) -> Option<String> {
        let said = self.said();
        let named = format!("Name           : {name}\n");
        said.split("Span #").find(|it| it.contains(&named)).map(str::to_owned)
    }
}

impl Drop for Rotel {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Two addresses that nobody has. Both are held before either is let go.
fn free_ports() -> [String; 2] {
    let held = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    held.map(|it| it.local_addr().unwrap().to_string())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::disallowed_methods, reason = "the test is told where the collector is")]
#[expect(clippy::print_stderr, reason = "a test that did nothing says so")]
async fn a_collector_of_others_understands_what_it_is_told() {
    let Ok(program) = std::env::var("COUNTERSIGN_TEST_ROTEL") else {
        eprintln!("skipped: COUNTERSIGN_TEST_ROTEL names no rotel-agent");
        return;
    };
    let rotel = Rotel::start(&program);
    let (world, process) = traced(&rotel.url, &json!({})).await;
    let http = rotel.url.trim_start_matches("http://").to_owned();
    until("rotel answers", async || tokio::net::TcpStream::connect(&http).await.ok()).await;

    let call = say(&world, "GET", ITEM).header("traceparent", &parent("01"));
    let answer = ask(&process, call).await;
    assert_eq!(answer.reason(), "200 granted");
    assert_eq!(pay(&world, &process).await.reason(), "200 approved");
    let nobody = Say::new("GET", "/t/desk/v1/customers/secret-customer", &world.token(APPROVER));
    assert_eq!(ask(&process, nobody).await.reason(), "403 no_grant");
    process.stop().await;

    let span = async |name: &str| {
        let said = until(name, async || rotel.span(name)).await;
        move |line: &str| assert!(said.contains(line), "{line} is not in\n{said}")
    };
    let server = span("desk.items.get").await;
    server(&format!("Trace ID       : {TRACE}"));
    server(&format!("Parent ID      : {PARENT}"));
    server("Kind           : SPAN_KIND_SERVER");
    server("http.response.status_code: Int(200)");
    server("http.route: Str(/t/desk/v1/items/{item})");
    server("countersign.decision: Str(forward)");
    server(&format!("countersign.call: Str({})", answer.header("countersign-call")));
    let client = span("GET /v1/items/{item}").await;
    client(&format!("Trace ID       : {TRACE}"));
    client("Kind           : SPAN_KIND_CLIENT");
    let told = world.arrivals.headers_of(answer.header("countersign-call"));
    let told = told["traceparent"].to_str().unwrap().split('-').nth(2).unwrap();
    client(&format!("    ID             : {told}"));
    span("desk.payments.make").await("countersign.decision: Str(hold)");
    span("hold").await("countersign.approval: Str(");
    span("desk.customers.get").await("countersign.reason: Str(no_grant)");
    assert!(rotel.said().contains("service.name: Str(gate)"), "{}", rotel.said());
    is_discreet(&rotel.said(), &world);
}
