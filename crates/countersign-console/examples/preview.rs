//! Serves every page with made-up content, to look at it: `cargo run -p countersign-console --example
//! preview [PORT]`. Nothing here is part of the product.
#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a tool for whoever works on the pages"
)]

use axum::{Router, extract::Path, response::Html, routing::get};
use countersign_console::{sample_assets, sample_pages};
use std::collections::BTreeMap;

#[tokio::main]
async fn main() {
    let port: u16 = std::env::args().nth(1).and_then(|it| it.parse().ok()).unwrap_or(0);
    let pages: BTreeMap<String, String> = sample_pages().into_iter().collect();
    let list: String = pages
        .keys()
        .map(|name| format!("<li><a href=\"/sample/{name}\">{name}</a></li>"))
        .collect();
    let shown = pages.clone();
    let router = Router::new()
        .route("/", get(move || async move { Html(format!("<ul>{list}</ul>")) }))
        .route(
            "/sample/{name}",
            get(move |Path(name): Path<String>| async move {
                Html(shown.get(&name).cloned().unwrap_or_default())
            }),
        )
        .merge(sample_assets());
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.expect("a free port");
    println!("http://{}", listener.local_addr().expect("an address"));
    for name in pages.keys() {
        println!("{name}");
    }
    axum::serve(listener, router).await.expect("a server");
}
