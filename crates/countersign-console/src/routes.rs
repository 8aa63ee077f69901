//! Every route of the console with its guard, as one table. `routes.md` is this table for people who
//! review access; a test writes it, another calls every route as everybody.

use crate::{
    api, assets,
    console::{Console, ConsoleParts},
    finish,
    gate::{self, Act, Door, Gate, Who},
    pages, pushed, well_known,
};
use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware::from_fn_with_state,
    response::Redirect,
    routing::{MethodRouter, any, get, post},
};
use http::StatusCode;
use std::fmt::Write as _;

/// A route.
struct Route {
    method: &'static str,
    path: &'static str,
    door: Door,
    who: Who,
    /// What is judged beyond the guard, for each thing.
    beyond: &'static str,
    handler: MethodRouter<Console>,
}

/// The console: pages, management API and what they need. To be merged into the gateway's router.
pub fn router(parts: ConsoleParts) -> Router {
    let console = Console::new(parts);
    let mut router = Router::new();
    for Route { method, path, door, who, handler, .. } in routes() {
        let gate = Gate { console: console.clone(), door, who, act: act(method, path) };
        router = router.route(path, handler.layer(from_fn_with_state(gate, gate::check)));
    }
    for rest in ["/console/{*rest}", "/api/v1/{*rest}"] {
        router = router.route(rest, any(|| async { StatusCode::NOT_FOUND }));
    }
    router
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(from_fn_with_state(console.clone(), finish::finish))
        .with_state(console)
}

/// What a route is for. What is not `GET` changes something, but for the few that are named here.
fn act(method: &str, path: &str) -> Act {
    let looks = [
        "/api/v1/catalog/plan",
        "/api/v1/identity/explain",
        "/console/sign-out",
        "/api/v1/grants/preview",
        "/console/grants/preview",
        "/api/v1/grant-requests/{id}/preview",
        "/console/grant-requests/{id}/preview",
    ];
    if method == "GET" || looks.contains(&path) { Act::Looks } else { Act::Changes }
}

/// The table of routes and their guards, as Markdown.
pub fn table() -> String {
    let mut text = String::from(
        "# Routes of the console and who may enter\n\n\
         Made by a test from `src/routes.rs` (`UPDATE_EXPECT=1` writes it anew). A page is entered by a\n\
         signed-in person; the API by a bearer token, or by a signed-in person's browser. Every change by\n\
         a browser needs the session's token and must come from the console's own pages. A suspended\n\
         subject enters nothing but the way out, and an auditor no route that changes something.\n\n\
         | method | path | by | who | judged beyond that |\n|---|---|---|---|---|\n",
    );
    for route in routes() {
        let door = match route.door {
            Door::Page => "page",
            Door::Api => "API",
            Door::Open => "open",
        };
        let who = match route.who {
            Who::Anyone => "anyone",
            Who::SignedIn => "signed in",
            Who::Reader => "administrator, auditor",
            Who::Administrator => "administrator",
        };
        // Writing to a string can't fail.
        let _ = writeln!(
            text,
            "| {} | `{}` | {door} | {who} | {} |",
            route.method, route.path, route.beyond
        );
    }
    text
}

fn routes() -> Vec<Route> {
    let mut routes = open();
    routes.extend(pages());
    routes.extend(pages_of_grants());
    routes.extend(review_pages());
    routes.extend(api());
    routes.extend(api_of_grants());
    routes.extend(api_of_access());
    routes.extend(review_api());
    routes.extend(evidence());
    routes.extend(passkeys());
    routes
}

/// Evidence of access reviews, samples of them and numbers about them.
fn evidence() -> Vec<Route> {
    let read = |door, path, beyond, handler| Route {
        method: "GET",
        path,
        door,
        who: Who::SignedIn,
        beyond,
        handler,
    };
    vec![
        read(
            Door::Page,
            "/console/reviews/numbers",
            NUMBERS_SEEN,
            get(pages::review_numbers::show),
        ),
        read(Door::Api, "/api/v1/reviews/numbers", NUMBERS_SEEN, get(api::evidence::numbers)),
        read(Door::Api, "/api/v1/reviews/{id}/evidence", EVIDENCE_TAKEN, get(api::evidence::pack)),
        read(Door::Api, "/api/v1/reviews/{id}/sample", EVIDENCE_TAKEN, get(api::evidence::sample)),
    ]
}

fn open() -> Vec<Route> {
    let open = |path, beyond, handler| Route {
        method: "GET",
        path,
        door: Door::Open,
        who: Who::Anyone,
        beyond,
        handler,
    };
    let pushed = |path, beyond, handler| Route { method: "POST", ..open(path, beyond, handler) };
    vec![
        open("/.well-known/countersign", "", get(well_known::show)),
        open("/assets/{name}", "", get(assets::serve)),
        open("/console/", "", get(|| async { Redirect::permanent("/console") })),
        open("/console/sign-in", "", get(pages::sign_in::choose)),
        open("/console/sign-in/{issuer}", "", get(pages::sign_in::begin)),
        open(
            "/console/sign-in/callback",
            "only with the cookie of the sign-in that it ends",
            get(pages::sign_in::callback),
        ),
        open("/console/saml/{issuer}/begin", "", get(pages::saml::begin)),
        open("/console/saml/{issuer}/metadata", "", get(pages::saml::metadata)),
        Route {
            method: "POST",
            ..open(
                "/console/saml/{issuer}/response",
                "a signed response to the request in the cookie, or one that the setting allows",
                post(pages::saml::finish),
            )
        },
        open("/console/sign-in/signed-out", "", get(pages::sign_out::back)),
        pushed(
            "/sign-out/back-channel/{issuer}",
            "a signed logout token of the issuer, once",
            post(pushed::logout),
        ),
        pushed(
            "/ssf/events",
            "a signed security event of a configured transmitter, once",
            post(pushed::events),
        ),
    ]
}

/// The pages of access reviews.
fn review_pages() -> Vec<Route> {
    use pages::{review, review_acts, review_item, review_items, review_sign_off, review_work};
    let route = |method, path, beyond, handler| Route {
        method,
        path,
        door: Door::Page,
        who: Who::SignedIn,
        beyond,
        handler,
    };
    let read = |path, beyond, handler| route("GET", path, beyond, handler);
    let change = |path, beyond, handler| route("POST", path, beyond, handler);
    vec![
        read("/console/reviews", REVIEWS_SEEN, get(pages::reviews::list)),
        read("/console/reviews/{id}", REVIEWS_SEEN, get(review::show)),
        read("/console/reviews/{id}/items", ITEMS_SEEN, get(review_items::list)),
        read("/console/reviews/{id}/items/{grant}", ITEMS_SEEN, get(review_item::show)),
        read("/console/reviews/{id}/work", "the own items", get(review_work::show)),
        change("/console/reviews/{id}/answer", DECIDES, post(review_acts::answer)),
        change("/console/reviews/{id}/keep-together", DECIDES, post(review_acts::keep_together)),
        change("/console/reviews/{id}/undo", UNDOES, post(review_acts::undo)),
        change("/console/reviews/{id}/hand-on", HANDS_ON, post(review_acts::hand_on)),
        read("/console/reviews/{id}/sign-off", REVIEWS_SEEN, get(review_sign_off::show)),
        change("/console/reviews/{id}/sign-off", SIGNS, post(review_sign_off::sign)),
        change("/console/reviews/{id}/extend", EXTENDS, post(review_acts::extend)),
        change("/console/reviews/{id}/confirm", "administrators (R9)", post(review_acts::confirm)),
        change("/console/reviews/{id}/addenda", ADDS, post(review_acts::add)),
    ]
}

/// Access reviews in the management API.
fn review_api() -> Vec<Route> {
    use api::reviews;
    let route = |method, path, who, beyond, handler| Route {
        method,
        path,
        door: Door::Api,
        who,
        beyond,
        handler,
    };
    let read = |path, beyond, handler| route("GET", path, Who::SignedIn, beyond, handler);
    let change = |path, beyond, handler| route("POST", path, Who::SignedIn, beyond, handler);
    let administrator =
        |path, beyond, handler| route("POST", path, Who::Administrator, beyond, handler);
    vec![
        read("/api/v1/reviews", REVIEWS_SEEN, get(reviews::list)),
        administrator("/api/v1/reviews", "a person (R5)", post(reviews::open)),
        read("/api/v1/reviews/{id}", REVIEWS_SEEN, get(reviews::show)),
        read("/api/v1/reviews/{id}/report", REVIEWS_SEEN, get(reviews::report)),
        read("/api/v1/reviews/{id}/items", ITEMS_SEEN, get(reviews::items)),
        read("/api/v1/reviews/{id}/items/{grant}", ITEMS_SEEN, get(reviews::one)),
        change("/api/v1/reviews/{id}/answers", DECIDES, post(reviews::answer)),
        change("/api/v1/reviews/{id}/items/{grant}/undo", UNDOES, post(reviews::undo)),
        change("/api/v1/reviews/{id}/hand-on", HANDS_ON, post(reviews::hand_on)),
        change("/api/v1/reviews/{id}/sign-off", SIGNS, post(reviews::sign_off)),
        change("/api/v1/reviews/{id}/extend", EXTENDS, post(reviews::extend)),
        administrator("/api/v1/reviews/{id}/confirm", "a person (R9)", post(reviews::confirm)),
        change("/api/v1/reviews/{id}/addenda", ADDS, post(reviews::add)),
    ]
}

/// A page, or what a form of a page does.
fn of_page(
    method: &'static str,
    path: &'static str,
    beyond: &'static str,
    handler: MethodRouter<Console>,
) -> Route {
    Route { method, path, door: Door::Page, who: Who::SignedIn, beyond, handler }
}

fn pages() -> Vec<Route> {
    let read = |path, beyond, handler| of_page("GET", path, beyond, handler);
    let change = |path, beyond, handler| of_page("POST", path, beyond, handler);
    vec![
        change("/console/sign-out", "the own session", post(pages::sign_out::out)),
        read("/console", "as the lists below", get(pages::home::show)),
        read("/console/approvals", APPROVALS_SEEN, get(pages::approvals::list)),
        read("/console/approvals/{id}", APPROVALS_SEEN, get(pages::approval::show)),
        change("/console/approvals/{id}/answer", ANSWERS, post(pages::approval::answer)),
        change(
            "/console/approvals/{id}/revoke",
            "whoever answered or may, administrators",
            post(pages::approval::revoke),
        ),
        read("/console/sessions", SESSIONS_LISTED, get(pages::sessions::list)),
        read("/console/sessions/{id}", SESSIONS_SEEN, get(pages::session::show)),
        read("/console/sessions/{id}/calls/{call}", SESSIONS_SEEN, get(pages::call::show)),
        read("/console/catalog", "no addresses, no credentials", get(pages::catalog::show)),
        read("/console/catalog/{function}", GRANTS_SEEN, get(pages::function::show)),
        read("/console/api-keys", API_KEYS_SEEN, get(pages::api_keys::list)),
        change("/console/api-keys", "administrators", post(pages::api_keys::add)),
        change("/console/api-keys/{id}/revoke", API_KEYS_ENDED, post(pages::api_keys::revoke)),
        read("/console/notices", THEIR_OWN, get(pages::notices::list)),
        change("/console/notices/read", THEIR_OWN, post(pages::notices::read)),
        read("/console/notices/channels", THEIR_OWN, get(pages::notice_channels::show)),
        change("/console/notices/channels", THEIR_OWN, post(pages::notice_channels::choose)),
        change("/console/notices/test", "to themselves", post(pages::notice_channels::test)),
        Route {
            who: Who::Reader,
            ..read("/console/notices/deliveries", "", get(pages::notice_deliveries::list))
        },
        read("/console/notices/{id}", NOTICE_SEEN, get(pages::notices::open)),
        Route { who: Who::Reader, ..read("/console/people", "", get(pages::people::list)) },
        read("/console/people/{subject}", PERSON_SEEN, get(pages::person::show)),
        change("/console/people/{subject}/delegate", DELEGATES, post(pages::person::delegate)),
        change(
            "/console/people/{subject}/delegate/end",
            DELEGATES_ENDED,
            post(pages::person::end_delegate),
        ),
        Route {
            who: Who::Reader,
            ..read("/console/reviews/schedules", "", get(pages::schedules::show))
        },
        read("/console/ledger", "", get(pages::ledger::show)),
        read("/console/identity", "themselves", get(pages::identity::show)),
    ]
}

/// A route of the API.
fn of_api(
    method: &'static str,
    path: &'static str,
    who: Who,
    beyond: &'static str,
    handler: MethodRouter<Console>,
) -> Route {
    Route { method, path, door: Door::Api, who, beyond, handler }
}

fn api() -> Vec<Route> {
    let read = |path, who, beyond, handler| of_api("GET", path, who, beyond, handler);
    let change = |path, who, beyond, handler| of_api("POST", path, who, beyond, handler);
    use Who::{Administrator, Reader, SignedIn};
    vec![
        read("/api/v1/me", SignedIn, "themselves", get(api::me::show)),
        read(
            "/api/v1/me/explanation",
            SignedIn,
            "their own token or sign-in",
            get(api::identity::own),
        ),
        change("/api/v1/identity/explain", Reader, "", post(api::identity::explain)),
        read("/api/v1/catalog", Reader, "", get(api::catalog::show)),
        change("/api/v1/catalog/plan", Reader, "", post(api::catalog::plan)),
        change("/api/v1/catalog/apply", Administrator, "", post(api::catalog::apply)),
        read("/api/v1/api-keys", SignedIn, API_KEYS_SEEN, get(api::api_keys::list)),
        change(
            "/api/v1/api-keys",
            Administrator,
            "for agents of the catalog only; the key is in the answer, once",
            post(api::api_keys::add),
        ),
        change(
            "/api/v1/api-keys/{id}/revoke",
            SignedIn,
            API_KEYS_ENDED,
            post(api::api_keys::revoke),
        ),
        read("/api/v1/approvals", SignedIn, APPROVALS_SEEN, get(api::approvals::list)),
        read("/api/v1/approvals/{id}", SignedIn, APPROVALS_SEEN, get(api::approvals::show)),
        change("/api/v1/approvals/{id}/approve", SignedIn, ANSWERS, post(api::approvals::approve)),
        change("/api/v1/approvals/{id}/deny", SignedIn, ANSWERS, post(api::approvals::deny)),
        read("/api/v1/notices", SignedIn, THEIR_OWN, get(api::notices::list)),
        change("/api/v1/notices/read", SignedIn, THEIR_OWN, post(api::notices::read)),
        read("/api/v1/notices/channels", SignedIn, THEIR_OWN, get(api::notices::channels)),
        change("/api/v1/notices/channels", SignedIn, THEIR_OWN, post(api::notices::choose)),
        read("/api/v1/notices/deliveries", Reader, "", get(api::notices::deliveries)),
        change(
            "/api/v1/notices/test",
            SignedIn,
            "people to themselves, administrators to anybody",
            post(api::notices::test),
        ),
        read("/api/v1/notices/{id}", SignedIn, NOTICE_SEEN, get(api::notices::show)),
        read("/api/v1/people", Reader, "", get(api::people::list)),
        read("/api/v1/people/{subject}", SignedIn, PERSON_SEEN, get(api::people::show)),
        read(
            "/api/v1/delegates",
            SignedIn,
            "administrators, auditors all; else those that they have part in",
            get(api::delegates::list),
        ),
        change("/api/v1/delegates", SignedIn, DELEGATES, post(api::delegates::set)),
        change("/api/v1/delegates/end", SignedIn, DELEGATES_ENDED, post(api::delegates::end)),
        read("/api/v1/reviews/schedules", Reader, "", get(api::reviews::schedules)),
        read("/api/v1/sessions", SignedIn, SESSIONS_LISTED, get(api::sessions::list)),
        read("/api/v1/sessions/{id}", SignedIn, SESSIONS_SEEN, get(api::sessions::show)),
        read("/api/v1/ledger", SignedIn, "", get(api::ledger::show)),
        read("/api/v1/stops", SignedIn, "", get(api::stops::list)),
        change("/api/v1/stops", Administrator, "", post(api::stops::stop)),
        change("/api/v1/stops/resume", Administrator, "", post(api::stops::resume)),
    ]
}

/// Pages of grants, of requests for them, and of who may call what.
fn pages_of_grants() -> Vec<Route> {
    let read = |path, beyond, handler| of_page("GET", path, beyond, handler);
    let change = |path, beyond, handler| of_page("POST", path, beyond, handler);
    vec![
        read("/console/grants", GRANTS_SEEN, get(pages::grants::list)),
        change("/console/grants", GRANTS_MADE, post(pages::grant_new::add)),
        read("/console/grants/new", GRANTS_MADE, get(pages::grant_new::show)),
        change("/console/grants/preview", GRANTS_PREVIEWED, post(pages::grant_new::preview)),
        read("/console/grants/{id}", GRANTS_SEEN, get(pages::grant::show)),
        change("/console/grants/{id}/certify", CERTIFIES, post(pages::grant::certify)),
        change("/console/grants/{id}/revoke", REVOKES, post(pages::grant::revoke)),
        change("/console/grants/{id}/suspend", REVOKES, post(pages::grant::suspend)),
        change("/console/grants/{id}/resume", RESUMES, post(pages::grant::resume)),
        change("/console/grants/{id}/restore", RESTORES, post(pages::grant::restore)),
        read("/console/grants/{id}/history", GRANTS_SEEN, get(pages::grant_history::show)),
        read("/console/grant-requests", REQUESTS_SEEN, get(pages::grant_requests::list)),
        change("/console/grant-requests", REQUESTS_MADE, post(pages::grant_requests::add)),
        read("/console/grant-requests/ask", REQUESTS_MADE, get(pages::grant_requests::ask)),
        read("/console/grant-requests/{id}", REQUESTS_SEEN, get(pages::grant_requests::show)),
        change(
            "/console/grant-requests/{id}/preview",
            REQUESTS_PREVIEWED,
            post(pages::grant_requests::preview),
        ),
        change(
            "/console/grant-requests/{id}/approve",
            REQUESTS_ANSWERED,
            post(pages::grant_requests::approve),
        ),
        change(
            "/console/grant-requests/{id}/deny",
            REQUESTS_ANSWERED,
            post(pages::grant_requests::deny),
        ),
        change(
            "/console/grant-requests/{id}/withdraw",
            REQUESTS_WITHDRAWN,
            post(pages::grant_requests::withdraw),
        ),
        read("/console/access", ACCESS_SEEN, get(pages::access::show)),
    ]
}

/// Grants: what they are and what becomes of them.
fn api_of_grants() -> Vec<Route> {
    let read = |path, beyond, handler| of_api("GET", path, Who::SignedIn, beyond, handler);
    let change = |path, beyond, handler| of_api("POST", path, Who::SignedIn, beyond, handler);
    vec![
        read("/api/v1/grants", GRANTS_SEEN, get(api::grants::list)),
        change("/api/v1/grants", GRANTS_MADE, post(api::grants::add)),
        change("/api/v1/grants/preview", GRANTS_PREVIEWED, post(api::grants::preview)),
        read("/api/v1/grants/{id}", GRANTS_SEEN, get(api::grants::show)),
        change("/api/v1/grants/{id}/certify", CERTIFIES, post(api::grants::certify)),
        change("/api/v1/grants/{id}/revoke", REVOKES, post(api::grants::revoke)),
        change("/api/v1/grants/{id}/narrow", REVOKES, post(api::grant_life::narrow)),
        change("/api/v1/grants/{id}/change", GRANTS_MADE, post(api::grant_life::change)),
        change("/api/v1/grants/{id}/renew", GRANTS_MADE, post(api::grant_life::renew)),
        change("/api/v1/grants/{id}/transfer", GRANTS_MADE, post(api::grant_life::transfer)),
        change("/api/v1/grants/{id}/suspend", REVOKES, post(api::grant_life::suspend)),
        change("/api/v1/grants/{id}/resume", RESUMES, post(api::grant_life::resume)),
        change("/api/v1/grants/{id}/restore", RESTORES, post(api::grant_life::restore)),
        read("/api/v1/grants/{id}/history", GRANTS_SEEN, get(api::grant_life::history)),
    ]
}

/// Requests for grants, what stands over grants, and who may call what.
fn api_of_access() -> Vec<Route> {
    let read = |path, beyond, handler| of_api("GET", path, Who::SignedIn, beyond, handler);
    let change = |path, beyond, handler| of_api("POST", path, Who::SignedIn, beyond, handler);
    vec![
        read("/api/v1/grant-requests", REQUESTS_SEEN, get(api::grant_requests::list)),
        change("/api/v1/grant-requests", REQUESTS_MADE, post(api::grant_requests::add)),
        read("/api/v1/grant-requests/{id}", REQUESTS_SEEN, get(api::grant_requests::show)),
        change(
            "/api/v1/grant-requests/{id}/preview",
            REQUESTS_PREVIEWED,
            post(api::grant_requests::preview),
        ),
        change(
            "/api/v1/grant-requests/{id}/approve",
            REQUESTS_ANSWERED,
            post(api::grant_requests::approve),
        ),
        change(
            "/api/v1/grant-requests/{id}/deny",
            REQUESTS_ANSWERED,
            post(api::grant_requests::deny),
        ),
        change(
            "/api/v1/grant-requests/{id}/withdraw",
            REQUESTS_WITHDRAWN,
            post(api::grant_requests::withdraw),
        ),
        read("/api/v1/denials", DENIALS_SEEN, get(api::denials::list)),
        change("/api/v1/denials", DENIES, post(api::denials::add)),
        change("/api/v1/denials/{id}/lift", LIFTS, post(api::denials::lift)),
        read("/api/v1/access/explain", ACCESS_SEEN, get(api::access::explain)),
        read("/api/v1/access/conflicts", "roles all; else their own", get(api::access::conflicts)),
    ]
}

const NUMBERS_SEEN: &str = "roles all; a campaign's owner their own campaigns";
const EVIDENCE_TAKEN: &str =
    "roles all; a campaign's owner their own; taking it stands in the ledger";
/// Somebody's own passkeys: the browser's answers come by forms, its questions by the API.
fn passkeys() -> Vec<Route> {
    let route = |method, door, path, beyond, handler| Route {
        method,
        path,
        door,
        who: Who::SignedIn,
        beyond,
        handler,
    };
    let page = |path, beyond, handler| route("POST", Door::Page, path, beyond, handler);
    let asked = |path, beyond, handler| route("POST", Door::Api, path, beyond, handler);
    use pages::passkeys::{add, list, name, remove, trial};
    vec![
        route("GET", Door::Page, "/console/me/passkeys", OWN_PASSKEYS, get(list)),
        page("/console/me/passkeys", PASSKEYS_ADDED, post(add)),
        page("/console/me/passkeys/trial", OWN_PASSKEYS, post(trial)),
        page("/console/me/passkeys/{id}/name", OWN_PASSKEYS, post(name)),
        page("/console/me/passkeys/{id}/remove", OWN_PASSKEYS, post(remove)),
        route("GET", Door::Api, "/api/v1/me/passkeys", OWN_PASSKEYS, get(api::passkeys::list)),
        asked(
            "/api/v1/me/passkeys/options",
            PASSKEYS_ADDED,
            post(api::passkeys::begin_registration),
        ),
        asked("/api/v1/me/passkeys/{id}/remove", OWN_PASSKEYS, post(api::passkeys::remove)),
        asked("/api/v1/me/signatures/options", SIGNED, post(api::passkeys::begin_signing)),
    ]
}

const APPROVALS_SEEN: &str =
    "roles all; else whoever may answer or did, the caller's chain, their sponsors";
const ANSWERS: &str = "people whom a demand names, never the caller, the sponsor alone (A6)";
const API_KEYS_SEEN: &str = "roles all; sponsors those of their agents";
const API_KEYS_ENDED: &str = "administrators, the agent's sponsor";
const SESSIONS_LISTED: &str = "roles all; else the chain and sponsors of its agents";
const SESSIONS_SEEN: &str =
    "as the list; owners the calls to their functions; looking stands in the ledger";
const GRANTS_SEEN: &str =
    "grants: roles all; else holders, the group, makers, sponsors, owners of a function";
const GRANTS_MADE: &str = "owners of every function, administrators; by tag administrators only";
const GRANTS_PREVIEWED: &str =
    "roles all; else owners of every function; reading recordings stands in the ledger";
const REQUESTS_PREVIEWED: &str = "roles all; else as answering, of functions that they own; reading recordings stands in the ledger";
const CERTIFIES: &str =
    "owners of every function, administrators; never for oneself, high: not the maker (R4)";
const PERSON_SEEN: &str = "administrators, auditors, themselves all; who sees a grant of theirs: name, standing, those grants";
const THEIR_OWN: &str = "their own";
const NOTICE_SEEN: &str = "roles all; else their own";
const REVIEWS_SEEN: &str = "roles all; else whoever owns it or is or was asked in it";
const ITEMS_SEEN: &str =
    "roles and the campaign's owner all; else those about which one is or was asked";
const DECIDES: &str = "people who are asked, never about what reaches themself (R4, R5)";
const UNDOES: &str = "whoever answered, in time and before their sign-off (R10)";
const HANDS_ON: &str =
    "whoever is asked, the campaign's owner, administrators; to nobody whom it reaches (R4)";
const SIGNS: &str =
    "their own decisions; the campaign's owner all; signed in within five minutes (R16)";
const EXTENDS: &str = "the campaign's owner while nothing stopped it, administrators (R9)";
const ADDS: &str = "whoever took part, the campaign's owner, administrators (R16)";
const DELEGATES: &str = "people for themselves, administrators for others";
const DELEGATES_ENDED: &str = "the person, whoever stands in, administrators";
const OWN_PASSKEYS: &str = "people their own";
const SIGNED: &str =
    "their own passkeys, in their own browser; what is signed is judged where it is sent";
const PASSKEYS_ADDED: &str = "people their own, in a browser that signed in within five minutes";
const REVOKES: &str = "owners of a function, administrators, the holder";

const RESUMES: &str =
    "owners of every function, administrators; never what reaches themself or their agent";
const RESTORES: &str = "whoever revoked it, administrators; within 15 minutes (R10)";
const REQUESTS_SEEN: &str =
    "roles all; else whoever asked, whom it is for, owners of a function of it";
const REQUESTS_MADE: &str = "for themself, or an agent whose sponsor they are";
const REQUESTS_ANSWERED: &str =
    "people who own a function of it; never who asked, the holder, the sponsor";
const REQUESTS_WITHDRAWN: &str = "whoever asked, the holder";
const DENIALS_SEEN: &str = "roles all; else whom it is of, who made it, owners of its functions";
const DENIES: &str = "administrators, owners of every function that it names or of its grant";
const LIFTS: &str = "whoever could make it; never what is denied to themself";
const ACCESS_SEEN: &str = "themselves, sponsors, owners of the function, roles";

/// Bytes of a request's body at most: a catalog of thousands of functions fits.
const BODY_BYTES_MAX: usize = 2 * 1024 * 1024;

#[cfg(test)]
mod tests;
