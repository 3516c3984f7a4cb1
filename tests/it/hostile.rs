//! Clients that mean harm or know no better, by the hundred, while an honest one goes on.

use std::time::Duration;

use gavel::demo::stub_buyer::{Reply, Script};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::support::{Installation, PATIENCE, buyer, exchange, lead};

/// Connections of each kind: 540 that hold on, and some that keep the server busy.
const CONNECTIONS: [(Harm, usize); 5] = [
    (Harm::Silent, 180),
    (Harm::Slow, 180),
    (Harm::HalfABody, 180),
    (Harm::Junk, 40),
    (Harm::Pipelined, 20),
];

/// Requests that come at once on one connection.
const PIPELINED: usize = 20;

/// How long the honest client waits at most, beyond what its sale takes.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Harm {
    /// Connects and says nothing.
    Silent,
    /// Says one byte of its headers at a time, as long as it is listened to.
    Slow,
    /// Says a whole head with a good key and then half a body.
    HalfABody,
    /// Many requests at once, and then what is no request.
    Junk,
    /// Many requests at once, whose answers it never reads before it is done.
    Pipelined,
}

/// Does its harm until the server ends the connection; what the server said.
async fn harm(kind: Harm, address: String, key: String) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    match kind {
        Harm::Silent => {}
        Harm::Slow => {
            let (mut reader, mut writer) = stream.into_split();
            let trickle = async move {
                let mut ticks = tokio::time::interval(Duration::from_millis(100));
                for byte in
                    b"GET /livez HTTP/1.1\r\nx-slow: ".iter().chain(std::iter::repeat(&b'a'))
                {
                    ticks.tick().await;
                    if writer.write_all(&[*byte]).await.is_err() {
                        return;
                    }
                }
            };
            let mut answer = Vec::new();
            tokio::select! {
                () = trickle => {}
                read = reader.read_to_end(&mut answer) => drop(read),
            }
            return String::from_utf8_lossy(&answer).into_owned();
        }
        Harm::HalfABody => {
            let head = format!(
                "POST /v1/leads HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\n\
                 content-type: application/json\r\ncontent-length: 4000\r\n\r\n{{\"vertical\":"
            );
            stream.write_all(head.as_bytes()).await.unwrap();
        }
        Harm::Junk => {
            let mut bytes = "GET /livez HTTP/1.1\r\nhost: x\r\n\r\n".repeat(5).into_bytes();
            bytes.extend(b"\x00\xffGARBAGE / \r\n\r\n\r\nHTTP/9.9 what\r\n\r\n");
            // The server may have ended the connection before all of it was written.
            drop(stream.write_all(&bytes).await);
        }
        Harm::Pipelined => {
            let many = "GET /v1/specs HTTP/1.1\r\nhost: x\r\n\r\n".repeat(PIPELINED);
            let last = "GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
            stream.write_all(format!("{many}{last}").as_bytes()).await.unwrap();
        }
    }
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer).await);
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn hundreds_of_bad_connections_end_and_an_honest_vendor_sells_meanwhile() {
    let life_co = buyer(Script::always(Reply::bid("8.00"))).await;
    let gavel = Installation::start(&[("body_timeout_ms", "5000")]).await;
    gavel.apply(&exchange(&[("life-co", &life_co, "")], ""));
    let vendor = gavel.key("vendor", "acme", &[]);
    let address = gavel.url("").trim_start_matches("http://").to_owned();
    let mut bad = JoinSet::new();
    for (kind, count) in CONNECTIONS {
        for _ in 0..count {
            let harm = harm(kind, address.clone(), vendor.clone());
            bad.spawn(async move { (kind, harm.await) });
        }
    }

    for number in 0..12 {
        let began = Instant::now();
        let answer = gavel.post_json("/v1/leads", &vendor, &lead(number)).await;
        assert_eq!(answer.text("/disposition"), "sold", "{answer:?}");
        assert!(began.elapsed() < ANSWER_WITHIN, "lead {number}: {:?}", began.elapsed());
    }

    let answers = tokio::time::timeout(PATIENCE, bad.join_all()).await;
    for (kind, answer) in answers.expect("the server ends every one of them") {
        let statuses: Vec<&str> =
            answer.split("HTTP/1.1 ").skip(1).map(|part| &part[..3]).collect();
        match kind {
            Harm::Silent | Harm::Slow => {
                assert!(statuses.iter().all(|status| *status == "408"), "{kind:?} {statuses:?}");
            }
            Harm::HalfABody => assert_eq!(statuses, ["408"], "{answer}"),
            // What was understood before is answered; the rest is not.
            Harm::Junk => {
                let (last, before) = statuses.split_last().expect("an answer");
                assert!(before.iter().all(|status| *status == "200"), "{statuses:?}");
                assert!(["200", "400"].contains(last), "{statuses:?}");
            }
            Harm::Pipelined => assert_eq!(statuses, vec!["200"; PIPELINED + 1]),
        }
    }
    assert_eq!(gavel.get("/livez", &vendor).await.status, 200);
}
