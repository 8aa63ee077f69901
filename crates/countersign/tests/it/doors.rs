//! Which door of the one port a request comes to, where it says two things about it.

use crate::lab::{Process, World};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_names_two_hosts_is_no_page() {
    let world = World::new().await;
    let process = Process::start(&world).await;
    let rows = [
        ("GET /console/sign-in", "host: gateway.test\r\n", "200"),
        ("GET /console/sign-in", "host: gateway.test\r\nhost: gateway.test\r\n", "400"),
        ("GET http://gateway.test/console/sign-in", "host: gateway.test\r\n", "200"),
        ("GET http://gateway.test/console/sign-in", "host: other.test\r\n", "400"),
        ("GET /healthz", "host: gateway.test\r\nhost: other.test\r\n", "400"),
    ];
    for (line, hosts, expect) in rows {
        let mut stream = TcpStream::connect(process.address).await.unwrap();
        let said = format!("{line} HTTP/1.1\r\n{hosts}connection: close\r\n\r\n");
        stream.write_all(said.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {expect} ")), "{line} {hosts}: {answer}");
    }
    process.stop().await;
}
