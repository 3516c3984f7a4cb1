use serde_json::json;

use super::*;
use crate::registry::compile::shipped_verticals;

const PROFILE: &str = r#"
profile = "test"
secrets = ["key"]
[settings.sender]
[settings.mode]
values = ["a", "b"]
[ping.request]
body = "form"
fields = { key = "secret.key", sender = "setting.sender", mode = "setting.mode", zip = "zip", age = "age", ip = "consent.ip" }
[ping.reply]
rules = [
  { when = { "$.status" = "yes" }, outcome = "accept" },
  { when = { "$.status" = "no" }, outcome = "refuse" },
]
bid = { price = "$.price", references = { lead = "$.lead", bid = "$.bid" } }
[post.request]
body = "json"
fields = { lead = "bid.lead", bid = "bid.bid", price = "price", name = { from = "first_name", required = true }, email = { from = "email", required = true } }
[post.reply]
captures = { code = "$.code" }
rules = [
  { when = { "$.status" = "more" }, outcome = "next_step", step = "confirm" },
  { when = { "$.status" = "yes" }, outcome = "accept" },
  { when = { "$.status" = "no" }, outcome = "refuse" },
]
[confirm.request]
body = "json"
fields = { code = "reply.code" }
[confirm.reply]
rules = [{ when = { "$.status" = "yes" }, outcome = "accept" }, { outcome = "refuse" }]
"#;

fn profile() -> Profile {
    let told = |faults: Vec<crate::integration::Fault>| {
        faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    Profile::compile(PROFILE).unwrap_or_else(|faults| panic!("{}", told(faults)))
}

/// Runs a case of final expense, which gets a sentence about itself.
fn run(mut case: Json) -> Result<CaseReport, Vec<String>> {
    case["about"] = json!("A case.");
    case["vertical"] = json!("final_expense");
    let case = Case::parse(&case.to_string()).unwrap_or_else(|invalid| panic!("{invalid}"));
    rehearse(&profile(), &case, &shipped_verticals()[&case.vertical])
}

/// What differs in a case, each difference on a line.
fn differences(case: Json) -> Vec<String> {
    let report = run(case).unwrap_or_else(|faults| panic!("{faults:?}"));
    let told = report.differences();
    told.map(|d| format!("{}: {} | {}", d.at, d.expected.trim(), d.found.trim())).collect()
}

#[test]
fn what_a_reply_brings_is_in_the_calls_that_follow() {
    let case = json!({"steps": [
        {"call": "ping",
         "request": {"method": "POST", "url": "https://buyer.example/ping",
             "form": {"key": "key-secret", "sender": "sender", "mode": "a", "zip": "75201",
                      "age": "69", "ip": "203.0.113.9"}},
         "reply": {"body": {"status": "yes", "price": 21.5, "lead": "L1", "bid": "B2"}},
         "means": {"bids": [{"price": "21.50", "reference": {"lead": "L1", "bid": "B2"}}]}},
        {"call": "post",
         "request": {"headers": {"Content-Type": "application/json", "x-none": null},
             "body": {"lead": "L1", "bid": "B2", "price": "21.50", "name": "Margaret",
                      "email": "margaret.ellison@example.com"}},
         "reply": {"body": {"status": "more", "code": "c-9"}},
         "means": {"outcome": "unknown", "next_step": "confirm", "captures": {"code": "c-9"}}},
        {"call": "confirm", "request": {"body": "{\"code\":\"c-9\"}"},
         "reply": {"body": {"status": "yes"}}, "means": {"outcome": "accepted", "rule": 1}},
    ]});
    assert_eq!(differences(case), Vec::<String>::new());
}

/// A profile whose ping takes something from the login and from the call before it.
const PREPARED: &str = r#"
profile = "prepared"
[login.request]
url = "https://buyer.example/login"
body = "json"
fields = { kind = { value = "login" } }
[login.reply]
token = "$.token"
captures = { session = "$.session" }
[preping.request]
url = "https://buyer.example/preping"
body = "json"
fields = { token = "login.token" }
[preping.reply]
captures = { consent = "$.consent" }
rules = [{ when = { "$.ok" = true }, outcome = "accept" }, { outcome = "refuse" }]
[ping.request]
body = "json"
fields = { session = "login.session", consent = "preping.consent" }
[ping.reply]
rules = [{ when = { "$.ok" = true }, outcome = "accept" }, { outcome = "refuse" }]
bid = { price = "$.price" }
[post.request]
body = "json"
fields = { zip = "zip" }
[post.reply]
rules = [{ when = { "$.ok" = true }, outcome = "accept" }, { outcome = "refuse" }]
"#;

#[test]
fn what_a_login_and_the_call_before_a_ping_bring_is_in_the_ping() {
    let case = json!({"about": "A case.", "vertical": "final_expense", "steps": [
        {"call": "login", "reply": {"body": {"token": "t-1", "session": "s-2"}},
         "means": {"outcome": "token", "token": "t-1"}},
        {"call": "preping", "request": {"body": {"token": "t-1"}},
         "reply": {"body": {"ok": true, "consent": "c-3"}}, "means": {"outcome": "taken"}},
        {"call": "ping", "request": {"body": {"session": "s-2", "consent": "c-3"}},
         "reply": {"body": {"ok": true, "price": 2}}, "means": {"bids": [{"price": "2.00"}]}},
    ]});
    let profile = Profile::compile(PREPARED).unwrap_or_else(|faults| {
        panic!("{}", faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    });
    let case = Case::parse(&case.to_string()).unwrap_or_else(|invalid| panic!("{invalid}"));
    let report = rehearse(&profile, &case, &shipped_verticals()[&case.vertical]);
    let report = report.unwrap_or_else(|faults| panic!("{faults:?}"));
    let told: Vec<_> = report.differences().map(|d| format!("{}: {}", d.at, d.found)).collect();
    assert!(told.is_empty(), "{told:?}");
}

#[test]
fn everything_that_is_not_as_the_case_has_it_is_told() {
    let case = json!({"steps": [
        {"call": "ping", "request": {"method": "GET", "form": {"zip": "75202"}, "headers": {"content-type": null}},
         "reply": {"status": 500, "body": "x"}, "means": {"bids": [{"price": "1.00"}]}},
        {"call": "post", "not_sent": "missing_field", "reply": {"body": {"status": "no"}},
         "means": {"outcome": "accepted"}},
        {"call": "loser_notice", "reply": {"body": ""}, "means": {"outcome": "taken"}},
    ]});
    let told = differences(case);
    assert_eq!(told.len(), 8, "{told:#?}");
    assert_eq!(told[0], "steps.0.request.method: GET | POST");
    let type_of_form = "no such header | application/x-www-form-urlencoded";
    assert_eq!(told[1], format!("steps.0.request.headers.content-type: {type_of_form}"));
    assert!(told[2].starts_with("steps.0.request.form: zip=75202 | age=69\nip="), "{}", told[2]);
    assert!(told[3].ends_with("no bids"), "{}", told[3]);
    assert_eq!(told[4], "steps.1.not_sent: missing_field | a request");
    assert_eq!(told[5], "steps.1.means.outcome: \"accepted\" | \"rejected\"");
    assert!(told[6].starts_with("steps.2.not_sent: a request | no_such_request"), "{}", told[6]);
    assert!(told[7].contains("the profile has no [loser_notice.reply]"), "{}", told[7]);
}

#[test]
fn a_lead_that_lacks_what_is_required_is_not_sent() {
    let case =
        json!({"lead": {"email": null}, "steps": [{"call": "post", "not_sent": "missing_field"}]});
    assert_eq!(differences(case), Vec::<String>::new());
}

#[test]
fn a_campaign_discloses_what_it_says_and_no_more() {
    let case = json!({"campaign": {"disclosures": ["age"]}, "steps": [
        {"call": "ping", "request": {"form": {"key": "key-secret", "sender": "sender", "mode": "a", "age": "69"}}},
    ]});
    assert_eq!(differences(case), Vec::<String>::new());
}

#[test]
fn a_lead_that_the_vertical_refuses_is_no_case() {
    let faults = run(json!({"lead": {"zip": "10001"}, "steps": [{"call": "ping"}]})).err().unwrap();
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert!(faults[0].starts_with("/lead/zip: "), "{faults:?}");
}

#[test]
fn only_what_a_rule_says_counts_as_evidence() {
    let missing = |replies: &[(&str, Json, u16)]| {
        let steps: Vec<Json> = replies
            .iter()
            .map(|(call, body, status)| {
                let means =
                    if *call == "ping" { json!({"words": null}) } else { json!({"price": null}) };
                json!({"call": call, "reply": {"status": status, "body": body}, "means": means})
            })
            .collect();
        run(json!({"steps": steps})).unwrap().evidence.missing(&profile())
    };
    let (yes, no) =
        (json!({"status": "yes", "price": 1, "lead": "a", "bid": "b"}), json!({"status": "no"}));
    let all = [
        ("ping", yes.clone(), 200),
        ("ping", no.clone(), 200),
        ("post", yes.clone(), 200),
        ("post", no, 200),
    ];
    assert_eq!(missing(&all), Vec::<String>::new());
    assert_eq!(
        missing(&[("ping", yes, 200), ("ping", json!("x"), 200), ("post", json!("x"), 404)]),
        [
            "no case shows how the buyer refuses a ping",
            "no case shows how the buyer accepts a post",
            "no case shows how the buyer refuses a post",
        ]
    );
}

#[test]
fn what_a_second_post_brings_is_evidence_of_the_post_that_asked_for_it() {
    let post = |steps: &[(&str, &str)]| {
        let steps: Vec<Json> = steps
            .iter()
            .map(|(call, status)| {
                let body = json!({"status": status, "code": "c-9"});
                json!({"call": call, "reply": {"body": body}, "means": {"price": null}})
            })
            .collect();
        let missing = run(json!({"steps": steps})).unwrap().evidence.missing(&profile());
        missing.into_iter().filter(|missing| missing.ends_with("a post")).collect::<Vec<_>>()
    };
    let (accepts, refuses) = (
        "no case shows how the buyer accepts a post",
        "no case shows how the buyer refuses a post",
    );
    let more = ("post", "more");
    assert_eq!(post(&[more]), [accepts, refuses]);
    assert_eq!(post(&[more, ("confirm", "yes")]), [refuses]);
    assert_eq!(post(&[more, ("confirm", "no")]), [accepts]);
    let none: [&str; 0] = [];
    assert_eq!(post(&[more, ("confirm", "yes"), more, ("confirm", "no")]), none);
    // One that nothing asked for shows nothing of the post.
    assert_eq!(post(&[("confirm", "yes"), ("post", "?"), ("confirm", "yes")]), [accepts, refuses]);
}

#[test]
fn a_profile_for_calls_is_proved_by_a_refusal_and_a_bid_with_a_number() {
    const CALLS: &str = r#"
profile = "calls"
[ping.request]
body = "none"
[ping.reply]
rules = [
  { when = { "$.status" = "yes" }, outcome = "accept" },
  { when = { "$.status" = "no" }, outcome = "refuse" },
]
bid = { price = "$.price", phone_number = "$.number" }
"#;
    let profile = Profile::compile(CALLS).unwrap();
    assert!(profile.is_for_calls() && profile.undelivered().is_empty());
    let missing = |bid: Json| {
        let steps = [bid, json!({"status": "no"})]
            .map(|body| json!({"call": "ping", "reply": {"body": body}, "means": {"words": null}}));
        let case = json!({"about": "A case.", "vertical": "final_expense", "steps": steps});
        let case = Case::parse(&case.to_string()).unwrap();
        let report = rehearse(&profile, &case, &shipped_verticals()[&case.vertical]);
        report.unwrap().evidence.missing(&profile)
    };
    let none: [&str; 0] = [];
    assert_eq!(missing(json!({"status": "yes", "price": 1, "number": "+18005550100"})), none);
    let no_number = json!({"status": "yes", "price": 1});
    assert_eq!(missing(no_number), ["no case shows how the buyer accepts a ping"]);
    let neither = CALLS.replace(", phone_number = \"$.number\"", "");
    let neither = Profile::compile(&neither).unwrap();
    assert!(!neither.is_for_calls());
    let told: Vec<_> = neither.undelivered().iter().map(ToString::to_string).collect();
    assert!(told[0].contains("no campaign can sell by this profile"), "{told:?}");
}

#[test]
fn a_lead_of_examples_is_a_lead_in_every_vertical() {
    for (id, vertical) in shipped_verticals() {
        let text = format!(r#"{{"about": "", "vertical": "{id}", "steps": [{{"call": "ping"}}]}}"#);
        let case = Case::parse(&text).unwrap();
        let staged = stage(&profile(), &case, &vertical);
        assert!(staged.is_ok(), "{id}: {:?}", staged.err());
    }
}

#[test]
fn what_nobody_has_declared_is_no_part_of_a_case() {
    let campaign = json!({
        "settings": {"sendr": "7", "mode": "c"},
        "secrets": {"token": "x"},
        "disclosures": ["age", "zipp", "ip"],
    });
    let faults = run(json!({"campaign": campaign, "steps": [{"call": "ping"}]})).err().unwrap();
    assert_eq!(
        faults[..3],
        [
            "campaign: the profile declares no setting `sendr`; did you mean `sender`?",
            "campaign: the profile declares no secret `token`; known here: key",
            "campaign: the setting `mode` is one of a, b",
        ]
    );
    assert_eq!(faults.len(), 4, "{faults:?}");
    assert_eq!(faults[3], "campaign: no ping can disclose `zipp`; did you mean `zip`?");
}

#[test]
fn bodies_of_json_are_compared_by_value() {
    let case = |body: Json| json!({"steps": [{"call": "confirm", "request": {"body": body}}]});
    let told = |body: &str| differences(case(serde_json::from_str(body).unwrap()));
    assert_eq!(told(r#"{ "code" : "reply-code" }"#).len(), 1, "nothing brought a code");
    assert_eq!(told("{}"), Vec::<String>::new());
    assert_eq!(told(r#""{}""#), Vec::<String>::new());
    assert_eq!(told(r#""{ }""#).len(), 1, "a text is compared to the byte");
}

#[test]
fn a_lead_that_lacks_an_example_is_told_with_what_to_write() {
    let text = "id = \"payday\"\nname = \"Payday\"\n[[field]]\nname = \"zip\"\ntype = \"zip\"\nrequired = true\n";
    let parsed = crate::registry::vertical::parse_toml(text).unwrap();
    let vertical = crate::registry::vertical::compile(parsed).unwrap();
    let case = json!({"about": "", "vertical": "payday", "steps": [{"call": "ping"}]}).to_string();
    let told = stage(&profile(), &Case::parse(&case).unwrap(), &vertical).err().unwrap();
    assert_eq!(
        told,
        [
            "a lead of `payday` needs `zip`, which has no example: give the field an `example` in the vertical, or a value in the `lead` of a case"
        ]
    );
}
