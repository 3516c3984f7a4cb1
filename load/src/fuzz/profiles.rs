//! Buyers' replies in their own formats, through compiled reply tables of profiles: whatever comes is
//! an outcome within its bounds. Now and then the table itself is mutated too: it is compiled or
//! refused with its faults.

use gavel::domain::bid::NoBid;
use gavel::domain::campaign::OnUnmatched;
use gavel::domain::money::Money;
use gavel::domain::post::{PostOutcome, REJECTION_REASONS, StatusAnswer};
use gavel::domain::reply::RawReply;
use gavel::integration::reply::{
    HttpReply, Outcome, PostSettings, ProfileBid, ReplyReader, Role, Sign, Terms,
};
use rand::RngExt;
use rand::rngs::ChaCha8Rng;
use rand::seq::IndexedRandom;

use super::Judged;
use super::mutate::mutate;

/// What may become of a reply.
pub const OUTCOMES: &[&str] = &[
    "login: no token",
    "login: token",
    "ping: bid",
    "ping: no bid",
    "post: accepted",
    "post: not sent",
    "post: rejected",
    "post: unknown",
    "sign",
    "status: accepted",
    "status: not found",
    "status: rejected",
    "status: unclear",
];

/// A format with replies in it.
struct Format {
    /// Its `reply` table, without what only some calls have.
    lines: &'static str,
    /// The `bid` table.
    bid: &'static str,
    replies: &'static [&'static str],
}

/// Formats as buyers use them.
const FORMATS: [Format; 6] = [
    Format {
        lines: r#"
            reason = { all = ["$.comment", { json = "$.errors[*]", join = ", " }] }
            rules = [
              { when = { "$.status" = ["success", true, 1], "$.price" = { above = 0 } }, outcome = "accept" },
              { when = { "$.status" = "duplicate" }, outcome = "duplicate" },
              { when = { "$.status" = "seen" }, outcome = "refuse", reason = "duplicate" },
              { when = { "$.status" = "none", http_status = 404 }, outcome = "refuse" },
              { when = { http_status = [429, 503] }, outcome = "retry" },
              { when = { any = [{ "$.status" = "failure" }, { not = { "$..error" = { present = false } } }] }, outcome = "refuse" },
            ]
        "#,
        bid: r#"bid = { price = { json = "$.price", form = "money" }, reference = "$.id", expires = "$.expires" }"#,
        replies: &[
            r#"{"status":"success","price":"12.50","id":"b-1","expires":30,"comment":"fine"}"#,
            r#"{"status":true,"price":12.505,"id":7}"#,
            r#"{"status":"success","price":"$1,012.50"}"#,
            r#"{"status":"duplicate"}"#,
            r#"{"status":"seen"}"#,
            r#"{"status":"failure","errors":["a","b"]}"#,
            r#"{"status":"none"}"#,
            r#"{"x":{"error":"y"}}"#,
        ],
    },
    Format {
        lines: r#"
            rules = [
              { when = { "$.ok" = true }, outcome = "accept" },
              { when = { "$.ok" = false }, outcome = "refuse" },
            ]
        "#,
        bid: r#"
            [bid]
            each = "$.bids[?@.price > 1 && !@.closed]"
            choose = "all"
            price = "@.price"
            references = { lead = "$.lead", bid = "@['id']" }
            legal_name = "@.name"
            max_shared = "@.seats"
            shared = { "@.seats" = { above = 1 } }
        "#,
        replies: &[
            r#"{"ok":true,"lead":5,"bids":[{"price":3,"id":"a","name":"A"},{"price":5.5,"id":"b","seats":3}]}"#,
            r#"{"ok":true,"lead":5,"bids":[{"price":2,"id":"a","closed":1},{"price":4,"id":"\u00e9"}]}"#,
            r#"{"ok":false}"#,
        ],
    },
    Format {
        lines: r#"
            format = "xml"
            reason = { xml = "//Reason", join = "; " }
            rules = [
              { when = { "/Reply/Status/@code" = 0 }, outcome = "accept" },
              { when = { "/Reply/Status" = "pending" }, outcome = "pending" },
              { when = { "/Reply/Status" = { starts_with = "un" } }, outcome = "refuse" },
            ]
        "#,
        bid: r#"
            [bid]
            each = "/Reply/Bids/Bid[Price > 0][@open='yes']"
            choose = "sum"
            price = "./Price"
            references = { lead = "/Reply/@id", legs = "./@id" }
        "#,
        replies: &[
            "<s:Reply id='5'><Status code='0'>Matched</Status><Bids><Bid id='a' open='yes'><Price>1.25</Price></Bid><Bid id='b' open='yes'><Price>2</Price></Bid></Bids></s:Reply>",
            "<?xml version=\"1.0\"?><Reply xmlns='urn:x'><Status>Unmatched</Status><Reason>a</Reason><Reason><![CDATA[<b>]]></Reason></Reply>",
            "<Reply><Status>pending</Status></Reply><!-- two --><More/>",
        ],
    },
    Format {
        lines: r#"
            format = "xml"
            steps = [{ cut = { after = "<soap:Body>", before = "</soap:Body>" } }, { wrap_root = "r" }]
            extract.inner = { xml = "/r/Result" }
            extract.word = { from = "inner", split = { by = "|", at = 1 } }
            extract.price = { from = "inner", split = { by = "|", at = -1 } }
            extract.document = { from = "inner", xml = "//OK", decode = "url" }
            rules = [
              { when = { word = "OK" }, outcome = "accept" },
              { when = { document = "1" }, outcome = "test" },
              { when = { word = ["NO", "none"] }, outcome = "refuse" },
            ]
        "#,
        bid: r#"bid = { price = { from = "price", form = "cents" } }"#,
        replies: &[
            "<soap:Envelope><soap:Body><Result>OK|a|1250</Result></soap:Body></soap:Envelope>",
            "<soap:Envelope><soap:Body><Result>NO|0</Result></soap:Body></soap:Envelope>",
            "<soap:Envelope><soap:Body><Result>&lt;OK&gt;%31&lt;/OK&gt;</Result></soap:Body></soap:Envelope>",
        ],
    },
    Format {
        lines: r#"
            format = "form"
            pairs = { between = "&", within = "=" }
            rules = [
              { when = { status = "accepted" }, outcome = "accept" },
              { when = { status = { contains = "reject", matches = '^[a-z]+$' } }, outcome = "refuse" },
            ]
        "#,
        bid: r#"bid = { price = { pair = "price", form = "money" }, reference = "id" }"#,
        replies: &["status=accepted&price=1%2C000.50&id=a+b", "status=rejected&why=%e9", "a=1&a=2"],
    },
    Format {
        lines: r#"
            format = "text"
            steps = ["unescape"]
            extract.success = { regex = 'success:\s*(\w+)' }
            rules = [
              { when = { success = true }, outcome = "accept" },
              { when = { success = false }, outcome = "refuse" },
            ]
        "#,
        bid: r#"bid = { price = { regex = 'price:\s*([\d.,]+)', form = "comma" } }"#,
        replies: &[
            "{ id: a8c7, price: 4,30, success: true }",
            "{ success: false }",
            "&#x3c;success: true&gt;",
        ],
    },
];

/// What a login's table says beside its rules.
const TOKEN: &str = "token = { header = \"x-token\" }\nexpires = { fixed = 60 }\n";
/// What a post's table says beside its rules.
const ANSWER: &str = "repeated_duplicate = \"accepted\"\nbuyer_lead_id = \"http_status\"\n\
    redirect_url = \"header:location\"\n";
/// A rule that only an answer to a status question may have.
const NOT_FOUND: &str = "{ when = { http_status = 410 }, outcome = \"not_found\" },";

/// Statuses other than the usual one.
const STATUSES: [u16; 16] =
    [201, 202, 204, 301, 307, 400, 404, 408, 410, 425, 429, 500, 503, 100, 0, 999];

/// Words of the formats and of the language.
const NAMES: [&str; 18] = [
    "status",
    "price",
    "success",
    "\"bids\"",
    "<Status>",
    "</Status>",
    "<Bid>",
    "OK|",
    "&lt;",
    "$..",
    "outcome",
    "when",
    "each",
    "= {",
    "<![CDATA[",
    "xsi:nil='true'",
    "accept",
    "12.50",
];

/// Reasons that are the readers' own.
const OUR_REASONS: [&str; 17] = [
    "auth_failed",
    "capped",
    "compressed",
    "contradictory",
    "duplicate_of_repeat",
    "http_408",
    "http_425",
    "http_429",
    "http_4xx",
    "http_5xx",
    "malformed",
    "next_step",
    "pending",
    "redirect",
    "retry_later",
    "unclear",
    "unmatched",
];

/// Reasons of refusals that no rule made: what the campaign makes of answers that none names.
const UNRULED: [&str; 4] = ["compressed", "http_5xx", "malformed", "unmatched"];

/// The longest text that a reader keeps, in bytes.
const KEPT_BYTES_MAX: usize = 2_048;

/// A compiled format.
struct Readers {
    text: String,
    replies: Vec<&'static [u8]>,
    ping: ReplyReader,
    post: ReplyReader,
    status: ReplyReader,
    login: ReplyReader,
    bid_max: Money,
    max_bid: Money,
}

/// Every format, compiled once.
pub struct Profiles(Vec<Readers>);

impl Profiles {
    pub fn new() -> anyhow::Result<Self> {
        let compile = |text: &str, role: Role| {
            let compiled = ReplyReader::compile(text, role);
            let told = |faults| anyhow::anyhow!("a sound table is refused: {faults:?}");
            compiled.map(|compiled| compiled.reader).map_err(told)
        };
        let readers = |format: &Format| {
            let text = format!("{}{}", format.lines, format.bid);
            let of_status = format.lines.replacen("rules = [", &format!("rules = [{NOT_FOUND}"), 1);
            anyhow::Ok(Readers {
                replies: format.replies.iter().map(|reply| reply.as_bytes()).collect(),
                ping: compile(&text, Role::Ping)?,
                post: compile(&format!("{ANSWER}{}", format.lines), Role::Post)?,
                status: compile(&of_status, Role::Status)?,
                login: compile(&format!("{TOKEN}{}", format.lines), Role::Login)?,
                bid_max: Money::parse("100000")?,
                max_bid: Money::parse("1000")?,
                text,
            })
        };
        FORMATS.iter().map(readers).collect::<anyhow::Result<_>>().map(Self)
    }

    /// Makes a case and judges it.
    pub fn judge(&self, random: &mut ChaCha8Rng) -> Judged {
        let readers = &self.0[random.random_range(0..self.0.len())];
        let mut body = readers.replies.choose(random).copied().unwrap_or_default().to_vec();
        // One in six stays whole: what it means depends on status and headers.
        if random.random_range(0..6) != 0 {
            mutate(&mut body, &NAMES, random);
        }
        if random.random_range(0..5_000) == 0 {
            body = body.repeat(64_000 / body.len().max(1));
        }
        let encodings = [None, None, None, None, None, None, Some("identity"), Some("gzip")];
        let other_status = STATUSES.choose(random).copied().unwrap_or(200);
        let raw = RawReply {
            status: if random.random_bool(0.7) { 200 } else { other_status },
            content_encoding: encodings.choose(random).copied().flatten(),
            body: &body,
        };
        let charsets = ["text/xml", "text/xml; charset=iso-8859-1", "a; charset=utf-16le", ""];
        let content_type = charsets.choose(random).copied().unwrap_or_default();
        let headers = [
            ("content-type".to_owned(), content_type.to_owned()),
            ("x-token".to_owned(), "t-1".to_owned()),
            ("location".to_owned(), "https://buyer.example/next".to_owned()),
        ];
        let count = if random.random() { headers.len() } else { 0 };
        let reply = HttpReply { raw, headers: &headers[..count] };
        match random.random_range(0..20) {
            0 => readers.judge_table(&reply, random),
            1..8 => readers.judge_ping(&readers.ping, &reply, random),
            8..14 => readers.judge_post(&reply, random),
            14..17 => readers.judge_status(&reply),
            17 | 18 => match readers.login.read_token(&reply) {
                Ok(token) if token.text.as_str() == "t-1" => Ok("login: token"),
                Ok(_) => Err("a token that nobody sent".to_owned()),
                Err(_) => Ok("login: no token"),
            },
            _ => match readers.post.read_sign(&reply).0 {
                Sign::Taken | Sign::Refused | Sign::Retry | Sign::Unclear => Ok("sign"),
            },
        }
    }
}

impl Readers {
    /// A mutated table is compiled or refused; what is compiled reads as any other does.
    fn judge_table(&self, reply: &HttpReply<'_>, random: &mut ChaCha8Rng) -> Judged {
        let mut text = self.text.clone();
        let is_chained = random.random_bool(0.5);
        if is_chained {
            text = chained(&text, random);
        }
        if !is_chained || random.random_bool(0.2) {
            let mut bytes = text.into_bytes();
            mutate(&mut bytes, &NAMES, random);
            text = String::from_utf8_lossy(&bytes).into_owned();
        }
        match ReplyReader::compile(&text, Role::Ping) {
            Ok(compiled) => self.judge_ping(&compiled.reader, reply, random),
            Err(faults) if faults.is_empty() => Err("a table refused without a fault".to_owned()),
            Err(faults) if faults.iter().any(|fault| fault.line == 0 || fault.column == 0) => {
                Err(format!("a fault without a place: {faults:?}"))
            }
            Err(_) => Ok("ping: no bid"),
        }
    }

    fn judge_ping(
        &self,
        reader: &ReplyReader,
        reply: &HttpReply<'_>,
        random: &mut ChaCha8Rng,
    ) -> Judged {
        let terms = Terms {
            currency: "USD",
            max_bid: random.random::<bool>().then_some(self.max_bid),
            bid_max: self.bid_max,
            offers_shared: random.random(),
            is_test: random.random(),
        };
        let reading = reader.read_ping(reply, terms);
        let bids = match reading.bids {
            Ok(bids) if bids.is_empty() => return Err("no bid and no reason".to_owned()),
            Ok(bids) => bids,
            Err(NoBid::Late | NoBid::Timeout | NoBid::NotSent) => {
                return Err("a reply that came is called one that did not".to_owned());
            }
            Err(_) => return Ok("ping: no bid"),
        };
        let ceiling = terms.max_bid.map_or(terms.bid_max, |max_bid| max_bid.min(terms.bid_max));
        let is_within = |read: &ProfileBid| {
            let texts = [&read.bid.reference, &read.bid.legal_name, &read.bid.phone_number];
            read.bid.price > Money::ZERO
                && read.bid.price <= ceiling
                && texts.into_iter().flatten().all(|text| text.len() <= 512)
        };
        match bids.len() <= 16 && bids.iter().all(is_within) {
            true => Ok("ping: bid"),
            false => {
                Err(format!("status {}: bids beyond their bounds: {bids:?}", reply.raw.status))
            }
        }
    }

    fn judge_post(&self, reply: &HttpReply<'_>, random: &mut ChaCha8Rng) -> Judged {
        let settings = PostSettings {
            is_repeat: random.random(),
            on_unmatched: match random.random() {
                true => OnUnmatched::Unknown,
                false => OnUnmatched::Rejected,
            },
            is_test: random.random(),
        };
        let reading = self.post.read_post(reply, settings);
        let is_success = (200..300).contains(&reply.raw.status);
        let (name, reason) = match &reading.outcome {
            PostOutcome::Accepted(acceptance) => {
                let texts = [&acceptance.buyer_lead_id, &acceptance.redirect_url];
                let is_long = |text: &String| text.len() > KEPT_BYTES_MAX;
                let holds = match reading.told.outcome {
                    Some(Outcome::Accept | Outcome::Test) => is_success,
                    // Of our own repeat: the buyer has the first one.
                    Some(Outcome::Duplicate | Outcome::Refuse) => settings.is_repeat,
                    _ => false,
                };
                let holds =
                    holds && reply.raw.status < 500 && !texts.into_iter().flatten().any(is_long);
                return match holds {
                    true => Ok("post: accepted"),
                    false => Err(format!("status {}: {:?}", reply.raw.status, reading.outcome)),
                };
            }
            PostOutcome::Rejected { reason } if settings.is_repeat && reason == "duplicate" => {
                return Err("a duplicate of our own repeat is taken for a refusal".to_owned());
            }
            PostOutcome::Rejected { reason }
                if reply.raw.status >= 500 && !UNRULED.contains(&reason.as_str()) =>
            {
                return Err(format!("refused under status {}: {reason}", reply.raw.status));
            }
            PostOutcome::Rejected { reason } => ("post: rejected", reason),
            PostOutcome::NotSent { reason } => ("post: not sent", reason),
            PostOutcome::Unknown { reason } => ("post: unknown", reason),
        };
        let known = |list: &[&str]| list.contains(&reason.as_str());
        match known(&OUR_REASONS) || known(&REJECTION_REASONS) || reason == "test" {
            true => Ok(name),
            false => Err(format!("the reason `{reason}` is not ours")),
        }
    }

    fn judge_status(&self, reply: &HttpReply<'_>) -> Judged {
        let is_success = (200..300).contains(&reply.raw.status);
        match self.status.read_status(reply) {
            StatusAnswer::Accepted(_) if is_success => Ok("status: accepted"),
            StatusAnswer::Rejected if reply.raw.status < 500 => Ok("status: rejected"),
            StatusAnswer::NotFound if reply.raw.status == 410 => Ok("status: not found"),
            StatusAnswer::Unclear => Ok("status: unclear"),
            other => Err(format!("status {}: {other:?}", reply.raw.status)),
        }
    }
}

/// The table with extracts that are made from each other, and a rule that asks for the last of them:
/// there are far more ways through them than anybody could go.
fn chained(text: &str, random: &mut ChaCha8Rng) -> String {
    let first = ["header:x-no", "body", "http_status"].choose(random).copied().unwrap_or_default();
    let links = random.random_range(1..=30);
    let mut chain = format!("extract.chain0 = \"{first}\"\n");
    for link in 1..=links {
        let before = format!("\"chain{}\"", link - 1);
        let all = vec![before; random.random_range(1..=12)].join(", ");
        let (open, close) =
            [("[", "]"), ("{ all = [", "] }"), ("{ from = [", "], decode = \"url\" }")]
                .choose(random)
                .copied()
                .unwrap_or_default();
        chain.push_str(&format!("extract.chain{link} = {open}{all}{close}\n"));
    }
    let rule = format!("rules = [{{ when = {{ chain{links} = \"no\" }}, outcome = \"refuse\" }},");
    format!("{chain}{}", text.replacen("rules = [", &rule, 1))
}
