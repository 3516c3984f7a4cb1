//! Buyers whose HTTP/1.1 is not HTTP/1.1: lengths, chunks, heads, statuses, other protocols.

use bytes::Bytes;

use super::behaviour::{BROKEN, Behaviour, Expect, GOOD, Role, Step, good, head, text, whole};
use Step::{Flood, Hang, ReadAll, Say};

/// A good body under a head with these lines about its length.
fn framed(name: &'static str, expect: (Expect, Expect), lines: &'static str) -> Behaviour {
    Behaviour::answers(name, expect, move |role| {
        let length = role.answer().len().to_string();
        text(head("200 OK", &lines.replace("LENGTH", &length)) + role.answer())
    })
}

/// A chunked body.
fn chunked(name: &'static str, expect: (Expect, Expect), body: fn(Role) -> String) -> Behaviour {
    Behaviour::answers(name, expect, move |role| {
        text(head("200 OK", "transfer-encoding: chunked\r\n") + &body(role))
    })
}

/// A reply that is neither clearly one thing nor another must never become another's.
const UNCLEAR: (Expect, Expect) = (&["bid", "malformed", "timeout"], &["accepted", "unknown"]);

fn lengths() -> Vec<Behaviour> {
    vec![
        framed("length-too-short", (&["malformed"], &["unknown"]), "content-length: 5\r\n"),
        framed("length-negative", BROKEN, "content-length: -1\r\n"),
        framed("length-no-number", BROKEN, "content-length: many\r\n"),
        framed("length-with-a-plus", BROKEN, "content-length: +LENGTH\r\n"),
        framed("length-overflows", BROKEN, "content-length: 99999999999999999999\r\n"),
        framed("two-lengths", BROKEN, "content-length: LENGTH\r\ncontent-length: 3\r\n"),
        framed("two-lengths-in-a-list", BROKEN, "content-length: LENGTH, 3\r\n"),
        framed(
            "length-and-chunks",
            UNCLEAR_BROKEN,
            "content-length: LENGTH\r\ntransfer-encoding: chunked\r\n",
        ),
        framed("chunked-twice", UNCLEAR_BROKEN, "transfer-encoding: chunked, chunked\r\n"),
        framed("chunked-misspelt", UNCLEAR, "transfer-encoding: xchunked\r\n"),
        framed("chunked-not-last", UNCLEAR, "transfer-encoding: chunked, identity\r\n"),
    ]
}

/// A body that cannot be read as its head says.
const UNCLEAR_BROKEN: (Expect, Expect) = (&["malformed", "timeout"], &["unknown"]);

fn chunks() -> Vec<Behaviour> {
    vec![
        chunked("chunk-size-overflows", BROKEN, |role| {
            format!("ffffffffffffffffff\r\n{}\r\n0\r\n\r\n", role.answer())
        }),
        chunked("chunk-size-negative", BROKEN, |role| {
            format!("-5\r\n{}\r\n0\r\n\r\n", role.answer())
        }),
        chunked("chunk-size-missing", BROKEN, |role| format!("\r\n{}\r\n0\r\n\r\n", role.answer())),
        chunked("chunk-without-its-end", BROKEN, |role| {
            format!("{:x}\r\n{}0\r\n\r\n", role.answer().len(), role.answer())
        }),
        chunked("chunk-with-an-endless-extension", BROKEN, |_| {
            format!("1;{}\r\nx\r\n0\r\n\r\n", "x".repeat(1 << 20))
        }),
        chunked("trailers-without-end", UNCLEAR, |role| {
            let trailers = "x-trailer: 0123456789\r\n".repeat(50_000);
            format!("{:x}\r\n{}\r\n0\r\n{trailers}\r\n", role.answer().len(), role.answer())
        }),
        chunked("one-byte-chunks", GOOD, |role| {
            let byte = |byte: char| format!("1\r\n{byte}\r\n");
            role.answer().chars().map(byte).chain(["0\r\n\r\n".to_owned()]).collect()
        }),
    ]
}

fn heads() -> Vec<Behaviour> {
    let lines = |name, expect, lines: fn() -> String| {
        Behaviour::answers(name, expect, move |role: Role| {
            whole("200 OK", &lines(), role.answer().as_bytes())
        })
    };
    vec![
        lines("ten-thousand-headers", BROKEN, || "x-header: 1\r\n".repeat(10_000)),
        lines("a-header-of-a-megabyte", BROKEN, || format!("x: {}\r\n", "x".repeat(1 << 20))),
        lines("a-header-name-of-a-megabyte", BROKEN, || format!("{}: x\r\n", "x".repeat(1 << 20))),
        lines("a-header-with-a-nul", BROKEN, || "x-header: a\0b\r\n".to_owned()),
        lines("a-header-without-a-name", BROKEN, || ": value\r\n".to_owned()),
        lines("a-header-with-a-space-before-its-colon", UNCLEAR, || "x-header : 1\r\n".to_owned()),
        lines("a-folded-header", UNCLEAR, || "x-header: 1\r\n 2\r\n".to_owned()),
        lines("a-header-that-is-no-text", GOOD, || "x-header: \u{ff}\u{fe}\r\n".to_owned()),
        Behaviour::plain("headers-without-end", BROKEN, |_| {
            let start = Say(text("HTTP/1.1 200 OK\r\n"));
            vec![ReadAll, start, Flood(Bytes::from("x-header: 0123456789\r\n".repeat(1_000)))]
        }),
        Behaviour::answers("only-line-feeds", UNCLEAR, |role| {
            let length = role.answer().len();
            text(format!("HTTP/1.1 200 OK\ncontent-length: {length}\n\n{}", role.answer()))
        }),
    ]
}

fn statuses() -> Vec<Behaviour> {
    let status = |name, expect, status: &'static str, lines: &'static str| {
        Behaviour::answers(name, expect, move |role: Role| {
            whole(status, lines, role.answer().as_bytes())
        })
    };
    const REDIRECT: (Expect, Expect) = (&["redirect"], &["accepted", "unknown"]);
    vec![
        status("status-999", (&["http_status", "malformed"], &["unknown"]), "999 Odd", ""),
        status("status-000", BROKEN, "000 None", ""),
        status("status-in-letters", BROKEN, "OK fine", ""),
        status("status-of-two-digits", BROKEN, "20 OK", ""),
        status("status-500", (&["http_status"], &["unknown"]), "500 Oops", ""),
        status("status-404", (&["http_status"], &["unknown"]), "404 Not Found", ""),
        status(
            "status-429",
            (&["http_status"], &["unknown"]),
            "429 Slow Down",
            "retry-after: 1\r\n",
        ),
        status(
            "redirects-to-the-metadata-service",
            REDIRECT,
            "302 Found",
            "location: http://169.254.169.254/latest/meta-data/\r\n",
        ),
        status("redirects-to-itself", REDIRECT, "307 Temporary Redirect", "location: /\r\n"),
        status("redirects-for-ever", REDIRECT, "308 Permanent Redirect", "location: \r\n"),
        Behaviour::answers("no-content-with-a-body", (&["declined"], &["unknown"]), |role| {
            text(head("204 No Content", "") + role.answer())
        }),
    ]
}

fn other_protocols() -> Vec<Behaviour> {
    let says = |name, said: fn() -> Bytes| {
        Behaviour::plain(name, BROKEN, move |_| vec![ReadAll, Say(said()), Hang])
    };
    vec![
        Behaviour::answers("http-1-0", GOOD, |role| {
            let (length, body) = (role.answer().len(), role.answer());
            text(format!("HTTP/1.0 200 OK\r\ncontent-length: {length}\r\n\r\n{body}"))
        }),
        Behaviour::plain("http-0-9", BROKEN, |role| vec![ReadAll, Say(text(role.answer()))]),
        says("http-3-0", || text("HTTP/3.0 200 OK\r\ncontent-length: 2\r\n\r\n{}")),
        says("speaks-http-2-unasked", || {
            Bytes::from_static(b"\0\0\0\x04\0\0\0\0\0\0\0\x01\x01\x05\0\0\0\x01\x88")
        }),
        says("speaks-ssh", || text("SSH-2.0-OpenSSH_9.9\r\n")),
        says("speaks-smtp", || text("220 mail.example ESMTP\r\n")),
        says("speaks-tls", || Bytes::from_static(b"\x15\x03\x03\0\x02\x02\x28")),
        says("sends-nuls", || Bytes::from(vec![0; 4_096])),
        says("sends-noise", || {
            let mut state = 0x9e37_79b9_u32;
            let mut next = || {
                state ^= state << 13;
                state ^= state >> 17;
                state ^= state << 5;
                state.to_le_bytes()[0]
            };
            (0..65_536).map(|_| next()).collect()
        }),
        Behaviour::plain("a-blank-line-first", UNCLEAR, |role| {
            vec![ReadAll, Say(text("\r\n")), Say(good(role)), Hang]
        }),
    ]
}

pub fn behaviours() -> Vec<Behaviour> {
    [lengths(), chunks(), heads(), statuses(), other_protocols()].into_iter().flatten().collect()
}
