//! Vendors that move here with the client they have: what they send was recorded at the system they
//! leave, and only the URL and the key are other ones.

use gavel::demo::stub_buyer::{OnPost, Reply, Script, StubBuyer};
use serde_json::{Value as Json, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::{Installation, buyer, exchange, key_id, text, until};

/// The key that stands in the recordings.
const OLD_KEY: &str = "9c1e-old-key-77ab";
const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";
const JSON: &str = "Content-Type: application/json\r\n";
const XML: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>";

/// A vendor's client: where its recordings went, and where they go now.
struct Client<'g> {
    gavel: &'g Installation,
    key: String,
    /// What stood in the URL, and what stands there now.
    moved: (&'static str, String),
}

/// What a client read.
#[derive(Debug, PartialEq, Eq)]
struct Read {
    status: u16,
    content_type: String,
    body: String,
}

fn read(content_type: &str, body: impl Into<String>) -> Read {
    Read { status: 200, content_type: content_type.to_owned(), body: body.into() }
}

fn xml(body: &str) -> Read {
    read("text/xml; charset=utf-8", format!("{XML}{body}"))
}

impl Client<'_> {
    /// Sends a recorded request, byte for byte but for the URL, the key and what its length makes.
    async fn send(&self, line: &str, headers: &str, body: &str) -> Read {
        let address = self.gavel.url("").trim_start_matches("http://").to_owned();
        let (old, new) = (self.moved.0, self.moved.1.as_str());
        assert!(line.contains(old), "{line}");
        let line = line.replacen(old, new, 1).replace(OLD_KEY, &self.key);
        let body = body.replace(OLD_KEY, &self.key);
        let length = match body.len() {
            0 => String::new(),
            length => format!("Content-Length: {length}\r\n"),
        };
        let request = format!(
            "{line} HTTP/1.1\r\nHost: {address}\r\nUser-Agent: LeadRouter/2.4\r\nAccept: */*\r\n\
             {headers}{length}Connection: close\r\n\r\n{body}"
        );
        let mut socket = TcpStream::connect(&address).await.unwrap();
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        socket.read_to_end(&mut answer).await.unwrap();
        let answer = text(&answer);
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let header = |line: &str| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("content-type").then(|| value.to_owned())
        };
        Read {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            content_type: head.lines().find_map(header).unwrap_or_default(),
            body: body.to_owned(),
        }
    }

    /// The same client with other parts of its URL or its key.
    fn but(&self, moved_to: &str, key: &str) -> Self {
        Self { gavel: self.gavel, key: key.to_owned(), moved: (self.moved.0, moved_to.to_owned()) }
    }
}

/// What stands between two texts.
fn between<'t>(text: &'t str, before: &str, after: &str) -> &'t str {
    let (_, rest) = text.split_once(before).unwrap_or_else(|| panic!("no {before}: {text}"));
    rest.split_once(after).unwrap_or_else(|| panic!("no {after}: {text}")).0
}

/// An exchange with one buyer, and the files of profiles by which vendors keep their numbers: one
/// that waits for the answer, and one that does not wait long.
async fn world(include: &str, vertical: &str, stub: &StubBuyer) -> Installation {
    let gavel = Installation::start(&[("post_ms", "600")]).await;
    let tree = "margin_percent = \"0\"\nduplicate_window_s = 3600\n";
    let mut files = exchange(&[("life-co", stub, "")], tree);
    for (name, wait_ms) in [("moved", 20_000), ("hasty", 100)] {
        let profile = format!(
            "profile = \"{name}\"\ndirection = \"in\"\ninclude = \"{include}\"\n[read]\n\
             vertical = {vertical}\nwait_ms = {{ value = {wait_ms} }}\n"
        );
        files.push((format!("profiles/{name}/profile.toml"), profile));
    }
    gavel.apply(&files);
    gavel
}

fn bids() -> Script {
    Script::always(Reply::bid("24.50"))
}

/// From now on the buyer takes posts and says nothing.
fn silent() -> Script {
    bids().on_post(OnPost::AcceptButAnswer(Reply::silence(), 1_000))
}

/// The phone numbers that the buyer was posted.
fn phones(stub: &StubBuyer) -> Vec<String> {
    let phone = |post: Json| post["lead"]["phone"].as_str().unwrap().to_owned();
    stub.posts().iter().map(|post| phone(post.json())).collect()
}

mod boberdoo {
    use super::*;

    const TYPES: &str = "{ from = \"TYPE\", map = { 21 = \"final_expense\" } }";
    const LINE: &str = "POST https://leads.oldbuyer.example/new_api/api.php";
    const PING: &str = "Key=9c1e-old-key-77ab&API_Action=pingPostLead&Mode=ping&Format=XML&TYPE=21&SRC=web_7&\
        Return_Best_Price=1&State=TX&Zip=75201&DOB=03%2F02%2F1957&Gender=F&Cost=1.00";
    const CONTACT: &str = "First_Name=Grace&Last_Name=Testington&Primary_Phone=214-653-0001&\
        Email=grace%40mail.example&IP_Address=198.51.100.77&Landing_Page_URL=https%3A%2F%2Fforms.example%2F&\
        TCPA_Language=I+agree+to+be+called.&TCPA_Timestamp=11%2F23%2F2026+14%3A00%3A00";

    fn post(ping_id: &str) -> String {
        format!("{}&Lead_ID={ping_id}&{CONTACT}", PING.replace("Mode=ping", "Mode=post"))
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_recorded_client_sells_and_reads_every_answer_in_its_own_words() {
        let stub = buyer(bids()).await;
        let gavel = world("boberdoo", TYPES, &stub).await;
        let client = Client {
            gavel: &gavel,
            key: gavel.key("vendor", "acme", &[]),
            moved: ("https://leads.oldbuyer.example/new_api", "/in/moved".to_owned()),
        };

        let offered = client.send(LINE, FORM, PING).await;
        let ping_id = between(&offered.body, "<lead_id>", "</lead_id>");
        assert!(ping_id.starts_with("ping_"), "{offered:?}");
        let matched = |id: &str| {
            format!(
                "<response><status>Matched</status><lead_id>{id}</lead_id><price>24.50</price></response>"
            )
        };
        assert_eq!(offered, xml(&matched(ping_id)));
        let sold = client.send(LINE, FORM, &post(ping_id)).await;
        let lead_id = ping_id.replace("ping_", "lead_");
        assert_eq!(sold, xml(&matched(&lead_id)));
        assert_eq!(client.send(LINE, FORM, &post(ping_id)).await, sold, "a repeat changes nothing");
        let other = post(ping_id).replace("Grace", "Ada");
        let expect =
            "<response><status>Error</status><error>Lead_ID was posted before</error></response>";
        assert_eq!(client.send(LINE, FORM, &other).await, xml(expect), "it may be sold already");
        assert_eq!(phones(&stub), ["+12146530001"]);
        assert_eq!(gavel.record(&lead_id).await["vendor_id"], "acme");

        // The same consumer again, now in one call by the URL, answered in JSON.
        let direct = PING.replace("Mode=ping", "Mode=full").replace("Format=XML", "Format=JSON");
        let line = format!("GET https://leads.oldbuyer.example/new_api/api.php?{direct}&{CONTACT}");
        let twice = client.send(&line, "", "").await;
        let lead_id = between(&twice.body, "\"lead_id\":\"", "\"");
        let expect = format!(
            r#"{{"response":{{"status":"Unmatched","lead_id":"{lead_id}","error":"Duplicate lead"}}}}"#
        );
        assert_eq!(twice, read("application/json", expect));
        // As XML, or wrapped in JSON, it is the same request: it has its answer.
        let pairs = || {
            form_urlencoded::parse(PING.as_bytes())
                .chain(form_urlencoded::parse(CONTACT.as_bytes()))
        };
        let value = |name: &str, value: &str| match name {
            "Mode" => "full".to_owned(),
            _ => value.to_owned(),
        };
        let elements: String =
            pairs().map(|(n, v)| format!("<{n}>{}</{n}>", value(&n, &v))).collect();
        let body = format!("<Request>{elements}</Request>");
        let in_xml = client.send(LINE, "Content-Type: text/xml\r\n", &body).await;
        let expect = format!(
            "<response><status>Unmatched</status><lead_id>{lead_id}</lead_id><error>Duplicate lead</error></response>"
        );
        assert_eq!(in_xml, xml(&expect));
        let members: serde_json::Map<String, Json> =
            pairs().map(|(n, v)| (n.to_string(), json!(value(&n, &v)))).collect();
        let in_json = client.send(LINE, JSON, &json!({"Request": members}).to_string()).await;
        assert_eq!(in_json, xml(&expect));
        let log = gavel.log();
        assert!(log.contains("/in/{profile}/{call}"), "the request is in the log");
        assert!(log.contains(key_id(&client.key)), "and so is the name of the key");
        let secret = client.key.rsplit('_').next().unwrap();
        assert!(!log.contains(secret) && !log.contains("Testington"), "{secret}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_recorded_client_reads_refusals_and_pending_answers_in_its_own_words() {
        let stub = buyer(bids()).await;
        let gavel = world("boberdoo", TYPES, &stub).await;
        let key = gavel.key("vendor", "acme", &[]);
        let moved = ("https://leads.oldbuyer.example/new_api", "/in/moved".to_owned());
        let client = Client { gavel: &gavel, key, moved };
        let error = |text: &str| {
            xml(&format!("<response><status>Error</status><error>{text}</error></response>"))
        };
        let wrong = PING.replace("State=TX", "State=Texxas").replace("&Zip=75201", "");
        let expect = "State: a USPS state code such as TX; Zip: this field is required";
        assert_eq!(client.send(LINE, FORM, &wrong).await, error(expect));
        let stranger = client.but("/in/moved", "9c1e-old-key-77ab");
        assert_eq!(stranger.send(LINE, FORM, PING).await, error("Invalid Key"));
        let buyers_key = gavel.key("buyer", "life-co", &[]);
        let line = LINE.replace("POST", "GET") + "?" + PING;
        assert_eq!(
            client.but("/in/moved", &buyers_key).send(&line, "", "").await,
            error("Invalid Key")
        );
        let unknown_type = PING.replace("TYPE=21", "TYPE=22");
        let expect = "TYPE: there is no such vertical";
        assert_eq!(client.send(LINE, FORM, &unknown_type).await, error(expect));
        let no_ping = client.send(LINE, FORM, &post("AB1C7")).await;
        let expect = "<response><status>Unmatched</status>\
            <error>There is no such ping under this key.</error></response>";
        assert_eq!(no_ping, xml(expect));
        let broken = client.send(LINE, "Content-Type: text/xml\r\n", "<Request><Key>").await;
        let expect =
            "The request cannot be read: the body is not well-formed, or nested too deeply.";
        assert_eq!(broken, error(expect));
        assert_eq!(stub.posts().len(), 0);

        stub.behave(silent());
        let offered = client.send(LINE, FORM, PING).await;
        let ping_id = between(&offered.body, "<lead_id>", "</lead_id>");
        let hasty = client.but("/in/hasty", &client.key);
        let lead_id = ping_id.replace("ping_", "lead_");
        let pending =
            format!("<response><status>Success</status><lead_id>{lead_id}</lead_id></response>");
        assert_eq!(hasty.send(LINE, FORM, &post(ping_id)).await, xml(&pending));
    }
}

mod leadspedia {
    use super::*;

    const CAMPAIGNS: &str = "{ from = \"lp_campaign_id\", map = { 60b1a2 = \"final_expense\" } }";
    const PING: &str = "lp_campaign_id=60b1a2&lp_campaign_key=9c1e-old-key-77ab&lp_s1=pub_12&lp_response=JSON&\
        state=TX&zip_code=75201&dob=1957-03-02&gender=female&ip_address=198.51.100.77&\
        trusted_form_Y_N=N&jornaya_Y_N=N";
    const CONTACT: &str = "first_name=Grace&last_name=Testington&phone_home=2146530002&\
        email_address=grace%40mail.example&landing_page=https%3A%2F%2Fforms.example%2F&\
        tcpa_text=I+agree+to+be+called.&tcpa_timestamp=2026-11-23+14%3A00%3A00";

    #[tokio::test(flavor = "multi_thread")]
    async fn a_recorded_client_sells_and_reads_every_answer_in_its_own_words() {
        let stub = buyer(bids()).await;
        let gavel = world("leadspedia", CAMPAIGNS, &stub).await;
        let client = Client {
            gavel: &gavel,
            key: gavel.key("vendor", "acme", &[]),
            moved: ("https://ll.media", "/in/moved".to_owned()),
        };
        let ping_line = format!("GET https://ll.media/ping.do?{PING}");
        let post_line = "POST https://ll.media/post.do";
        let post = |ping_id: &str| format!("{PING}&lp_ping_id={ping_id}&{CONTACT}");

        let offered = client.send(&ping_line, "", "").await;
        let ping_id = between(&offered.body, "\"ping_id\":\"", "\"");
        let body = format!(r#"{{"result":"success","ping_id":"{ping_id}","price":"24.50"}}"#);
        assert_eq!(offered, read("application/json", body));
        let sold = client.send(post_line, FORM, &post(ping_id)).await;
        let lead_id = ping_id.replace("ping_", "lead_");
        let body = format!(r#"{{"result":"success","lead_id":"{lead_id}","price":"24.50"}}"#);
        assert_eq!(sold, read("application/json", body));
        assert_eq!(phones(&stub), ["+12146530002"]);

        let direct = format!("{PING}&{CONTACT}");
        let twice = client.send(post_line, FORM, &direct).await;
        let expect = r#"{"result":"failed","message":"Duplicate lead"}"#;
        assert_eq!(twice, read("application/json", expect));
        let in_xml = direct.replace("lp_response=JSON", "lp_response=XML");
        let expect =
            "<response><result>failed</result><message>Duplicate lead</message></response>";
        assert_eq!(client.send(post_line, FORM, &in_xml).await, xml(expect));

        let wrong =
            direct.replace("zip_code=75201", "zip_code=7520").replace("dob=1957", "dob=2957");
        let refused = client.send(post_line, FORM, &wrong).await;
        let fields = serde_json::from_str::<Json>(&refused.body).unwrap();
        let named = |at: usize| fields["errors"][at]["field"].clone();
        assert_eq!((named(0), named(1)), (json!("zip_code"), json!("dob")), "{refused:?}");
        assert_eq!(
            (&fields["result"], &fields["message"]),
            (&json!("failed"), &json!("Validation failed"))
        );
        let stranger = client.but("/in/moved", "60b1-none").send(&ping_line, "", "").await;
        let message = "Invalid lp_campaign_id or lp_campaign_key";
        assert_eq!(
            stranger,
            read("application/json", format!(r#"{{"result":"failed","message":"{message}"}}"#))
        );

        stub.behave(silent());
        let offered = client.send(&ping_line.replace("pub_12", "pub_13"), "", "").await;
        let ping_id = between(&offered.body, "\"ping_id\":\"", "\"");
        let other = post(ping_id).replace("2146530002", "2146530012").replace("pub_12", "pub_13");
        let pending = client.but("/in/hasty", &client.key).send(post_line, FORM, &other).await;
        let lead_id = ping_id.replace("ping_", "lead_");
        let body = format!(r#"{{"result":"success","lead_id":"{lead_id}","message":"Pending"}}"#);
        assert_eq!(pending, read("application/json", body));
    }
}

mod lead_prosper {
    use super::*;

    const CAMPAIGNS: &str = "{ from = \"lp_campaign_id\", map = { 19 = \"final_expense\" } }";

    fn ping() -> Json {
        json!({
            "lp_campaign_id": 19, "lp_supplier_id": 7, "lp_key": OLD_KEY, "lp_subid1": "pub_12",
            "zip_code": "75201", "state": "TX", "date_of_birth": "1957-03-02", "gender": "female",
            "ip_address": "198.51.100.77", "user_agent": "Mozilla/5.0",
            "tcpa_text": "I agree to be called.", "tcpa_timestamp": "2026-11-23T14:00:00Z",
        })
    }

    fn with(mut body: Json, more: Json) -> Json {
        let more = more.as_object().unwrap().clone();
        body.as_object_mut().unwrap().extend(more);
        body
    }

    fn post(phone: &str) -> Json {
        let contact = json!({
            "first_name": "Grace", "last_name": "Testington", "phone": phone,
            "email": "grace@mail.example", "landing_page_url": "https://forms.example/",
        });
        with(ping(), contact)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_recorded_client_sells_and_reads_every_answer_in_its_own_words() {
        let stub = buyer(bids()).await;
        let gavel = world("lead-prosper", CAMPAIGNS, &stub).await;
        let client = Client {
            gavel: &gavel,
            key: gavel.key("vendor", "acme", &[]),
            moved: ("https://api.leadprosper.io", "/in/moved".to_owned()),
        };
        let send = async |client: &Client<'_>, path: &str, body: &Json| {
            let line = format!("POST https://api.leadprosper.io/{path}");
            client.send(&line, JSON, &body.to_string()).await
        };
        let json = |body: &str| read("application/json", body);

        let offered = send(&client, "ping", &ping()).await;
        let ping_id = between(&offered.body, "\"ping_id\":\"", "\"");
        let expect = format!(r#"{{"status":"ACCEPTED","ping_id":"{ping_id}","payout":"24.50"}}"#);
        assert_eq!(offered, json(&expect));
        let body = with(post("2146530003"), json!({"lp_ping_id": ping_id}));
        let sold = send(&client, "post", &body).await;
        let lead_id = ping_id.replace("ping_", "lead_");
        let expect = format!(r#"{{"status":"ACCEPTED","lead_id":"{lead_id}","payout":"24.50"}}"#);
        assert_eq!(sold, json(&expect));
        assert_eq!(phones(&stub), ["+12146530003"]);

        let twice = send(&client, "direct_post", &post("(214) 653-0003")).await;
        let lead_id = between(&twice.body, "\"lead_id\":\"", "\"");
        let expect = format!(
            r#"{{"status":"DUPLICATED","lead_id":"{lead_id}","message":"Duplicate lead"}}"#
        );
        assert_eq!(twice, json(&expect));
        let wrong = with(post("2146530003"), json!({"state": "", "email": "nobody"}));
        let refused = send(&client, "direct_post", &wrong).await;
        let expect = r#"{"status":"ERROR","message":"email: an address such as name@example.com; state: this field is required"}"#;
        assert_eq!(refused, json(expect));
        let stranger = send(&client.but("/in/moved", "none"), "ping", &ping()).await;
        let message = "Invalid lp_campaign_id, lp_supplier_id or lp_key";
        assert_eq!(stranger, json(&format!(r#"{{"status":"ERROR","message":"{message}"}}"#)));

        // Supplier tests are tests here: they count for nothing.
        let test = with(post("2146530004"), json!({"lp_action": "test"}));
        let tested = send(&client, "direct_post", &test).await;
        let lead_id = between(&tested.body, "\"lead_id\":\"", "\"").to_owned();
        assert_eq!(gavel.record(&lead_id).await["test"], json!(true));

        stub.behave(silent());
        let hasty = client.but("/in/hasty", &client.key);
        let pending = send(&hasty, "direct_post", &post("2146530013")).await;
        let lead_id = between(&pending.body, "\"lead_id\":\"", "\"").to_owned();
        let expect =
            format!(r#"{{"status":"ACCEPTED","lead_id":"{lead_id}","message":"Pending"}}"#);
        assert_eq!(pending, json(&expect));
        stub.behave(bids());
        let answer = gavel.final_answer(&client.key, &lead_id).await;
        assert_eq!(answer.text("/disposition"), "sold");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_that_sends_bodies_without_a_key_is_told_to_wait_and_a_key_that_works_is_let_in()
{
    let gavel = Installation::start(&[("failures_per_address_max", "3")]).await;
    let stub = buyer(bids()).await;
    gavel.apply(&exchange(&[("life-co", &stub, "")], "margin_percent = \"0\"\n"));
    let send = async |kind: &str, body: String| {
        let headers = [("content-type", kind)];
        let line = "POST /in/boberdoo/genericPostlead.php";
        text(&gavel.request_without_key(line, &headers, body).await.body)
    };
    let error = |text: &str| {
        format!("{XML}<response><status>Error</status><error>{text}</error></response>")
    };
    let broken = "The request cannot be read: the body is not well-formed, or nested too deeply.";
    assert_eq!(send("text/xml", "<Request><Key>".to_owned()).await, error(broken));
    let large = send("text/xml", " ".repeat(65_537)).await;
    assert_eq!(large, error("The body has more than 65536 bytes."));
    assert_eq!(send("text/xml", "<R><Zip>1</Zip></R>".to_owned()).await, error("Invalid Key"));
    for _ in 0..2 {
        let too_many = send("text/xml", "<Request><Key>".to_owned()).await;
        assert_eq!(too_many, error("Too many requests"), "whatever is wrong with the body");
    }
    let key = gavel.key("vendor", "acme", &[]);
    let let_in = send("text/xml", format!("<R><Key>{key}</Key><TYPE>final_expense</TYPE></R>"));
    assert!(let_in.await.contains("this field is required"));
    // A key beside the body: it may be as large as any.
    let line = format!("POST /in/boberdoo/genericPostlead.php?Key={key}");
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    let body = (0..5).map(|at| format!("f{at}={}&", "x".repeat(15_000))).collect::<String>();
    let answer = gavel.request_without_key(&line, &headers, body).await;
    assert!(!text(&answer.body).contains("has more than"), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_of_ones_own_is_applied_shown_and_taken_back_as_any_object() {
    let stub = buyer(bids()).await;
    let gavel = world("boberdoo", "{ value = \"final_expense\" }", &stub).await;
    let key = gavel.key("vendor", "acme", &[]);
    let call = async |path: &str| gavel.request(&format!("GET {path}"), &key, &[], "").await.status;
    assert_eq!(call("/in/moved/api.php").await, 200, "it says in its own words what is wrong");
    assert_eq!(call("/in/boberdoo/genericPostlead.php").await, 200, "so does one that is shipped");
    assert_eq!(call("/in/moved/other.php").await, 404);
    assert_eq!(call("/in/nobody/api.php").await, 404);
    let head = gavel.request("HEAD /in/moved/api.php", &key, &[], "").await;
    assert_eq!((head.status, head.headers["allow"].as_str()), (405, "GET, POST"));

    // A profile may be for certain vendors; others hear so in its words.
    let for_others = "profile = \"others\"\ndirection = \"in\"\ninclude = \"boberdoo\"\n\
        vendors = [\"other\"]\n[read]\nvertical = { value = \"final_expense\" }\n";
    gavel.apply(&[("profiles/others/profile.toml".to_owned(), for_others.to_owned())]);
    let line = format!("GET /in/others/genericPostlead.php?Key={key}&State=TX");
    let refused = gavel.request_without_key(&line, &[], "").await;
    assert!(text(&refused.body).contains("<error>Invalid Key</error>"), "{refused:?}");

    // A field may be the idempotency key.
    let keyed = "profile = \"keyed\"\ndirection = \"in\"\ninclude = \"boberdoo\"\n[read]\n\
        vertical = { value = \"final_expense\" }\nidempotency_key = \"Order\"\n";
    gavel.apply(&[("profiles/keyed/profile.toml".to_owned(), keyed.to_owned())]);
    let order = async |zip: &str| {
        let line = format!(
            "GET /in/keyed/genericPostlead.php?Key={key}&Order=a-17&State=TX&Zip={zip}&DOB=03/02/1957"
        );
        let more = "First_Name=Grace&Last_Name=Testington&Primary_Phone=2146530021";
        text(&gavel.request_without_key(&format!("{line}&{more}"), &[], "").await.body)
    };
    let first = order("75201").await;
    assert!(first.contains("Consent is missing"), "{first}");
    assert_eq!(order("75201").await, first);
    let other = order("75202").await;
    assert!(other.contains("This Idempotency-Key came with another body before"), "{other}");

    let profile = gavel.path("exchange/profiles/moved/profile.toml");
    let text = std::fs::read_to_string(&profile).unwrap();
    std::fs::write(&profile, text.replace("wait_ms", "wate_ms")).unwrap();
    let refused = gavel.gavel(&["apply", "exchange"]);
    let told = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success());
    assert!(
        told.contains(
            "profile.toml:6:1: read.wate_ms: unknown key `wate_ms`; did you mean `wait_ms`?"
        ),
        "{told}"
    );
    assert_eq!(call("/in/moved/api.php").await, 200, "the last good one still answers");

    std::fs::remove_dir_all(gavel.path("exchange/profiles/moved")).unwrap();
    gavel.gavel_ok(&["apply", "exchange", "--prune"]);
    until("the archived profile answers no more", async || {
        (call("/in/moved/api.php").await == 404).then_some(())
    })
    .await;
}
