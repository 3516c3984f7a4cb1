//! What real buyers' replies need, each point with its number.

use super::*;

const ONE_RULE: &str = r#"
    rules = [
      { when = { "$.status" = "success" }, outcome = "accept" },
      { when = { "$.status" = "failure" }, outcome = "refuse" },
    ]
    bid = { price = "$.price", reference = "$.id" }
"#;

#[test]
fn capability_20_format_by_configuration_not_by_content_type() {
    let json = reader(Role::Ping, ONE_RULE);
    let headers = [("content-type".to_owned(), "text/html; charset=utf-8".to_owned())];
    let body = br#"{"status":"success","price":12.5,"id":"b-1"}"#;
    let reading = json.read_ping(&http(200, &headers, body), terms());
    assert_eq!(told_ping(reading.bids), "bid 12.50 b-1");
}

#[test]
fn capability_20_pseudo_json_by_pattern() {
    let pseudo = reader(
        Role::Ping,
        r#"
        format = "text"
        extract.id = { regex = '\bid: *([\w-]+)' }
        extract.price = { regex = '\bprice: *([\d.]+)' }
        extract.success = { regex = '\bsuccess: *(\w+)' }
        rules = [
          { when = { success = true }, outcome = "accept" },
          { when = { success = false }, outcome = "refuse" },
        ]
        bid = { price = "price", reference = "id" }
        "#,
    );
    let check = |body: &str, expect: &str| assert_eq!(ping(&pseudo, 200, body), expect, "{body}");
    let won = r#"{ id: a8c7-11, price: 4.30, message: "success", code = "OK", success: true }"#;
    check(won, "bid 4.30 a8c7-11");
    check(r#"{ id: a8c7-11, price: 0, message: "no", success: false }"#, "no declined");
    check("{ }", "no malformed");
}

#[test]
fn capability_20_xml_escaped_inside_xml() {
    let by_steps = reader(
        Role::Ping,
        r#"
        format = "xml"
        steps = ["unescape"]
        rules = [
          { when = { "/string/DTX/SUCCESS" = ["true", 1] }, outcome = "accept" },
          { when = { "/string/DTX/SUCCESS" = ["false", 0] }, outcome = "refuse" },
        ]
        bid = { price = "/string/DTX/PRICE" }
        "#,
    );
    let body = "<?xml version=\"1.0\"?><string xmlns=\"urn:a\">&lt;DTX&gt;&lt;SUCCESS&gt;True\
        &lt;/SUCCESS&gt;&lt;PRICE&gt;8.5&lt;/PRICE&gt;&lt;/DTX&gt;</string>";
    assert_eq!(ping(&by_steps, 200, body), "bid 8.50");
    let by_document = reader(
        Role::Ping,
        r#"
        format = "xml"
        extract.document = { xml = "/string" }
        extract.success = { from = "document", xml = "/DTX/SUCCESS" }
        extract.price = { from = "document", xml = "/DTX/PRICE" }
        rules = [
          { when = { success = ["true", 1] }, outcome = "accept" },
          { when = { success = ["false", 0] }, outcome = "refuse" },
        ]
        bid = { price = "price" }
        "#,
    );
    assert_eq!(ping(&by_document, 200, body), "bid 8.50");
    assert_eq!(ping(&by_document, 200, body.replace("True", "False")), "no declined");
    assert_eq!(ping(&by_document, 200, body.replace("/DTX", "/DTZ")), "no malformed");
}

#[test]
fn capability_20_fragments_with_two_roots_or_trailing_text() {
    let inbox = reader(
        Role::Post,
        r#"
        format = "xml"
        steps = [{ wrap_root = "r" }]
        reason = "/r/ReturnReason"
        rules = [
          { when = { "/r/ReturnValue" = "Success" }, outcome = "accept" },
          { when = { "/r/ReturnValue" = "FAILURE" }, outcome = "refuse" },
        ]
        "#,
    );
    let refused = "<ReturnValue>FAILURE</ReturnValue><ReturnReason>No such list</ReturnReason>";
    assert_eq!(post(&inbox, 200, "<ReturnValue>Success</ReturnValue>"), "accepted");
    assert_eq!(post(&inbox, 200, refused), "rejected other");
    assert_eq!(reason(&inbox, 200, refused), "No such list");
    let text_after = reader(
        Role::Post,
        r#"
        format = "xml"
        reason = "/text()"
        rules = [
          { when = { "/status" = "accepted" }, outcome = "accept" },
          { when = { "/status" = "rejected" }, outcome = "refuse" },
        ]
        "#,
    );
    assert_eq!(post(&text_after, 200, "<status>accepted</status>"), "accepted");
    assert_eq!(post(&text_after, 200, "<status>rejected</status>Too old"), "rejected other");
    assert_eq!(reason(&text_after, 200, "<status>rejected</status>Too old"), "Too old");
}

#[test]
fn capability_20_soap_with_a_delimited_string_inside() {
    let soap = reader(
        Role::Ping,
        r#"
        format = "xml"
        extract.result = { xml = "/Envelope/Body/SubmitResponse/SubmitResult" }
        extract.word = { from = "result", split = { by = "|", at = 1 } }
        extract.price = { from = "result", split = { by = "|", at = 2 } }
        extract.id = { from = "result", split = { by = "|", at = -1 } }
        rules = [
          { when = { word = "OK" }, outcome = "accept" },
          { when = { word = "NO" }, outcome = "refuse" },
        ]
        bid = { price = "price", reference = "id" }
        "#,
    );
    let body = |result: &str| {
        format!(
            "<?xml version=\"1.0\"?><soap:Envelope xmlns:soap=\"urn:soap\"><soap:Body>\
             <SubmitResponse xmlns=\"urn:b\"><SubmitResult>{result}</SubmitResult>\
             </SubmitResponse></soap:Body></soap:Envelope>"
        )
    };
    assert_eq!(ping(&soap, 200, body("OK|7.25|x|id-9")), "bid 7.25 id-9");
    assert_eq!(ping(&soap, 200, body("NO|0||")), "no declined");
    assert_eq!(ping(&soap, 200, body("OK")), "no invalid_price");
    assert_eq!(ping(&soap, 200, body("")), "no malformed");
}

#[test]
fn capability_21_extraction_by_path_pattern_split_and_header() {
    let all = reader(
        Role::Post,
        r#"
        extract.id = ["$.lead.id", "$.leads[?@.state == 'new'].id", "header:X-Lead", "$.alt"]
        extract.word = { from = "$.message", regex = '^(\w+):' }
        buyer_lead_id = "id"
        redirect_url = { from = "$.links", split = { by = " ", at = 2 } }
        rules = [
          { when = { word = "TAKEN" }, outcome = "accept" },
          { when = { word = "LEFT" }, outcome = "refuse" },
        ]
        "#,
    );
    let check = |body: &str, expect: &str| assert_eq!(post(&all, 200, body), expect, "{body}");
    check(r#"{"message":"TAKEN: thanks","lead":{"id":7}}"#, "accepted 7");
    check(
        r#"{"message":"TAKEN: x","leads":[{"state":"old","id":"a"},{"state":"new","id":"b"}]}"#,
        "accepted b",
    );
    check(r#"{"message":"TAKEN: x","lead":{"id":""},"alt":"z"}"#, "accepted z");
    check(
        r#"{"message":"TAKEN: x","links":"a https://b.example/n c"}"#,
        "accepted  https://b.example/n",
    );
    check(r#"{"message":"LEFT: x"}"#, "rejected other");
    check(r#"{"message":"lost"}"#, "unknown unmatched");
    let headers = [("x-lead".to_owned(), "h-1".to_owned())];
    let reading = all.read_post(&http(200, &headers, br#"{"message":"TAKEN: x"}"#), FIRST);
    assert_eq!(told_post(reading.outcome), "accepted h-1");
}

#[test]
fn capability_21_xml_paths_know_no_namespaces() {
    let xml = reader(
        Role::Post,
        r#"
        format = "xml"
        buyer_lead_id = "//Lead[@kind='main']/@id"
        rules = [
          { when = { "/Result/Status/@code" = 0 }, outcome = "accept" },
          { when = { "/Result/Status/@code" = { above = 0 } }, outcome = "refuse" },
        ]
        "#,
    );
    let lead = "<Lead kind='x' id='1'/><Lead kind='main' id='2'/>";
    let check = |body: &str, expect: &str| assert_eq!(post(&xml, 200, body), expect, "{body}");
    check(&format!("<Result><Status code='0'/>{lead}</Result>"), "accepted 2");
    check(&format!("<a:Result xmlns:a='u'><a:Status code='0'/>{lead}</a:Result>"), "accepted 2");
    check("<Result xmlns='urn:test'><Status code='12'/></Result>", "rejected other");
    check("<Result><Status/></Result>", "unknown unmatched");
}

#[test]
fn capability_22_accept_by_word_bool_number_status_and_price() {
    let check = |when: &str, yes: &[(u16, &str)], no: &[(u16, &str)]| {
        let text = format!(
            "rules = [{{ when = {when}, outcome = \"accept\" }}, {{ outcome = \"refuse\" }}]"
        );
        let reader = reader(Role::Post, &text);
        for (status, body) in yes {
            assert_eq!(post(&reader, *status, body), "accepted", "{when} {body}");
        }
        for (status, body) in no {
            assert_eq!(post(&reader, *status, body), "rejected other", "{when} {body}");
        }
    };
    check(
        r#"{ "$.s" = ["Matched", "success", "yes"] }"#,
        &[(200, r#"{"s":"matched"}"#), (200, r#"{"s":" SUCCESS "}"#), (201, r#"{"s":"Yes"}"#)],
        &[(200, r#"{"s":"Unmatched"}"#), (200, "{}"), (200, r#"{"s":null}"#)],
    );
    check(
        r#"{ "$.s" = true }"#,
        &[(200, r#"{"s":true}"#), (200, r#"{"s":"True"}"#)],
        &[(200, r#"{"s":false}"#), (200, r#"{"s":"false"}"#), (200, r#"{"s":1}"#)],
    );
    check(
        r#"{ "$.s" = 1 }"#,
        &[(200, r#"{"s":1}"#), (200, r#"{"s":"1"}"#), (200, r#"{"s":1.0}"#)],
        &[(200, r#"{"s":10}"#), (200, r#"{"s":true}"#)],
    );
    check(r#"{ http_status = 201 }"#, &[(201, ""), (201, "{}")], &[(200, ""), (404, "")]);
    check(r#"{ http_status = "2xx" }"#, &[(200, ""), (204, "")], &[(300, ""), (400, "")]);
    check(
        r#"{ "$.s" = "success", "$.price" = { above = 0 } }"#,
        &[(200, r#"{"s":"success","price":"0.01"}"#), (200, r#"{"s":"success","price":"$1,0"}"#)],
        &[(200, r#"{"s":"success","price":"0.00"}"#), (200, r#"{"s":"success"}"#)],
    );
    check(
        r#"{ "$.s" = { exactly = "OK" } }"#,
        &[(200, r#"{"s":"OK"}"#)],
        &[(200, r#"{"s":"ok"}"#)],
    );
    check(
        r#"{ any = [{ "$.a" = "x" }, { not = { "$.b" = { present = true } } }] }"#,
        &[(200, r#"{"a":"x","b":1}"#), (200, r#"{"b":""}"#), (200, "{}")],
        &[(200, r#"{"a":"y","b":1}"#)],
    );
    check(
        r#"{ "$.s" = { contains = "accept", is_not = "not accepted" } }"#,
        &[(200, r#"{"s":"Lead Accepted."}"#)],
        &[(200, r#"{"s":"Not Accepted"}"#), (200, "{}")],
    );
    check(
        r#"{ "$.s" = { starts_with = ["ok", "é"], matches = '\d$' } }"#,
        &[(200, r#"{"s":"OK 1"}"#), (200, r#"{"s":"é1"}"#)],
        &[(200, r#"{"s":"OK"}"#), (200, r#"{"s":"no ok 1"}"#)],
    );
}

#[test]
fn capability_22_rules_apply_in_their_order_and_nothing_else_is_an_acceptance() {
    let ordered = reader(
        Role::Post,
        r#"
        rules = [
          { when = { "$.status" = "success", "$.test" = true }, outcome = "test" },
          { when = { "$.status" = "success" }, outcome = "accept" },
          { when = { "$.status" = "failure" }, outcome = "refuse", reason = "filtered" },
        ]
        "#,
    );
    let check = |body: &str, expect: &str| assert_eq!(post(&ordered, 200, body), expect, "{body}");
    check(r#"{"status":"success","test":true}"#, "rejected test");
    check(r#"{"status":"success"}"#, "accepted");
    check(r#"{"status":"failure"}"#, "rejected filtered");
    check(r#"{"status":"later"}"#, "unknown unmatched");
    check("[]", "unknown unmatched");
    check("<html>", "unknown malformed");
    check("", "unknown malformed");
}

#[test]
fn capability_23_each_outcome_has_its_meaning() {
    let each: String = Outcome::NAMES
        .iter()
        .filter(|(name, _)| *name != "not_found")
        .map(|(name, _)| {
            let step = if *name == "next_step" { ", step = \"confirm\"" } else { "" };
            format!("{{ when = {{ \"$.s\" = \"{name}\" }}, outcome = \"{name}\"{step} }},\n")
        })
        .collect();
    let reader = reader(Role::Post, &format!("rules = [{each}]"));
    let check = |name: &str, first: &str, repeat: &str, test: &str| {
        let body = format!("{{\"s\":\"{name}\"}}");
        let read = |settings: PostSettings| {
            told_post(reader.read_post(&http(200, &[], body.as_bytes()), settings).outcome)
        };
        assert_eq!(read(FIRST), first, "{name}");
        assert_eq!(read(REPEAT), repeat, "{name}, repeated");
        assert_eq!(read(PostSettings { is_test: true, ..FIRST }), test, "{name}, tested");
    };
    check("accept", "accepted", "accepted", "accepted");
    check("refuse", "rejected other", "rejected other", "rejected other");
    check("duplicate", "rejected duplicate", "unknown duplicate_of_repeat", "rejected duplicate");
    check("invalid", "rejected invalid", "rejected invalid", "rejected invalid");
    check("auth_failed", "rejected auth_failed", "unknown auth_failed", "rejected auth_failed");
    check("quota", "rejected capped", "rejected capped", "rejected capped");
    check("pending", "unknown pending", "unknown pending", "unknown pending");
    check("unknown", "unknown unclear", "unknown unclear", "unknown unclear");
    check("test", "rejected test", "rejected test", "accepted");
    check("retry", "not_sent retry_later", "not_sent retry_later", "not_sent retry_later");
    check("next_step", "unknown next_step", "unknown next_step", "unknown next_step");
    let steps: Vec<&str> = reader.next_steps().collect();
    assert_eq!(steps, ["confirm"]);
}

#[test]
fn capability_24_a_price_is_what_the_profile_says_it_is() {
    let check = |price: &str, body: &str, expect: &str| {
        let text = format!(
            "rules = [{{ when = {{ \"$.s\" = 1 }}, outcome = \"accept\" }}, {{ outcome = \"refuse\" }}]\n\
             bid = {{ price = {price} }}"
        );
        assert_eq!(ping(&reader(Role::Ping, &text), 200, body), expect, "{price} {body}");
    };
    check(r#""$.p""#, r#"{"s":1,"p":12.505}"#, "bid 12.505");
    check(r#""$.p""#, r#"{"s":1,"p":"20.0"}"#, "bid 20.00");
    check(r#""$.p""#, r#"{"s":1,"p":1e2}"#, "no invalid_price");
    check(r#""$.p""#, r#"{"s":1,"p":12.00009999999999999999999}"#, "no invalid_price");
    check(r#""$.p""#, r#"{"s":1,"p":"$12"}"#, "no invalid_price");
    check(r#""$.p""#, r#"{"s":1,"p":-1}"#, "no invalid_price");
    check(r#""$.p""#, r#"{"s":1,"p":0}"#, "no declined");
    check(r#""$.p""#, r#"{"s":1,"p":"0.000"}"#, "no declined");
    check(r#""$.p""#, r#"{"s":1,"p":null}"#, "no invalid_price");
    check(r#""$.p""#, r#"{"s":1}"#, "no invalid_price");
    check(r#""$.p""#, r#"{"s":1,"p":[]}"#, "no invalid_price");
    check(r#""$.p""#, r#"{"s":1,"p":1000.01}"#, "no above_max_bid");
    check(r#""$.p""#, r#"{"s":1,"p":100000.01}"#, "no invalid_price");
    check(r#"{ json = "$.p", form = "money" }"#, r#"{"s":1,"p":"$1,000.00"}"#, "bid 1000.00");
    check(r#"{ json = "$.p", form = "cents" }"#, r#"{"s":1,"p":1250}"#, "bid 12.50");
    check(r#"{ json = "$.p", form = "whole" }"#, r#"{"s":1,"p":12}"#, "bid 12.00");
    check(r#"{ fixed = "9.75" }"#, r#"{"s":1}"#, "bid 9.75");
    check(r#"["$.a", "$.p"]"#, r#"{"s":1,"a":"","p":3}"#, "bid 3.00");
}

#[test]
fn capability_24_a_price_in_a_post_is_noted_and_the_bid_holds() {
    let xml = reader(
        Role::Post,
        r#"
        format = "xml"
        price = { xml = "/r/price", form = "money" }
        rules = [
          { when = { "/r/s" = 1 }, outcome = "accept" },
          { outcome = "refuse" },
        ]
        "#,
    );
    let check = |body: &str, expect: Option<&str>| {
        let reading = xml.read_post(&http(200, &[], body.as_bytes()), FIRST);
        assert_eq!(reading.price.map(|price| price.to_string()).as_deref(), expect, "{body}");
        assert_eq!(told_post(reading.outcome), "accepted");
    };
    check("<r><s>1</s><price>$12.50</price></r>", Some("12.50"));
    check("<r><s>1</s><price xsi:nil='true'>1</price></r>", None);
    check("<r><s>1</s><price/></r>", None);
    check("<r><s>1</s><price>soon</price></r>", None);
    check("<r><s>1</s></r>", None);
}

const BRANDS: &str = r#"
    rules = [
      { when = { "$.status" = "ok" }, outcome = "accept" },
      { outcome = "refuse" },
    ]
    [bid]
    each = "$.brands[*]"
    only = { "@.open" = { is_not = false } }
    price = "@.price"
    legal_name = "@.name"
    currency = "@.currency"
    shared = { "@.seats" = { above = 1 } }
    max_shared = "@.seats"
    [bid.references]
    lead = "$.lead_id"
    brand = "@.id"
"#;

#[test]
fn capability_25_the_best_of_several_bids_is_chosen_with_its_id() {
    let best = reader(Role::Ping, BRANDS);
    let check = |brands: &str, expect: &str| {
        let body = format!("{{\"status\":\"ok\",\"lead_id\":5,\"brands\":[{brands}]}}");
        assert_eq!(ping(&best, 200, &body), expect, "{brands}");
    };
    check(
        r#"{"id":"a","price":3},{"id":"b","price":"5.5"},{"id":"c","price":5.50}"#,
        r#"bid 5.50 {"brand":"b","lead":"5"}"#,
    );
    check(
        r#"{"id":"a","price":3},{"id":"b","price":9,"open":false}"#,
        r#"bid 3.00 {"brand":"a","lead":"5"}"#,
    );
    check(r#"{"id":"a","price":"?"},{"id":"b","price":2}"#, r#"bid 2.00 {"brand":"b","lead":"5"}"#);
    check(
        r#"{"id":"a","price":2000},{"id":"b","price":2}"#,
        r#"bid 2.00 {"brand":"b","lead":"5"}"#,
    );
    check(r#"{"id":"a","price":0},{"id":"b","price":0}"#, "no declined");
    check(r#"{"id":"a","price":2000},{"id":"b","price":1001}"#, "no above_max_bid");
    check(r#"{"id":"a","price":2,"currency":"EUR"}"#, "no other_currency");
    check(r#"{"id":"a","price":2,"seats":"x"}"#, "no malformed");
    check("", "no declined");
    check(&vec![r#"{"price":1}"#; 65].join(","), "no malformed");
}

#[test]
fn capability_25_every_bid_of_a_reply_can_stand_for_itself() {
    let all = reader(Role::Ping, &BRANDS.replace("[bid]", "[bid]\nchoose = \"all\""));
    let body = r#"{"status":"ok","lead_id":5,"brands":[
        {"id":"a","price":3,"name":"A LLC","seats":3},{"id":"b","price":"5.5"},{"price":-1}]}"#;
    let bids = all.read_ping(&http(200, &[], body.as_bytes()), terms()).bids.unwrap();
    assert_eq!(
        told_ping(Ok(bids.clone())),
        r#"bid 3.00 {"brand":"a","lead":"5"} + bid 5.50 {"brand":"b","lead":"5"}"#
    );
    assert_eq!(bids[0].bid.legal_name.as_deref(), Some("A LLC"));
    assert_eq!(bids[0].bid.max_shared, Some(3));
    assert_eq!(bids[0].bid.seats, crate::domain::bid::SeatsWanted::Shared);
    let alone = Terms { offers_shared: false, ..terms() };
    let bids = all.read_ping(&http(200, &[], body.as_bytes()), alone).bids;
    assert_eq!(told_ping(bids), r#"bid 5.50 {"brand":"b","lead":"5"}"#);
    let many =
        format!("{{\"status\":\"ok\",\"brands\":[{}]}}", vec![r#"{"price":1}"#; 17].join(","));
    assert_eq!(ping(&all, 200, many), "no malformed");
    let references: Vec<&str> = all.reference_names().collect();
    assert_eq!(references, ["lead", "brand"]);
}

#[test]
fn capability_25_chosen_legs_are_sold_for_their_sum() {
    let legs = reader(
        Role::Ping,
        r#"
        format = "xml"
        rules = [
          { when = { "/r/s" = "ok" }, outcome = "accept" },
          { outcome = "refuse" },
        ]
        [bid]
        each = "/r/leg"
        choose = "sum"
        only = { "./@open" = "yes" }
        price = "./price"
        references = { lead = "/r/id", legs = "./@id" }
        "#,
    );
    let check = |body: &str, expect: &str| {
        let body = format!("<r><s>ok</s><id>7</id>{body}</r>");
        assert_eq!(ping(&legs, 200, &body), expect, "{body}");
    };
    check(
        "<leg id='a' open='yes'><price>1.25</price></leg><leg id='b' open='no'><price>9</price>\
         </leg><leg id='c' open='yes'><price>2.50</price></leg>",
        r#"bid 3.75 {"lead":"7","legs":"a,c"}"#,
    );
    check("<leg id='a' open='yes'><price>x</price></leg>", "no invalid_price");
    check("<leg id='a' open='no'><price>1</price></leg>", "no declined");
    check("", "no declined");
}

#[test]
fn capability_26_reasons_and_redirects_from_several_places() {
    let told = reader(
        Role::Post,
        r#"
        reason = { all = ["$.comment", { json = "$.Errors[*].text", join = ", " }, "$.errors", "$.failedDataField"] }
        redirect_url = ["$.redirect", { json = "$.TYPageLink", decode = "url" }]
        rules = [
          { when = { "$.ok" = true }, outcome = "accept" },
          { outcome = "refuse" },
        ]
        "#,
    );
    let check = |body: &str, expect: &str| assert_eq!(reason(&told, 200, body), expect, "{body}");
    check(r#"{"comment":" no  match "}"#, "no match");
    check(r#"{"Errors":[{"text":"a"},{"text":"b"}],"failedDataField":"zip"}"#, "a, b; zip");
    check(r#"{"errors":{"zip":["is\u0000 bad"]}}"#, r#"{"zip":["is\u0000 bad"]}"#);
    check(r#"{"comment":"a\u0000b\nc"}"#, "a b c");
    check("{}", "");
    check(&format!("{{\"comment\":\"{}\"}}", "é".repeat(400)), &"é".repeat(250));
    let check = |body: &str, expect: &str| assert_eq!(post(&told, 200, body), expect, "{body}");
    check(r#"{"ok":true,"redirect":"https://a.example/x"}"#, "accepted  https://a.example/x");
    check(
        r#"{"ok":true,"TYPageLink":"https%3A%2F%2Fa.example%2Fty%3Fid%3D1"}"#,
        "accepted  https://a.example/ty?id=1",
    );
    check(r#"{"ok":true,"redirect":"javascript:alert(1)"}"#, "accepted");
}

#[test]
fn capability_26_a_call_is_bid_for_with_number_and_life() {
    let call = reader(
        Role::Ping,
        r#"
        rules = [
          { when = { "$.bidAmount" = { above = 0 } }, outcome = "accept" },
          { when = { "$.bidAmount" = 0 }, outcome = "refuse" },
        ]
        bid = { price = "$.bidAmount", reference = "$.bidId", phone_number = ["$.phoneNumber", "$.sipAddress"], expires = "$.expireInSeconds" }
        reason = "$.rejectReason"
        "#,
    );
    let body =
        r#"{"bidId":"RTB1","bidAmount":14.5,"phoneNumber":"+18005550123","expireInSeconds":30}"#;
    let bids = call.read_ping(&http(200, &[], body.as_bytes()), terms()).bids.unwrap();
    assert_eq!(bids[0].bid.phone_number.as_deref(), Some("+18005550123"));
    assert_eq!(bids[0].life, Some(Life::Ms(30_000)));
    let none = br#"{"bidId":"RTB1","bidAmount":0,"rejectReason":"no capacity"}"#;
    let reading = call.read_ping(&http(200, &[], none), terms());
    assert_eq!(reading.told.reason.unwrap().expose(), "no capacity");
    assert_eq!(told_ping(reading.bids), "no declined");
}

#[test]
fn capability_27_the_life_of_a_bid_is_read_in_its_unit() {
    let check = |expires: &str, body: &str, expect: Option<Life>| {
        let text = format!(
            "rules = [{{ when = {{ \"$.p\" = {{ above = 0 }} }}, outcome = \"accept\" }}, \
             {{ outcome = \"refuse\" }}]\nbid = {{ price = \"$.p\", expires = {expires} }}"
        );
        let reader = reader(Role::Ping, &text);
        let bids = reader.read_ping(&http(200, &[], body.as_bytes()), terms()).bids.unwrap();
        assert_eq!(bids[0].life, expect, "{expires} {body}");
    };
    check(r#""$.e""#, r#"{"p":1,"e":90}"#, Some(Life::Ms(90_000)));
    check(r#""$.e""#, r#"{"p":1,"e":"soon"}"#, None);
    check(r#""$.e""#, r#"{"p":1,"e":-1}"#, None);
    check(r#""$.e""#, r#"{"p":1,"e":99999999}"#, Some(Life::Ms(86_400_000)));
    check(r#""$.e""#, r#"{"p":1,"e":99999999999999999999}"#, None);
    check(r#""$.e""#, r#"{"p":1}"#, None);
    check(r#"{ json = "$.e", unit = "ms" }"#, r#"{"p":1,"e":90}"#, Some(Life::Ms(90)));
    check(r#"{ json = "$.e", unit = "min" }"#, r#"{"p":1,"e":"5"}"#, Some(Life::Ms(300_000)));
    check("{ fixed = 120 }", r#"{"p":1}"#, Some(Life::Ms(120_000)));
    let instant = "2026-11-26T10:00:00Z";
    check(
        r#"{ json = "$.e", unit = "timestamp" }"#,
        &format!("{{\"p\":1,\"e\":\"{instant}\"}}"),
        Some(Life::Until(instant.parse().unwrap())),
    );
}

#[test]
fn capability_27_the_same_bid_again_is_a_bid() {
    let again = reader(
        Role::Ping,
        r#"
        rules = [
          { when = { "$.code" = [200, 230], "$.bidAmount" = { above = 0 } }, outcome = "accept" },
          { outcome = "refuse" },
        ]
        bid = { price = "$.bidAmount", reference = "$.bidId" }
        "#,
    );
    let body = r#"{"code":230,"bidId":"RTB1","bidAmount":"14.50"}"#;
    assert_eq!(ping(&again, 200, body), "bid 14.50 RTB1");
    assert_eq!(ping(&again, 200, body), "bid 14.50 RTB1");
}

#[test]
fn capability_28_a_missing_or_malformed_reply_is_no_bid() {
    let json = reader(Role::Ping, ONE_RULE);
    let check = |status: u16, body: &str, expect: &str| {
        assert_eq!(ping(&json, status, body), expect, "{status} {body}");
    };
    check(200, "", "no empty");
    check(200, " \n", "no empty");
    check(204, "", "no declined");
    check(200, "{\"status\":\"success\",\"price\":1", "no malformed");
    check(200, "{\"status\":\"success\",\"price\":1}}", "no malformed");
    check(200, "<html><body>Service down</body></html>", "no malformed");
    check(200, "{\"status\":\"perhaps\"}", "no malformed");
    check(302, "", "no redirect");
    check(404, "not here", "no http_status");
    check(500, "{\"status\":\"success\",\"price\":1}", "no http_status");
    check(200, "{\"status\":\"success\",\"status\":\"failure\",\"price\":1}", "no malformed");
    let raw = RawReply { status: 200, content_encoding: Some("gzip"), body: b"\x1f\x8b" };
    let reading = json.read_ping(&HttpReply { raw, headers: &[] }, terms());
    assert_eq!(told_ping(reading.bids), "no compressed");
}
