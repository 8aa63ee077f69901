//! The load: callers that call without a pause, and some whose calls are held. When the gateway is
//! gone they wait for the next one.

use super::{
    Dice,
    book::{Book, Kind},
};
use crate::lab::{AGENT, APPROVER, Answer, Connection, EMAIL, Lost, Say, World};
use serde_json::json;
use std::{net::SocketAddr, time::Duration};
use tokio::{sync::watch, task::JoinSet};

/// Connections that call without a pause.
const CALLERS: u64 = 16;
/// Connections whose calls are held.
const PAYERS: u64 = 2;
/// How long a payer rests between two payments.
const PAYER_RESTS: Duration = Duration::from_millis(40);
/// A payment's path at the gateway, but for its number.
pub(super) const PAYMENT: &str = "/t/desk/v1/payments/";

/// Callers at work.
#[derive(Debug)]
pub(super) struct Callers {
    tasks: JoinSet<()>,
    gateway: watch::Sender<Gateway>,
}

/// Where the gateway is, as far as callers know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gateway {
    At(SocketAddr),
    /// The work is over.
    Over,
}

impl Callers {
    pub(super) fn start(world: &World, book: &Book, address: SocketAddr, dice: &mut Dice) -> Self {
        let gateway = watch::Sender::new(Gateway::At(address));
        let mut tasks = JoinSet::new();
        for caller in 0..CALLERS {
            let (book, token, first) = (book.clone(), world.token(AGENT), dice.next() % 3);
            tasks.spawn(at_each_gateway(
                gateway.subscribe(),
                Caller { caller, token, book, next: first },
            ));
        }
        for payer in 0..PAYERS {
            let (agent, approver) = (world.token(AGENT), world.token(APPROVER));
            // No two payers make the same payment.
            let payer = Payer { agent, approver, book: book.clone(), next: payer * 1_000_000 };
            tasks.spawn(at_each_gateway(gateway.subscribe(), payer));
        }
        Self { tasks, gateway }
    }

    /// Tells all where the gateway is now.
    pub(super) fn gateway_is_at(&self, address: SocketAddr) {
        self.gateway.send_replace(Gateway::At(address));
    }

    /// Lets all finish the call that they are at.
    pub(super) async fn end(mut self) {
        self.gateway.send_replace(Gateway::Over);
        while let Some(ended) = self.tasks.join_next().await {
            ended.unwrap();
        }
    }
}

/// One who works on a connection until it breaks.
trait Works {
    async fn work(&mut self, connection: &mut Connection) -> Result<(), Lost>;
}

async fn at_each_gateway(mut gateway: watch::Receiver<Gateway>, mut worker: impl Works) {
    loop {
        let Gateway::At(address) = *gateway.borrow_and_update() else { return };
        if let Ok(mut connection) = Connection::open(address).await {
            while *gateway.borrow() == Gateway::At(address)
                && worker.work(&mut connection).await.is_ok()
            {}
        }
        gateway.changed().await.unwrap();
    }
}

/// One who calls without a pause.
struct Caller {
    caller: u64,
    token: String,
    book: Book,
    next: u64,
}

impl Works for Caller {
    async fn work(&mut self, connection: &mut Connection) -> Result<(), Lost> {
        self.next += 1;
        let number = self.next;
        let (kind, say) = match number % 3 {
            0 => (Kind::Plain, Say::get(&format!("/t/desk/v1/items/{number}"), &self.token)),
            1 => (Kind::Masked, Say::get(&format!("/t/desk/v1/customers/{number}"), &self.token)),
            _ => {
                let say = Say::new("POST", "/call/desk.notes.add", &self.token);
                (Kind::Note, say.with(&json!({"text": format!("note {number}")})))
            }
        };
        let session = format!("caller-{}", self.caller);
        let answer = connection.say(say.header("countersign-session", &session)).await?;
        if kind == Kind::Masked && answer.text().contains(EMAIL) {
            self.book.note_odd(&answer);
        }
        self.book.note(kind, &answer);
        Ok(())
    }
}

/// One whose calls are held. Two of three are approved at once, and then paid.
struct Payer {
    agent: String,
    approver: String,
    book: Book,
    next: u64,
}

impl Works for Payer {
    async fn work(&mut self, connection: &mut Connection) -> Result<(), Lost> {
        self.next += 1;
        let number = self.next;
        let held = self.pay(connection, number).await?;
        let problem = held.json();
        let Some(approval) = problem["approval"].as_str().filter(|_| held.status == 403) else {
            self.book.note_odd(&held);
            return Ok(());
        };
        self.book.note_held(number, approval);
        if !number.is_multiple_of(3) {
            self.book.note_asked(number);
            let path = format!("/api/v1/approvals/{approval}/approve");
            let yes = Say::new("POST", &path, &self.approver).with(&json!({}));
            let approved = connection.say(yes).await?;
            if approved.status != 200 {
                self.book.note_odd(&approved);
                return Ok(());
            }
            let paid = self.pay(connection, number).await?;
            self.book.note_paid(number, &paid);
        }
        // A person's pace: without it there would be more held calls than a caller may have.
        tokio::time::sleep(PAYER_RESTS).await;
        Ok(())
    }
}

impl Payer {
    async fn pay(&self, connection: &mut Connection, number: u64) -> Result<Answer, Lost> {
        let say = Say::new("POST", &format!("{PAYMENT}{number}"), &self.agent);
        connection.say(say.header("prefer", "wait=0")).await
    }
}
