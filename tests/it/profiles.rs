//! Buyers with formats of their own: each speaks through a profile of the exchange directory, and
//! none of them has a line of code.

mod by_call;
mod calls;
pub mod cases;
pub mod stub;
mod tokens;

use serde_json::Value as Json;

use crate::support::{self, Answer, Installation, until};
use cases::Cases;
use stub::{Said, Seen, Stub};

const PREFIX: &str = "secrets = [\"key\"]\nsource = \"a test\"\n";

/// One buyer: its name, its profile, and how it answers a ping at a price and a post.
struct Format {
    name: &'static str,
    profile: &'static str,
    ping: fn(&str) -> Said,
    post: fn() -> Said,
    /// How it refuses either.
    refusal: fn() -> Said,
    /// What its post must hold, to the letter; `PHONE` stands for the consumer's number.
    posted: fn(&Seen, &str) -> Vec<(String, String)>,
}

const FORM: Format = Format {
    name: "form-co",
    profile: r#"
[ping.request]
body = "form"
[ping.request.fields]
key = "secret.key"
state = "state"
area = "zip3"
smoker = { from = "tobacco", boolean = ["Y", "N"] }
[ping.reply]
format = "form"
rules = [
  { when = { status = "accepted" }, outcome = "accept" },
  { when = { status = "rejected" }, outcome = "refuse" },
]
bid = { price = "price", reference = "id" }
[post.request]
include = "ping"
[post.request.fields]
first = { from = "first_name", required = true }
phone = { from = "phone", phone = "digits", required = true }
ping_id = "bid.reference"
[post.reply]
format = "form"
rules = [
  { when = { status = "accepted" }, outcome = "accept" },
  { when = { status = "rejected" }, outcome = "refuse" },
]
"#,
    ping: |price| Said::form(format!("status=accepted&price={price}&id=F%2F1")),
    post: || Said::form("status=accepted".to_owned()),
    refusal: || Said::form("status=rejected".to_owned()),
    posted: |seen, _| seen.pairs(),
};

const JSON: Format = Format {
    name: "json-co",
    profile: r#"
[ping.request]
body = "json"
auth = { kind = "bearer", token = "secret.key" }
[ping.request.fields]
lead.fields = { state = "state", smoker = "tobacco" }
[ping.reply]
rules = [
  { when = { "$.ok" = true }, outcome = "accept" },
  { when = { "$.ok" = false }, outcome = "refuse" },
]
bid = { price = "$.bid.price", references = { id = "$.bid.id", slot = "$.bid.slot" } }
[post.request]
include = "ping"
[post.request.fields]
lead.fields = { first = "first_name", phone = { from = "phone", phone = "digits" } }
bid = "bid.id"
slot = "bid.slot"
[post.reply]
rules = [
  { when = { "$.sold" = true }, outcome = "accept" },
  { when = { "$.sold" = false }, outcome = "refuse" },
]
"#,
    ping: |price| {
        Said::json(format!(r#"{{"ok":true,"bid":{{"price":"{price}","id":"J-1","slot":7}}}}"#))
    },
    post: || Said::json(r#"{"sold":true}"#.to_owned()),
    refusal: || Said::json(r#"{"ok":false,"sold":false}"#.to_owned()),
    posted: |seen, _| {
        let body: Json = serde_json::from_str(&seen.body).unwrap();
        let mut pairs: Vec<_> = [
            ("/lead/state", "state"),
            ("/lead/first", "first"),
            ("/lead/phone", "phone"),
            ("/bid", "ping_id"),
            ("/slot", "slot"),
        ]
        .iter()
        .map(|(at, name)| {
            let value = body.pointer(at).unwrap();
            ((*name).to_owned(), value.as_str().map_or(value.to_string(), str::to_owned))
        })
        .collect();
        pairs.push(("key".to_owned(), seen.headers["authorization"].clone()));
        pairs
    },
};

const XML: Format = Format {
    name: "xml-co",
    profile: r#"
[ping.request]
body = "xml"
wrap = ["LeadData", "Ping"]
[ping.request.attributes]
Key = "secret.key"
[ping.request.fields]
State = "state"
[ping.reply]
format = "xml"
rules = [
  { when = { "/r/@status" = "yes" }, outcome = "accept" },
  { when = { "/r/@status" = "no" }, outcome = "refuse" },
]
bid = { price = { from = "/r/price", form = "cents" }, reference = "/r/token" }
[post.request]
include = "ping"
wrap = ["LeadData", "Post"]
[post.request.fields]
First = "first_name"
Phone = { from = "phone", phone = "digits" }
Token = "bid.reference"
[post.reply]
format = "xml"
rules = [
  { when = { "/r/@status" = "yes" }, outcome = "accept" },
  { when = { "/r/@status" = "no" }, outcome = "refuse" },
]
"#,
    ping: |price| {
        let cents = price.replace('.', "");
        Said::xml(format!(r#"<r status="yes"><price>{cents}</price><token>X&amp;1</token></r>"#))
    },
    post: || Said::xml(r#"<r status="yes"/>"#.to_owned()),
    refusal: || Said::xml(r#"<r status="no"/>"#.to_owned()),
    posted: |seen, _| seen.elements(&["State", "First", "Phone", "Token"]),
};

const XML_IN_FORM: Format = Format {
    name: "gx-co",
    profile: r#"
[ping.request]
body = "form"
[ping.request.fields]
User = "secret.key"
[ping.request.fields.Message]
document = "xml"
wrap = "PINGGX"
[ping.request.fields.Message.fields]
State = "state"
[ping.reply]
format = "xml"
extract.message = { xml = "/string" }
extract.success = { from = "message", xml = "//SUCCESS" }
extract.price = { from = "message", xml = "//PRICE" }
extract.lead_id = { from = "message", xml = "//ID" }
rules = [
  { when = { success = "True" }, outcome = "accept" },
  { when = { success = "False" }, outcome = "refuse" },
]
bid = { price = "price", reference = "lead_id" }
[post.request]
body = "form"
[post.request.fields]
User = "secret.key"
[post.request.fields.Message]
document = "xml"
wrap = "POSTGX"
[post.request.fields.Message.fields]
State = "state"
First = "first_name"
Phone = { from = "phone", phone = "digits" }
Id = "bid.reference"
[post.reply]
format = "xml"
extract.message = { xml = "/string" }
extract.success = { from = "message", xml = "//SUCCESS" }
rules = [
  { when = { success = "True" }, outcome = "accept" },
  { when = { success = "False" }, outcome = "refuse" },
]
"#,
    ping: |price| {
        Said::xml(format!(
            "<string>&lt;R&gt;&lt;SUCCESS&gt;True&lt;/SUCCESS&gt;&lt;PRICE&gt;{price}&lt;/PRICE&gt;\
             &lt;ID&gt;G-1&lt;/ID&gt;&lt;/R&gt;</string>"
        ))
    },
    post: || {
        Said::xml(
            "<string>&lt;R&gt;&lt;SUCCESS&gt;True&lt;/SUCCESS&gt;&lt;/R&gt;</string>".to_owned(),
        )
    },
    refusal: || {
        Said::xml(
            "<string>&lt;R&gt;&lt;SUCCESS&gt;False&lt;/SUCCESS&gt;&lt;/R&gt;</string>".to_owned(),
        )
    },
    posted: |seen, _| {
        let pairs = seen.pairs();
        let message = pairs.iter().find(|(name, _)| name == "Message").unwrap();
        let inner = Seen { body: message.1.clone(), ..seen.clone() };
        inner.elements(&["State", "First", "Phone", "Id"])
    },
};

const SOAP: Format = Format {
    name: "soap-co",
    profile: r#"
[ping.request]
body = "soap"
wrap = "b:Ping"
soap_action = "urn:b/Ping"
attributes."xmlns:b".value = "urn:b"
[ping.request.fields]
"b:State" = "state"
[ping.reply]
format = "xml"
rules = [
  { when = { "//Result" = "Accepted" }, outcome = "accept" },
  { when = { "//Result" = "Rejected" }, outcome = "refuse" },
]
bid = { price = "//Price", reference = "//Ticket" }
[post.request]
body = "soap"
wrap = "b:Post"
soap_action = "urn:b/Post"
attributes."xmlns:b".value = "urn:b"
[post.request.fields]
"b:State" = "state"
"b:First" = "first_name"
"b:Phone" = { from = "phone", phone = "digits" }
"b:Ticket" = "bid.reference"
"b:Key" = "secret.key"
[post.reply]
format = "xml"
rules = [
  { when = { "//Result" = "Accepted" }, outcome = "accept" },
  { when = { "//Result" = "Rejected" }, outcome = "refuse" },
]
"#,
    ping: |price| {
        Said::soap(&format!("<Result>Accepted</Result><Price>{price}</Price><Ticket>S-1</Ticket>"))
    },
    post: || Said::soap("<Result>Accepted</Result>"),
    refusal: || Said::soap("<Result>Rejected</Result>"),
    posted: |seen, _| seen.elements(&["b:State", "b:First", "b:Phone", "b:Ticket", "b:Key"]),
};

const GET: Format = Format {
    name: "get-co",
    profile: r#"
[ping.request]
body = "query"
[ping.request.fields]
k = "secret.key"
st = "state"
[ping.reply]
format = "text"
extract.verdict = { split = { by = "|", at = 1 } }
extract.price = { split = { by = "|", at = 2 } }
extract.id = { split = { by = "|", at = 3 } }
rules = [
  { when = { verdict = "YES" }, outcome = "accept" },
  { when = { verdict = "NO" }, outcome = "refuse" },
]
bid = { price = "price", reference = "id" }
[post.request]
include = "ping"
[post.request.fields]
fn = "first_name"
ph = { from = "phone", phone = "digits" }
id = "bid.reference"
[post.reply]
format = "text"
extract.verdict = { split = { by = "|", at = 1 } }
rules = [
  { when = { verdict = "YES" }, outcome = "accept" },
  { when = { verdict = "NO" }, outcome = "refuse" },
]
"#,
    ping: |price| Said::text(format!("YES|{price}|Q 1")),
    post: || Said::text("YES".to_owned()),
    refusal: || Said::text("NO".to_owned()),
    posted: |seen, _| seen.pairs(),
};

const FORMATS: [&Format; 6] = [&FORM, &JSON, &XML, &XML_IN_FORM, &SOAP, &GET];

impl Format {
    /// Recorded cases of it.
    fn cases(&self) -> Cases {
        cases::recorded([&(self.ping)("20.00"), &(self.post)()], &(self.refusal)(), &[])
    }
}

/// The files of a buyer with one campaign that speaks through the profile of its name.
fn files_of(name: &str, profile: &str, cases: Cases, stub: &Stub) -> Vec<(String, String)> {
    let buyer = format!(
        "name = \"{name}\"\n[[campaign]]\nid = \"{name}-fe\"\nvertical = \"final_expense\"\n\
         profile = \"{name}\"\nprofile_secrets.key = {{ secret_file = \"secrets/{name}\" }}\n\
         ping_url = \"{base}/ping\"\npost_url = \"{base}/post\"\nprice = {{ bid = {{}} }}\n\
         post_semantics = \"idempotent\"\n",
        base = stub.base
    );
    let mut files = vec![
        (format!("buyers/{name}.toml"), buyer),
        (
            format!("profiles/{name}/profile.toml"),
            format!("profile = \"{name}\"\n{PREFIX}{profile}"),
        ),
        (format!("secrets/{name}"), format!("key-of-{name}\n")),
    ];
    let cases = cases.into_iter();
    files.extend(
        cases.map(|(case, text)| (format!("profiles/{name}/cases/{case}.json"), text.to_string())),
    );
    files
}

fn exchange_with(buyers: Vec<(String, String)>) -> Vec<(String, String)> {
    let mut files = support::exchange(&[], "margin_percent = \"0\"\n");
    files.extend(buyers);
    files
}

async fn submit(gavel: &Installation, key: &str, number: usize) -> Answer {
    gavel.post_json("/v1/leads", key, &support::lead(number)).await
}

#[tokio::test]
async fn six_buyers_with_six_formats_compete_and_each_in_turn_wins_and_gets_its_post() {
    let gavel = Installation::start(&[]).await;
    let mut stubs = Vec::new();
    for format in FORMATS {
        let (ping, post) = (format.ping, format.post);
        let stub = Stub::start(move |seen, price| match seen.path.as_str() {
            "/ping" => ping(price),
            _ => post(),
        });
        stubs.push(stub.await);
    }
    let files = FORMATS.iter().zip(&stubs);
    let files = files
        .flat_map(|(format, stub)| files_of(format.name, format.profile, format.cases(), stub));
    gavel.apply(&exchange_with(files.collect()));
    let key = gavel.key("vendor", "acme", &[]);
    for (number, winner) in FORMATS.iter().enumerate() {
        for (place, stub) in stubs.iter().enumerate() {
            stub.set_price(&format!("1{place}.50"));
        }
        stubs[number].set_price("30.25");
        let answer = submit(&gavel, &key, number).await;
        assert_eq!(answer.text("/disposition"), "sold", "{}: {answer:?}", winner.name);
        assert_eq!(answer.text("/payout"), "30.25", "{}", winner.name);
        let phone = format!("1214653{number:04}");
        for (place, stub) in stubs.iter().enumerate() {
            let (pings, posts) = (stub.seen("/ping"), stub.seen("/post"));
            assert_eq!(pings.len(), number + 1, "{}", FORMATS[place].name);
            assert_eq!(posts.len(), usize::from(place <= number), "{}", FORMATS[place].name);
        }
        let posted = (winner.posted)(&stubs[number].seen("/post")[0], &phone);
        check_post(winner.name, &posted, &phone);
        let record = gavel.record(&answer.text("/lead_id")).await;
        let bids = record["candidates"].as_array().unwrap();
        assert_eq!(bids.iter().filter(|candidate| candidate["bid"].is_object()).count(), 6);
    }
    for stub in &stubs {
        for ping in stub.seen("/ping") {
            let whole = format!("{} {}", ping.target, ping.body);
            for secret in ["Testington", "Grace", "653", "mail.example", "75201", "1957"] {
                assert!(!whole.contains(secret), "a ping shows {secret}: {whole}");
            }
            assert!(!ping.headers.contains_key("webhook-signature"), "{:?}", ping.headers);
        }
    }
    for secret in FORMATS.map(|format| format!("key-of-{}", format.name)) {
        assert!(!gavel.log().contains(&secret), "a secret is in the log");
    }
}

/// What every winner must have got, by whatever names.
fn check_post(name: &str, posted: &[(String, String)], phone: &str) {
    let digits = phone.strip_prefix('1').unwrap_or(phone);
    let values: Vec<&str> = posted.iter().map(|(_, value)| value.as_str()).collect();
    let has = |value: &str| assert!(values.contains(&value), "{name} lacks {value}: {posted:?}");
    has("TX");
    has("Grace");
    assert!(values.contains(&digits) || values.contains(&phone), "{name}: {posted:?}");
    let reference = match name {
        "form-co" => "F/1",
        "json-co" => "J-1",
        "xml-co" => "X&1",
        "gx-co" => "G-1",
        "soap-co" => "S-1",
        _ => "Q 1",
    };
    has(reference);
    if name == "json-co" {
        has("7");
        has("Bearer key-of-json-co");
    }
}

const LOGIN: &str = r#"
[login.request]
body = "json"
url = "LOGIN_URL"
fields = { key = "secret.key" }
[login.reply]
token = "$.token"
[ping.request]
body = "json"
auth = { kind = "bearer", token = "login.token" }
fields = { state = "state" }
[ping.reply]
rules = [
  { when = { http_status = 401 }, outcome = "auth_failed" },
  { when = { "$.price" = { above = 0 } }, outcome = "accept" },
  { outcome = "refuse" },
]
bid = { price = "$.price" }
[post.request]
include = "ping"
fields = { phone = "phone" }
[post.reply]
captures = { capture_key = "$.key" }
rules = [
  { when = { http_status = 401 }, outcome = "auth_failed" },
  { when = { "$.more" = true }, outcome = "next_step", step = "confirm" },
  { when = { "$.sold" = true }, outcome = "accept" },
  { when = { "$.sold" = false }, outcome = "refuse" },
]
[confirm.request]
body = "json"
url = "{url}/confirm"
auth = { kind = "bearer", token = "login.token" }
fields = { last = "last_name", key = "reply.capture_key" }
[confirm.reply]
rules = [
  { when = { "$.sold" = true }, outcome = "accept" },
  { when = { "$.sold" = false }, outcome = "refuse" },
]
"#;

/// A buyer whose tokens are `token-1`, `token-2` and so on, of which the last one given is good, and
/// which asks for a second post.
async fn buyer_with_tokens() -> Stub {
    Stub::start(|seen, price| {
        let logins = seen.earlier.iter().filter(|path| *path == "/login").count();
        let good = format!("Bearer token-{logins}");
        let is_good = seen.headers.get("authorization") == Some(&good);
        match seen.path.as_str() {
            "/login" => Said::json(format!("{{\"token\":\"token-{}\"}}", logins + 1)),
            _ if !is_good || seen.is_shut => Said { status: 401, ..Said::json("{}".to_owned()) },
            "/ping" => Said::json(format!("{{\"price\":\"{price}\"}}")),
            "/post" => Said::json(r#"{"more":true,"key":"ck-7"}"#.to_owned()),
            _ => Said::json(r#"{"sold":true}"#.to_owned()),
        }
    })
    .await
}

#[tokio::test]
async fn a_token_is_got_once_and_again_when_it_is_refused_and_a_reply_may_ask_for_a_second_post() {
    let gavel = Installation::start(&[]).await;
    let stub = buyer_with_tokens().await;
    stub.set_price("20.00");
    let profile = LOGIN.replace("LOGIN_URL", &format!("{}/login", stub.base));
    let token = Said::json(r#"{"token":"token-0"}"#.to_owned());
    let bid = Said::json(r#"{"price":"20.00"}"#.to_owned());
    let sold = Said::json(r#"{"sold":true}"#.to_owned());
    let refusal = Said::json(r#"{"sold":false}"#.to_owned());
    let cases = cases::recorded([&bid, &sold], &refusal, &[("login", &token)]);
    gavel.apply(&exchange_with(files_of("token-co", &profile, cases, &stub)));
    let key = gavel.key("vendor", "acme", &[]);
    let answer = submit(&gavel, &key, 1).await;
    assert_eq!(answer.text("/disposition"), "sold", "{answer:?}\n{}", gavel.log());
    let paths = stub.paths();
    assert_eq!(paths, ["/login", "/ping", "/post", "/post/confirm"]);
    let confirmed: Json = serde_json::from_str(&stub.seen("/post/confirm")[0].body).unwrap();
    assert_eq!(confirmed, serde_json::json!({"last": "Testington", "key": "ck-7"}));
    // Many at once get by with the token that is there.
    let (one, two, three) =
        tokio::join!(submit(&gavel, &key, 2), submit(&gavel, &key, 3), submit(&gavel, &key, 4));
    for answer in [one, two, three] {
        assert_eq!(answer.text("/disposition"), "sold", "{answer:?}");
    }
    assert_eq!(stub.seen("/login").len(), 1);
    // The buyer forgets its tokens: the next lead is sold all the same.
    stub.forget_tokens();
    let answer = submit(&gavel, &key, 5).await;
    assert_eq!(answer.text("/disposition"), "sold", "{answer:?}");
    assert_eq!(stub.seen("/login").len(), 2);
}

const WITH_NOTICE: &str = r#"
[loser_notice.request]
body = "form"
url = "NOTICE_URL"
fields = { bid = "bid.reference", sold = "sold_price" }
[loser_notice.reply]
format = "none"
rules = [{ when = { http_status = 204 }, outcome = "accept" }, { outcome = "refuse" }]
"#;

#[tokio::test]
async fn a_loser_hears_for_what_the_lead_was_sold_where_its_format_has_a_notice() {
    let gavel = Installation::start(&[]).await;
    let mut stubs = Vec::new();
    for price in ["20.00", "12.00"] {
        let stub = Stub::start(|seen, price| match seen.path.as_str() {
            "/ping" => (FORM.ping)(price),
            "/post" => (FORM.post)(),
            _ => Said { status: 204, ..Said::text(String::new()) },
        })
        .await;
        stub.set_price(price);
        stubs.push(stub);
    }
    let mut files = Vec::new();
    for (name, stub) in ["winner", "loser"].into_iter().zip(&stubs) {
        let notice = WITH_NOTICE.replace("NOTICE_URL", &format!("{}/notice", stub.base));
        files.extend(files_of(name, &format!("{}{notice}", FORM.profile), FORM.cases(), stub));
    }
    gavel.apply(&exchange_with(files));
    let key = gavel.key("vendor", "acme", &[]);
    let answer = submit(&gavel, &key, 1).await;
    assert_eq!(answer.text("/disposition"), "sold", "{answer:?}");
    let told = until("the loser is told", async || stubs[1].seen("/notice").pop()).await;
    let expect = [("bid".to_owned(), "F/1".to_owned()), ("sold".to_owned(), "20.00".to_owned())];
    assert_eq!(told.pairs(), expect);
    assert_eq!(stubs[0].seen("/notice").len(), 0);
    assert_eq!(stubs[1].seen("/post").len(), 0);
}

#[tokio::test]
async fn a_lead_without_what_a_profile_requires_is_not_offered_and_the_rule_says_so() {
    let gavel = Installation::start(&[]).await;
    let stub = Stub::start(|seen, price| match seen.path.as_str() {
        "/ping" => (FORM.ping)(price),
        _ => (FORM.post)(),
    })
    .await;
    stub.set_price("20.00");
    let profile = FORM.profile.replace(
        "[post.request.fields]\n",
        "[post.request.fields]\nheir = { from = \"beneficiary\", required = true }\n",
    );
    gavel.apply(&exchange_with(files_of("form-co", &profile, FORM.cases(), &stub)));
    let key = gavel.key("vendor", "acme", &[]);
    let answer = submit(&gavel, &key, 1).await;
    assert_eq!(answer.text("/reason"), "no_eligible_buyer", "{answer:?}");
    let record = gavel.record(&answer.text("/lead_id")).await;
    assert_eq!(record["candidates"][0]["rule"], "profile:beneficiary");
    assert!(stub.paths().is_empty());
}

#[tokio::test]
async fn a_profile_with_any_fault_is_refused_whole_with_each_fault_at_its_place() {
    let gavel = Installation::start(&[]).await;
    let stub = Stub::start(|_, _| Said::text(String::new())).await;
    let broken = FORM.profile.replace("outcome = \"accept\"", "outcome = \"acept\"");
    let broken = broken.replace("smoker = {", "first_name = \"first_nam\"\nsmoker = {");
    for (name, text) in exchange_with(files_of("form-co", &broken, FORM.cases(), &stub)) {
        let path = gavel.path("exchange").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let output = gavel.gavel(&["apply", "exchange"]);
    assert!(!output.status.success());
    let told = support::text(&output.stderr);
    assert_eq!(told.matches("profiles/form-co/profile.toml:").count(), 2, "{told}");
    assert!(told.contains("did you mean `accept`?"), "{told}");
}
