//! Access reviews: campaigns that open with a snapshot, items that people decide, and a clock that ends
//! what nobody answered. Whatever takes rights acts at the decision; whatever gives them waits for the
//! ledger. Nobody reviews their own access, and silence never certifies.

mod acts;
mod answer;
mod clock;
mod close;
mod deed;
mod ends;
mod error;
mod events;
mod evidence;
mod facts;
mod fill;
mod hand_on;
mod open;
mod read;
mod sign_off;
mod stop;
mod sweep;
mod tell;
mod undo;
mod view;
mod working;

pub(crate) use working::Working;

pub use acts::{Answered, Extension, HandOn, NewAnswer, NewCampaign, SIGNED_IN_WITHIN};
pub use error::ReviewError;
pub use view::{
    CAMPAIGNS_MAX, CampaignFilter, CampaignView, ChangedItems, ItemFilter, ItemPage, ItemView,
    Progress,
};

use countersign_model::Subject;

/// Who does what time or a rule does.
pub(crate) fn clockwork() -> Subject {
    Subject::new("countersign:reviews")
}

/// Items that one act answers, hands on or asks for at most.
pub const ACT_ITEMS_MAX: usize = 1_000;
