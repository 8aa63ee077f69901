//! Where facts are kept: one set of queries, two databases. Nothing here judges; a change is one
//! [`Transaction`] that governance drives.

mod api_keys;
mod approvals;
mod catalog;
mod cut_offs;
mod delegates;
mod deliveries;
mod denials;
mod directory;
mod directory_groups;
mod directory_people;
mod epoch;
mod error;
mod file_grants;
mod gateways;
mod grant_requests;
mod grant_steps;
mod grants;
mod heard;
mod ledger_places;
mod migrate;
mod notices;
mod open;
mod outbox;
mod passkeys;
mod people;
mod people_words;
mod places;
mod review_numbers;
mod reviews;
mod sessions;
mod stops;
#[cfg(feature = "testing")]
pub mod testing;
mod transaction;
mod unowned;
mod usage;
mod used_once;
mod web_sessions;

pub use api_keys::{ApiKeyRow, KeyRevoked};
pub use approvals::{APPROVALS_LOOK_MAX, ApprovalQuery, ApprovalRow, OPEN_PAGE, Written};
pub use catalog::CatalogRow;
pub use cut_offs::CutOffRow;
pub use deliveries::{DeliveryQuery, DeliveryRow, DeliveryState, NewDelivery};
pub use directory::{DirectoryKey, DirectoryKind, DirectoryName, DirectoryRow};
pub use directory_groups::{ToldNews, ToldRow};
pub use directory_people::{DirectoryUser, DirectoryUserPlace};
pub use epoch::{Counters, Listener, NOTIFY_CHANNEL};
pub use error::{OpenError, StoreError};
pub use grant_requests::{GRANT_REQUESTS_MAX, GrantRequestRow, GrantRequestsOf};
pub use grant_steps::{GRANT_STEPS_MAX, GrantStepRow};
pub use grants::GrantRow;
pub use ledger_places::PlaceRow;
pub use notices::{InDigest, NoticeChoice, NoticeRow, NoticesListed};
pub use open::{Engine, Store};
pub use outbox::{Effect, NewEntry, Waiting};
pub use passkeys::PasskeyRow;
pub use people::{DirectoryPerson, PEOPLE_AT_ONCE_MAX, PersonFacts, PersonRow};
pub use people_words::{FIND_CHARS_MAX, PeopleFound, PeopleQuery, PersonFound};
pub use review_numbers::{AnswersRow, ReviewTotals};
pub use reviews::{
    CampaignQuery, CampaignRow, ITEMS_AT_ONCE_MAX, ITEMS_PAGE_MAX, ItemCount, ItemQuery, ItemRow,
    ScheduleRun,
};
pub use sessions::{NewSession, SessionQuery, SessionRow, SessionTouch};
pub use transaction::Transaction;
pub use usage::{DeniedRow, UsageKey, UsagePosition, UsageRow};
pub use web_sessions::{SessionOrigin, WebSession};

use serde::{Serialize, de::DeserializeOwned};

fn read_json<T: DeserializeOwned>(what: &'static str, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::damaged(what)(Box::new(error)))
}

fn write_json<T: Serialize>(what: &'static str, value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::damaged(what)(Box::new(error)))
}
