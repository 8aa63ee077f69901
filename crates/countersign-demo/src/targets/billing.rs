//! A customer and billing API: 240 made-up customers, their invoices, refunds that pay nobody.
//!
//! | route | what it does |
//! |---|---|
//! | `GET /v1/customers?limit=&after=` | a page of customers |
//! | `GET /v1/customers/{customer}` | one, with everything that is known of them |
//! | `GET /v1/customers/{customer}/invoices` | their invoices |
//! | `DELETE /v1/customers/{customer}` | forgets them, until the next start |
//! | `GET /v1/invoices/{invoice}` | one invoice |
//! | `POST /v1/refunds` | pays back; 409, which names the customer's e-mail, if it can't |
//! | `GET /v1/refunds/{refund}` | one refund |
//! | `GET /v1/exports/customers` | all customers, a line of JSON each |
//! | `GET /counters` | what this API saw |
//!
//! Every route takes the API's own credential and no other. It keeps everything in memory and never
//! forgets a customer that nobody deleted.

use super::{
    credential::{Counters, Door, Tally, check},
    made_up::{Customer, Invoice, Status, customer, invoices},
    problem::{not_allowed, not_found, problem},
};
use crate::Secret;
use axum::{
    Json, Router,
    body::Body,
    extract::{
        DefaultBodyLimit, Path, Query, State,
        rejection::{BytesRejection, QueryRejection},
    },
    middleware::from_fn_with_state,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use bytes::Bytes;
use http::{
    StatusCode,
    header::{CONTENT_TYPE, LOCATION},
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::{
    collections::{BTreeMap, VecDeque},
    convert::Infallible,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

const CUSTOMERS: u32 = 240;
const PAGE_DEFAULT: usize = 20;
const PAGE_MAX: usize = 100;
/// How many refunds are kept; older ones are forgotten.
const REFUNDS_MAX: usize = 1_000;
const BODY_BYTES_MAX: usize = 64 * 1024;
const REASON_CHARACTERS_MAX: usize = 500;
const AMOUNT_MAX: f64 = 100_000.0;

/// The billing API. Clones share their state.
#[derive(Debug, Clone)]
pub struct Billing(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    door: Door,
    books: Mutex<Books>,
}

#[derive(Debug)]
struct Books {
    customers: BTreeMap<u32, Arc<Customer>>,
    refunds: VecDeque<Refund>,
    refunds_made: u64,
}

#[derive(Debug, Clone, Serialize)]
struct Refund {
    id: String,
    customer: String,
    paid_to: String,
    amount: f64,
    currency: String,
    reason: String,
    status: &'static str,
}

impl Billing {
    /// The API with all its customers, behind this credential.
    pub fn new(credential: Secret) -> Self {
        let customers = (1..=CUSTOMERS).map(|number| (number, Arc::new(customer(number))));
        let books =
            Books { customers: customers.collect(), refunds: VecDeque::new(), refunds_made: 0 };
        let door = Door { credential, tally: Tally::default() };
        Self(Arc::new(Inner { door, books: Mutex::new(books) }))
    }

    /// The routes, to be nested anywhere.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/v1/customers", get(list_customers))
            .route("/v1/customers/{customer}", get(show_customer).delete(delete_customer))
            .route("/v1/customers/{customer}/invoices", get(list_invoices))
            .route("/v1/invoices/{invoice}", get(show_invoice))
            .route("/v1/refunds", post(refund))
            .route("/v1/refunds/{refund}", get(show_refund))
            .route("/v1/exports/customers", get(export_customers))
            .route("/counters", get(show_counters))
            .fallback(not_found)
            .method_not_allowed_fallback(not_allowed)
            .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
            .layer(from_fn_with_state(self.0.door.clone(), check))
            .with_state(self.clone())
    }

    /// What this API saw since it began.
    pub fn counters(&self) -> Counters {
        self.0.door.tally.read()
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.0.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn customer(&self, id: &str) -> Result<(u32, Arc<Customer>), Box<Response>> {
        let unknown = || Box::new(problem(StatusCode::NOT_FOUND, "there is no such customer"));
        let number = number_of("c_", id).ok_or_else(unknown)?;
        let customer = self.books().customers.get(&number).cloned();
        Ok((number, customer.ok_or_else(unknown)?))
    }
}

#[derive(Debug, Deserialize)]
struct Page {
    limit: Option<usize>,
    after: Option<String>,
}

async fn list_customers(
    State(billing): State<Billing>,
    page: Result<Query<Page>, QueryRejection>,
) -> Response {
    let Ok(Query(page)) = page else {
        return problem(StatusCode::BAD_REQUEST, "limit is a number, after is a customer's id");
    };
    let limit = page.limit.unwrap_or(PAGE_DEFAULT);
    if !(1..=PAGE_MAX).contains(&limit) {
        return problem(StatusCode::BAD_REQUEST, "limit is between 1 and 100");
    }
    let Some(after) = page.after.as_deref().map_or(Some(0), |id| number_of("c_", id)) else {
        return problem(StatusCode::BAD_REQUEST, "after is a customer's id, such as c_20");
    };
    let books = billing.books();
    let range = (std::ops::Bound::Excluded(after), std::ops::Bound::Unbounded);
    let mut rest = books.customers.range(range).map(|(_, customer)| customer);
    let customers: Vec<Arc<Customer>> = rest.by_ref().take(limit).cloned().collect();
    let next = rest.next().and(customers.last()).map(|customer| &customer.id);
    Json(json!({ "customers": customers, "next": next })).into_response()
}

async fn show_customer(State(billing): State<Billing>, Path(id): Path<String>) -> Response {
    match billing.customer(&id) {
        Ok((_, customer)) => Json(customer).into_response(),
        Err(refusal) => *refusal,
    }
}

async fn delete_customer(State(billing): State<Billing>, Path(id): Path<String>) -> Response {
    let (number, customer) = match billing.customer(&id) {
        Ok(found) => found,
        Err(refusal) => return *refusal,
    };
    billing.books().customers.remove(&number);
    let message = format!(
        "{} is forgotten, and {} gets no more mail. We wish them well.",
        customer.name, customer.email
    );
    Json(json!({ "customer": customer.id, "deleted": true, "message": message })).into_response()
}

async fn list_invoices(State(billing): State<Billing>, Path(id): Path<String>) -> Response {
    match billing.customer(&id) {
        Ok((number, customer)) => {
            Json(json!({ "invoices": invoices(number, &customer) })).into_response()
        }
        Err(refusal) => *refusal,
    }
}

async fn show_invoice(State(billing): State<Billing>, Path(id): Path<String>) -> Response {
    match find_invoice(&billing, &id) {
        Some(invoice) => Json(invoice).into_response(),
        None => problem(StatusCode::NOT_FOUND, "there is no such invoice"),
    }
}

/// `inv_81_2` is the second invoice of customer `c_81`.
fn find_invoice(billing: &Billing, id: &str) -> Option<Invoice> {
    let (number, _) = id.strip_prefix("inv_")?.split_once('_')?;
    let (number, customer) = billing.customer(&format!("c_{number}")).ok()?;
    invoices(number, &customer).into_iter().find(|invoice| invoice.id == id)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    customer: String,
    amount: f64,
    currency: String,
    reason: String,
}

async fn refund(State(billing): State<Billing>, body: Result<Bytes, BytesRejection>) -> Response {
    let body = match body {
        Ok(body) => body,
        Err(rejection) => return problem(rejection.status(), "the body can't be read"),
    };
    let Ok(asked) = serde_json::from_slice::<Asked>(&body) else {
        let text = "a refund is {customer, amount, currency, reason} as JSON, and nothing else";
        return problem(StatusCode::BAD_REQUEST, text);
    };
    if !(asked.amount > 0.0 && asked.amount <= AMOUNT_MAX) {
        return problem(StatusCode::UNPROCESSABLE_ENTITY, "amount is above 0, at most 100000");
    }
    let reason_characters = asked.reason.chars().count();
    if !(1..=REASON_CHARACTERS_MAX).contains(&reason_characters) {
        return problem(StatusCode::UNPROCESSABLE_ENTITY, "reason has 1 to 500 characters");
    }
    let customer = match billing.customer(&asked.customer) {
        Ok((_, customer)) => customer,
        Err(refusal) => return *refusal,
    };
    if let Some(conflict) = conflict(&customer, &asked.currency) {
        return problem(StatusCode::CONFLICT, &conflict);
    }
    let refund = pay(&billing, &customer, asked);
    let location = [(LOCATION, format!("refunds/{}", refund.id))];
    (StatusCode::CREATED, location, Json(refund)).into_response()
}

/// Why this customer can't be paid, in the words of an API that never thought of masking.
fn conflict(customer: &Customer, currency: &str) -> Option<String> {
    let Customer { name, email, .. } = customer;
    match customer.status {
        Status::Closed => Some(format!("the account of {name} <{email}> is closed")),
        Status::Active | Status::PastDue if currency != customer.currency => {
            Some(format!("{name} <{email}> pays in {}, not in {currency}", customer.currency))
        }
        Status::Active | Status::PastDue => None,
    }
}

fn pay(billing: &Billing, customer: &Customer, asked: Asked) -> Refund {
    let mut books = billing.books();
    books.refunds_made = books.refunds_made.saturating_add(1);
    let refund = Refund {
        id: format!("r_{}", books.refunds_made),
        customer: asked.customer,
        paid_to: format!("{} <{}>", customer.name, customer.email),
        amount: asked.amount,
        currency: asked.currency,
        reason: asked.reason,
        status: "paid",
    };
    if books.refunds.len() >= REFUNDS_MAX {
        books.refunds.pop_front();
    }
    books.refunds.push_back(refund.clone());
    billing.0.door.tally.lock().refunds_executed = books.refunds_made;
    refund
}

async fn show_refund(State(billing): State<Billing>, Path(id): Path<String>) -> Response {
    let refund = billing.books().refunds.iter().find(|refund| refund.id == id).cloned();
    match refund {
        Some(refund) => Json(refund).into_response(),
        None => problem(StatusCode::NOT_FOUND, "there is no such refund"),
    }
}

async fn export_customers(State(billing): State<Billing>) -> Response {
    let customers: Vec<Arc<Customer>> = billing.books().customers.values().cloned().collect();
    let lines = customers.into_iter().map(|customer| {
        let mut line = serde_json::to_vec(&customer).unwrap_or_default();
        line.push(b'\n');
        Ok::<_, Infallible>(Bytes::from(line))
    });
    let body = Body::from_stream(futures_util::stream::iter(lines));
    ([(CONTENT_TYPE, "application/x-ndjson")], body).into_response()
}

async fn show_counters(State(billing): State<Billing>) -> Json<Counters> {
    Json(billing.counters())
}

/// The number in an id, written the one way that numbers are written.
fn number_of(prefix: &str, id: &str) -> Option<u32> {
    let digits = id.strip_prefix(prefix)?;
    let number: u32 = digits.parse().ok()?;
    (number.to_string() == digits).then_some(number)
}

#[cfg(test)]
mod tests;
