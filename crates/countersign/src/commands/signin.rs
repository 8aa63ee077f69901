//! `countersign login` and `logout`.

use super::whoami;
use crate::{
    api::{self, AboutIssuer},
    cli::{LoginArguments, Shared},
    clock,
    exit::{Exit, Failure},
    login::{self, Login, LoginKey},
    output::{self, BOLD, DIM, styled},
};
use countersign_identity::{
    CliLogin, CliSettings, ClientKey, Http, LoginFailed, Loopback, Prover, Revoked, Scheme,
    TokenSet,
};
use std::{process::Stdio, time::Duration};

pub(super) async fn login(typed: LoginArguments, shared: &Shared) -> Result<(), Failure> {
    let server = api::server(shared);
    let http = Http::new();
    let settings = settings(&server, &http, typed.issuer.as_deref()).await?;
    let key = login_key(&typed, shared)?;
    let held = key.as_ref().map(LoginKey::read).transpose()?;
    let prover = held.map(|it| login::prover(it, &clock::clock())).transpose()?;
    let tokens = tokens(settings.clone(), http, &typed, prover).await?;
    if key.is_some() && tokens.scheme == Scheme::Bearer {
        output::note("The identity provider bound the token to no key: it goes as a bearer token.");
    }
    let file = login::keep(&server, Login { settings, tokens, key }).await?;
    output::note(&styled(DIM, &format!("The login is kept in {}.", file.display())));
    let shared = Shared { server: Some(server), token: None, dpop_key: None, json: shared.json };
    whoami::run(&shared).await
}

/// The key that a login is to be bound to: a file of the user's, or a new one.
fn login_key(typed: &LoginArguments, shared: &Shared) -> Result<Option<LoginKey>, Failure> {
    if let Some(file) = &shared.dpop_key {
        let file = std::path::absolute(file)
            .map_err(|error| Failure::usage(format!("{}: {error}", file.display())))?;
        return Ok(Some(LoginKey::File(file)));
    }
    if !typed.dpop {
        return Ok(None);
    }
    let made = ClientKey::make();
    let (_, pem) =
        made.map_err(|error| Failure::caused(Exit::Failed, "no key can be made", &error))?;
    Ok(Some(LoginKey::Kept(pem)))
}

/// How the command line signs in at a gateway, as the gateway says; with the identity provider that
/// was named, if one was.
pub(super) async fn settings(
    server: &str,
    http: &Http,
    named: Option<&str>,
) -> Result<CliSettings, Failure> {
    let about = api::about(server, http).await?;
    let AboutIssuer { issuer, cli_client_id: client_id, scopes, .. } =
        choose(about.issuers, named)?;
    Ok(CliSettings { issuer, client_id, scopes, resource: about.resource })
}

/// Signs a person in, and keeps nothing.
pub(super) async fn tokens(
    settings: CliSettings,
    http: Http,
    typed: &LoginArguments,
    prover: Option<Prover>,
) -> Result<TokenSet, Failure> {
    let client = CliLogin::discover(settings, http, clock::clock()).await;
    let client = client.map_err(|error| refused(&error))?.proving(prover);
    if typed.device { device(&client).await } else { browser(&client).await }
}

async fn browser(client: &CliLogin) -> Result<TokenSet, Failure> {
    let failed = |error: &dyn std::error::Error| {
        Failure::caused(Exit::Failed, "the sign-in did not succeed", error)
            .next("try again, or use a code: countersign login --device")
    };
    let loopback = Loopback::bind().await.map_err(|error| failed(&error))?;
    let entropy = clock::entropy()?;
    let (url, pending) =
        client.authorize(loopback.redirect_uri(), &entropy).map_err(|error| refused(&error))?;
    output::note("Sign in with your browser; if it does not open, open this yourself:");
    output::note(&format!("  {url}"));
    open(&url);
    let callback = loopback.callback(PAGE, SIGN_IN_WITHIN).await.map_err(|error| failed(&error))?;
    client.exchange(pending, &callback).await.map_err(|error| refused(&error))
}

async fn device(client: &CliLogin) -> Result<TokenSet, Failure> {
    if !client.offers_device_codes() {
        return Err(Failure::failed("the identity provider has no device codes")
            .next("sign in with a browser on this machine: countersign login"));
    }
    let code = client.device_start().await.map_err(|error| refused(&error))?;
    let user_code = output::plain(&code.user_code);
    output::note(&format!("Open {}", styled(BOLD, &code.verification_uri)));
    output::note(&format!("and type {}", styled(BOLD, &user_code)));
    if let Some(url) = &code.verification_uri_complete {
        output::note(&styled(DIM, &format!("or open {url}")));
    }
    client.device_wait(code).await.map_err(|error| refused(&error))
}

/// The identity provider that is meant: the only one, or the one that was named.
fn choose(issuers: Vec<AboutIssuer>, named: Option<&str>) -> Result<AboutIssuer, Failure> {
    let names: Vec<String> = issuers.iter().map(|it| output::plain(&it.name)).collect();
    let is_meant = |it: &AboutIssuer| named.is_none_or(|named| named == it.name);
    let mut meant = issuers.into_iter().filter(is_meant);
    match (meant.next(), meant.next()) {
        (Some(issuer), None) => Ok(issuer),
        (None, _) if names.is_empty() => Err(Failure::failed(
            "this gateway has no client for the command line",
        )
        .next("ask an administrator to set sign_in.cli_client_id, or set COUNTERSIGN_TOKEN")),
        (None, _) => Err(Failure::usage("this gateway knows no identity provider of this name")
            .next(format!("name one of: {}", names.join(", ")))),
        (Some(_), Some(_)) => Err(Failure::usage("this gateway knows several identity providers")
            .next(format!("say --issuer and one of: {}", names.join(", ")))),
    }
}

pub(super) async fn logout(shared: &Shared) -> Result<(), Failure> {
    let server = api::server(shared);
    let Some(login) = login::forget(&server).await? else {
        return output::line(&format!("nobody was signed in at {server}"));
    };
    // Whatever the identity provider says, the login is forgotten.
    let note = match revoke(&login).await {
        Ok(Revoked::Yes) => "its tokens are revoked at the identity provider",
        Ok(Revoked::NotOffered) => {
            "its tokens end by themselves: the identity provider revokes none"
        }
        Err(error) => {
            output::note(&styled(DIM, &crate::exit::chain(&error)));
            "its tokens could not be revoked, and end by themselves"
        }
    };
    output::line(&format!("the login at {server} is forgotten; {note}"))
}

async fn revoke(login: &Login) -> Result<Revoked, LoginFailed> {
    let settings = login.settings.clone();
    let client = CliLogin::discover(settings, Http::new(), clock::clock()).await?;
    client.revoke(&login.tokens).await
}

fn refused(error: &LoginFailed) -> Failure {
    Failure::caused(Exit::Failed, "the sign-in did not succeed", error)
        .next("try again: countersign login")
}

/// Opens a URL in the browser, if there is one. It was printed, so a failure is no harm.
fn open(url: &str) {
    let opener = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let mut command = std::process::Command::new(opener);
    command.arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    drop(command.spawn());
}

const SIGN_IN_WITHIN: Duration = Duration::from_secs(300);
const PAGE: &str = "<!doctype html><html lang=en><meta charset=utf-8>\
    <meta name=viewport content='width=device-width'><title>Signed in</title>\
    <style>body{font:1.1rem/1.5 system-ui;max-width:32rem;margin:20vh auto;padding:0 1rem;\
    color-scheme:light dark}</style><h1>You are signed in</h1>\
    <p>Go back to your terminal. You can close this page.";

#[cfg(test)]
mod tests;
