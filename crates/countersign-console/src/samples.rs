//! Every page with made-up content: for the test that renders them all, and to look at.

use crate::{
    frame::{Frame, Place, Signed},
    pages,
    text::Text,
};
use askama::Template;
use countersign_model::Timestamp;

/// A page's context that can be made up.
pub(crate) trait Sample: Template + Sized {
    /// What the page is called in the list of samples.
    const NAME: &'static str;

    /// The page in the states that matter. Each text of a stranger is what `say` makes of a
    /// believable one, so that a test can make them hostile.
    fn samples(say: Say) -> Vec<Self>;
}

/// Makes a stranger's text out of a believable one.
pub(crate) type Say = fn(&str) -> Text;

/// Every page, rendered: name and HTML.
#[doc(hidden)]
pub fn sample_pages() -> Vec<(String, String)> {
    all(|it| Text::line(it))
}

/// The assets, for a server of samples.
#[doc(hidden)]
pub fn sample_assets() -> axum::Router {
    axum::Router::new().route("/assets/{name}", axum::routing::get(crate::assets::serve))
}

pub(crate) fn all(say: Say) -> Vec<(String, String)> {
    let mut out = Vec::new();
    collect::<pages::home::HomePage>(say, &mut out);
    collect::<pages::approvals::ApprovalsPage>(say, &mut out);
    collect::<pages::approval::ApprovalPage>(say, &mut out);
    collect::<pages::sessions::SessionsPage>(say, &mut out);
    collect::<pages::session::SessionPage>(say, &mut out);
    collect::<pages::call::CallPage>(say, &mut out);
    collect::<pages::catalog::CatalogPage>(say, &mut out);
    collect::<pages::function::FunctionPage>(say, &mut out);
    collect::<pages::grants::GrantsPage>(say, &mut out);
    collect::<pages::grant::GrantPage>(say, &mut out);
    collect::<pages::grant_new::GrantNewPage>(say, &mut out);
    collect::<pages::reviews::ReviewsPage>(say, &mut out);
    collect::<pages::review::ReviewPage>(say, &mut out);
    collect::<pages::review_items::ReviewItemsPage>(say, &mut out);
    collect::<pages::review_work::ReviewWorkPage>(say, &mut out);
    collect::<pages::review_item::ReviewItemPage>(say, &mut out);
    collect::<pages::review_sign_off::ReviewSignOffPage>(say, &mut out);
    collect::<pages::grant_history::GrantHistoryPage>(say, &mut out);
    collect::<pages::grant_requests::GrantRequestsPage>(say, &mut out);
    collect::<pages::grant_requests::GrantRequestPage>(say, &mut out);
    collect::<pages::grant_requests::GrantAskPage>(say, &mut out);
    collect::<pages::access::AccessPage>(say, &mut out);
    collect::<pages::api_keys::ApiKeysPage>(say, &mut out);
    collect::<pages::notices::NoticesPage>(say, &mut out);
    collect::<pages::notice_channels::NoticeChannelsPage>(say, &mut out);
    collect::<pages::notice_deliveries::NoticeDeliveriesPage>(say, &mut out);
    collect::<pages::passkeys::PasskeysPage>(say, &mut out);
    collect::<pages::people::PeoplePage>(say, &mut out);
    collect::<pages::person::PersonPage>(say, &mut out);
    collect::<pages::review_numbers::ReviewNumbersPage>(say, &mut out);
    collect::<pages::schedules::SchedulesPage>(say, &mut out);
    collect::<pages::ledger::LedgerPage>(say, &mut out);
    collect::<pages::identity::IdentityPage>(say, &mut out);
    collect::<pages::sign_in::SignInPage>(say, &mut out);
    collect::<pages::saml::SamlRequestPage>(say, &mut out);
    collect::<pages::sign_out::SignOutPage>(say, &mut out);
    collect::<pages::error::ErrorPage>(say, &mut out);
    out
}

fn collect<S: Sample>(say: Say, out: &mut Vec<(String, String)>) {
    for (place, sample) in S::samples(say).iter().enumerate() {
        let html = sample.render().unwrap_or_else(|error| format!("not rendered: {error}"));
        out.push((format!("{}-{place}", S::NAME), html));
    }
}

/// A frame with somebody signed in.
pub(crate) fn frame(title: &str, place: Place, say: Say) -> Frame {
    let person = Signed {
        name: say("Olga Marin"),
        subject: say("olga@acme.example"),
        roles: "administrator".to_owned(),
        csrf: "0123456789abcdef".to_owned(),
        sees_people: true,
        unread: 3,
    };
    Frame::new(title, place, person)
}

/// A moment of the made-up world.
pub(crate) fn at(minutes: i64) -> Timestamp {
    Timestamp::from_millis(1_795_340_000_000 + minutes * 60_000)
}

#[cfg(test)]
mod tests;
