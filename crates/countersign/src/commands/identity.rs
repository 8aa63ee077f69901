//! `countersign identity test`: how a token is judged, by a gateway or by a configuration. The token is
//! never printed, kept or put on a command line by this; what is shown is what was read of it.

use super::{joined, list, signin, text};
use crate::{
    api::{self, Api, Problem},
    cli::{IdentityTestArguments, LoginArguments, Shared},
    clock,
    config::{self, Config},
    exit::{Exit, Failure},
    output::{self, DIM, GREEN, RED, YELLOW, plain, styled},
    table::{Cell, Table},
};
use countersign_identity::{CliSettings, Hidden, Http, Verifier};
use serde_json::{Value, json};
use std::{fs::File, io::Read, path::Path};

pub(super) async fn test(typed: IdentityTestArguments, shared: &Shared) -> Result<(), Failure> {
    let explained = match &typed.config {
        Some(file) => by_configuration(file, &typed, shared).await?,
        None => by_gateway(&typed, shared).await?,
    };
    if shared.json {
        output::json(&explained)?;
    } else {
        show(&explained)?;
    }
    let code = text(&explained, "/code");
    if code.is_empty() {
        return Ok(());
    }
    let sentence = text(&explained, "/sentence");
    Err(Failure::new(Exit::Refused, format!("{sentence} ({code})")).next(next_step(&explained)))
}

/// By the rules of a configuration. Asks the token's issuer for its keys, and nobody else.
async fn by_configuration(
    file: &Path,
    typed: &IdentityTestArguments,
    shared: &Shared,
) -> Result<Value, Failure> {
    let config = config::load(file).map_err(|faults| config::failure(&faults))?;
    let http = Http::speaking(config.plain_http);
    let token = match (given(typed)?, typed.login, &shared.token) {
        (Some(token), _, _) => token,
        (None, true, _) => signed_in(settings(&config, typed)?, http.clone(), typed).await?,
        (None, false, Some(token)) => token.clone(),
        (None, false, None) => {
            return Err(Failure::usage("there is no token to judge")
                .next("add --from FILE, --from - or --login, or set COUNTERSIGN_TOKEN"));
        }
    };
    let verifier = Verifier::new(config.issuers, http, clock::clock());
    let verifier = verifier.map_err(|faults| {
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        Failure::usage(faults.join("; "))
    })?;
    let explained = verifier.explain(token.reveal()).await;
    serde_json::to_value(explained).map_err(|_| Failure::failed("it can't be written as JSON"))
}

/// By a gateway that runs: the own token, or, for administrators and auditors, another.
async fn by_gateway(typed: &IdentityTestArguments, shared: &Shared) -> Result<Value, Failure> {
    if let Some(token) = given(typed)? {
        let api = Api::open(shared).await?;
        return api.post("/identity/explain", &json!({"token": token.reveal()})).await;
    }
    let api = if typed.login {
        let (server, http) = (api::server(shared), Http::new());
        let settings = signin::settings(&server, &http, typed.issuer.as_deref()).await?;
        Api::with_token(shared, signed_in(settings, http, typed).await?)
    } else {
        Api::open(shared).await?
    };
    Ok(match api.own_explanation().await? {
        Ok(explained) => explained,
        // A gateway tells a stranger why, and not by which rule.
        Err(Problem { code, detail, .. }) => {
            json!({"outcome": "refused", "code": code, "sentence": detail, "steps": []})
        }
    })
}

async fn signed_in(
    settings: CliSettings,
    http: Http,
    typed: &IdentityTestArguments,
) -> Result<Hidden, Failure> {
    let how = LoginArguments { device: typed.device, issuer: typed.issuer.clone(), dpop: false };
    Ok(signin::tokens(settings, http, &how, None).await?.access_token)
}

/// How the command line signs in with an issuer of a configuration.
fn settings(config: &Config, typed: &IdentityTestArguments) -> Result<CliSettings, Failure> {
    let wanted = |name: &str| typed.issuer.as_ref().is_none_or(|it| it == name);
    let found = config.issuers.iter().filter(|it| wanted(&it.name)).find_map(|it| {
        let sign_in = it.sign_in.as_ref()?;
        Some(CliSettings {
            issuer: it.url.clone(),
            client_id: sign_in.cli_client_id.clone()?,
            scopes: sign_in.cli_scopes.clone(),
            resource: sign_in.resource.clone(),
        })
    });
    found.ok_or_else(|| {
        Failure::usage("no such issuer has a client for the command line")
            .next("set sign_in.cli_client_id of the issuer in the configuration")
    })
}

/// The token of the file or of standard input.
fn given(typed: &IdentityTestArguments) -> Result<Option<Hidden>, Failure> {
    let Some(file) = &typed.from else { return Ok(None) };
    let unreadable = |error: std::io::Error| {
        Failure::usage(format!("{} can't be read: {error}", file.display()))
    };
    let read = |from: &mut dyn Read| {
        let mut text = String::new();
        from.take(TOKEN_BYTES_MAX).read_to_string(&mut text).map(|_| text)
    };
    let text = if file.as_os_str() == "-" {
        read(&mut std::io::stdin().lock())
    } else {
        File::open(file).and_then(|mut opened| read(&mut opened))
    };
    let text = text.map_err(unreadable)?;
    // As it stands in a header that somebody copied.
    let token = text.trim();
    let token = token.strip_prefix("Bearer ").unwrap_or(token).trim();
    if token.is_empty() {
        return Err(Failure::usage(format!("{} holds no token", file.display())));
    }
    Ok(Some(Hidden::new(token)))
}

fn show(explained: &Value) -> Result<(), Failure> {
    let mut table = Table::new(["", "check", "read from", "found", "rule"]);
    for step in list(explained, "/steps") {
        let (mark, style) = match text(step, "/verdict").as_str() {
            "accepted" => ("ok", GREEN),
            "unproved" => ("if", YELLOW),
            _ => ("no", RED),
        };
        table.row([
            Cell::styled(mark, style),
            text(step, "/check").into(),
            joined(step, "/claims").into(),
            text(step, "/found").into(),
            text(step, "/rule").into(),
        ]);
    }
    if !list(explained, "/steps").is_empty() {
        output::write(&table.render(""))?;
    }
    let unread = joined(explained, "/unread");
    if !unread.is_empty() {
        output::line(&styled(DIM, &format!("not read: {unread}")))?;
    }
    if explained.get("caller").is_some() {
        let (subject, kind) = (text(explained, "/caller/subject"), text(explained, "/caller/kind"));
        let kind = match text(explained, "/sponsor") {
            none if none.is_empty() => kind,
            sponsor => format!("agent, as the catalog says; its sponsor is {sponsor}"),
        };
        output::line(&format!("{} {subject}, {kind}", styled(GREEN, "accepted:")))?;
    }
    Ok(())
}

/// What to do about a refusal.
fn next_step(explained: &Value) -> String {
    if list(explained, "/steps").is_empty() {
        return "for the rule, an administrator runs: countersign identity test --from FILE".into();
    }
    match text(explained, "/code").as_str() {
        "issuer_unreachable" => {
            "check that the issuer can be reached from here; lines with `if` hold if its keys fit"
                .into()
        }
        "token_expired" => "get a new token: countersign login".into(),
        _ => plain("compare the line with `no` with the configuration of the issuer"),
    }
}

/// Longer than any token that a gateway takes, so that it says that itself.
const TOKEN_BYTES_MAX: u64 = 64 * 1024;
