//! Buyers that hang, trickle, break off, or say things at the wrong time.

use std::time::Duration;

use bytes::Bytes;

use super::behaviour::{
    BROKEN, BROKEN_EARLY, Behaviour, GOOD, OVERSIZED, Role, SILENT, Step, good, head, longer_by,
    text, whole,
};
use Step::{Drip, Flood, HalfClose, Hang, ReadAll, ReadHead, ReadSome, Reset, Say};

const SECOND: Duration = Duration::from_secs(1);

/// At which stage a connection hangs.
fn hanging() -> Vec<Behaviour> {
    let silent = |name, steps: fn(Role) -> Vec<Step>| Behaviour::plain(name, SILENT, steps);
    vec![
        silent("hangs-on-accept", |_| vec![Hang]),
        silent("hangs-after-a-byte", |_| vec![ReadSome(1), Hang]),
        silent("hangs-after-the-head", |_| vec![ReadHead, Hang]),
        silent("hangs-after-the-request", |_| vec![ReadAll, Hang]),
        silent("hangs-in-the-status-line", |_| vec![ReadAll, Say(text("HTTP/1.1 20")), Hang]),
        silent("hangs-after-the-status-line", |_| {
            vec![ReadAll, Say(text("HTTP/1.1 200 OK\r\n")), Hang]
        }),
        silent("hangs-in-the-headers", |_| {
            vec![ReadAll, Say(text("HTTP/1.1 200 OK\r\ncontent-type: appl")), Hang]
        }),
        silent("hangs-after-the-headers", |role| {
            let length = format!("content-length: {}\r\n", role.answer().len());
            vec![ReadAll, Say(text(head("200 OK", &length))), Hang]
        }),
        silent("hangs-in-the-body", |role| {
            let reply = good(role);
            vec![ReadAll, Say(reply.slice(..reply.len() - 3)), Hang]
        }),
        silent("never-ends-an-unlimited-body", |role| {
            vec![ReadAll, Say(text(head("200 OK", "") + role.answer())), Hang]
        }),
        silent("never-ends-its-chunks", |role| {
            let body = role.answer();
            let chunk = format!("{:x}\r\n{body}\r\n", body.len());
            vec![
                ReadAll,
                Say(text(head("200 OK", "transfer-encoding: chunked\r\n") + &chunk)),
                Hang,
            ]
        }),
        silent("trickles-its-head", |role| vec![ReadAll, Drip(good(role), SECOND), Hang]),
        silent("trickles-its-body", |role| {
            let length = format!("content-length: {}\r\n", role.answer().len());
            let head = Say(text(head("200 OK", &length)));
            vec![ReadAll, head, Drip(text(role.answer()), SECOND), Hang]
        }),
        silent("trickles-its-chunks", |_| {
            let head = Say(text(head("200 OK", "transfer-encoding: chunked\r\n")));
            let chunks = Bytes::from("1\r\n \r\n".repeat(100));
            vec![ReadAll, head, Drip(chunks, Duration::from_millis(100)), Hang]
        }),
        silent("reads-a-byte-a-second", |_| {
            let read = |_| [ReadSome(1), Drip(Bytes::from_static(b" "), SECOND)];
            (0..10)
                .flat_map(read)
                .filter(|step| matches!(step, ReadSome(_)))
                .chain([Hang])
                .collect()
        }),
    ]
}

/// At which stage a connection breaks.
fn breaking() -> Vec<Behaviour> {
    vec![
        Behaviour::plain("closes-on-accept", BROKEN_EARLY, |_| vec![]),
        Behaviour::plain("resets-on-accept", BROKEN_EARLY, |_| vec![Reset]),
        Behaviour::plain("resets-after-a-byte", BROKEN, |_| vec![ReadSome(1), Reset]),
        Behaviour::plain("resets-after-the-head", BROKEN, |_| vec![ReadHead, Reset]),
        Behaviour::plain("resets-after-the-request", BROKEN, |_| vec![ReadAll, Reset]),
        Behaviour::plain("closes-after-the-request", BROKEN, |_| vec![ReadAll]),
        Behaviour::plain("half-closes-before-its-reply", BROKEN, |_| vec![ReadAll, HalfClose]),
        Behaviour::plain("resets-in-the-status-line", BROKEN, |_| {
            vec![ReadAll, Say(text("HTTP/1.1 2")), Reset]
        }),
        Behaviour::plain("resets-in-the-headers", BROKEN, |_| {
            vec![ReadAll, Say(text("HTTP/1.1 200 OK\r\ncontent-ty")), Reset]
        }),
        Behaviour::plain("resets-in-the-body", BROKEN, |role| {
            vec![ReadAll, Say(longer_by(role, 10)), Reset]
        }),
        Behaviour::plain("closes-in-the-body", BROKEN, |role| {
            vec![ReadAll, Say(longer_by(role, 10))]
        }),
        Behaviour::plain("closes-in-a-chunk", BROKEN, |role| {
            let chunk = format!("ff\r\n{}", role.answer());
            vec![ReadAll, Say(text(head("200 OK", "transfer-encoding: chunked\r\n") + &chunk))]
        }),
        Behaviour::plain("closes-before-the-last-chunk", BROKEN, |role| {
            let body = role.answer();
            let chunk = format!("{:x}\r\n{body}\r\n", body.len());
            vec![ReadAll, Say(text(head("200 OK", "transfer-encoding: chunked\r\n") + &chunk))]
        }),
        // What was whole before the reset may have been read, or may be gone with it.
        Behaviour::plain(
            "replies-and-resets",
            (&["bid", "malformed"], &["accepted", "unknown"]),
            |role| vec![ReadAll, Say(good(role)), Reset],
        ),
        Behaviour::plain("replies-and-half-closes", GOOD, |role| {
            vec![ReadAll, Say(good(role)), HalfClose]
        }),
        Behaviour::plain("ends-its-body-by-closing", GOOD, |role| {
            vec![ReadAll, Say(text(head("200 OK", "") + role.answer()))]
        }),
    ]
}

/// Replies before they are due, and more of them than were asked for.
fn ill_timed() -> Vec<Behaviour> {
    let early = |status: &'static str| {
        move |role: Role| {
            let reply = whole(status, "connection: close\r\n", role.answer().as_bytes());
            vec![ReadHead, Say(reply), Hang]
        }
    };
    vec![
        Behaviour::plain(
            "replies-before-the-request-is-read",
            (&["bid", "malformed", "not_sent"], &["accepted", "unknown", "not_sent"]),
            |role| vec![Say(good(role)), ReadAll, Hang],
        ),
        Behaviour::plain("replies-after-the-head", GOOD, early("200 OK")),
        Behaviour::plain(
            "refuses-the-body-early",
            (&["http_status"], &["unknown"]),
            early("413 Payload Too Large"),
        ),
        Behaviour::plain(
            "replies-early-and-resets",
            (&["bid", "malformed"], &["accepted", "unknown"]),
            |role| vec![ReadHead, Say(good(role)), Reset],
        ),
        Behaviour::plain("replies-twice", GOOD, |role| {
            vec![ReadAll, Say(Bytes::from([good(role), good(role)].concat())), Hang]
        }),
        Behaviour::plain("replies-and-talks-on", GOOD, |role| {
            vec![ReadAll, Say(good(role)), Say(text("HTTP/1.1 500 Oops\r\n\r\n{}")), Hang]
        }),
        Behaviour::plain("says-continue-without-end", SILENT, |_| {
            vec![ReadAll, Flood(Bytes::from("HTTP/1.1 100 Continue\r\n\r\n".repeat(100)))]
        }),
        Behaviour::plain("says-early-hints-without-end", SILENT, |_| {
            let hint = "HTTP/1.1 103 Early Hints\r\nlink: </a>; rel=preload\r\n\r\n";
            vec![ReadAll, Flood(Bytes::from(hint.repeat(100)))]
        }),
        Behaviour::plain("says-continue-a-hundred-times", GOOD, |role| {
            let storm = Bytes::from("HTTP/1.1 100 Continue\r\n\r\n".repeat(100));
            vec![ReadAll, Say(storm), Say(good(role)), Hang]
        }),
        Behaviour::plain("switches-protocols", BROKEN, |_| {
            let reply =
                "HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n";
            vec![ReadAll, Say(text(reply)), Hang]
        }),
    ]
}

/// Bodies without end, or of sizes that are never sent.
fn endless() -> Vec<Behaviour> {
    vec![
        Behaviour::plain("never-ends-its-body", OVERSIZED, |_| {
            vec![ReadAll, Say(text(head("200 OK", ""))), Flood(Bytes::from(vec![b' '; 65_536]))]
        }),
        Behaviour::plain("sends-chunks-without-end", OVERSIZED, |_| {
            let chunk = format!("10000\r\n{}\r\n", " ".repeat(65_536));
            let head = Say(text(head("200 OK", "transfer-encoding: chunked\r\n")));
            vec![ReadAll, head, Flood(Bytes::from(chunk))]
        }),
        Behaviour::plain("announces-ten-gigabytes", OVERSIZED, |_| {
            let head = Say(text(head("200 OK", "content-length: 10737418240\r\n")));
            vec![ReadAll, head, Flood(Bytes::from(vec![b'0'; 65_536]))]
        }),
        Behaviour::plain("announces-ten-gigabytes-and-hangs", OVERSIZED, |_| {
            vec![ReadAll, Say(text(head("200 OK", "content-length: 10737418240\r\n"))), Hang]
        }),
        Behaviour::plain("sends-a-megabyte", OVERSIZED, |_| {
            let body = format!(r#"{{"reason":"{}"}}"#, "x".repeat(1 << 20));
            vec![ReadAll, Say(whole("200 OK", "", body.as_bytes())), Hang]
        }),
    ]
}

pub fn behaviours() -> Vec<Behaviour> {
    [hanging(), breaking(), ill_timed(), endless()].into_iter().flatten().collect()
}
