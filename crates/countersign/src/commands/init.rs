//! `countersign init`: a first configuration with comments, a master key, and a catalog to begin
//! with. Asks on a terminal; never replaces a file unasked, and a key never.

use crate::{
    cli::InitArguments,
    clock,
    exit::Failure,
    login::private_file,
    output::{self, BOLD, GREEN, styled},
    server::Keys,
};
use std::{fs, net::SocketAddr, path::Path};

pub(super) fn run(arguments: &InitArguments) -> Result<(), Failure> {
    // `.` does not have to be said.
    let directory = arguments.directory.strip_prefix(".").unwrap_or(&arguments.directory);
    let answers = answers(arguments)?;
    for said in write(&answers, arguments, directory)? {
        output::line(&said)?;
    }
    next_steps(directory, &answers)
}

/// Writes the files, and tells of each what became of it.
fn write(
    answers: &Answers,
    arguments: &InitArguments,
    directory: &Path,
) -> Result<Vec<String>, Failure> {
    let files = [
        (directory.join("countersign.yaml"), answers.configuration()?),
        (directory.join("catalog/example.yaml"), answers.catalog()?),
    ];
    let taken = files.iter().map(|(file, _)| file).filter(|file| file.exists());
    let taken: Vec<String> = taken.map(|file| file.display().to_string()).collect();
    if !arguments.force && !taken.is_empty() {
        return Err(Failure::usage(format!("there is {} already", taken.join(" and ")))
            .next("add --force to replace it, or name another directory"));
    }
    let mut said = Vec::new();
    for (file, text) in &files {
        let directory = file.parent().unwrap_or(Path::new("."));
        let written = fs::create_dir_all(directory).and_then(|()| fs::write(file, text));
        written.map_err(|error| unwritable(file, &error))?;
        said.push(format!("{} {}", styled(GREEN, "wrote"), file.display()));
    }
    said.push(key(&directory.join("master.key"))?);
    Ok(said)
}

/// Makes the key if there is none. A second key would make what the first one sealed unreadable.
fn key(file: &Path) -> Result<String, Failure> {
    if file.exists() {
        return Ok(format!("kept  {} as it is", file.display()));
    }
    let key = Keys::generate(&clock::entropy()?);
    private_file(file, key.as_bytes()).map_err(|error| unwritable(file, &error))?;
    Ok(format!("{} {}", styled(GREEN, "wrote"), file.display()))
}

fn next_steps(directory: &Path, answers: &Answers) -> Result<(), Failure> {
    let config = directory.join("countersign.yaml");
    let config = config.display();
    output::line(&format!(
        "\n{}\n  1. Keep a copy of master.key where you keep secrets: without it recordings can't be \
         read.\n  2. Describe your API in catalog/, and look at {config}.\n  3. countersign check \
         --config {config}\n  4. countersign serve --config {config}\n  5. countersign login \
         --server {}, and countersign catalog apply {}",
        styled(BOLD, "Next:"),
        answers.public_url,
        directory.join("catalog").display()
    ))
}

/// What the files are made from.
#[derive(Debug)]
struct Answers {
    gateway: String,
    listen: String,
    public_url: String,
    issuer: String,
    client_id: String,
    administrators: String,
}

fn answers(given: &InitArguments) -> Result<Answers, Failure> {
    let asks = !given.yes && output::can_ask();
    if !given.yes && !asks && given.issuer.is_none() {
        return Err(Failure::usage("nobody can be asked, and --issuer is not given")
            .next("give --issuer URL and what else differs from the defaults, or --yes"));
    }
    let choose = |value: &Option<String>, question: &str, default: &str| match value {
        Some(value) => Ok(value.clone()),
        None if asks => output::ask(question, default),
        None => Ok(default.to_owned()),
    };
    let gateway = choose(&given.gateway, "Name of this gateway", "main")?;
    let listen = choose(&given.listen, "Address and port to listen on", "127.0.0.1:7070")?;
    let public_url =
        choose(&given.public_url, "URL under which callers reach it", &url_of(&listen))?;
    Ok(Answers {
        gateway,
        listen,
        public_url,
        issuer: choose(
            &given.issuer,
            "Issuer URL of your identity provider",
            "https://id.example.com",
        )?,
        client_id: choose(
            &given.client_id,
            "The console's client identifier there",
            "countersign-console",
        )?,
        administrators: choose(
            &given.administrators,
            "Group whose members administer Countersign",
            "countersign-admins",
        )?,
    })
}

/// Where this machine reaches what listens there.
fn url_of(listen: &str) -> String {
    match listen.parse::<SocketAddr>() {
        Ok(any) if any.ip().is_unspecified() => format!("http://127.0.0.1:{}", any.port()),
        _ => format!("http://{listen}"),
    }
}

impl Answers {
    /// The configuration; what was answered stands in it as JSON texts, which YAML reads as well.
    fn configuration(&self) -> Result<String, Failure> {
        let public_url = self.public_url.trim_end_matches('/');
        Ok(CONFIGURATION
            .replace("@gateway@", &as_text(&self.gateway)?)
            .replace("@listen@", &as_text(&self.listen)?)
            .replace("@public_url@", &as_text(public_url)?)
            .replace("@callback@", &public_url.replace(['\n', '\r'], ""))
            .replace("@issuer@", &as_text(&self.issuer)?)
            .replace("@client_id@", &as_text(&self.client_id)?)
            .replace("@administrators@", &as_text(&self.administrators)?))
    }

    fn catalog(&self) -> Result<String, Failure> {
        Ok(CATALOG.replace("@owner@", &as_text("you@example.com")?))
    }
}

fn as_text(value: &str) -> Result<String, Failure> {
    serde_json::to_string(value).map_err(|_| Failure::usage(format!("`{value}` can't be written")))
}

fn unwritable(file: &Path, error: &std::io::Error) -> Failure {
    Failure::failed(format!("{} can't be written: {error}", file.display()))
}

const CONFIGURATION: &str = include_str!("init/countersign.yaml");
const CATALOG: &str = include_str!("init/example.yaml");

#[cfg(test)]
mod tests;
