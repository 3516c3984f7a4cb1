//! The file as a whole.

use std::collections::BTreeMap;

use super::super::phase::Phase;
use super::Profile;
use crate::integration::tests::sample::{compile, faults};

const PROFILE: &str = "profile = \"elocal\"\nsource = \"https://elocal.example/docs\"\ndescription = \"Home services.\"\n\
    secrets = [\"key\"]\n[settings.sender_id]\ndescription = \"who sends\"\n[settings.mode]\nvalues = [\"a\", \"b\"]\ndefault = \"a\"\n\
    [settings.note]\noptional = true\n[ping.request]\nbody = \"json\"\nfields = { key = \"secret.key\", zip = { from = \"zip\", required = true }, \
    sender = \"setting.sender_id\", mode = \"setting.mode\", note = \"setting.note\", ip = \"consent.ip\", \
    a = { from = \"miles\", required = true, default = 1 }, b = { from = \"income\", required = true, when = \"test\" } }\n\
    [post.request]\ninclude = \"ping\"\nurl = \"https://b.example/post\"\nfields = { name = { from = \"first_name\", required = true } }\n";

fn set(names: &[&str]) -> std::collections::BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn a_profile_tells_what_its_calls_use() {
    let profile = compile(PROFILE);
    assert_eq!(profile.name(), "elocal");
    assert_eq!(profile.source(), "https://elocal.example/docs");
    assert_eq!(profile.description(), "Home services.");
    assert_eq!(profile.secrets(), ["key"]);
    assert_eq!(profile.phases().collect::<Vec<_>>(), [Phase::Ping, Phase::Post]);
    let ping = profile.uses(Phase::Ping).unwrap();
    assert_eq!(ping.fields, set(&["zip", "miles", "income"]));
    assert_eq!(ping.required, set(&["zip"]));
    assert_eq!(ping.consent, set(&["ip"]));
    assert_eq!(ping.settings, set(&["sender_id", "mode", "note"]));
    assert_eq!(ping.secrets, set(&["key"]));
    assert!(ping.url);
    let post = profile.uses(Phase::Post).unwrap();
    assert_eq!(post.required, set(&["zip", "first_name"]));
    assert!(!post.url);
    assert_eq!(profile.uses(Phase::Login), None);
}

#[test]
fn a_campaign_sets_what_a_profile_asks_for() {
    let profile = compile(PROFILE);
    let given = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    };
    let complete = profile.complete_settings(&given(&[("sender_id", "7")]));
    assert_eq!(complete, Ok(given(&[("sender_id", "7"), ("mode", "a")])));
    let faults = profile.complete_settings(&given(&[("mode", "c"), ("sender", "7")]));
    assert_eq!(
        faults.unwrap_err(),
        [
            "the profile `elocal` needs the setting `sender_id`: who sends",
            "`mode` is one of a, b",
            "the profile `elocal` has no setting `sender`; known here: sender_id, mode, note",
        ]
    );
}

fn check(text: &str, expect: &[&str]) {
    assert_eq!(faults(text), expect, "{text}");
}

#[test]
fn what_is_wrong_with_a_file_is_told_all_at_once() {
    check(
        "profile = \"T T\"\ntime_zone = \"Mars\"\nsecrets = [\"Key\"]\n[lists]\nempty = []\n\
         [settings.x]\ndefault = \"a\"\nvalues = [\"b\"]\n[pong.request]\nbody = \"json\"\n[post]\nreq = 1\n",
        &[
            "1:11: error: profile: `T T` is no name for a profile; write small letters, digits, `-` and `_`, at most 63",
            "2:13: error: time_zone: `Mars` is not a time zone of the IANA database",
            "3:12: error: secrets.0: `Key` is no name, or is there twice; names have small letters, digits and _",
            "5:1: error: lists.empty: a list has a text at least; all lists have 50000",
            "7:11: error: settings.x.default: the default is none of the values",
            "9:2: error: pong: unknown key `pong`; did you mean `ping`?",
            "11:2: error: post: nothing says how the reply is read; write [post.reply]",
            "11:2: error: post: there is no request; write [post.request]",
        ],
    );
    check(
        "[post.request]\ninclude = \"pin\"\n[ping.request]\nbody = \"none\"\n",
        &[
            "3:11: error: post.request.include: there is no `pin` to include before this; did you mean `ping`?",
        ],
    );
}

#[test]
fn what_follows_from_a_fault_is_not_told_beside_it() {
    let ping = |body: &str| {
        format!(
            "secrets = [\"key\"]\n[ping.request]\n{body}\nwrap = \"a\"\nfields = {{ key = \"secret.key\" }}\n\
             [post.request]\ninclude = \"ping\"\nfields = {{ id = \"bid.reference\", n = \"first_name\" }}\n"
        )
    };
    check(
        &ping("body = \"JSON\""),
        &["4:8: error: ping.request.body: `JSON` has no meaning here; did you mean `json`?"],
    );
    check(
        &ping("boddy = \"json\""),
        &[
            "3:7: error: ping.request: nothing says what the body is; write body = one of json, form, query, xml, soap, text, none",
            "4:1: error: ping.request.boddy: unknown key `boddy`; did you mean `body`?",
        ],
    );
    check(
        "[login.request]\nbody = \"none\"\n[login.reply]\ntokn = \"$.t\"\n[post.request]\nbody = \"json\"\n\
         fields = { a = \"login.session\" }\n",
        &[
            "4:8: error: login.reply: the login brings no token; say where it is: token = \"$.token\"",
            "5:1: error: login.reply.tokn: unknown key `tokn`; did you mean `token`?",
        ],
    );
    check(
        "profile = \"t\"\n",
        &[
            "1:1: error: the profile describes neither a ping nor a post; write [ping.request] or [post.request]",
        ],
    );
}

#[test]
fn a_profile_without_a_name_is_refused() {
    let faults = Profile::compile("[post.request]\nbody = \"none\"\n").unwrap_err();
    assert_eq!(
        faults.iter().map(ToString::to_string).collect::<Vec<_>>(),
        [
            "1:1: error: the profile has no name; write profile = \"name\" in its first line",
            "1:2: error: post: nothing says how the reply is read; write [post.reply]",
        ]
    );
}

#[test]
fn what_is_declared_and_used_nowhere_is_only_warned_of() {
    check(
        "secrets = [\"key\"]\n[post.request]\nbody = \"none\"\n",
        &["1:1: warning: the secret `key` is used nowhere"],
    );
}

#[test]
fn what_a_call_takes_from_a_reply_that_brings_it_not_is_refused() {
    check(
        "[login.request]\nbody = \"none\"\n[ping.request]\nbody = \"none\"\n[post.request]\nbody = \"json\"\n\
         fields = { a = \"bid.legs\", b = \"bid.lead\", c = \"login.tokn\", d = \"preping.x\" }\n\
         [confirm.request]\nbody = \"json\"\nfields = { a = \"reply.kee\", b = \"reply.capture_key\" }\n",
        &[
            "8:16: error: post.request.fields.a: no reply brings `bid.legs`; known here: reference, lead",
            "8:48: error: post.request.fields.c: no reply brings `login.tokn`; did you mean `token`?",
            "8:66: error: post.request.fields.d: a post request has no `preping.x`; only the ping has what the call before it brought",
            "8:66: error: post.request.fields.d: no reply brings `preping.x`",
            "11:16: error: confirm.request.fields.a: no reply brings `reply.kee`; known here: capture_key",
        ],
    );
    let faults =
        Profile::compile("profile = \"t\"\n[ping.request]\nbody = \"none\"\n").unwrap_err();
    assert_eq!(
        faults.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["2:2: error: ping: nothing says how the reply is read; write [ping.reply]"]
    );
}

#[test]
fn a_completion_has_what_is_there_when_it_is_sent() {
    let completion = |fields: &str| {
        format!(
            "[post.request]\nbody = \"none\"\n[completion.request]\nbody = \"json\"\nfields = {{ {fields} }}\n"
        )
    };
    check(&completion("a = \"reply.capture_key\", b = \"phone\", c = \"price\""), &[]);
    check(&completion("a = \"call.duration_s\", b = \"call.occurred_at\""), &[]);
    check(
        &completion("a = \"call.duration\""),
        &[
            "6:16: error: completion.request.fields.a: a call has no `duration`; it has duration_s, occurred_at",
        ],
    );
    check(
        &completion("a = \"call.duration_s\", b = \"reply.capture_key\""),
        &[
            "1:1: error: completion: what the reply to the post brought is not kept until a call is reported",
        ],
    );
    check(
        "[post.request]\nbody = \"none\"\n[status.request]\nbody = \"json\"\nfields = { a = \"reply.capture_key\" }\n",
        &["6:16: error: status.request.fields.a: a status request has no `reply.capture_key`"],
    );
}

#[test]
fn a_rule_that_leads_to_a_call_that_is_not_there_is_refused() {
    let faults = faults(
        "[post.request]\nbody = \"none\"\n[post.reply]\nrules = [\
         { when = { http_status = 200 }, outcome = \"accept\" }, { when = { http_status = 204 }, outcome = \"refuse\" }, \
         { when = { http_status = 202 }, outcome = \"next_step\", step = \"confirm\" }]\n",
    );
    assert_eq!(
        faults,
        [
            "1:1: error: post: a rule of the post reply leads to `confirm`, which is not there; write [confirm.request]"
        ]
    );
}

/// A post whose answers all lead to `step`, and a second post that is answered by `confirmed`.
fn always_led_on(step: &str, confirmed: &str) -> String {
    format!(
        "[post.request]\nbody = \"none\"\n[post.reply]\nrules = [{{ outcome = \"next_step\", step = \"{step}\" }}]\n\
         [confirm.request]\nbody = \"none\"\n[confirm.reply]\nrules = [\
         {{ when = {{ http_status = 201 }}, {confirmed} }}, {{ outcome = \"refuse\" }}]\n"
    )
}

#[test]
fn a_post_that_always_takes_a_second_one_needs_no_rule_that_accepts() {
    let profile = compile(&always_led_on("confirm", "outcome = \"accept\""));
    assert_eq!(profile.warnings(), []);
    let check = |text: &str, expect: &[&str]| assert_eq!(faults(text), expect, "{text}");
    check(
        &always_led_on("post", "outcome = \"accept\""),
        &[
            "1:1: error: post: no rule of the post reply accepts; write [[rules]] with when = { .. } and outcome = \"accept\"",
        ],
    );
    check(
        &always_led_on("confirm", "outcome = \"next_step\", step = \"confirm\""),
        &[
            "1:1: error: confirm: no rule of the confirm reply accepts; write [[rules]] with when = { .. } and outcome = \"accept\"",
        ],
    );
}

#[test]
fn what_the_call_before_the_ping_brought_is_in_the_ping_alone() {
    let calls = |field: &str| {
        format!(
            "[preping.request]\nbody = \"none\"\n[preping.reply]\ncaptures = {{ id = \"$.id\" }}\n\
             [ping.request]\nbody = \"json\"\nfields = {{ id = \"preping.id\" }}\n\
             [post.request]\ninclude = \"ping\"\nfields = {{ id = {field}, name = \"first_name\" }}\n"
        )
    };
    drop(compile(&calls("\"bid.reference\"")));
    drop(compile(&calls("{ omit = true }")));
    let told = faults(&calls("\"preping.id\""));
    let expect = "post.request.fields.id: a post request has no `preping.id`; only the ping has what \
                  the call before it brought";
    assert!(told.len() == 1 && told[0].ends_with(expect), "{told:?}");
}

#[test]
fn a_profile_is_of_bounded_size() {
    let field = |n: usize| format!("f{n} = {{ first = [\"zip\", \"zip\", \"zip\", \"zip\"] }}\n");
    let many: String = (0..1_500).map(field).collect();
    let faults = faults(&format!("[post.request]\nbody = \"json\"\n[post.request.fields]\n{many}"));
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert!(faults[0].contains("at most 4000 parts, 24 deep"), "{faults:?}");
    let deep = format!("{}\"zip\"{}", "{ fields = { a = ".repeat(30), " } }".repeat(30));
    let faults =
        self::faults(&format!("[post.request]\nbody = \"json\"\nfields = {{ a = {deep} }}\n"));
    assert!(faults.iter().any(|fault| fault.contains("24 deep")), "{faults:?}");
}
