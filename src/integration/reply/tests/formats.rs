//! The oddities of real formats: what each buyer or platform answers, and what is made of it.

use super::*;

/// Replies with their status, and what each comes to.
type Rows<'a> = &'a [(u16, &'a str, &'a str)];

fn check_pings(text: &str, rows: Rows<'_>) {
    let reader = reader(Role::Ping, text);
    for (status, body, expect) in rows {
        assert_eq!(ping(&reader, *status, body), *expect, "{status} {body}");
    }
}

fn check_posts(text: &str, rows: Rows<'_>) {
    let reader = reader(Role::Post, text);
    for (status, body, expect) in rows {
        assert_eq!(post(&reader, *status, body), *expect, "{status} {body}");
    }
}

#[test]
fn boberdoo_answers_in_xml_or_json_and_may_hide_the_outcome() {
    check_pings(
        r#"
        format = "xml"
        reason = "/response/error"
        rules = [
          { when = { "/response/status" = "Matched" }, outcome = "accept" },
          { when = { "/response/status" = "Unmatched" }, outcome = "refuse" },
          { when = { "/response/status" = "Error" }, outcome = "invalid" },
        ]
        bid = { price = "/response/price", reference = "/response/lead_id" }
        "#,
        &[
            (
                200,
                "<response><status>Matched</status><lead_id>AB1</lead_id><price>12.00</price></response>",
                "bid 12.00 AB1",
            ),
            (200, "<response><status>Unmatched</status></response>", "no declined"),
            (
                200,
                "<response><status>Error</status><error>Bad zip</error></response>",
                "no declined",
            ),
            (200, "<response><status>Success</status></response>", "no malformed"),
        ],
    );
    check_posts(
        r#"
        rules = [
          { when = { "$.response.status" = ["Matched", "Success"] }, outcome = "accept" },
          { when = { "$.response.error" = { contains = "duplicate" } }, outcome = "duplicate" },
          { when = { "$.response.status" = ["Unmatched", "Error"] }, outcome = "refuse" },
        ]
        buyer_lead_id = "$.response.lead_id"
        "#,
        &[
            (200, r#"{"response":{"status":"Matched","lead_id":991}}"#, "accepted 991"),
            (200, r#"{"response":{"status":"Success","lead_id":"991"}}"#, "accepted 991"),
            (
                200,
                r#"{"response":{"status":"Error","error":"Lead is a Duplicate"}}"#,
                "rejected duplicate",
            ),
            (200, r#"{"response":{"status":"Unmatched"}}"#, "rejected other"),
        ],
    );
}

#[test]
fn leadsdelivery_answers_in_what_is_not_json() {
    check_pings(
        r#"
        format = "text"
        extract.id = { regex = '(?i)\bid\s*[:=]\s*"?([\w-]+)' }
        extract.price = { regex = '(?i)\bprice\s*[:=]\s*"?([\d.]+)' }
        extract.success = { regex = '(?i)\bsuccess\s*[:=]\s*"?(true|false)' }
        rules = [
          { when = { success = true }, outcome = "accept" },
          { when = { success = false }, outcome = "refuse" },
        ]
        bid = { price = "price", reference = "id" }
        "#,
        &[
            (
                200,
                r#"{ id: a8c7-1, price: 4.30, message: "success", code = "OK", success: true }"#,
                "bid 4.30 a8c7-1",
            ),
            (
                200,
                r#"{ id: a8c7-1, price: 0.00, message: "none", code = "NO", success: false }"#,
                "no declined",
            ),
            (200, r#"{"id":"a8c7-1","price":4.30,"success":true}"#, "no malformed"),
        ],
    );
    check_pings(
        r#"
        format = "xml"
        rules = [
          { when = { "/ExternalPingResponse/Success" = true }, outcome = "accept" },
          { outcome = "refuse" },
        ]
        bid = { price = "/ExternalPingResponse/Price", reference = "/ExternalPingResponse/ID" }
        "#,
        &[(
            200,
            "<ExternalPingResponse><Message>ok</Message><Price>4.30</Price><ID>x1</ID><Code>OK</Code><Success>True</Success></ExternalPingResponse>",
            "bid 4.30 x1",
        )],
    );
}

#[test]
fn linktrust_accepts_with_a_bool_and_refuses_with_a_text() {
    check_pings(
        r#"
        rules = [
          { when = { "$.LeadPingResult.Accepted" = true }, outcome = "accept" },
          { when = { "$.LeadPingResult.ResponseCode" = 2004 }, outcome = "refuse" },
          { when = { "$.LeadPingResult.Accepted" = false }, outcome = "refuse" },
        ]
        reason = "$.LeadPingResult.Reason"
        [bid]
        each = "$.LeadPingResult.AcceptedPings[*]"
        choose = "best"
        price = "@.Payout"
        references = { lead = "$.LeadPingResult.LeadId", ping = "@.PingId" }
        "#,
        &[
            (
                200,
                r#"{"LeadPingResult":{"Accepted":true,"LeadId":4,"AcceptedPings":[{"PingId":"p1","Payout":3.5},{"PingId":"p2","Payout":"7.25"}]}}"#,
                r#"bid 7.25 {"lead":"4","ping":"p2"}"#,
            ),
            (
                200,
                r#"{"LeadPingResult":{"Accepted":"false","Reason":"none","ResponseCode":"2004"}}"#,
                "no declined",
            ),
            (200, r#"{"LeadPingResult":{"Accepted":false}}"#, "no declined"),
            (200, r#"{"LeadPingResult":{"Accepted":true,"AcceptedPings":[]}}"#, "no declined"),
        ],
    );
    check_posts(
        r#"
        format = "xml"
        rules = [
          { when = { "/response/status" = "Accepted" }, outcome = "accept" },
          { when = { "/response/status" = "Rejected" }, outcome = "refuse" },
        ]
        reason = { all = ["/response/message", "/response/failedDataField"] }
        buyer_lead_id = "/response/leadId"
        redirect_url = "/response/successUrl"
        "#,
        &[
            (
                200,
                "<response><status>Accepted</status><leadId>9</leadId><successUrl>https://b.example/ok</successUrl></response>",
                "accepted 9 https://b.example/ok",
            ),
            (
                200,
                "<response><status>Rejected</status><responseCode>1200</responseCode></response>",
                "rejected other",
            ),
        ],
    );
}

#[test]
fn a_post_that_answers_by_redirect_is_read_from_its_header() {
    let text = r#"
        format = "none"
        extract.query = { header = "Location", split = { by = "?", at = 2 } }
        extract.status = { from = "query", pair = "status" }
        redirect_url = "header:location"
        rules = [
          { when = { http_status = [302, 303], status = "Accepted" }, outcome = "accept" },
          { when = { http_status = [302, 303], status = "Rejected" }, outcome = "refuse" },
        ]
    "#;
    let reader = reader(Role::Post, text);
    let check = |location: &str, expect: &str| {
        let headers = [("location".to_owned(), location.to_owned())];
        let reading = reader.read_post(&http(302, &headers, b""), FIRST);
        assert_eq!(told_post(reading.outcome), expect, "{location}");
    };
    check(
        "https://v.example/?status=Accepted&id=1",
        "accepted  https://v.example/?status=Accepted&id=1",
    );
    check("https://v.example/?status=Rejected", "rejected other");
    check("https://v.example/", "unknown redirect");
}

#[test]
fn px_answers_with_attributes() {
    check_pings(
        r#"
        format = "xml"
        rules = [
          { when = { "/Result/@Success" = true, "/Result/@Payout" = { above = 0 } }, outcome = "accept" },
          { when = { "/Result/@Success" = [true, false] }, outcome = "refuse" },
        ]
        reason = { xml = "/Result/Messages/Message/@Text", join = "; " }
        bid = { price = "/Result/@Payout", reference = "/Result/@TransactionId" }
        "#,
        &[
            (200, r#"<Result Success="True" Payout="11.5" TransactionId="T-1"/>"#, "bid 11.50 T-1"),
            (200, r#"<Result Success="True" Payout="0" TransactionId="T-1"/>"#, "no declined"),
            (
                200,
                r#"<Result Success="False"><Messages><Message Text="a"/></Messages></Result>"#,
                "no declined",
            ),
        ],
    );
}

#[test]
fn detroit_trading_answers_in_escaped_xml() {
    check_pings(
        r#"
        format = "xml"
        extract.message = { xml = "/string" }
        extract.success = { from = "message", xml = "//SUCCESS" }
        extract.price = { from = "message", xml = "//PRICE" }
        extract.lead_id = { from = "message", xml = "//DTX_LEAD_ID" }
        rules = [
          { when = { success = ["True", 1] }, outcome = "accept" },
          { when = { success = ["False", 0] }, outcome = "refuse" },
        ]
        bid = { price = "price", reference = "lead_id" }
        "#,
        &[
            (
                200,
                "<string xmlns=\"urn:d\">&lt;?xml version=\"1.0\"?&gt;&lt;PINGGX_RESPONSE&gt;&lt;SUCCESS&gt;True&lt;/SUCCESS&gt;&lt;PRICE&gt;31&lt;/PRICE&gt;&lt;DTX_LEAD_ID&gt;8&lt;/DTX_LEAD_ID&gt;&lt;/PINGGX_RESPONSE&gt;</string>",
                "bid 31.00 8",
            ),
            (
                200,
                "<string>&lt;R&gt;&lt;SUCCESS&gt;0&lt;/SUCCESS&gt;&lt;/R&gt;</string>",
                "no declined",
            ),
            (200, "<string>&lt;R&gt;&lt;SUCCESS&gt;1</string>", "no malformed"),
        ],
    );
}

#[test]
fn vanillasoft_answers_with_two_roots_or_not_at_all() {
    check_posts(
        r#"
        format = "xml"
        reason = "/ReturnReason"
        rules = [
          { when = { "/ReturnValue" = "Success" }, outcome = "accept" },
          { when = { "/ReturnValue" = "FAILURE", "/ReturnReason" = { contains = "duplicate" } }, outcome = "duplicate" },
          { when = { "/ReturnValue" = "FAILURE" }, outcome = "refuse" },
        ]
        "#,
        &[
            (200, "<ReturnValue>Success</ReturnValue><ReturnReason/>", "accepted"),
            (
                200,
                "<ReturnValue>FAILURE</ReturnValue><ReturnReason>Duplicate phone</ReturnReason>",
                "rejected duplicate",
            ),
            (
                200,
                "<ReturnValue>FAILURE</ReturnValue><ReturnReason>List</ReturnReason>",
                "rejected other",
            ),
            (200, "", "unknown malformed"),
        ],
    );
    check_posts(
        r#"
        format = "none"
        rules = [
          { when = { http_status = 200 }, outcome = "accept" },
          { when = { http_status = "4xx" }, outcome = "refuse" },
        ]
        "#,
        &[
            (200, "", "accepted"),
            (200, "<html>", "accepted"),
            (404, "", "rejected other"),
            (500, "", "unknown http_5xx"),
        ],
    );
}

#[test]
fn clientsupport_answers_with_text_after_the_tag() {
    check_posts(
        r#"
        format = "text"
        extract.status = { regex = '<status>(\w+)</status>' }
        reason = { regex = '</status>(.*)' }
        rules = [
          { when = { status = "accepted" }, outcome = "accept" },
          { when = { status = "rejected" }, outcome = "refuse" },
        ]
        "#,
        &[
            (200, "<status>accepted</status>", "accepted"),
            (200, "<status>rejected</status>Reason", "rejected other"),
            (200, "<status>", "unknown unmatched"),
        ],
    );
}

#[test]
fn leaddistro_refuses_with_a_2xx() {
    let text = r#"
        reason = { all = [{ json = "$.field_errors[*]", join = ", " }, { json = "$.filter_errors[*]", join = ", " }] }
        retry_after = "$.retry_after"
        rules = [
          { when = { http_status = 201 }, outcome = "accept" },
          { when = { http_status = 200 }, outcome = "refuse" },
          { when = { http_status = 422 }, outcome = "refuse", reason = "filtered" },
          { when = { http_status = 400 }, outcome = "invalid" },
          { when = { http_status = [401, 403] }, outcome = "auth_failed" },
          { when = { http_status = 429 }, outcome = "retry" },
        ]
    "#;
    check_posts(
        text,
        &[
            (201, "{}", "accepted"),
            (200, "{}", "rejected other"),
            (422, r#"{"filter_errors":["age"]}"#, "rejected filtered"),
            (400, r#"{"field_errors":["zip"]}"#, "rejected invalid"),
            (401, "", "rejected auth_failed"),
            (404, "", "rejected http_4xx"),
            (429, r#"{"retry_after":30}"#, "not_sent retry_later"),
            (503, "", "unknown http_5xx"),
        ],
    );
    let reader = reader(Role::Post, text);
    let told = |status: u16, body: &[u8]| reader.read_post(&http(status, &[], body), FIRST).told;
    assert_eq!(told(429, br#"{"retry_after":30}"#).retry_after_s, Some(30));
    assert_eq!(told(422, br#"{"filter_errors":["a","b"]}"#).reason.unwrap().expose(), "a, b");
}

#[test]
fn leadexec_lists_who_bought_and_may_hold_for_quality_control() {
    check_posts(
        r#"
        format = "xml"
        rules = [
          { when = { "/PostResponse/PendingQCReview" = true }, outcome = "pending" },
          { when = { "/PostResponse/isValidPost" = true, "/PostResponse/SendResponse/Sends/SendInfo[IsSold='true']" = { present = true } }, outcome = "accept" },
          { when = { "/PostResponse/ResponseType" = "Duplicate" }, outcome = "duplicate" },
          { when = { "/PostResponse/isValidPost" = [true, false] }, outcome = "refuse" },
        ]
        reason = "/PostResponse/ResponseDetails"
        buyer_lead_id = "/PostResponse/LeadIdentifier"
        redirect_url = "/PostResponse/RedirectURL"
        "#,
        &[
            (
                200,
                "<PostResponse><isValidPost>true</isValidPost><LeadIdentifier>77</LeadIdentifier><PendingQCReview>false</PendingQCReview><SendResponse><Sends><SendInfo><IsSold>false</IsSold><Client>a</Client></SendInfo><SendInfo><IsSold>true</IsSold><Client>b</Client></SendInfo></Sends></SendResponse></PostResponse>",
                "accepted 77",
            ),
            (
                200,
                "<PostResponse><isValidPost>true</isValidPost><SendResponse><Sends/></SendResponse></PostResponse>",
                "rejected other",
            ),
            (
                200,
                "<PostResponse><isValidPost>true</isValidPost><PendingQCReview>true</PendingQCReview></PostResponse>",
                "unknown pending",
            ),
            (
                200,
                "<PostResponse><isValidPost>false</isValidPost><ResponseType>Duplicate</ResponseType></PostResponse>",
                "rejected duplicate",
            ),
        ],
    );
}

#[test]
fn leadconduit_queues_without_saying_the_outcome() {
    check_posts(
        r#"
        format = "xml"
        reason = { xml = "/response/reason", join = "; " }
        buyer_lead_id = "/response/leadId"
        redirect_url = "/response/url"
        rules = [
          { when = { "/response/result" = "success" }, outcome = "accept" },
          { when = { "/response/result" = "queued" }, outcome = "pending" },
          { when = { "/response/result" = "failure" }, outcome = "refuse" },
          { when = { "/response/result" = "error" }, outcome = "invalid" },
        ]
        "#,
        &[
            (
                200,
                "<response><result>success</result><leadId>05f</leadId><url>https://b.example/</url></response>",
                "accepted 05f https://b.example/",
            ),
            (
                200,
                "<response><result>queued</result><leadId>05f</leadId></response>",
                "unknown pending",
            ),
            (
                200,
                "<response><result>failure</result><reason>a</reason><reason>b</reason></response>",
                "rejected other",
            ),
            (200, "<response><result>error</result></response>", "rejected invalid"),
        ],
    );
}

#[test]
fn quinstreet_asks_for_a_second_post_by_its_reason() {
    let text = r#"
        reason = "$.Reason"
        buyer_lead_id = "$.LeadID"
        redirect_url = { json = "$.TYPageLink", decode = "url" }
        price = "$.Commision"
        captures = { data_capture_key = "$.DataCaptureKey" }
        rules = [
          { when = { "$.Reason" = { starts_with = "Confirmation-" } }, outcome = "next_step", step = "confirm" },
          { when = { "$.Status" = "Success" }, outcome = "accept" },
          { when = { "$.Status" = "Failure" }, outcome = "refuse" },
        ]
    "#;
    check_posts(
        text,
        &[
            (
                200,
                r#"{"Status":"Success","LeadID":"L1","Commision":"0.0","TYPageLink":"https%3A%2F%2Fq.example%2Fty%3Fa%3Db"}"#,
                "accepted L1 https://q.example/ty?a=b",
            ),
            (200, r#"{"Status":"Failure","Reason":"No match"}"#, "rejected other"),
        ],
    );
    let reader = reader(Role::Post, text);
    let body = br#"{"Status":"Failure","Reason":"Confirmation-Need confirmation of PII","DataCaptureKey":"k-1"}"#;
    let reading = reader.read_post(&http(200, &[], body), FIRST);
    assert_eq!(reading.told.outcome, Some(Outcome::NextStep));
    assert_eq!(reading.told.next_step.as_deref(), Some("confirm"));
    assert_eq!(&*reading.told.captures[0].0, "data_capture_key");
    assert_eq!(reading.told.captures[0].1.expose(), "k-1");
    assert_eq!(told_post(reading.outcome), "unknown next_step");
    assert_eq!(reader.capture_names().collect::<Vec<_>>(), ["data_capture_key"]);
}

#[test]
fn ringba_bids_for_calls_and_repeats_a_bid() {
    check_pings(
        r#"
        reason = "$.rejectReason"
        rules = [
          { when = { "$.bidAmount" = { above = 0 } }, outcome = "accept" },
          { when = { "$.bidAmount" = 0 }, outcome = "refuse" },
          { when = { "$.rejectReason" = { present = true } }, outcome = "refuse" },
        ]
        bid = { price = "$.bidAmount", reference = "$.bidId", phone_number = "$.phoneNumber", expires = "$.expireInSeconds" }
        "#,
        &[
            (
                200,
                r#"{"bidId":"RTB9","bidAmount":21.75,"phoneNumber":"+1800","expireInSeconds":30}"#,
                "bid 21.75 RTB9",
            ),
            (200, r#"{"bidId":"RTB9","bidAmount":21.75,"code":230}"#, "bid 21.75 RTB9"),
            (200, r#"{"bidAmount":0,"rejectReason":"no capacity"}"#, "no declined"),
            (200, r#"{"rejectReason":"no capacity"}"#, "no declined"),
        ],
    );
}

#[test]
fn clickdealer_says_its_http_status_in_the_body_and_sells_later() {
    check_posts(
        r#"
        redirect_url = "$.AutologinUrl"
        buyer_lead_id = "$.LeadId"
        rules = [
          { when = { "$.Result" = "Success", "$.Message" = { contains = "delayed" } }, outcome = "pending" },
          { when = { "$.Result" = "Success" }, outcome = "accept" },
          { when = { "$.Result" = "Failed", "$.Response_code" = 400 }, outcome = "invalid" },
          { when = { "$.Result" = "Failed" }, outcome = "refuse" },
        ]
        "#,
        &[
            (
                200,
                r#"{"Result":"Success","LeadId":"c1","AutologinUrl":"https://c.example/in","Payout":3}"#,
                "accepted c1 https://c.example/in",
            ),
            (200, r#"{"Result":"Success","Message":"Delayed lead selling"}"#, "unknown pending"),
            (200, r#"{"Result":"Failed","Response_code":"400"}"#, "rejected invalid"),
            (200, r#"{"Result":"Failed"}"#, "rejected other"),
        ],
    );
}

#[test]
fn goaces_and_proprietary_pairs_are_read() {
    check_pings(
        r#"
        format = "xml"
        rules = [
          { when = { "//Accept" = "yes" }, outcome = "accept" },
          { when = { "//Accept" = "no" }, outcome = "refuse" },
        ]
        bid = { price = "//Price", reference = "//ReservationCode" }
        "#,
        &[
            (
                200,
                "<AutoFinancePingResult><Accept>Yes</Accept><Price>18</Price><ReservationCode>R-1</ReservationCode></AutoFinancePingResult>",
                "bid 18.00 R-1",
            ),
            (
                200,
                "<AutoFinancePingResult><Accept>no</Accept></AutoFinancePingResult>",
                "no declined",
            ),
        ],
    );
    check_pings(
        r#"
        format = "form"
        pairs = { between = "\n", within = ":", escaped = false }
        rules = [
          { when = { result = "1" }, outcome = "accept" },
          { when = { result = "0" }, outcome = "refuse" },
        ]
        bid = { price = "price", reference = "token" }
        "#,
        &[
            (200, "result: 1\r\nprice: 6.5\r\ntoken: a+b\r\n", "bid 6.50 a+b"),
            (200, "result: 0", "no declined"),
            (200, "?", "no malformed"),
        ],
    );
    check_pings(
        r#"
        format = "form"
        rules = [
          { when = { status = "accepted" }, outcome = "accept" },
          { when = { status = "rejected" }, outcome = "refuse" },
        ]
        bid = { price = "price", reference = "id" }
        "#,
        &[(200, "status=accepted&price=12.50&id=a%2B1", "bid 12.50 a+1")],
    );
}

#[test]
fn a_script_around_the_reply_is_cut_away() {
    check_pings(
        r#"
        steps = [{ cut = { after = "callback(", before = ");" } }]
        rules = [
          { when = { "$.ok" = true }, outcome = "accept" },
          { when = { "$.ok" = false }, outcome = "refuse" },
        ]
        bid = { price = "$.p" }
        "#,
        &[
            (200, r#"/**/callback({"ok":true,"p":2});"#, "bid 2.00"),
            (200, r#"{"ok":true,"p":2}"#, "no empty"),
        ],
    );
}

#[test]
fn a_reply_is_read_in_its_own_characters() {
    let text = r#"
        format = "xml"
        reason = "/r/why"
        rules = [
          { when = { "/r/s" = "ja" }, outcome = "accept" },
          { when = { "/r/s" = "nein" }, outcome = "refuse" },
        ]
    "#;
    let told = |reader: &ReplyReader, headers: &[(String, String)], body: &[u8]| {
        let reading = reader.read_post(&http(200, headers, body), FIRST);
        reading.told.reason.map(|reason| reason.expose().clone()).unwrap_or_default()
    };
    let reader_of_any = reader(Role::Post, text);
    let body = b"<r><s>nein</s><why>K\xf6ln</why></r>";
    assert_eq!(told(&reader_of_any, &[], body), "K\u{f6}ln");
    assert_eq!(
        told(&reader_of_any, &[], "\u{feff}<r><s>nein</s><why>Köln</why></r>".as_bytes()),
        "Köln"
    );
    let headers = [("content-type".to_owned(), "text/xml; charset=iso-8859-2".to_owned())];
    assert_eq!(told(&reader_of_any, &headers, b"<r><s>nein</s><why>\xb3</why></r>"), "ł");
    let fixed = reader(Role::Post, &format!("charset = \"iso-8859-2\"\n{text}"));
    assert_eq!(told(&fixed, &[], b"<r><s>nein</s><why>\xb3</why></r>"), "ł");
}
