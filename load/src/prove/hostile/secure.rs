//! Buyers whose TLS or HTTP/2 is broken, stalled, or turned against the client.

use std::time::Duration;

use bytes::Bytes;

use super::behaviour::{
    BROKEN, Behaviour, Expect, GOOD, OVERSIZED, Role, SILENT, Step, Transport, UNREACHED, good,
    longer_by, text,
};
use Step::{Drip, Flood, Hang, ReadAll, ReadSome, ReadStream, Reset, Say};

/// A ping's time is over before the handshake's is.
const STALLED: (Expect, Expect) = (&["not_sent", "timeout"], &["not_sent"]);

fn handshakes() -> Vec<Behaviour> {
    let bare = |name, expect, script: fn(Role) -> Vec<Step>| {
        Behaviour::over(Transport::BareTls, name, expect, script)
    };
    let whole = |_: Role| vec![ReadAll, Say(good(Role::Ping)), Hang];
    vec![
        Behaviour::over(Transport::TlsExpired, "tls-certificate-expired", UNREACHED, whole),
        Behaviour::over(Transport::TlsWrongName, "tls-certificate-of-another", UNREACHED, whole),
        Behaviour::over(Transport::TlsSelfSigned, "tls-certificate-self-signed", UNREACHED, whole),
        bare("tls-never-answers", STALLED, |_| vec![ReadAll, Hang]).may_refuse(),
        bare("tls-hangs-in-the-handshake", STALLED, |_| {
            vec![ReadSome(32), Say(Bytes::from_static(b"\x16\x03\x03\x40\0\x02\0\0")), Hang]
        })
        .may_refuse(),
        bare("tls-trickles-its-handshake", STALLED, |_| {
            let record = Bytes::from_static(b"\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03");
            vec![ReadSome(32), Drip(record, Duration::from_secs(1)), Hang]
        })
        .may_refuse(),
        bare("tls-closes-in-the-handshake", UNREACHED, |_| vec![ReadSome(32)]).may_refuse(),
        bare("tls-resets-in-the-handshake", UNREACHED, |_| vec![ReadSome(32), Reset]).may_refuse(),
        // protocol_version, as a server of TLS 1.0 and 1.1 answers.
        bare("tls-too-old", UNREACHED, |_| {
            vec![ReadSome(32), Say(Bytes::from_static(b"\x15\x03\x01\0\x02\x02\x46"))]
        })
        .may_refuse(),
        // A server hello that settles on TLS 1.0.
        bare("tls-hello-of-1-0", UNREACHED, |_| {
            let mut hello = b"\x16\x03\x01\0\x2a\x02\0\0\x26\x03\x01".to_vec();
            hello.extend([7; 32]);
            hello.extend(b"\0\0\x2f\0");
            vec![ReadSome(32), Say(hello.into()), Hang]
        })
        .may_refuse(),
        bare("tls-is-http", UNREACHED, |role| vec![ReadSome(32), Say(good(role)), Hang])
            .may_refuse(),
        bare("tls-is-noise", UNREACHED, |_| {
            vec![ReadSome(32), Flood(Bytes::from(vec![0xa5; 16_384]))]
        })
        .may_refuse(),
    ]
}

fn sessions() -> Vec<Behaviour> {
    let tls = |name, expect, script: fn(Role) -> Vec<Step>| {
        Behaviour::over(Transport::Tls, name, expect, script)
    };
    vec![
        tls("tls-good", GOOD, |role| vec![ReadAll, Say(good(role)), Hang]),
        tls("tls-hangs-after-the-handshake", SILENT, |_| vec![Hang]),
        tls("tls-hangs-after-the-request", SILENT, |_| vec![ReadAll, Hang]),
        tls("tls-resets-after-the-request", BROKEN, |_| vec![ReadAll, Reset]),
        tls("tls-cut-in-the-body", BROKEN, |role| vec![ReadAll, Say(longer_by(role, 5)), Reset]),
        tls("tls-closed-in-the-body", BROKEN, |role| vec![ReadAll, Say(longer_by(role, 5))]),
        tls("tls-never-ends-its-body", OVERSIZED, |_| {
            let head = "HTTP/1.1 200 OK\r\n\r\n";
            vec![ReadAll, Say(text(head)), Flood(Bytes::from(vec![b' '; 16_384]))]
        }),
        tls("tls-speaks-http-2-unasked", BROKEN, |_| {
            vec![ReadAll, Say(frame(SETTINGS, 0, 0, &[])), Hang]
        }),
    ]
}

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PUSH_PROMISE: u8 = 5;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// One HTTP/2 frame (RFC 9113, 4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Bytes {
    let length = u32::try_from(payload.len()).expect("frames of tests are short").to_be_bytes();
    let mut bytes = vec![length[1], length[2], length[3], kind, flags];
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes.into()
}

fn frames(all: &[Bytes]) -> Bytes {
    Bytes::from(all.concat())
}

/// The client's only request is stream 1. `:status 200` is entry 8 of the static table.
fn reply(role: Role, end: u8) -> Bytes {
    let body = frame(DATA, end, 1, role.answer().as_bytes());
    frames(&[frame(HEADERS, END_HEADERS, 1, &[0x88]), body])
}

fn settings(entries: &[(u16, u32)]) -> Bytes {
    let entry = |(id, value): &(u16, u32)| [&id.to_be_bytes()[..], &value.to_be_bytes()].concat();
    frame(SETTINGS, 0, 0, &entries.iter().flat_map(entry).collect::<Vec<u8>>())
}

fn goaway(last_stream: u32, error: u32) -> Bytes {
    frame(GOAWAY, 0, 0, &[last_stream.to_be_bytes(), error.to_be_bytes()].concat())
}

fn reset(stream: u32, error: u32) -> Bytes {
    frame(RST_STREAM, 0, stream, &error.to_be_bytes())
}

/// HTTP/2 after the handshake: settings first, then, once the request is there, these frames.
fn http2(
    name: &'static str,
    expect: (Expect, Expect),
    said: impl Fn(Role) -> Vec<Step> + Send + Sync + 'static,
) -> Behaviour {
    Behaviour::over(Transport::TlsHttp2, name, expect, move |role| {
        let acknowledged = frame(SETTINGS, 1, 0, &[]);
        let mut steps = vec![Say(settings(&[])), ReadAll, Say(acknowledged)];
        steps.extend(said(role));
        steps
    })
}

/// The connection breaks, or is never heard of again.
const EITHER: (Expect, Expect) = (&["malformed", "not_sent", "timeout"], &["unknown", "not_sent"]);

/// HTTP/2 with frames of its own from the start.
fn unheard(name: &'static str, said: fn(Role) -> Vec<Step>) -> Behaviour {
    Behaviour::over(Transport::TlsHttp2, name, EITHER, said)
}

fn streams() -> Vec<Behaviour> {
    vec![
        http2("http-2-good", GOOD, |role| vec![Say(reply(role, END_STREAM)), Hang]),
        http2("http-2-hangs", SILENT, |_| vec![Hang]),
        http2("http-2-hangs-in-the-body", SILENT, |role| vec![Say(reply(role, 0)), Hang]),
        // Each of the three tries comes as a stream of its own.
        http2("http-2-refuses-every-stream", UNREACHED, |_| {
            vec![
                Say(reset(1, 7)),
                ReadStream(3),
                Say(reset(3, 7)),
                ReadStream(5),
                Say(reset(5, 7)),
                Hang,
            ]
        })
        .may_refuse(),
        http2("http-2-cancels-the-stream", BROKEN, |_| vec![Say(reset(1, 8)), Hang]),
        http2("http-2-storms-with-resets", EITHER, |_| {
            vec![Flood(Bytes::from(reset(1, 2).repeat(1_000)))]
        }),
        http2("http-2-goes-away-before-it", UNREACHED, |_| vec![Say(goaway(0, 0)), Hang])
            .may_refuse(),
        http2("http-2-goes-away-after-it", SILENT, |_| vec![Say(goaway(1, 0)), Hang]),
        http2("http-2-goes-away-in-anger", BROKEN, |_| vec![Say(goaway(1, 2))]),
        http2("http-2-closes", BROKEN, |_| vec![]),
        unheard("http-2-gives-no-window", |_| {
            vec![Say(settings(&[(4, 0)])), ReadAll, Say(frame(SETTINGS, 1, 0, &[])), Hang]
        })
        .may_refuse(),
        unheard("http-2-allows-no-streams", |_| {
            vec![Say(settings(&[(3, 0)])), ReadAll, Say(frame(SETTINGS, 1, 0, &[])), Hang]
        })
        .may_refuse(),
        unheard("http-2-floods-with-settings", |_| {
            vec![ReadAll, Flood(Bytes::from(settings(&[(4, 65_535)]).repeat(1_000)))]
        })
        .may_refuse(),
    ]
}

fn frames_of_their_own() -> Vec<Behaviour> {
    const OVERRUN: (Expect, Expect) = (&["oversized", "malformed", "timeout"], &["unknown"]);
    vec![
        http2("http-2-floods-with-pings", EITHER, |_| {
            vec![Flood(Bytes::from(frame(PING, 0, 0, &[0; 8]).repeat(1_000)))]
        }),
        http2("http-2-floods-with-empty-data", EITHER, |_| {
            let start = frame(HEADERS, END_HEADERS, 1, &[0x88]);
            vec![Say(start), Flood(Bytes::from(frame(DATA, 0, 1, &[]).repeat(1_000)))]
        }),
        http2("http-2-headers-without-end", EITHER, |_| {
            let more = frame(CONTINUATION, 0, 1, &[0x88; 8_192]);
            vec![Say(frame(HEADERS, 0, 1, &[0x88])), Flood(more)]
        }),
        http2("http-2-overruns-the-window", OVERRUN, |_| {
            let start = frame(HEADERS, END_HEADERS, 1, &[0x88]);
            vec![Say(start), Flood(frame(DATA, 0, 1, &[b' '; 16_384]))]
        }),
        http2("http-2-window-overflows", EITHER, |_| {
            let most = 0x7fff_ffff_u32.to_be_bytes();
            vec![Flood(Bytes::from(frame(WINDOW_UPDATE, 0, 1, &most).repeat(10)))]
        }),
        http2("http-2-pushes", EITHER, |_| {
            vec![Say(frame(PUSH_PROMISE, END_HEADERS, 1, &[0, 0, 0, 2, 0x82])), Hang]
        }),
        http2("http-2-answers-another-stream", EITHER, |_| {
            vec![Say(frame(HEADERS, END_HEADERS | END_STREAM, 9, &[0x88])), Hang]
        }),
        http2("http-2-frame-too-large", EITHER, |_| {
            vec![Say(Bytes::from_static(b"\xff\xff\xff\0\0\0\0\0\x01")), Hang]
        }),
        http2("http-2-compression-broken", EITHER, |_| {
            vec![Say(frame(HEADERS, END_HEADERS | END_STREAM, 1, &[0xff; 64])), Hang]
        }),
        unheard("http-2-agreed-but-http-1-spoken", |role| vec![ReadAll, Say(good(role)), Hang])
            .may_refuse(),
        unheard("http-2-resets-the-connection", |_| vec![ReadAll, Reset]).may_refuse(),
    ]
}

pub fn behaviours() -> Vec<Behaviour> {
    [handshakes(), sessions(), streams(), frames_of_their_own()].into_iter().flatten().collect()
}
