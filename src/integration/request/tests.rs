//! Requests, complete to the byte.

mod effort;
mod hostile;
mod include;
mod structure;

use super::super::phase::Phase;
use super::{RenderRefused, RenderedRequest};
use crate::integration::tests::sample::{faults, sample};

/// Request line, headers and body of what is rendered.
fn shown(rendered: &RenderedRequest) -> String {
    let mut out = format!("{} {}\n", rendered.method, rendered.url);
    for (name, value) in &rendered.headers {
        out.push_str(&format!("{name}: {value}\n"));
    }
    out + &String::from_utf8_lossy(&rendered.body)
}

fn check(profile: &str, phase: Phase, expect: &str) {
    let rendered = sample(&[]).render(profile, phase);
    let rendered = rendered.unwrap_or_else(|refused| panic!("{refused}: {profile}"));
    assert_eq!(shown(&rendered), expect, "{profile}");
}

fn check_refused(profile: &str, phase: Phase, expect: &RenderRefused) {
    let refused = sample(&[]).render(profile, phase).err();
    assert_eq!(refused.as_ref(), Some(expect), "{profile}");
}

/// That the faults of a text are these, each shortened to what is given.
fn check_faults(profile: &str, expect: &[&str]) {
    let faults = faults(profile);
    assert_eq!(faults.len(), expect.len(), "{faults:#?}\n{profile}");
    for (fault, expect) in faults.iter().zip(expect) {
        assert!(fault.contains(expect), "{fault}\n{expect}");
    }
}

#[test]
fn the_common_buyer_is_a_table_of_ten_lines() {
    let profile = "profile = \"common\"\nsecrets = [\"key\"]\n[ping.request]\nbody = \"form\"\n\
        [ping.request.fields]\nkey = \"secret.key\"\nstate = \"state\"\nzip3 = \"zip3\"\n\
        [post.request]\ninclude = \"ping\"\n[post.request.fields]\nfirst_name = \"first_name\"\n\
        phone = { from = \"phone\", phone = \"digits\" }\nping_id = \"bid.reference\"\n";
    check(
        profile,
        Phase::Ping,
        "POST https://buyer.example/api\ncontent-type: application/x-www-form-urlencoded\n\
         key=k%26y&state=TX&zip3=070",
    );
    check(
        profile,
        Phase::Post,
        "POST https://buyer.example/api\ncontent-type: application/x-www-form-urlencoded\n\
         key=k%26y&state=TX&zip3=070&first_name=Ada&phone=2145557312&ping_id=B%2F1+2",
    );
}

#[test]
fn capability_01_each_call_has_its_method_and_kind_of_body() {
    let fields = "[post.request.fields]\nstate = \"state\"\n";
    let of = |head: &str| format!("[post.request]\n{head}\n{fields}");
    check(
        &of("body = \"json\""),
        Phase::Post,
        "POST https://buyer.example/api\ncontent-type: application/json\n{\"state\":\"TX\"}",
    );
    check(
        &of(
            "body = \"json\"\nmethod = \"PUT\"\ncontent_type = \"application/json; charset=utf-8\"",
        ),
        Phase::Post,
        "PUT https://buyer.example/api\ncontent-type: application/json; charset=utf-8\n\
         {\"state\":\"TX\"}",
    );
    check(&of("body = \"query\""), Phase::Post, "GET https://buyer.example/api?state=TX\n");
    check(
        &of("body = \"query\"\nmethod = \"POST\""),
        Phase::Post,
        "POST https://buyer.example/api?state=TX\n",
    );
    check(
        &of("body = \"xml\"\nwrap = \"Lead\""),
        Phase::Post,
        "POST https://buyer.example/api\ncontent-type: application/xml; charset=utf-8\n\
         <?xml version=\"1.0\" encoding=\"UTF-8\"?><Lead><state>TX</state></Lead>",
    );
    check(
        &of(
            "body = \"soap\"\nwrap = \"b:Ping\"\nattributes.\"xmlns:b\".value = \"urn:b\"\nsoap_action = \"urn:b/Ping\"",
        ),
        Phase::Post,
        "POST https://buyer.example/api\ncontent-type: text/xml; charset=utf-8\n\
         soapaction: \"urn:b/Ping\"\n<?xml version=\"1.0\" encoding=\"UTF-8\"?>\
         <soap:Envelope xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\"><soap:Body>\
         <b:Ping xmlns:b=\"urn:b\"><state>TX</state></b:Ping></soap:Body></soap:Envelope>",
    );
    check(
        "[post.request]\nbody = \"text\"\ntext = \"LEAD|{zip}|{state}\"\n",
        Phase::Post,
        "POST https://buyer.example/api\ncontent-type: text/plain; charset=utf-8\nLEAD|07001|TX",
    );
    check("[post.request]\nbody = \"none\"\n", Phase::Post, "GET https://buyer.example/api\n");
}

#[test]
fn capability_01_a_soap_1_2_action_is_part_of_the_content_type() {
    let profile = "[post.request]\nbody = \"soap\"\nsoap_version = \"1.2\"\nsoap_action = \"urn:x\"\n\
        wrap = \"Ping\"\n";
    let rendered = sample(&[]).render(profile, Phase::Post).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(
        rendered.headers,
        [("content-type".into(), "application/soap+xml; charset=utf-8; action=\"urn:x\"".into())]
    );
}

#[test]
fn capability_02_an_xml_document_stands_in_a_field_of_a_form() {
    let profile = "secrets = [\"user\"]\n[post.request]\nbody = \"form\"\n[post.request.fields]\n\
        User = \"secret.user\"\n[post.request.fields.Message]\ndocument = \"xml\"\nwrap = \"PINGGX\"\n\
        attributes.xmlns.value = \"urn:gx\"\n[post.request.fields.Message.fields]\n\
        URL = \"consent.page_url\"\n";
    let expect = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><PINGGX xmlns=\"urn:gx\">\
        <URL>https://quotes.example/?a=1&amp;b=2</URL></PINGGX>";
    let body = sample(&[]).body(profile, Phase::Post);
    let pairs: Vec<_> = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    assert_eq!(
        pairs,
        [("User".into(), "gavel".into()), ("Message".into(), expect.to_owned())],
        "{body}"
    );
    assert!(body.contains("a%3D1%26amp%3Bb%3D2"), "{body}");
}

#[test]
fn capability_03_the_phase_is_in_the_url_a_field_an_attribute_or_a_wrapper() {
    let profile = "[ping.request]\nbody = \"xml\"\nurl = \"{url}/ping\"\nwrap = [\"LeadData\", \"Ping\"]\n\
        [ping.request.attributes]\nTarget = { value = \"Lead.Ping\" }\nRequestTime = { from = \"now\", date = \"YYYY-MM-DD hh:mm:ss\" }\n\
        [ping.request.fields]\nMode = { value = \"ping\" }\n\
        [post.request]\ninclude = \"ping\"\nurl = \"{url}/post\"\nwrap = [\"LeadData\", \"Post\"]\n\
        [post.request.attributes]\nTarget = { value = \"Lead.Post\" }\n\
        [post.request.fields]\nMode = { value = \"post\" }\n";
    let head =
        "content-type: application/xml; charset=utf-8\n<?xml version=\"1.0\" encoding=\"UTF-8\"?>";
    check(
        profile,
        Phase::Ping,
        &format!(
            "POST https://buyer.example/api/ping\n{head}<LeadData Target=\"Lead.Ping\" \
             RequestTime=\"2026-11-23 14:02:03\"><Ping><Mode>ping</Mode></Ping></LeadData>"
        ),
    );
    check(
        profile,
        Phase::Post,
        &format!(
            "POST https://buyer.example/api/post\n{head}<LeadData Target=\"Lead.Post\" \
             RequestTime=\"2026-11-23 14:02:03\"><Post><Mode>post</Mode></Post></LeadData>"
        ),
    );
}

#[test]
fn capability_04_references_go_back_in_fields_paths_elements_and_attributes() {
    let of = |text: &str| format!("[post.request]\n{text}");
    check(
        &of("body = \"json\"\nurl = \"{url}/bids/{bid.reference}/accept?lead={bid.lead}\"\n\
             [post.request.fields]\npingID = \"bid.reference\"\nlead = \"bid.lead\"\nours = \"ping_id\"\n"),
        Phase::Post,
        "POST https://buyer.example/api/bids/B%2F1%202/accept?lead=L-7\n\
         content-type: application/json\n\
         {\"pingID\":\"B/1 2\",\"lead\":\"L-7\",\"ours\":\"ping_00000000000000000000000007\"}",
    );
    check(
        &of("body = \"xml\"\nwrap = \"Post\"\ndeclaration = false\n\
             [post.request.attributes]\nMatchPingId = \"bid.reference\"\n\
             [post.request.fields]\nReservationCode = \"bid.lead\"\n"),
        Phase::Post,
        "POST https://buyer.example/api\ncontent-type: application/xml; charset=utf-8\n\
         <Post MatchPingId=\"B/1 2\"><ReservationCode>L-7</ReservationCode></Post>",
    );
}

#[test]
fn capability_05_a_post_is_the_ping_with_more_and_without_some() {
    let profile = "[ping.request]\nbody = \"json\"\nwrap = \"ping\"\n[ping.request.fields]\n\
        state = \"state\"\nReturn_Best_Price = { value = true }\n\
        data.fields = { own = \"own_or_rent\", miles = \"miles\" }\n\
        [post.request]\ninclude = \"ping\"\nwrap = \"post\"\n[post.request.fields]\n\
        Return_Best_Price = { omit = true }\n\
        data.fields = { name = \"first_name\", miles = { omit = true } }\n";
    let sample = sample(&[]);
    assert_eq!(
        sample.body(profile, Phase::Ping),
        r#"{"ping":{"state":"TX","Return_Best_Price":true,"data":{"own":"own","miles":12000}}}"#
    );
    assert_eq!(
        sample.body(profile, Phase::Post),
        r#"{"post":{"state":"TX","data":{"own":"own","name":"Ada"}}}"#
    );
}

#[test]
fn capability_06_credentials_stand_in_body_query_header_or_basic() {
    let profile = "secrets = [\"key\", \"user\", \"password\"]\n[post.request]\nbody = \"json\"\n\
        query = { ResponseFormat = { value = \"xml\" }, key = \"secret.key\" }\n\
        auth = { kind = \"basic\", user = \"secret.user\", password = \"secret.password\" }\n\
        [post.request.headers]\nTrue-Client-IP = \"consent.ip\"\nX-Key = { text = \"Key {secret.key}\" }\n\
        [post.request.fields]\nkey = \"secret.key\"\n";
    check(
        profile,
        Phase::Post,
        "POST https://buyer.example/api?ResponseFormat=xml&key=k%26y\ncontent-type: application/json\n\
         true-client-ip: 203.0.113.9\nx-key: Key k&y\n{\"key\":\"k&y\"}",
    );
    check_authorization(profile, "authorization: Basic Z2F2ZWw6YTpi");
    let of = |auth: &str| {
        format!("secrets = [\"key\"]\n[post.request]\nbody = \"none\"\nauth = {auth}\n")
    };
    check_authorization(
        &of("{ kind = \"bearer\", token = \"login.token\" }"),
        "authorization: Bearer tok-1",
    );
    check_authorization(
        &of("{ kind = \"token\", token = \"secret.key\" }"),
        "authorization: Token k&y",
    );
    check_authorization(
        &of("{ kind = \"header\", header = \"X-Api-Key\", token = \"secret.key\" }"),
        "x-api-key: k&y",
    );
}

fn check_authorization(profile: &str, expect: &str) {
    let sample = sample(&[]);
    let profile = crate::integration::tests::sample::compile(profile);
    let header = profile.authorization(Phase::Post, &sample.frame()).unwrap();
    let shown = header.map(|(name, value)| format!("{name}: {value}"));
    assert_eq!(shown.as_deref(), Some(expect));
}

#[test]
fn capability_14_fields_and_blocks_are_there_when_they_should_be() {
    let profile = "[post.request]\nbody = \"json\"\nmissing = \"null\"\n[post.request.fields]\n\
        a = { from = \"nothing\" }\nb = { from = \"nothing\", missing = \"omit\" }\n\
        c = { from = \"nothing\", missing = \"empty\" }\nd = { value = 1, when = \"not test\" }\n\
        e = { value = 2, when = { all = [\"test\", { from = \"miles\", at_least = 12000, at_most = 12000 }] } }\n\
        f = { when = { from = \"own_or_rent\", in = [\"rent\"] }, fields = { x = \"zip\" } }\n\
        g = { when = { from = \"own_or_rent\", is = \"own\" }, fields = { x = \"zip\" } }\n\
        h = { fields = { x = \"nothing\" }, missing = \"omit\" }\n\
        i = { first = [\"nothing\", \"consent.jornaya_lead_id\", \"consent.trustedform_cert_url\"] }\n\
        j = { value = 3, when = { not = { any = [\"nothing\", { from = \"insured\", is = true }] } } }\n";
    assert_eq!(
        sample(&[]).body(profile, Phase::Post),
        "{\"a\":null,\"c\":\"\",\"e\":2,\"g\":{\"x\":\"07001\"},\
         \"i\":\"https://cert.trustedform.com/abc\"}"
    );
}

#[test]
fn capability_14_a_lead_without_what_is_required_is_not_sent() {
    let of = |fields: &str| format!("[post.request]\nbody = \"json\"\n{fields}\n");
    check_refused(
        &of("fields.Email = { from = \"middle_name\", required = true }"),
        Phase::Post,
        &RenderRefused::Missing { name: "middle_name".to_owned() },
    );
    check_refused(
        &of("fields.When = { text = \"{middle_name}\", required = true }"),
        Phase::Post,
        &RenderRefused::Missing { name: "When".to_owned() },
    );
    let one_of =
        "one_of = [[\"a\", \"b\", \"c\"]]\nfields = { a = \"nothing\", b = { value = \"\" }, c = ";
    check_refused(
        &of(&format!("{one_of}\"nothing\" }}")),
        Phase::Post,
        &RenderRefused::NoneOf { names: vec!["a".into(), "b".into(), "c".into()] },
    );
    let sample = sample(&[]);
    assert_eq!(
        sample.body(&of(&format!("{one_of}\"zip\" }}")), Phase::Post),
        r#"{"b":"","c":"07001"}"#
    );
}

#[test]
fn capability_16_our_floor_deadline_and_price_are_fields() {
    let profile = "[ping.request]\nbody = \"form\"\n[ping.request.fields]\nCost = \"floor\"\n\
        MaxResponseTime = { from = \"deadline_ms\", divided_by = 1000, decimals = 0 }\nseats = \"seats_max\"\n\
        [post.request]\nbody = \"form\"\nfields = { price = \"price\", cents = { from = \"price\", cents = true }, type = \"seats\" }\n";
    assert_eq!(sample(&[]).body(profile, Phase::Ping), "Cost=7.50&MaxResponseTime=1&seats=3");
    assert_eq!(sample(&[]).body(profile, Phase::Post), "price=21.50&cents=2150&type=exclusive");
}

#[test]
fn capability_17_calls_before_and_after_have_requests_of_their_own() {
    let profile = "secrets = [\"user\", \"key\"]\n\
        [login.request]\nbody = \"json\"\nurl = \"https://buyer.example/token\"\n\
        fields = { username = \"secret.user\", publicKey = \"secret.key\" }\n\
        [preping.request]\nbody = \"query\"\nfields = { state = \"state\" }\n\
        [post.request]\nbody = \"json\"\nfields = { name = \"first_name\" }\n\
        [confirm.request]\ninclude = \"post\"\n\
        fields = { ssn = \"ssn\", postStep = { value = \"confirmation\" }, DataCaptureKey = \"reply.capture_key\" }\n\
        [status.request]\nbody = \"query\"\nfields = { id = \"bid.reference\" }\n\
        [loser_notice.request]\nbody = \"form\"\nfields = { bid = \"bid.reference\", sold = \"sold_price\" }\n\
        [completion.request]\nbody = \"form\"\nfields = { token = \"bid.reference\", seconds = \"call.duration_s\" }\n";
    check(
        profile,
        Phase::Login,
        "POST https://buyer.example/token\ncontent-type: application/json\n\
         {\"username\":\"gavel\",\"publicKey\":\"k&y\"}",
    );
    check(profile, Phase::Preping, "GET https://buyer.example/api?state=TX\n");
    let sample = sample(&[]);
    assert_eq!(
        sample.body(profile, Phase::Confirm),
        r#"{"name":"Ada","ssn":"123456789","postStep":"confirmation","DataCaptureKey":"ck-9"}"#
    );
    check(profile, Phase::Status, "GET https://buyer.example/api?id=B%2F1+2\n");
    assert_eq!(sample.body(profile, Phase::LoserNotice), "bid=B%2F1+2&sold=23.00");
    assert_eq!(sample.body(profile, Phase::Completion), "token=B%2F1+2");
}

#[test]
fn capability_18_a_test_is_marked_as_the_buyer_marks_it() {
    let profile = "[post.request]\nbody = \"form\"\n[post.request.fields]\n\
        lp_test = { value = \"1\", when = \"test\" }\nis_test = { from = \"test\", boolean = [\"yes\", \"no\"] }\n\
        zip = { first = [{ value = \"99999\", when = \"test\" }, \"zip\"] }\n";
    assert_eq!(sample(&[]).body(profile, Phase::Post), "lp_test=1&is_test=yes&zip=99999");
    let mut live = sample(&[]);
    live.lead.test = false;
    assert_eq!(live.body(profile, Phase::Post), "is_test=no&zip=07001");
}

#[test]
fn capability_19_the_exchanges_signature_is_off_unless_a_profile_asks_for_it() {
    let of = |line: &str| {
        format!("[post.request]\nbody = \"json\"\n{line}\nfields = {{ zip = \"zip\" }}\n")
    };
    let signs = |line: &str| sample(&[]).render(&of(line), Phase::Post).is_ok_and(|it| it.signs);
    assert!(!signs(""));
    assert!(signs("sign = true"));
    check_faults(
        &of(
            "headers = { webhook-signature = { value = \"x\" }, Content-Length = { value = \"1\" } }",
        ),
        &["is written by the exchange itself", "is written by the exchange itself"],
    );
}

#[test]
fn a_call_without_url_setting_or_secret_is_not_sent() {
    let mut sample = sample(&[]);
    let profile = crate::integration::tests::sample::compile(
        "secrets = [\"key\"]\n[post.request]\nbody = \"none\"\nauth = { kind = \"bearer\", token = \"secret.key\" }\n",
    );
    sample.secrets.clear();
    let refused = profile.render_post(&sample.post_input()).err();
    assert_eq!(refused, Some(RenderRefused::NotSet { name: "secret.key".to_owned() }));
    let profile = crate::integration::tests::sample::compile("[post.request]\nbody = \"none\"\n");
    let mut input = sample.post_input();
    input.frame.url = None;
    let refused = profile.render_post(&input).err();
    assert_eq!(refused.map(|refused| refused.as_str()), Some("url"));
    assert_eq!(profile.render_ping(&sample.ping_input()).err(), Some(RenderRefused::NoSuchRequest));
}

#[test]
fn a_ping_has_no_source_of_the_sale_and_a_login_none_of_the_lead() {
    check_faults(
        "[ping.request]\nbody = \"json\"\nfields = { a = \"price\", b = \"bid.reference\", c = \"post_id\", \
         d = \"consent.page_url\", e = \"reply.x\" }\n",
        &[
            "a ping request has no `price`",
            "a ping request has no `bid`",
            "a ping request has no `post_id`",
            "a ping never has `consent.page_url`",
            "a ping request has no `reply.x`",
            "no reply brings `reply.x`",
        ],
    );
    check_faults(
        "[login.request]\nbody = \"json\"\nfields = { a = \"zip\", b = \"consent.ip\", c = \"test\" }\n\
         [post.request]\nbody = \"none\"\n",
        &[
            "a login request has no `zip`",
            "a login request has no `consent`",
            "a login request has no `test`",
        ],
    );
}

#[test]
fn what_a_request_says_wrongly_is_told_all_at_once() {
    check_faults(
        "[ping.request]\nbody = \"jsn\"\n[post.request]\nmethod = \"GET\"\nbody = \"json\"\n\
         url = \"{bid.reference}/x\"\nfeilds = 1\n[post.request.fields]\na = \"setting.sender\"\n\
         b = \"secret.kee\"\nc = \"item.x\"\nd = \"consent.mail\"\n",
        &[
            "did you mean `json`?",
            "a GET request has no body",
            "a URL begins with the campaign's own",
            "unknown key `feilds`; did you mean `fields`?",
            "write [settings.sender]",
            "write secrets = [\"kee\"]",
            "there is no item here",
            "consent has no `mail`",
        ],
    );
}
