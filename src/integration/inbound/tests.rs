use proptest::prelude::*;
use serde_json::json;

use super::*;

fn now() -> jiff::Timestamp {
    "2026-11-26T12:00:00Z".parse().unwrap()
}

fn compile(text: &str) -> Inbound {
    Inbound::compile(text, &shipped).unwrap_or_else(|faults| panic!("{faults:#?}"))
}

/// The shipped boberdoo profile as an installation has it.
fn life() -> Inbound {
    compile(
        "profile = \"life\"\ndirection = \"in\"\ninclude = \"boberdoo\"\n[read]\n\
         vertical = { from = \"TYPE\", map = { 21 = \"final_expense\" } }\n\
         [read.lead]\ntobacco = { from = \"Smoker\", boolean = [\"Yes\", \"No\"] }\n",
    )
}

/// The fields of a request, and the key that was taken out of them.
fn read(profile: &Inbound, content_type: &str, body: &str) -> (Fields, Option<String>) {
    let mut fields = profile.read_query("").unwrap();
    let written = profile.written(Some(content_type), body.as_bytes()).unwrap();
    profile.read_body(&mut fields, written, (Some(content_type), body.as_bytes())).unwrap();
    let key = profile.take_key(&mut fields, &|_| None).map(|key| key.to_string());
    profile.gather(&mut fields).unwrap();
    (fields, key)
}

fn submitted(profile: &Inbound, call: Call, fields: &Fields) -> Json {
    serde_json::from_slice(&profile.submission(call, fields, now()).ok().unwrap().body).unwrap()
}

#[test]
fn every_shipped_profile_compiles_under_its_own_name() {
    for (name, text) in SHIPPED {
        let profile = compile(text);
        assert_eq!((profile.name(), profile.warnings()), (name, &[][..]));
        assert!(!profile.source().is_empty() && !profile.description().is_empty(), "{name}");
        assert!(is_inbound(text), "{name}");
    }
    assert!(!is_inbound("profile = \"x\"\n") && !is_inbound("direction = "));
}

#[test]
fn one_request_is_the_same_lead_in_every_format() {
    let profile = life();
    let form = "API_Action=pingPostLead&Mode=ping&Key=k1&TYPE=21&SRC=web&First_Name=Ada%20B&\
                Zip=07001&State=NJ&DOB=03%2F02%2F1957&Smoker=No&Gender=F&Cost=5.00&coverage_amount=15000";
    let json = r#"{"Request":{"API_Action":"pingPostLead","Mode":"ping","Key":"k1","TYPE":21,"SRC":"web",
        "First_Name":"Ada B","Zip":"07001","State":"NJ","DOB":"03/02/1957","Smoker":"No","Gender":"F",
        "Cost":5.00,"coverage_amount":15000}}"#;
    let xml = "<?xml version=\"1.0\"?><Request xmlns=\"urn:x\"><API_Action>pingPostLead</API_Action><Mode>ping</Mode>\
        <Key>k1</Key><TYPE>21</TYPE><SRC>web</SRC><First_Name>Ada B</First_Name><Zip>07001</Zip>\
        <State>NJ</State><DOB>3/2/1957</DOB><Smoker>no</Smoker><Gender>F</Gender><Cost>5.00</Cost>\
        <coverage_amount>15000</coverage_amount></Request>";
    let expect = json!({
        "vertical": "final_expense",
        "floor": "5.00",
        "lead": {
            "first_name": "Ada B", "zip": "07001", "state": "NJ", "date_of_birth": "1957-03-02",
            "gender": "female", "tobacco": false, "coverage_amount": "15000",
        },
        "source": {"sub_id": "web"},
    });
    for (content_type, body) in [
        ("application/x-www-form-urlencoded", form),
        ("text/plain", form),
        ("application/json; charset=utf-8", json),
        ("text/xml", xml),
        ("", xml),
    ] {
        let (fields, key) = read(&profile, content_type, body);
        assert_eq!(key.as_deref(), Some("k1"), "{content_type}");
        assert_eq!(profile.call("api.php", &fields, now()), Some(Call::Ping));
        assert_eq!(submitted(&profile, Call::Ping, &fields), expect, "{content_type}");
    }
    let mut fields = profile.read_query(form).unwrap();
    drop(profile.take_key(&mut fields, &|_| None));
    assert_eq!(submitted(&profile, Call::Ping, &fields), expect);
}

#[test]
fn a_kind_of_body_that_the_profile_does_not_name_is_not_read() {
    let profile = compile(SHIPPED[1].1);
    assert_eq!(profile.written(Some("application/json"), b"{}"), Some(Written::Json));
    assert_eq!(profile.written(Some("text/xml"), b"<a/>"), None);
    assert_eq!(profile.written(None, b"<a/>"), None);
    assert_eq!(profile.written(Some("multipart/form-data; boundary=x"), b"a=1"), None);
    assert!(!profile.takes(Written::Query));
}

#[test]
fn which_call_a_request_is_stands_in_its_fields_or_its_path() {
    let check = |profile: &str, path: &str, query: &str, expect: Option<Call>| {
        let profile = shipped(profile).unwrap();
        let fields = profile.read_query(query).unwrap();
        assert_eq!(profile.call(path, &fields, now()), expect, "{path}?{query}");
    };
    check("boberdoo", "api.php", "Mode=post", Some(Call::Post));
    check("boberdoo", "api.php", "Mode=full", Some(Call::Lead));
    check("boberdoo", "api.php", "API_Action=submitLead", Some(Call::Lead));
    check("boberdoo", "api.php", "Mode=pong", None);
    check("leadspedia", "ping.do", "", Some(Call::Ping));
    check("leadspedia", "post.do", "lp_ping_id=p", Some(Call::Post));
    check("leadspedia", "post.do", "lp_ping_id=", Some(Call::Lead));
    check("lead-prosper", "direct_post", "", Some(Call::Lead));
    check("lead-prosper", "nothing", "", None);
}

#[test]
fn a_post_brings_what_a_post_has() {
    let profile = shipped("lead-prosper").unwrap();
    let body = r#"{"lp_campaign_id":"19","lp_supplier_id":"7","lp_key":"k","lp_ping_id":"ping_1",
        "lp_action":"test","phone":"2145557312","tcpa_text":"Yes.","lp_subid1":"a"}"#;
    let (fields, _) = read(&profile, "application/json", body);
    let expect = json!({"ping_id": "ping_1", "lead": {"phone": "2145557312"},
                        "consent": {"text": "Yes."}});
    assert_eq!(submitted(&profile, Call::Post, &fields), expect);
    let expect = json!({"vertical": "19", "test": true, "lead": {"phone": "2145557312"},
                        "consent": {"text": "Yes."}, "source": {"sub_id": "a"}});
    assert_eq!(submitted(&profile, Call::Lead, &fields), expect);
}

#[test]
fn what_a_step_cannot_take_is_refused_under_its_name_and_not_lost() {
    let profile = life();
    let (fields, _) = read(&profile, "", "DOB=someday&Smoker=maybe&TYPE=22");
    let body = submitted(&profile, Call::Lead, &fields);
    let expect =
        json!({"vertical": "22", "lead": {"date_of_birth": "someday", "tobacco": "maybe"}});
    assert_eq!(body, expect);
}

#[test]
fn numbered_fields_are_the_items_of_a_list() {
    let profile = compile(
        "profile = \"auto\"\ndirection = \"in\"\ninclude = \"leadspedia\"\n\
         [request]\nnumbered = { drivers = \"driver{n}_{name}\", cars = \"car[{i}][{name}]\" }\n\
         [read.lead.vehicles]\neach = \"cars\"\n\
         fields = { make = \"item.brand\", year = \"item.year\" }\n",
    );
    let body = "driver1_first_name=Ada&driver2_first_name=Tom&driver2_gender=&driver12345_x=1&\
                car%5B0%5D%5Bbrand%5D=Ford&car[0][year]=2021";
    let (fields, _) = read(&profile, "", body);
    let lead = submitted(&profile, Call::Lead, &fields)["lead"].take();
    let expect = json!({
        "drivers": [{"first_name": "Ada"}, {"first_name": "Tom"}],
        "vehicles": [{"make": "Ford", "year": "2021"}],
        "driver12345_x": "1",
    });
    assert_eq!(lead, expect);
    let field = |pointer: &str| profile.field_at(pointer, &fields);
    assert_eq!(field("/lead/vehicles/0/make"), "cars.1.brand");
    assert_eq!(field("/lead/vehicles"), "cars");
    assert_eq!(field("/lead/drivers/1/first_name"), "drivers.1.first_name");
}

#[test]
fn items_in_the_url_and_in_the_body_are_one_list_and_no_list_stands_there_twice() {
    let profile = compile(
        "profile = \"auto\"\ndirection = \"in\"\ninclude = \"boberdoo\"\n\
         [request]\nnumbered = { drivers = \"driver{n}_{name}\" }\n",
    );
    let check = |query: &str, body: &str, expect: Result<Json, Unreadable>| {
        let mut fields = profile.read_query(query).unwrap();
        let written = profile.written(None, body.as_bytes()).unwrap();
        profile.read_body(&mut fields, written, (None, body.as_bytes())).unwrap();
        let gathered = profile.gather(&mut fields);
        let drivers = || submitted(&profile, Call::Lead, &fields)["lead"]["drivers"].take();
        assert_eq!(gathered.map(|()| drivers()), expect, "{query} {body}");
    };
    let both = json!([{"first": "Ada", "last": "B"}, {"first": "Tom"}]);
    check("driver1_first=Ada", "driver2_first=Tom&driver1_last=B", Ok(both.clone()));
    check("driver2_first=Tom", "driver1_first=Ada&driver1_last=B&drivers=2", Ok(both));
    let whole = r#"{"drivers":[{"first":"Tom"}]}"#;
    check("driver1_first=Ada", whole, Err(Unreadable::Twice));
    check("drivers=1", "", Ok(json!("1")));
}

#[test]
fn repeated_elements_and_arrays_are_lists_too() {
    let profile = compile(
        "profile = \"auto\"\ndirection = \"in\"\ninclude = \"boberdoo\"\n\
         [read.lead.drivers]\neach = \"Drivers/Driver\"\nfields = { first_name = \"item.Name\" }\n",
    );
    let check = |content_type: &str, body: &str, expect: Json| {
        let (fields, _) = read(&profile, content_type, body);
        let mut lead = submitted(&profile, Call::Lead, &fields)["lead"].take();
        assert_eq!(lead["drivers"].take(), expect, "{body}");
    };
    let two = json!([{"first_name": "Ada"}, {"first_name": "Tom & Co"}]);
    let one = json!([{"first_name": "Ada"}]);
    let xml = "<R><Drivers><Driver><Name>Ada</Name></Driver>\
               <Driver id=\"2\"><Name>Tom &amp; Co</Name></Driver></Drivers></R>";
    check("text/xml", xml, two.clone());
    check("text/xml", "<R><Drivers><Driver><Name>Ada</Name></Driver></Drivers></R>", one);
    let body = r#"{"Drivers":{"Driver":[{"Name":"Ada"},{"Name":"Tom & Co"}]}}"#;
    check("application/json", body, two);
}

#[test]
fn what_says_two_things_or_too_much_is_not_read() {
    let profile = shipped("boberdoo").unwrap();
    let check = |content_type: &str, body: &str, expect: Unreadable| {
        let mut fields = profile.read_query("Zip=1&Zip=1").unwrap();
        let written = profile.written(Some(content_type), body.as_bytes()).unwrap();
        let read = profile.read_body(&mut fields, written, (None, body.as_bytes()));
        assert_eq!(read, Err(expect), "{}", &body[..body.len().min(80)]);
    };
    check("", "Zip=2", Unreadable::Twice);
    check("", &format!("a={}", "x".repeat(FIELD_BYTES_MAX + 1)), Unreadable::TooLong);
    let many: String = (0..=FIELDS_MAX).map(|at| format!("f{at}=1&")).collect();
    check("", &many, Unreadable::TooMany);
    check("application/json", r#"{"a":1,"a":2}"#, Unreadable::Malformed);
    check("application/json", "[1]", Unreadable::Malformed);
    check("application/json", &"[".repeat(100), Unreadable::Malformed);
    check("text/xml", "<!DOCTYPE r [<!ENTITY a \"b\">]><r>&a;</r>", Unreadable::Malformed);
    check("text/xml", "<r><a></r>", Unreadable::Malformed);
    check("text/xml", "<r/><s/>", Unreadable::Malformed);
}

#[test]
fn texts_that_are_no_utf_8_are_read_as_such_clients_mean_them() {
    let profile = shipped("boberdoo").unwrap();
    let fields = profile.read_query("First_Name=Jos%E9&Last_Name=Jos%C3%A9&City=100%").unwrap();
    let lead = submitted(&profile, Call::Lead, &fields)["lead"].take();
    assert_eq!(lead, json!({"first_name": "José", "last_name": "José", "city": "100%"}));
}

#[test]
fn a_key_is_taken_from_the_first_place_that_has_one() {
    let profile = compile(
        "profile = \"x\"\ndirection = \"in\"\ninclude = \"boberdoo\"\n\
         [request]\nkey = [\"Key\", \"header:X-Api-Key\", \"header:Authorization\"]\n",
    );
    let check = |query: &str, header: (&str, &str), expect: Option<&str>| {
        let mut fields = profile.read_query(query).unwrap();
        let of = |name: &str| (name == header.0).then(|| header.1.to_owned());
        let key = profile.take_key(&mut fields, &of);
        assert_eq!(key.as_ref().map(|key| key.as_str()), expect, "{query} {header:?}");
        assert!(!fields.map().contains_key("Key"));
    };
    check("Key=+a+", ("", ""), Some("a"));
    check("Key=", ("x-api-key", "b"), Some("b"));
    check("Zip=1", ("authorization", "Token c"), Some("c"));
    check("Key=a", ("x-api-key", "b"), Some("a"));
    check("Zip=1", ("authorization", "c"), None);
    check("Zip=1", ("", ""), None);
}

fn answered(profile: &Inbound, query: &str, told: &Told<'_>) -> (u16, String) {
    let fields = profile.read_query(query).unwrap();
    let answered = profile.answer(told, &fields, now()).unwrap();
    (answered.status, answered.body)
}

fn refusal<'t>(code: &'t str, faults: &'t [FaultTold<'t>]) -> Told<'t> {
    let detail = "one field is missing or wrong";
    Told::Refusal { call: Some(Call::Ping), status: 422, code, detail, faults, retry_after_s: None }
}

#[test]
fn an_answer_may_say_where_the_call_is_connected_to() {
    let profile = compile(
        "profile = \"calls\"\ndirection = \"in\"\ninclude = \"lead-prosper\"\n[[answers]]\n\
         when = \"phone_number\"\nfields = { call = \"phone_number\" }\n\
         [[answers]]\nfields = { result = \"outcome\" }\n",
    );
    let check = |sales: &str, expect: &str| {
        let body = format!(r#"{{"lead_id":"lead_1","disposition":"sold","sales":[{sales}]}}"#);
        let told = Told::Answer { call: Call::Lead, status: 200, body: body.as_bytes() };
        let fields = profile.read_query("").unwrap();
        let answered = profile.answer(&told, &fields, now()).unwrap();
        assert_eq!(answered.body, expect, "{sales}");
    };
    let by_call = r#"{"seat":1,"payout":"21.75","phone_number":"+18005550100"}"#;
    check(by_call, r#"{"call":"+18005550100"}"#);
    check(r#"{"seat":1,"payout":"21.50","redirect_url":null}"#, r#"{"result":"sold"}"#);
}

#[test]
fn each_dialect_says_each_outcome_in_its_own_words() {
    let offered = br#"{"ping_id":"ping_1","lead_id":"lead_1","disposition":"offered","offers":[{"offer_id":"off_1","payout":"21.4375","seats":"exclusive"}],"currency":"USD","expires_at":"2026-11-26T12:00:45Z","warnings":[]}"#;
    let sold = br#"{"lead_id":"lead_1","disposition":"sold","payout":"21.50","currency":"USD","sales":[{"seat":1,"payout":"21.50","redirect_url":"https://b.example/?a=1&b=2"}],"warnings":[]}"#;
    let unsold = br#"{"lead_id":"lead_1","disposition":"unsold","reason":"no_bid","payout":"0.00","sales":[]}"#;
    let duplicate = br#"{"lead_id":"lead_1","disposition":"refused","reason":"duplicate","payout":"0.00","sales":[]}"#;
    let pending =
        br#"{"lead_id":"lead_1","disposition":"pending","status_url":"/v1/leads/lead_1"}"#;
    let answer = |call, status, body: &'static [u8]| Told::Answer { call, status, body };
    let fault =
        [FaultTold { pointer: "/lead/zip", code: "required", detail: "this field is <required>" }];
    let xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>";
    let cases: [(&str, &str, Told<'_>, String); 19] = [
        ("boberdoo", "", answer(Call::Ping, 200, offered), format!("{xml}<response><status>Matched</status><lead_id>ping_1</lead_id><price>21.43</price></response>")),
        ("boberdoo", "Format=JSON", answer(Call::Post, 200, sold), r#"{"response":{"status":"Matched","lead_id":"lead_1","price":"21.50","redirect":"https://b.example/?a=1&b=2"}}"#.to_owned()),
        ("boberdoo", "", answer(Call::Lead, 200, unsold), format!("{xml}<response><status>Unmatched</status><lead_id>lead_1</lead_id></response>")),
        ("boberdoo", "", answer(Call::Lead, 200, duplicate), format!("{xml}<response><status>Unmatched</status><lead_id>lead_1</lead_id><error>Duplicate lead</error></response>")),
        ("boberdoo", "", answer(Call::Lead, 202, pending), format!("{xml}<response><status>Success</status><lead_id>lead_1</lead_id></response>")),
        ("boberdoo", "", refusal("invalid_lead", &fault), format!("{xml}<response><status>Error</status><error>Zip: this field is &lt;required&gt;</error></response>")),
        ("boberdoo", "", refusal("unauthorized", &[]), format!("{xml}<response><status>Error</status><error>Invalid Key</error></response>")),
        ("boberdoo", "", refusal("ping_used", &[]), format!("{xml}<response><status>Error</status><error>Lead_ID was posted before</error></response>")),
        ("boberdoo", "", refusal("ping_expired", &[]), format!("{xml}<response><status>Unmatched</status><error>one field is missing or wrong</error></response>")),
        ("leadspedia", "lp_response=JSON", refusal("ping_used", &[]), r#"{"result":"failed","message":"lp_ping_id was posted before"}"#.to_owned()),
        ("lead-prosper", "", refusal("ping_used", &[]), r#"{"status":"ERROR","message":"lp_ping_id was posted before"}"#.to_owned()),
        ("leadspedia", "lp_response=JSON", answer(Call::Ping, 200, offered), r#"{"result":"success","ping_id":"ping_1","price":"21.43"}"#.to_owned()),
        ("leadspedia", "", answer(Call::Post, 200, sold), format!("{xml}<response><result>success</result><lead_id>lead_1</lead_id><price>21.50</price><redirect_url>https://b.example/?a=1&amp;b=2</redirect_url></response>")),
        ("leadspedia", "lp_response=json", answer(Call::Post, 202, pending), r#"{"result":"success","lead_id":"lead_1","message":"Pending"}"#.to_owned()),
        ("leadspedia", "lp_response=JSON", refusal("invalid_lead", &fault), r#"{"result":"failed","message":"Validation failed","errors":[{"field":"zip_code","error":"this field is <required>"}]}"#.to_owned()),
        ("lead-prosper", "", answer(Call::Lead, 200, duplicate), r#"{"status":"DUPLICATED","lead_id":"lead_1","message":"Duplicate lead"}"#.to_owned()),
        ("lead-prosper", "", answer(Call::Post, 202, pending), r#"{"status":"ACCEPTED","lead_id":"lead_1","message":"Pending"}"#.to_owned()),
        ("lead-prosper", "", refusal("ping_expired", &[]), r#"{"status":"ERROR","message":"Invalid lp_ping_id"}"#.to_owned()),
        ("lead-prosper", "", refusal("invalid_lead", &fault), r#"{"status":"ERROR","message":"zip_code: this field is <required>"}"#.to_owned()),
    ];
    for (name, query, told, expect) in cases {
        let profile = shipped(name).unwrap();
        assert_eq!(answered(&profile, query, &told), (200, expect), "{name}");
    }
}

#[test]
fn a_profile_on_top_of_another_says_only_what_differs() {
    let profile = compile(
        "profile = \"x\"\ndirection = \"in\"\ninclude = \"lead-prosper\"\n\
         [read]\nvertical = { value = \"solar\" }\nidempotency_key = \"order\"\noffer_id = \"pick\"\n\
         [read.lead]\nzip = \"postal\"\n\
         [[answers]]\nwhen = { from = \"outcome\", is = \"unauthorized\" }\nstatus = 403\n\
         text = \"no {given.who}\"\n",
    );
    let fields = profile.read_query("postal=75201&phone=2145557312&order=o+1&pick=off_1").unwrap();
    let submission = profile.submission(Call::Lead, &fields, now()).ok().unwrap();
    assert_eq!(submission.idempotency_key.as_deref(), Some("o 1"));
    let body: Json = serde_json::from_slice(&submission.body).unwrap();
    let lead = json!({"zip": "75201", "phone": "2145557312"});
    assert_eq!(body, json!({"vertical": "solar", "lead": lead}));
    let post = submitted(&profile, Call::Post, &fields);
    assert_eq!(post, json!({"offer_ids": ["off_1"], "lead": lead}));
    let told = refusal("unauthorized", &[]);
    assert_eq!(answered(&profile, "who=&lp_key=x", &told), (403, String::new()));
    assert_eq!(answered(&profile, "who=me", &told), (403, "no me".to_owned()));
}

#[test]
fn a_profile_is_for_everybody_or_for_the_vendors_it_names() {
    let check = |line: &str, expect: bool| {
        let text = format!("profile = \"x\"\ndirection = \"in\"\ninclude = \"boberdoo\"\n{line}\n");
        let vendor = VendorId::parse("acme").unwrap();
        assert_eq!(compile(&text).is_for(&vendor), expect, "{line}");
    };
    check("", true);
    check("vendors = [\"other\", \"acme\"]", true);
    check("vendors = [\"other\"]", false);
    let named = |line: &str| {
        format!("profile = \"x\"\ndirection = \"in\"\ninclude = \"boberdoo\"\n{line}\n")
    };
    faults(&named("vendors = [\"A C\"]"), &["4:12: error: vendors.0: `A C` is no vendor's id"]);
    faults(
        &named("vendors = []"),
        &["1:1: error: vendors: a profile is for 1 to 1000 vendors, or for all"],
    );
}

fn faults(text: &str, expect: &[&str]) {
    let found = Inbound::compile(text, &shipped).err().unwrap_or_default();
    let found: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert_eq!(found, expect);
}

#[test]
fn every_fault_of_a_file_is_told_at_once_with_its_place() {
    faults(
        "profile = \"x\"\ndirection = \"in\"\n",
        &[
            "1:1: error: no call is described; write calls under [request]",
            "1:1: error: nothing says where the vendor's key stands; write key under [request]",
            "1:1: error: nothing says how requests are written; write formats under [request]",
            "1:1: error: the last of [[answers]] stands for every case that is left, without `when`; \
             write one more without `when`",
        ],
    );
    faults(
        "profile = \"x\"\ndirection = \"in\"\ninclude = \"bobberdoo\"\n",
        &["3:11: error: include: no inbound profile `bobberdoo` comes with the program; \
           did you mean `boberdoo`?"],
    );
    faults(
        "profile = \"x\"\ndirection = \"in\"\ninclude = \"boberdoo\"\n[request]\nformats = [\"jsn\"]\n\
         calls = [{ call = \"pong\", path = \"a/b\" }]\n[read]\nflor = \"Cost\"\n\
         test = { from = \"T\", phone = \"digits\" }\n[read.consent]\ntxt = \"a\"\n\
         [[answers]]\nstatus = 302\nfields = { a = \"payut\" }\n",
        &[
            "5:12: error: request.formats.0: `jsn` has no meaning here; did you mean `json`?",
            "6:19: error: request.calls.0.call: `pong` has no meaning here; did you mean `ping`?",
            "6:34: error: request.calls.0.path: a path is one step of letters, digits, `.`, `-` and `_`",
            "8:1: error: read.flor: unknown key `flor`; did you mean `floor`?",
            "9:1: error: read.test: `phone` is a step of what is sent; this is read as it comes",
            "11:1: error: read.consent.txt: consent has no `txt`; did you mean `text`?",
            "13:10: error: answers.0.status: an answer sends nobody elsewhere by its status",
            "14:16: error: answers.0.fields.a: `payut` is no source here; did you mean `payout`?",
        ],
    );
}

/// The page that is the reference of inbound profiles.
const PAGE: &str = include_str!("../../../docs/INBOUND.md");

#[test]
fn every_example_of_the_page_of_inbound_profiles_does_what_stands_below_it() {
    let (mut profile, mut request) = (shipped("boberdoo").unwrap(), "");
    let (mut profiles, mut bodies, mut said) = (0, 0, 0);
    for (at, block) in PAGE.split("```").enumerate().filter(|(at, _)| at % 2 == 1) {
        let (kind, text) = block.split_once('\n').unwrap();
        match kind {
            "toml" => {
                profile = compile(text);
                profiles += 1;
            }
            "request" => request = text,
            "becomes" => {
                let (head, body) = request.split_once("\n\n").unwrap();
                let [_, path, content_type] = head.split(' ').collect::<Vec<_>>()[..] else {
                    panic!("{head}")
                };
                let (fields, _) = read(&profile, content_type, body.trim_end());
                let call = profile.call(path, &fields, now()).unwrap();
                let (name, expect) = text.split_once(' ').unwrap();
                assert_eq!(call.as_str(), name, "block {at}");
                let expect: Json = serde_json::from_str(expect).unwrap();
                assert_eq!(submitted(&profile, call, &fields), expect, "block {at}");
                bodies += 1;
            }
            "answers" => said += check_answers(&profile, text),
            other => panic!("block {at} is of an unknown kind: {other}"),
        }
    }
    assert!(profiles >= 2 && bodies >= 2 && said >= 5, "{profiles} {bodies} {said}");
}

/// Holds what a profile says against what the page has; gives the number of answers.
fn check_answers(profile: &Inbound, text: &str) -> usize {
    let mut lines = text.lines();
    let mut count = 0;
    while let Some(line) = lines.next() {
        let [call, status, body] = line.splitn(3, ' ').collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        let call = [Call::Lead, Call::Ping, Call::Post].into_iter().find(|c| c.as_str() == call);
        let (call, status) = (call.unwrap(), status.parse().unwrap());
        let parsed: Json = serde_json::from_str(body).unwrap();
        let text =
            |value: &'_ Json, name: &str| value[name].as_str().unwrap_or_default().to_owned();
        let listed = parsed["errors"].as_array().into_iter().flatten();
        let listed: Vec<[String; 3]> = listed
            .map(|fault| ["pointer", "code", "detail"].map(|name| text(fault, name)))
            .collect();
        let faults: Vec<FaultTold<'_>> = listed
            .iter()
            .map(|[pointer, code, detail]| FaultTold { pointer, code, detail })
            .collect();
        let code = text(&parsed, "code");
        let told = if code.is_empty() {
            Told::Answer { call, status, body: body.as_bytes() }
        } else {
            Told::Refusal {
                call: Some(call),
                status,
                code: &code,
                detail: "",
                faults: &faults,
                retry_after_s: None,
            }
        };
        let expect = lines.next().unwrap().trim();
        let (status, body) = answered(profile, "", &told);
        assert_eq!(format!("{status} {body}"), expect, "{line}");
        count += 1;
    }
    count
}

proptest! {
    #[test]
    fn no_request_panics_and_what_comes_of_it_is_json(
        which in 0..3_usize,
        query in "\\PC{0,60}",
        kind in prop_oneof!["application/json", "text/xml", "application/x-www-form-urlencoded", "x/y", ""],
        body in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..200),
            "[<>&=%a-c/\"{}\\[\\]:,0-9 ]{0,120}".prop_map(String::into_bytes),
            "(Zip|Mode|Key|DOB|lp_key|zip_code|driver1_x)=[ -~]{0,20}&?".prop_map(String::into_bytes),
        ],
    ) {
        let profile = shipped(SHIPPED[which].0).unwrap();
        let Ok(mut fields) = profile.read_query(&query) else { return Ok(()) };
        let Some(written) = profile.written(Some(&kind), &body) else { return Ok(()) };
        let read = profile.read_body(&mut fields, written, (Some(&kind), &body));
        drop(profile.take_key(&mut fields, &|_| None));
        let has_key = fields.map().keys().any(|name| profile.is_key(name));
        prop_assert!(!has_key);
        if read.is_ok() {
            for call in [Call::Lead, Call::Ping, Call::Post] {
                if let Ok(made) = profile.submission(call, &fields, now()) {
                    prop_assert!(serde_json::from_slice::<Map<String, Json>>(&made.body).is_ok());
                }
            }
        }
        for pointer in ["", "/", "/lead/zip", "/lead/drivers/9/x", "x"] {
            let fault = [FaultTold { pointer, code: "c", detail: "d" }];
            let said = profile.answer(&refusal("invalid_lead", &fault), &fields, now()).unwrap();
            match said.content_type {
                "application/json" => prop_assert!(serde_json::from_str::<Json>(&said.body).is_ok()),
                _ => prop_assert!(roxmltree::Document::parse(&said.body).is_ok()),
            }
        }
    }

    #[test]
    fn no_file_panics(lines in prop::collection::vec(
        prop_oneof![
            Just("[request]".to_owned()), Just("[read.lead]".to_owned()), Just("[[answers]]".to_owned()),
            "(key|calls|formats|wrap|when|fields|status|vertical|zip|numbered) = [ -~]{0,20}",
        ],
        0..12,
    )) {
        let text = format!("profile = \"x\"\ndirection = \"in\"\n{}\n", lines.join("\n"));
        let _ = Inbound::compile(&text, &shipped);
        let _ = is_inbound(&text);
    }
}
