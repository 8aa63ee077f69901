//! Schedules: what is due opens once, late if it must be, and the next review is counted from both the
//! due date and the closing (R14).

use super::scene::rules;
use crate::world::{REFUND, STATUS, World, ada, catalog_with, on_both, subject};
use countersign_governance::CampaignFilter;
use countersign_model::{
    Span, Timestamp,
    review::{CampaignRules, Schedule, Scope, schedule::Recurrence},
};
use serde_json::json;
use std::sync::atomic::Ordering;

on_both!(
    r14_a_date_opens_once_whoever_looks_and_however_often,
    r14_of_missed_dates_the_last_opens_late_and_the_others_are_passed_over,
    r14_the_next_review_is_after_both_the_due_date_and_the_closing,
    r14_what_the_catalog_says_opens_by_itself_also_where_the_clocks_are_changed,
);

fn monthly(days: i64) -> Schedule {
    let duration = Span::from_days(days);
    Schedule {
        name: "monthly".to_owned(),
        title: "Every month".to_owned(),
        recurrence: Recurrence {
            months: 1,
            from: "2027-02-01".to_owned(),
            time_zone: "UTC".to_owned(),
            at: "09:00".to_owned(),
        },
        scope: Scope::default(),
        rules: CampaignRules { duration, grace: Span::from_days(1), ..rules() },
    }
}

impl World {
    async fn look_on(&self, schedule: &Schedule, moment: &str) {
        let moment: Timestamp = moment.parse().unwrap();
        self.time.store(moment.millis(), Ordering::SeqCst);
        self.look().await;
        self.governance.open_due(schedule).await.unwrap();
        self.look().await;
    }

    async fn titles(&self) -> Vec<String> {
        let found = self.governance.campaigns(&ada(), &CampaignFilter::default()).await.unwrap();
        let mut titles: Vec<String> = found.into_iter().map(|it| it.campaign.title).collect();
        titles.sort();
        titles
    }
}

async fn r14_a_date_opens_once_whoever_looks_and_however_often(world: World) {
    world.grant(&ada(), subject("riley"), STATUS).await;
    let schedule = monthly(14);
    world.look_on(&schedule, "2027-01-20T00:00:00Z").await;
    world.look_on(&schedule, "2027-02-01T08:59:59Z").await;
    assert_eq!(world.titles().await, Vec::<String>::new());
    let other = world.beside("two").await;
    world
        .time
        .store("2027-02-01T09:00:00Z".parse::<Timestamp>().unwrap().millis(), Ordering::SeqCst);
    let (one, two) =
        tokio::join!(world.governance.open_due(&schedule), other.governance.open_due(&schedule));
    one.unwrap();
    two.unwrap();
    world.look_on(&schedule, "2027-02-01T10:00:00Z").await;
    other.look_on(&schedule, "2027-02-02T10:00:00Z").await;
    assert_eq!(world.titles().await, ["Every month, 2027-02-01"]);
    // The clock steps back, and on again.
    world.look_on(&schedule, "2027-01-31T10:00:00Z").await;
    world.look_on(&schedule, "2027-02-03T10:00:00Z").await;
    let world = world.restart().await;
    world.look_on(&schedule, "2027-02-04T10:00:00Z").await;
    assert_eq!(world.titles().await, ["Every month, 2027-02-01"]);
    assert_eq!(world.entries("review.opened").len() + other.entries("review.opened").len(), 1);
}

async fn r14_of_missed_dates_the_last_opens_late_and_the_others_are_passed_over(world: World) {
    world.grant(&ada(), subject("riley"), STATUS).await;
    let schedule = monthly(14);
    world.look_on(&schedule, "2027-01-20T00:00:00Z").await;
    world.look_on(&schedule, "2027-05-10T00:00:00Z").await;
    assert_eq!(world.titles().await, ["Every month, 2027-05-01"]);
    let runs = world.governance.store().view().await.unwrap().runs("monthly").await.unwrap();
    let said: Vec<(&str, bool)> =
        runs.iter().map(|it| (it.date.as_str(), it.campaign.is_some())).collect();
    let expected = [
        ("2027-05-01", true),
        ("2027-04-01", false),
        ("2027-03-01", false),
        ("2027-02-01", false),
        ("", false),
    ];
    assert_eq!(said, expected);
}

async fn r14_the_next_review_is_after_both_the_due_date_and_the_closing(world: World) {
    world.grant(&ada(), subject("riley"), STATUS).await;
    let schedule = monthly(40);
    world.look_on(&schedule, "2027-01-20T00:00:00Z").await;
    world.look_on(&schedule, "2027-02-01T09:00:00Z").await;
    // It runs over the next date, which opens nothing, now or later.
    world.look_on(&schedule, "2027-03-01T09:00:00Z").await;
    world.look_on(&schedule, "2027-03-13T09:00:00Z").await;
    world.look_on(&schedule, "2027-03-31T09:00:00Z").await;
    assert_eq!(world.titles().await, ["Every month, 2027-02-01"]);
    world.look_on(&schedule, "2027-04-01T09:00:00Z").await;
    assert_eq!(world.titles().await, ["Every month, 2027-02-01", "Every month, 2027-04-01"]);
}

async fn r14_what_the_catalog_says_opens_by_itself_also_where_the_clocks_are_changed(world: World) {
    let high = world.grant(&ada(), subject("riley"), REFUND).await;
    world.grant(&ada(), subject("riley"), STATUS).await;
    let at_night = |name: &str, from: &str| {
        json!({
            "name": name, "title": name, "every": "yearly", "from": from,
            "time_zone": "Europe/Berlin", "at": "02:30", "scope": {"sensitivities": ["high"]},
            "owner": "ada", "fallback": ["fiona"],
        })
    };
    let schedule = json!({
        "spring": at_night("spring", "2027-03-28"), "autumn": at_night("autumn", "2027-10-31"),
    });
    let catalog = catalog_with("/schedules", schedule);
    world.governance.apply_catalog(&ada(), catalog, None).await.unwrap();
    let other = world.beside("two").await;
    let look = |moment: &'static str| {
        let moment: Timestamp = moment.parse().unwrap();
        world.time.store(moment.millis(), Ordering::SeqCst);
        let (world, other) = (&world, &other);
        // Every gateway looks, twice.
        Box::pin(async move {
            for _ in 0..2 {
                tokio::join!(world.look(), other.look());
            }
        })
    };
    look("2027-03-27T12:00:00Z").await;
    // That night there is no half past two: the clocks jump from two to three.
    look("2027-03-28T00:59:59Z").await;
    assert_eq!(world.titles().await, Vec::<String>::new());
    look("2027-03-28T01:00:00Z").await;
    assert_eq!(world.titles().await, ["spring, 2027-03-28"]);
    let found = world.governance.campaigns(&ada(), &CampaignFilter::default()).await.unwrap();
    let opened = found[0].campaign.clone();
    assert_eq!(opened.due_at.to_string(), "2027-04-18T01:00:00.000Z");
    assert_eq!(opened.opening.as_ref().unwrap().items, 1, "only what is in scope");
    assert_eq!(world.asked(&opened, high).await, ["olivia"]);
    // Half past two comes twice: it opens at the first, and not again at the second.
    look("2027-10-31T00:29:59Z").await;
    assert_eq!(world.titles().await, ["spring, 2027-03-28"]);
    look("2027-10-31T00:30:00Z").await;
    let both = ["autumn, 2027-10-31", "spring, 2027-03-28"];
    assert_eq!(world.titles().await, both);
    look("2027-10-31T01:30:00Z").await;
    assert_eq!(world.titles().await, both);
    let opened = world.entries("review.opened").len() + other.entries("review.opened").len();
    assert_eq!(opened, 2, "each by one of the gateways, once");
}
