use super::*;
use countersign_model::Entropy;
use countersign_telemetry::{Sample, Settings as Collector};

fn request(traceparent: Option<&str>) -> Request<()> {
    let mut request = Request::new(());
    if let Some(text) = traceparent {
        request.headers_mut().insert("traceparent", text.parse().unwrap());
    }
    request
}

#[test]
fn what_is_not_configured_leaves_no_trace() {
    let traces = Traces::new(None, "https://gateway.example.com");
    let mut asked = request(Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"));
    let trace = traces.begin(&mut asked);
    assert!(trace.0.is_none());
    assert!(asked.extensions().is_empty());
    let mut text = String::new();
    traces.metrics(&mut text);
    assert_eq!(text, "");
    assert_eq!(size_of::<Trace>(), size_of::<usize>(), "every call carries one");
}

#[tokio::test]
async fn of_a_trace_that_is_not_sampled_nothing_is_kept() {
    countersign_identity::install_crypto();
    let (tracer, _exporting) = Tracer::start(Collector {
        url: "http://127.0.0.1:1/v1/traces".to_owned(),
        headers: HeaderMap::new(),
        sample: Sample::new(0.0).unwrap(),
        service_name: "countersign".to_owned(),
        instance: "test".to_owned(),
        now_nanos: || 7,
        entropy: Entropy::new(|bytes| bytes.fill(0x1d)),
    });
    let traces = Traces::new(Some(tracer), "https://gateway.example.com");
    for (parent, sampled) in [
        (None, false),
        (Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"), false),
        (Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"), true),
    ] {
        let trace = traces.begin(&mut request(parent));
        assert_eq!(trace.0.unwrap().known.is_some(), sampled, "{parent:?}");
    }
}
