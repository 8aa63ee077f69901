//! The logins of this user: one file, readable by its owner alone, with the tokens for each gateway.
//! Only the commands that ask a gateway read it; nothing prints a token.

use crate::{
    client_key, clock,
    exit::{Exit, Failure},
};
use countersign_identity::{
    CliLogin, CliSettings, ClientKey, Hidden, Http, LoginFailed, Prover, TokenSet,
};
use countersign_model::{Clock, Span};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::time::Instant;

/// All logins.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Logins {
    /// The gateway of the last login.
    #[serde(default)]
    last: Option<String>,
    /// By the gateway's URL.
    #[serde(default)]
    servers: BTreeMap<String, Login>,
}

/// One login.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Login {
    /// How to refresh it.
    pub(crate) settings: CliSettings,
    /// The tokens.
    pub(crate) tokens: TokenSet,
    /// The key that they are bound to, if they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<LoginKey>,
}

/// Where the key of a login is.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LoginKey {
    /// Here.
    Kept(Hidden),
    /// In a file of the user's.
    File(PathBuf),
}

impl LoginKey {
    /// Reads the key.
    ///
    /// # Errors
    /// When it is not there any more.
    pub(crate) fn read(&self) -> Result<ClientKey, Failure> {
        match self {
            Self::Kept(pem) => ClientKey::read(pem.reveal()).map_err(|error| {
                Failure::caused(Exit::Failed, "the login's key can't be read", &error)
                    .next("sign in again: countersign login --dpop")
            }),
            Self::File(file) => client_key::read(file),
        }
    }
}

/// The gateway of the last login.
pub(crate) fn last_server() -> Option<String> {
    read(&file().ok()?).ok()?.last
}

/// Keeps a login, and makes its gateway the one that is asked by default.
///
/// # Errors
/// When the file can't be written.
pub(crate) async fn keep(server: &str, login: Login) -> Result<PathBuf, Failure> {
    let file = file()?;
    let _mine = lock(&file).await?;
    let mut logins = read(&file)?;
    logins.last = Some(server.to_owned());
    logins.servers.insert(server.to_owned(), login);
    write(&file, &logins)?;
    Ok(file)
}

/// Forgets the login of a gateway; what it was, if there was one.
///
/// # Errors
/// When the file can't be read or written.
pub(crate) async fn forget(server: &str) -> Result<Option<Login>, Failure> {
    let file = file()?;
    let _mine = lock(&file).await?;
    let mut logins = read(&file)?;
    let Some(login) = logins.servers.remove(server) else { return Ok(None) };
    if logins.last.as_deref() == Some(server) {
        logins.last = None;
    }
    write(&file, &logins)?;
    Ok(Some(login))
}

/// The login at a gateway, refreshed if its token has ended or is about to.
///
/// # Errors
/// When nobody is signed in there, or the login has ended.
pub(crate) async fn at(server: &str, http: &Http, clock: &Clock) -> Result<Login, Failure> {
    login_of(&file()?, server, http, clock).await
}

async fn login_of(file: &Path, server: &str, http: &Http, clock: &Clock) -> Result<Login, Failure> {
    let sign_in = format!("sign in: countersign login --server {server}");
    let absent =
        || Failure::failed(format!("you are not signed in at {server}")).next(sign_in.clone());
    let is_fresh = |login: &Login| clock.now().plus(ENDS_SOON) < login.tokens.expires_at;
    let login = read(file)?.servers.get(server).cloned().ok_or_else(absent)?;
    if is_fresh(&login) {
        return Ok(login);
    }
    // A refresh token is good for once. Of several commands that run at once, one uses it, and the
    // others find what it brought.
    let _mine = lock(file).await?;
    let mut logins = read(file)?;
    let login = logins.servers.get(server).cloned().ok_or_else(absent)?;
    if is_fresh(&login) {
        return Ok(login);
    }
    let key = login.key.as_ref().map(LoginKey::read).transpose()?;
    let prover = key.map(|it| prover(it, clock)).transpose()?;
    let tokens = match refresh(&login, prover, http, clock).await {
        Ok(tokens) => tokens,
        Err(error) => {
            if let LoginFailed::Ended = error {
                // Nothing can be done with it any more.
                logins.servers.remove(server);
                write(file, &logins)?;
            }
            let what = format!("the login at {server} has ended: {}", crate::exit::chain(&error));
            return Err(Failure::failed(what).next(sign_in));
        }
    };
    let login = Login { tokens, ..login };
    logins.servers.insert(server.to_owned(), login.clone());
    write(file, &logins)?;
    Ok(login)
}

/// Proves to hold a key, by this clock.
///
/// # Errors
/// When there is no randomness.
pub(crate) fn prover(key: ClientKey, clock: &Clock) -> Result<Prover, Failure> {
    Ok(Prover::new(key, clock.clone(), clock::entropy()?))
}

/// Keeps other commands from the file until the lock is dropped, and with it when this process ends.
/// It stands beside the file, which is replaced at each writing.
async fn lock(file: &Path) -> Result<fs::File, Failure> {
    let beside = file.with_extension("lock");
    let opened = open_private(&beside).map_err(|error| unusable(&beside, &error))?;
    let until = Instant::now() + LOCK_WITHIN;
    loop {
        match opened.try_lock() {
            Ok(()) => return Ok(opened),
            Err(fs::TryLockError::WouldBlock) if Instant::now() < until => {
                tokio::time::sleep(LOCK_LOOK_EVERY).await;
            }
            Err(fs::TryLockError::WouldBlock) => {
                return Err(Failure::failed("another countersign command keeps the logins busy")
                    .next("end it, or try again"));
            }
            Err(fs::TryLockError::Error(error)) => return Err(unusable(&beside, &error)),
        }
    }
}

/// Opens a file that only its owner can read, and makes it if there is none.
fn open_private(file: &Path) -> std::io::Result<fs::File> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
        builder.mode(0o700);
        options.mode(0o600);
    }
    builder.create(file.parent().unwrap_or_else(|| Path::new(".")))?;
    options.open(file)
}

async fn refresh(
    login: &Login,
    prover: Option<Prover>,
    http: &Http,
    clock: &Clock,
) -> Result<TokenSet, LoginFailed> {
    let client = CliLogin::discover(login.settings.clone(), http.clone(), clock.clone()).await?;
    client.proving(prover).refresh(&login.tokens).await
}

fn file() -> Result<PathBuf, Failure> {
    clock::settings_directory().map(|it| it.join("countersign").join("logins.json")).ok_or_else(
        || {
            Failure::failed("there is no place to keep a login")
                .next("set HOME or XDG_CONFIG_HOME, or COUNTERSIGN_TOKEN instead of a login")
        },
    )
}

fn read(file: &Path) -> Result<Logins, Failure> {
    let text = match fs::read(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Logins::default()),
        Err(error) => return Err(unusable(file, &error)),
    };
    // A file that can't be understood is replaced by the next login.
    Ok(serde_json::from_slice(&text).unwrap_or_default())
}

fn write(file: &Path, logins: &Logins) -> Result<(), Failure> {
    let text = serde_json::to_vec_pretty(logins)
        .map_err(|_| Failure::failed("the login can't be written as JSON"))?;
    private_file(file, &text).map_err(|error| unusable(file, &error))
}

/// Writes a file that only its owner can read, whole or not at all.
pub(crate) fn private_file(file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let directory = file.parent().unwrap_or_else(|| Path::new("."));
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
        builder.mode(0o700);
        options.mode(0o600);
    }
    builder.create(directory)?;
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let aside = directory.join(name);
    // What another run left half-written may have another mode.
    match fs::remove_file(&aside) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut opened = options.open(&aside)?;
    opened.write_all(bytes)?;
    opened.sync_all()?;
    fs::rename(&aside, file)
}

fn unusable(file: &Path, error: &std::io::Error) -> Failure {
    Failure::failed(format!("{} can't be used: {error}", file.display()))
}

/// A token that ends within this is refreshed before it is used.
const ENDS_SOON: Span = Span::from_seconds(30);
/// How long a command waits for another one that keeps the logins: it may be asking an issuer.
const LOCK_WITHIN: Duration = Duration::from_secs(40);
const LOCK_LOOK_EVERY: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests;
