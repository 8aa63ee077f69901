//! `countersign passkeys`: somebody's own passkeys. They are added in the console, since only a browser
//! can ask for one.

use super::moment;
use crate::{
    api::Api,
    cli::{PasskeysCommand, Shared},
    exit::Failure,
    output::{self, RED, styled},
    table::Table,
};
use serde_json::{Value, json};

pub(super) async fn run(command: PasskeysCommand, shared: &Shared) -> Result<(), Failure> {
    let api = Api::open(shared).await?;
    match command {
        PasskeysCommand::List => list(&api.get("/me/passkeys").await?, shared),
        PasskeysCommand::Remove { id } => {
            let path = format!("/me/passkeys/{id}/remove");
            let answer: Value = api.post(&path, &json!({})).await?;
            if shared.json {
                return output::json(&answer);
            }
            let removed = styled(RED, "removed");
            output::line(&format!("{id}: {removed}; delete it from your device too"))
        }
    }
}

fn list(answer: &Value, shared: &Shared) -> Result<(), Failure> {
    if shared.json {
        return output::json(answer);
    }
    let mut table = Table::new(["passkey", "name", "signs for", "with", "added", "last used"]);
    for passkey in super::list(answer, "/passkeys") {
        let field = |pointer: &str| super::text(passkey, pointer);
        let used = field("/last_used_at");
        table.row([
            field("/id").into(),
            field("/name").into(),
            field("/party").into(),
            field("/algorithm").into(),
            moment(&field("/made_at")).into(),
            if used.is_empty() { "never".into() } else { moment(&used).into() },
        ]);
    }
    output::write(&table.render("You have no passkeys; add one at /console/me/passkeys."))
}
