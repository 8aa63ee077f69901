use super::*;
use http_body_util::BodyExt as _;

async fn problem(stop: Stop) -> (Response<Body>, Value) {
    let (parts, body) = stop.into_answer().into_response().into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    let value = serde_json::from_slice(&bytes).unwrap();
    (Response::from_parts(parts, Body::empty()), value)
}

#[tokio::test]
async fn every_reason_makes_a_whole_problem() {
    for reason in Reason::ALL.iter().copied() {
        let (response, problem) = problem(Stop::say(reason, "What happened.", "What to do.")).await;
        let status = response.status();
        assert_eq!(problem["status"], status.as_u16(), "{reason}");
        assert_eq!(problem["code"], reason.code());
        assert_eq!(
            (&problem["detail"], &problem["next_step"]),
            (&json!("What happened."), &json!("What to do."))
        );
        assert_eq!(response.headers()[&headers::REASON], reason.code());
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        assert_eq!(response.headers()["cache-control"], "no-store");
        let fine =
            matches!(reason, Reason::Granted | Reason::GrantOverdueWarned | Reason::Approved);
        assert_eq!(status.is_success(), fine, "{reason}: a refusal must not look like a success");
    }
}

#[tokio::test]
async fn seconds_to_wait_are_rounded_up() {
    for (millis, expect) in [(0, "0"), (1, "1"), (1000, "1"), (1001, "2"), (-5, "0")] {
        let stop = Stop::say(Reason::RateLimited, "", "").retry_after(Span::from_millis(millis));
        let (response, _) = problem(stop).await;
        assert_eq!(response.headers()["retry-after"], expect, "{millis}");
    }
}

#[tokio::test]
async fn texts_of_callers_stay_in_their_place() {
    let stop = Stop::say(Reason::NotCatalogued, "a\r\nx-evil: 1 \"quoted\"", "\u{202e}");
    let (response, problem) = problem(stop).await;
    assert!(!response.headers().contains_key("x-evil"));
    assert_eq!(problem["detail"], "a\r\nx-evil: 1 \"quoted\"");
}
