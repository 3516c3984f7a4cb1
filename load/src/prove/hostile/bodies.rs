//! Buyers whose answers arrive well and say something that no answer may say.

use super::behaviour::{Behaviour, Expect, GOOD, OVERSIZED, Role, UNREADABLE, whole};

/// 64 MiB of zeros as brotli.
const BROTLI_BOMB: &str = "cbffff3f002400e2b14072effff8ffff078004401c1680eefd1fffffff00900088c302d0bdffe3ffff1f001200715800baf77ffcffff034002200e0b40f7fe8fffff7f004800c46101e8defff1ffff0f000980382c00ddfb3ffeffff012001108705a07bff37";

/// A whole 200 with this body, by role.
fn says(
    name: &'static str,
    (ping, post): (Expect, Expect),
    ping_body: impl Fn() -> Vec<u8> + Send + Sync + 'static,
    post_body: impl Fn() -> Vec<u8> + Send + Sync + 'static,
) -> Behaviour {
    Behaviour::answers(name, (ping, post), move |role| {
        let body = match role {
            Role::Ping => ping_body(),
            Role::Post => post_body(),
        };
        whole("200 OK", "", &body)
    })
}

/// The same body for both roles, made of the role's good one.
fn twists(
    name: &'static str,
    expect: (Expect, Expect),
    twist: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static,
) -> Behaviour {
    Behaviour::answers(name, expect, move |role| whole("200 OK", "", &twist(role.answer())))
}

fn encodings() -> Vec<Behaviour> {
    const COMPRESSED: (Expect, Expect) = (&["compressed"], &["unknown"]);
    let coded = |name, coding: &'static str, bomb: fn() -> Vec<u8>| {
        Behaviour::answers(name, COMPRESSED, move |_| {
            whole("200 OK", &format!("content-encoding: {coding}\r\n"), &bomb())
        })
    };
    vec![
        coded("gzip-bomb", "gzip", gzip_bomb),
        coded("deflate-bomb", "deflate", || gzip_bomb()[10..].to_vec()),
        coded("brotli-bomb", "br", brotli_bomb),
        coded("codings-in-a-list", "gzip, br", gzip_bomb),
        coded("an-unknown-coding", "x-rot13", || b"{}".to_vec()),
        twists("a-gzip-bomb-that-does-not-say-so", UNREADABLE, |_| gzip_bomb()),
    ]
}

fn texts() -> Vec<Behaviour> {
    vec![
        twists("json-arrays-nested-deeply", UNREADABLE, |_| b"[".repeat(60_000)),
        twists("json-objects-nested-deeply", UNREADABLE, |_| br#"{"a":"#.repeat(12_000)),
        // What nobody asked for is passed over, however deep it is.
        twists("a-good-answer-with-depth", GOOD, |good| {
            let deep = format!("{}{}", "[".repeat(25_000), "]".repeat(25_000));
            good.replacen('{', &format!("{{\"x\":{deep},"), 1).into_bytes()
        }),
        twists("json-with-a-hundred-thousand-keys", OVERSIZED, |_| {
            let keys: Vec<String> = (0..100_000).map(|n| format!("\"k{n}\":{n}")).collect();
            format!("{{{}}}", keys.join(",")).into_bytes()
        }),
        twists("utf-8-broken", UNREADABLE, |_| b"{\"bid\":{\"price\":\"\xff\xfe\"}}".to_vec()),
        twists("utf-8-broken-in-a-key", UNREADABLE, |_| b"{\"\xc3\x28\":1}".to_vec()),
        twists("utf-16", UNREADABLE, |good| {
            good.encode_utf16().flat_map(u16::to_le_bytes).collect()
        }),
        twists("a-byte-order-mark", UNREADABLE, |good| [b"\xef\xbb\xbf", good.as_bytes()].concat()),
        twists("garbage-after-the-answer", UNREADABLE, |good| {
            format!("{good} and so on").into_bytes()
        }),
        twists("two-answers-in-one-body", UNREADABLE, |good| format!("{good}{good}").into_bytes()),
        twists("nuls-after-the-answer", UNREADABLE, |good| format!("{good}\0\0").into_bytes()),
        twists("an-answer-cut-short", UNREADABLE, |good| {
            good.as_bytes()[..good.len() - 1].to_vec()
        }),
        twists("html", UNREADABLE, |_| b"<html><body>Thank you!</body></html>".to_vec()),
        twists("an-array", UNREADABLE, |good| format!("[{good}]").into_bytes()),
        twists("a-number", UNREADABLE, |_| b"42".to_vec()),
        twists("null", UNREADABLE, |_| b"null".to_vec()),
        twists("no-body", (&["empty"], &["unknown"]), |_| Vec::new()),
        twists("blanks", (&["empty"], &["unknown"]), |_| b" \r\n\t".repeat(1_000)),
        twists("an-answer-among-blanks", GOOD, |good| {
            format!("{}{good}\n", " ".repeat(60_000)).into_bytes()
        }),
    ]
}

/// One bid whose price stands as given.
fn priced(price: &str) -> Vec<u8> {
    format!(r#"{{"bid":{{"price":{price}}}}}"#).into_bytes()
}

fn prices() -> Vec<Behaviour> {
    const INVALID: Expect = &["invalid_price"];
    // An acceptance whose price is odd is an acceptance: the price is the bid's, never another.
    let price = |name, expect: Expect, ping: &'static str| {
        says(
            name,
            (expect, &["accepted"]),
            move || priced(ping),
            move || format!(r#"{{"result":"accepted","price":{}}}"#, ping).into_bytes(),
        )
    };
    vec![
        says(
            "price-nan",
            (UNREADABLE.0, &["unknown"]),
            || priced("NaN"),
            || br#"{"result":"accepted","price":NaN}"#.to_vec(),
        ),
        price("price-nan-as-a-text", INVALID, "\"NaN\""),
        price("price-infinite", INVALID, "\"Infinity\""),
        price("price-negative", INVALID, "-5"),
        price("price-negative-as-a-text", INVALID, "\"-5.00\""),
        price("price-zero", INVALID, "0"),
        price("price-of-five-decimals", INVALID, "\"12.34567\""),
        price("price-with-an-exponent", INVALID, "1e2"),
        price("price-absurd", INVALID, "\"99999999999999999999.00\""),
        price("price-above-every-limit", INVALID, "\"100000.01\""),
        price("price-with-a-currency-sign", INVALID, "\"$12.00\""),
        price("price-an-object", INVALID, "{\"amount\":\"5.00\"}"),
        price("price-null", INVALID, "null"),
        price("price-true", INVALID, "true"),
        says(
            "price-of-ten-thousand-digits",
            (INVALID, &["accepted"]),
            || priced(&"9".repeat(10_000)),
            || format!(r#"{{"result":"accepted","price":{}}}"#, "9".repeat(10_000)).into_bytes(),
        ),
        says(
            "another-currency",
            (&["other_currency"], &["accepted"]),
            || br#"{"bid":{"price":"50.00","currency":"EUR"}}"#.to_vec(),
            || br#"{"result":"accepted","currency":"EUR"}"#.to_vec(),
        ),
        says(
            "seats-nobody-offers",
            (&["seats_not_offered"], &["accepted"]),
            || br#"{"bid":{"price":"50.00","seats":"shared","max_shared":3}}"#.to_vec(),
            || br#"{"result":"accepted","seats":"shared"}"#.to_vec(),
        ),
    ]
}

fn contents() -> Vec<Behaviour> {
    let huge = || "x".repeat(50_000);
    vec![
        says(
            "a-key-twice",
            UNREADABLE,
            || br#"{"bid":{"price":"50.00"},"bid":{"price":"1.00"}}"#.to_vec(),
            || br#"{"result":"accepted","result":"rejected"}"#.to_vec(),
        ),
        says(
            "an-inner-key-twice",
            (UNREADABLE.0, &["unknown"]),
            || br#"{"bid":{"price":"50.00","price":"1.00"}}"#.to_vec(),
            || br#"{"result":"accepted","buyer_lead_id":"a","buyer_lead_id":"b"}"#.to_vec(),
        ),
        says(
            "bids-once-and-several-times",
            UNREADABLE,
            || br#"{"bid":{"price":"50.00"},"bids":[{"price":"49.00"}]}"#.to_vec(),
            || br#"{"result":["accepted","rejected"]}"#.to_vec(),
        ),
        says(
            "bids-a-thousand-times",
            UNREADABLE,
            || {
                format!(r#"{{"bids":[{}]}}"#, [r#"{"price":"50.00"}"#; 1_000].join(","))
                    .into_bytes()
            },
            || format!(r#"{{"results":[{}]}}"#, [r#""accepted""#; 1_000].join(",")).into_bytes(),
        ),
        says(
            "texts-of-the-wrong-kind",
            UNREADABLE,
            || br#"{"bid":{"price":"50.00","ref":7}}"#.to_vec(),
            || br#"{"result":"accepted","buyer_lead_id":7}"#.to_vec(),
        ),
        says(
            "texts-too-long",
            (UNREADABLE.0, &["accepted"]),
            move || format!(r#"{{"bid":{{"price":"50.00","ref":"{}"}}}}"#, huge()).into_bytes(),
            move || format!(r#"{{"result":"accepted","buyer_lead_id":"{}"}}"#, huge()).into_bytes(),
        ),
    ]
}

fn meanings() -> Vec<Behaviour> {
    vec![
        says(
            "an-answer-nobody-knows",
            UNREADABLE,
            || br#"{"offer":50}"#.to_vec(),
            || br#"{"result":"maybe"}"#.to_vec(),
        ),
        says(
            "the-answer-to-something-else",
            UNREADABLE,
            || Role::Post.answer().as_bytes().to_vec(),
            || Role::Ping.answer().as_bytes().to_vec(),
        ),
        says(
            "a-redirect-url-with-a-script",
            (&["declined"], &["accepted"]),
            || br#"{"bid":null,"reason":"<script>alert(1)</script>"}"#.to_vec(),
            || br#"{"result":"accepted","redirect_url":"javascript:alert(1)"}"#.to_vec(),
        ),
        says(
            "a-no-that-says-accepted",
            (&["declined"], &["rejected"]),
            || br#"{"bid":null,"price":"50.00"}"#.to_vec(),
            || br#"{"result":"rejected","reason":"accepted"}"#.to_vec(),
        ),
        Behaviour::answers(
            "an-acceptance-under-a-refusal",
            (&["http_status"], &["unknown"]),
            |role| whole("409 Conflict", "", role.answer().as_bytes()),
        ),
        Behaviour::answers(
            "a-refusal-under-a-server-error",
            (&["http_status"], &["unknown"]),
            |_| whole("503 Unavailable", "", br#"{"result":"rejected"}"#),
        ),
        Behaviour::answers("a-wrong-content-type", GOOD, |role| {
            whole("200 OK", "content-type: image/png\r\n", role.answer().as_bytes())
        }),
    ]
}

fn brotli_bomb() -> Vec<u8> {
    let digits = BROTLI_BOMB.as_bytes().chunks(2);
    let byte = |pair: &[u8]| {
        let text = std::str::from_utf8(pair).expect("hexadecimal digits are ASCII");
        u8::from_str_radix(text, 16).expect("a literal of hexadecimal digits")
    };
    digits.map(byte).collect()
}

/// Ten megabytes of zeros as gzip, by hand: one literal, then copies of it (RFC 1951, fixed codes).
fn gzip_bomb() -> Vec<u8> {
    const COPIES: usize = 36_000;
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let (mut bits, mut held) = (0_u64, 0_u32);
    let mut put = |value: u64, count: u32, out: &mut Vec<u8>| {
        bits |= value << held;
        held += count;
        while held >= 8 {
            out.push(bits.to_le_bytes()[0]);
            bits >>= 8;
            held -= 8;
        }
    };
    // Last block, fixed codes; then the literal 0 (code 00110000, most significant bit first).
    put(0b011, 3, &mut out);
    put(0b0000_1100, 8, &mut out);
    for _ in 0..COPIES {
        // A copy of 258 bytes (code 11000101) from one byte back (code 00000).
        put(0b1010_0011, 8, &mut out);
        put(0, 5, &mut out);
    }
    put(0, 7, &mut out);
    put(0, 8, &mut out);
    out.extend([0; 8]);
    out
}

pub fn behaviours() -> Vec<Behaviour> {
    [encodings(), texts(), prices(), contents(), meanings()].into_iter().flatten().collect()
}
