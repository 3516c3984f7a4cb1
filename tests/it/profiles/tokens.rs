//! Logins, and second posts that need their token.

use serde_json::{Value as Json, json};

use super::cases::{Cases, recorded};
use super::stub::{Said, Seen, Stub};
use super::{FORM, LOGIN, exchange_with, files_of, submit};
use crate::support::{Installation, lead, until};

/// Answers as a buyer whose token `token-1` is good, and after it `token-2` and so on, but for the
/// path where the first one is not.
fn answer(seen: &Seen, price: &str, refused_at: &str) -> Said {
    let logins = seen.earlier.iter().filter(|path| *path == "/login").count();
    let is_known = seen.headers.get("authorization") == Some(&format!("Bearer token-{logins}"));
    match seen.path.as_str() {
        "/login" => Said::json(format!("{{\"token\":\"token-{}\"}}", logins + 1)),
        path if !is_known || path == refused_at && logins == 1 => {
            Said { status: 401, ..Said::json("{}".to_owned()) }
        }
        "/ping/first" => Said::json("{}".to_owned()),
        "/ping" => Said::json(format!("{{\"price\":\"{price}\"}}")),
        "/post" => Said::json(r#"{"more":true,"key":"ck-7"}"#.to_owned()),
        _ => Said::json(r#"{"sold":true}"#.to_owned()),
    }
}

fn cases() -> Cases {
    let said = |body: &str| Said::json(body.to_owned());
    let [token, bid, sold, refusal] =
        [r#"{"token":"token-0"}"#, r#"{"price":"20.00"}"#, r#"{"sold":true}"#, r#"{"sold":false}"#]
            .map(said);
    recorded([&bid, &sold], &refusal, &[("login", &token)])
}

fn files(more: &str, stub: &Stub) -> Vec<(String, String)> {
    let profile = LOGIN.replace("LOGIN_URL", &format!("{}/login", stub.base));
    files_of("token-co", &format!("{profile}{more}"), cases(), stub)
}

#[tokio::test]
async fn a_second_post_that_nobody_can_make_out_keeps_the_lead_with_the_buyer_that_has_it() {
    let gavel = Installation::start(&[]).await;
    let stub = Stub::start(|seen, price| {
        let is_first = !seen.earlier.contains(&"/post/confirm".to_owned());
        match seen.path.as_str() {
            "/post/confirm" if is_first => Said { status: 422, ..Said::json("{}".to_owned()) },
            _ => answer(seen, price, ""),
        }
    });
    let other = Stub::start(|seen, price| match seen.path.as_str() {
        "/ping" => (FORM.ping)(price),
        _ => (FORM.post)(),
    });
    let (stub, other) = (stub.await, other.await);
    stub.set_price("20.00");
    other.set_price("12.00");
    let mut both = files("", &stub);
    both.extend(files_of("form-co", FORM.profile, FORM.cases(), &other));
    gavel.apply(&exchange_with(both));
    let key = gavel.key("vendor", "acme", &[]);
    let lead_id = submit(&gavel, &key, 1).await.text("/lead_id");
    let answer = gavel.final_answer(&key, &lead_id).await;
    assert_eq!(
        (answer.text("/disposition"), answer.text("/payout")),
        ("sold".into(), "20.00".into())
    );
    assert_eq!(other.seen("/post").len(), 0, "the lead was not given to anybody else");
    let posts = stub.seen("/post");
    assert_eq!(posts.iter().map(|post| &post.body).collect::<Vec<_>>(), [&posts[0].body; 2]);
    assert_eq!(stub.seen("/post/confirm").len(), 2);
    let record = gavel.record(&lead_id).await;
    let attempts = record["posts"].as_array().unwrap().iter();
    let attempts = attempts.flat_map(|post| post["attempts"].as_array().unwrap());
    let results: Vec<_> = attempts.map(|attempt| attempt["result"].as_str().unwrap()).collect();
    assert_eq!(results, ["unknown:http_4xx", "accepted"]);
}

#[tokio::test]
async fn a_token_that_any_call_has_refused_is_got_anew_and_the_call_is_made_again() {
    let check = async |refused_at: &'static str, more: &str, expect: &[&str]| {
        let gavel = Installation::start(&[]).await;
        let stub = Stub::start(move |seen, price| answer(seen, price, refused_at)).await;
        stub.set_price("20.00");
        gavel.apply(&exchange_with(files(more, &stub)));
        let key = gavel.key("vendor", "acme", &[]);
        let answer = submit(&gavel, &key, 1).await;
        assert_eq!(answer.text("/disposition"), "sold", "{answer:?}\n{}", gavel.log());
        assert_eq!(stub.paths(), expect, "{refused_at}");
    };
    let confirm = ["/login", "/ping", "/post", "/post/confirm", "/login", "/post/confirm"];
    check("/post/confirm", "", &confirm).await;
    let preping = "[preping.request]\nurl = \"{url}/first\"\nbody = \"none\"\n\
                   auth = { kind = \"bearer\", token = \"login.token\" }\n";
    let first =
        ["/login", "/ping/first", "/login", "/ping/first", "/ping", "/post", "/post/confirm"];
    check("/ping/first", preping, &first).await;
}

#[tokio::test]
async fn a_post_with_the_token_in_its_body_is_made_anew_with_another() {
    let gavel = Installation::start(&[]).await;
    let stub = Stub::start(|seen, price| match seen.path.as_str() {
        "/post" if !seen.body.contains("token-2") => {
            Said { status: 401, ..Said::json("{}".to_owned()) }
        }
        _ => answer(seen, price, ""),
    });
    let stub = stub.await;
    stub.set_price("20.00");
    let in_body = r#"fields = { phone = "phone", token = "login.token" }"#;
    let profile = LOGIN.replace("LOGIN_URL", &format!("{}/login", stub.base));
    let profile = profile.replace(r#"fields = { phone = "phone" }"#, in_body);
    assert!(profile.contains(in_body));
    gavel.apply(&exchange_with(files_of("token-co", &profile, cases(), &stub)));
    let key = gavel.key("vendor", "acme", &[]);
    let answer = submit(&gavel, &key, 1).await;
    assert_eq!(answer.text("/disposition"), "sold", "{answer:?}\n{}", gavel.log());
    let expect = ["/login", "/ping", "/post", "/login", "/post", "/post/confirm"];
    assert_eq!(stub.paths(), expect);
    let bodies = stub.seen("/post");
    let [first, second] = [&bodies[0].body, &bodies[1].body];
    assert_eq!(&first.replace("token-1", "token-2"), second, "nothing else is another");
}

const STATUS: &str = r#"
[status.request]
url = "{url}"
method = "GET"
body = "none"
auth = { kind = "bearer", token = "login.token" }
[status.reply]
rules = [{ when = { "$.sold" = true }, outcome = "accept" }, { when = { "$.sold" = false }, outcome = "refuse" }]
"#;

#[tokio::test]
async fn a_status_question_whose_token_is_refused_is_asked_again_with_another() {
    let gavel = Installation::start(&[]).await;
    let stub = Stub::start(|seen, price| match seen.path.as_str() {
        "/post" => Said { status: 504, ..Said::text(String::new()) },
        _ => answer(seen, price, "/status"),
    });
    let stub = stub.await;
    stub.set_price("20.00");
    let semantics =
        format!("post_semantics = \"queryable\"\nstatus_url = \"{}/status\"", stub.base);
    let files = files(STATUS, &stub)
        .into_iter()
        .map(|(name, text)| (name, text.replace("post_semantics = \"idempotent\"", &semantics)));
    gavel.apply(&exchange_with(files.collect()));
    let key = gavel.key("vendor", "acme", &[]);
    let lead_id = submit(&gavel, &key, 1).await.text("/lead_id");
    let answer = gavel.final_answer(&key, &lead_id).await;
    assert_eq!(answer.text("/disposition"), "sold", "{answer:?}");
    assert_eq!(stub.paths(), ["/login", "/ping", "/post", "/status", "/login", "/status"]);
}

#[tokio::test]
async fn a_login_slower_than_the_round_is_waited_for_by_nobody_and_its_token_is_kept() {
    let gavel = Installation::start(&[]).await;
    let stub = Stub::start(|seen, price| answer(seen, price, "")).await;
    stub.set_price("20.00");
    gavel.apply(&exchange_with(files("", &stub)));
    let key = gavel.key("vendor", "acme", &[]);
    stub.hold("/login");
    let (one, two) = tokio::join!(submit(&gavel, &key, 1), submit(&gavel, &key, 2));
    for answer in [one, two] {
        assert_eq!(answer.text("/reason"), "no_bid", "{answer:?}");
    }
    assert_eq!(stub.paths(), ["/login"], "the login goes on, and there is only one");
    stub.let_go();
    // The login that nobody waited for any more is no failure, so nobody has to wait after it.
    let answer = submit(&gavel, &key, 3).await;
    assert_eq!(answer.text("/disposition"), "sold", "{answer:?}");
    assert_eq!(stub.paths(), ["/login", "/ping", "/post", "/post/confirm"]);
}

#[tokio::test]
async fn a_login_that_is_refused_is_tried_again_after_a_while() {
    let gavel = Installation::start(&[]).await;
    let stub = Stub::start(|seen, price| {
        let is_first = !seen.earlier.contains(&"/login".to_owned());
        match seen.path.as_str() {
            "/login" if is_first => Said { status: 403, ..Said::json("{}".to_owned()) },
            _ => answer(seen, price, ""),
        }
    });
    let stub = stub.await;
    stub.set_price("20.00");
    gavel.apply(&exchange_with(files("", &stub)));
    let key = gavel.key("vendor", "acme", &[]);
    let refused = submit(&gavel, &key, 1).await;
    let record = gavel.record(&refused.text("/lead_id")).await;
    assert_eq!(record["candidates"][0]["ping"]["detail"], "login", "{record}");
    let mut number = 1;
    until("the login is tried again", async || {
        number += 1;
        let answer = submit(&gavel, &key, number).await;
        (answer.text("/disposition") == "sold").then_some(())
    })
    .await;
    assert_eq!(stub.seen("/login").len(), 2);
}

/// A campaign by the profile that comes with the program, whose login goes where its posts go.
fn americor(stub: &Stub) -> Vec<(String, String)> {
    let buyer = format!(
        "name = \"Americor\"\n[[campaign]]\nid = \"americor-debt\"\nvertical = \"debt_relief\"\n\
         profile = \"americor\"\nprofile_settings.username = \"gavel\"\n\
         profile_secrets.public_key = {{ secret_file = \"secrets/americor\" }}\n\
         post_url = \"{}\"\nprice = {{ fixed = \"12.00\" }}\n",
        stub.base
    );
    exchange_with(vec![
        ("buyers/americor.toml".to_owned(), buyer),
        ("secrets/americor".to_owned(), "pk-1\n".to_owned()),
    ])
}

#[tokio::test]
async fn a_campaign_of_the_shipped_profile_logs_in_under_its_post_url_and_sells() {
    let gavel = Installation::start(&[]).await;
    let stub = Stub::start(|seen, _| match seen.path.as_str() {
        "/v1/authentication/token" => {
            Said::json(r#"{"token":"eyJ0","expires_in":3600}"#.to_owned())
        }
        "/v1/leads" if seen.headers.get("authorization").is_some_and(|it| it == "Bearer eyJ0") => {
            Said { status: 201, ..Said::json(r#"{"id":55102}"#.to_owned()) }
        }
        _ => Said { status: 401, ..Said::json("{}".to_owned()) },
    });
    let stub = stub.await;
    gavel.apply(&americor(&stub));
    let key = gavel.key("vendor", "acme", &[]);
    let mut lead = lead(1);
    lead["vertical"] = json!("debt_relief");
    lead["lead"] = json!({
        "first_name": "Grace", "last_name": "Testington", "phone": "+12146530001",
        "email": "grace@mail.example", "state": "TX", "zip": "75201", "date_of_birth": "1984-06-17",
        "debt_amount": 24500, "debt_type": "credit_card"
    });
    let answer = gavel.post_json("/v1/leads", &key, &lead).await;
    assert_eq!(
        (answer.text("/disposition"), answer.text("/payout")),
        ("sold".into(), "12.00".into()),
        "{answer:?}\n{}",
        gavel.log()
    );
    assert_eq!(stub.paths(), ["/v1/authentication/token", "/v1/leads"]);
    let login: Json = serde_json::from_str(&stub.seen("/v1/authentication/token")[0].body).unwrap();
    assert_eq!(login, json!({"username": "gavel", "publicKey": "pk-1"}));
}
