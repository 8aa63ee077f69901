//! The gateway's process: started, killed, asked to end, and its limits.

use super::{PATIENCE, World, until};
use serde_json::Value;
use std::{
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, ChildStderr, Command, Stdio},
    sync::{Arc, Mutex, MutexGuard},
    thread::JoinHandle,
    time::Duration,
};
use tokio::{sync::oneshot, time::Instant};

/// A gateway that runs. It is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    pub(crate) address: SocketAddr,
    /// From the fork until it said that it answers.
    pub(crate) started_in: Duration,
    said: Said,
    reader: Option<JoinHandle<()>>,
}

/// What a process wrote to standard error so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Said(Arc<Mutex<String>>);

/// How a process or a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// `None` when a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// What it said to people: standard error without the log.
    pub(crate) fn told(&self) -> Vec<&str> {
        self.stderr.lines().filter(|it| !it.starts_with('{')).collect()
    }
}

impl Process {
    /// Starts `serve` in a world's directory, and waits until it answers.
    pub(crate) async fn start(world: &World) -> Self {
        let began = Instant::now();
        let mut child = serve(world.path(), "").spawn().unwrap();
        let said = Said::default();
        let (answers, reader) = said.listen_to(child.stderr.take().unwrap());
        let reader = Some(reader);
        match tokio::time::timeout(PATIENCE, answers).await {
            Ok(Ok(address)) => Self { child, address, started_in: began.elapsed(), said, reader },
            Ok(Err(_)) => panic!("it did not start: {}", said.text()),
            Err(_) => {
                drop(child.kill());
                panic!("it started neither nor ended: {}", said.text())
            }
        }
    }

    /// Starts `serve` after a line of shell that spoils something, and waits until it has ended.
    pub(crate) async fn fails(world: &World, spoiled: &str) -> Ended {
        let mut child = serve(world.path(), spoiled).spawn().unwrap();
        let said = Said::default();
        let (_, reader) = said.listen_to(child.stderr.take().unwrap());
        let code = end_of(&mut child, reader).await;
        Ended { code, stdout: String::new(), stderr: said.text() }
    }

    /// `kill -9`, at once.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status().unwrap();
        assert!(sent.success());
    }

    /// Lets no file of the process grow beyond so many bytes: what a full disk does to it.
    pub(crate) fn limit_files(&self, bytes: &str) {
        let pid = self.child.id().to_string();
        let limit = format!("--fsize={bytes}:unlimited");
        let set = Command::new("prlimit").args(["--pid", &pid, &limit]).status();
        assert!(set.expect("prlimit, of util-linux, is needed").success());
    }

    /// Whether it still runs.
    pub(crate) fn runs(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// The most memory that it had at once, in bytes.
    pub(crate) fn memory_peak(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|it| it.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
    }

    /// What it wrote to standard error so far.
    pub(crate) fn said(&self) -> String {
        self.said.text()
    }

    /// Waits until it has ended.
    pub(crate) async fn ended(mut self) -> Ended {
        let reader = self.reader.take().unwrap();
        let code = end_of(&mut self.child, reader).await;
        Ended { code, stdout: String::new(), stderr: self.said.text() }
    }

    /// Asks it to end as a supervisor does, and expects that it does so in good order.
    pub(crate) async fn stop(self) {
        self.signal("TERM");
        let ended = self.ended().await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Said {
    fn text(&self) -> String {
        self.lock().clone()
    }

    /// Keeps all lines, and tells the address that one of them names. The thread ends with the
    /// process.
    fn listen_to(&self, stderr: ChildStderr) -> (oneshot::Receiver<SocketAddr>, JoinHandle<()>) {
        let (tell, told) = oneshot::channel();
        let (said, mut tell) = (self.clone(), Some(tell));
        let reader = std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                if let Some(address) = listening(&line)
                    && let Some(tell) = tell.take()
                {
                    tell.send(address).ok();
                }
                let mut text = said.lock();
                text.push_str(&line);
                text.push('\n');
            }
        });
        (told, reader)
    }

    fn lock(&self) -> MutexGuard<'_, String> {
        self.0.lock().unwrap()
    }
}

/// The address in the line of the log that says that the gateway answers.
fn listening(line: &str) -> Option<SocketAddr> {
    let said: Value = serde_json::from_str(line).ok()?;
    let address = said["address"].as_str().filter(|_| said["message"] == "listening")?;
    address.parse().ok()
}

/// Runs a command of the binary to its end.
pub(crate) async fn ran(directory: &Path, line: &[&str]) -> Ended {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command.args(line).current_dir(directory).env_clear().env("HOME", directory);
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    let (stdout, stderr) = (text(output.stdout), text(output.stderr));
    Ended { code: output.status.code(), stdout, stderr }
}

fn serve(directory: &Path, first: &str) -> Command {
    // A signal that is ignored here stays ignored in the process, so that a write beyond a limit is an
    // error, as it is on a full disk.
    let mut command = Command::new("sh");
    command
        .arg("-c")
        .arg(format!("{first}\ntrap '' XFSZ; exec \"$0\" serve --config countersign.yaml"))
        .arg(env!("CARGO_BIN_EXE_countersign"))
        .current_dir(directory)
        .env_clear()
        .env("HOME", directory)
        .env("PATH", "/usr/bin:/bin")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command
}

/// Waits until a process has ended and its last words are read.
async fn end_of(child: &mut Child, reader: JoinHandle<()>) -> Option<i32> {
    let child = Mutex::new(child);
    let ended = until("the process ends", async || child.lock().unwrap().try_wait().unwrap()).await;
    tokio::task::spawn_blocking(|| reader.join().unwrap()).await.unwrap();
    ended.code()
}
