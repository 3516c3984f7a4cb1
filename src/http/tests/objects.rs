//! The registry over HTTP: what operators describe, and what a buyer does with its campaigns.

use serde_json::{Value as Json, json};

use super::door::{Answer, Door, Holder, check};

const CAMPAIGN: &str = r#"{"buyer_id":"life-co","vertical":"solar","price":{"bid":{}}}"#;
const ENDPOINTS: &str =
    r#"{"ping_url":"https://life.example/ping","post_url":"https://life.example/post"}"#;
const NOT_FOUND: &str = r#"{"type":"urn:gavel:error:not_found","title":"There is nothing here","status":404,"code":"not_found","detail":"There is nothing here under this path and this key.","request_id":"ID"}"#;

impl Door {
    async fn operator(&self, route: &str, body: &str) -> Answer {
        self.ask(Holder::Operator, route, body).await
    }

    async fn with_campaign() -> Self {
        let door = Self::open().await;
        let made = door.operator("PUT /v1/campaigns/life-solar", CAMPAIGN).await;
        assert_eq!((made.status, made.text("state")), (201, "draft".to_owned()), "{made:?}");
        door
    }
}

/// The ids of a list.
fn ids(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 200, "{answer:?}");
    let rows = answer.json()["data"].as_array().expect("a list").clone();
    rows.iter().map(|row| row["id"].as_str().expect("an id").to_owned()).collect()
}

/// Pointer and code of each fault of a refusal.
fn faults(answer: &Answer) -> Vec<String> {
    let errors = answer.json()["errors"].as_array().cloned().unwrap_or_default();
    let text = |fault: &Json, name: &str| fault[name].as_str().unwrap_or_default().to_owned();
    errors.iter().map(|fault| text(fault, "pointer") + " " + &text(fault, "code")).collect()
}

#[tokio::test]
async fn an_object_is_made_read_changed_and_archived_and_every_change_is_in_the_audit() {
    let door = Door::open().await;
    let made = door.operator("PUT /v1/vendors/best", r#"{"name":"Best","floor":"2.00"}"#).await;
    assert_eq!(made.status, 201);
    assert_eq!(made.json(), json!({"id": "best", "version": 2, "action": "create", "fields": []}));
    let read = door.operator("GET /v1/vendors/best", "").await;
    let expect = json!({"id": "best", "archived": false, "name": "Best", "floor": "2.00",
                        "time_zone": "UTC"});
    assert_eq!((read.status, read.json()), (200, expect));
    let tag = read.header("etag").expect("an object has a tag").to_owned();

    // What was read may be sent back as it is, with one change.
    let mut changed = read.json();
    changed["floor"] = "3.00".into();
    let if_match = format!("if-match: {tag}");
    let put = |line: String, body: String| {
        let door = &door;
        async move { door.ask_with(Holder::Operator, "PUT /v1/vendors/best", &[&line], &body).await }
    };
    let done = put(if_match.clone(), changed.to_string()).await;
    assert_eq!((done.status, &done.json()["fields"]), (200, &json!(["floor"])), "{done:?}");
    let late = put(if_match, changed.to_string()).await;
    assert_eq!((late.status, late.code()), (412, "precondition_failed".to_owned()));
    let again = put("if-none-match: *".to_owned(), changed.to_string()).await;
    assert_eq!(again.status, 412);
    let same = door.operator("PUT /v1/vendors/best", &changed.to_string()).await;
    assert_eq!((same.status, same.text("action")), (200, "unchanged".to_owned()));

    assert_eq!(ids(&door.operator("GET /v1/vendors", "").await), ["acme", "best", "other"]);
    let page = door.operator("GET /v1/vendors?limit=1&after=acme", "").await;
    assert_eq!((ids(&page), page.text("next")), (vec!["best".to_owned()], "best".to_owned()));
    for _ in 0..2 {
        assert_eq!(door.operator("DELETE /v1/vendors/best", "").await.status, 204);
    }
    check(door.operator("DELETE /v1/vendors/none", "").await, 404, NOT_FOUND);
    assert_eq!(ids(&door.operator("GET /v1/vendors", "").await), ["acme", "other"]);
    assert_eq!(ids(&door.operator("GET /v1/vendors?archived=true", "").await), ["best"]);

    let changes = door.operator("GET /v1/registry/changes?limit=3", "").await;
    let rows = changes.json()["data"].as_array().unwrap().clone();
    let told: Vec<_> = rows.iter().map(|row| row["summary"].as_str().unwrap()).collect();
    assert_eq!(told, ["vendor best: archived", "vendor best: update floor", "vendor best: create"]);
    assert!(rows.iter().all(|row| row["actor"] == rows[0]["actor"] && row["actor"] != "cli"));
    assert_eq!(changes.text("next"), "2");
    let first = door.operator("GET /v1/registry/changes?after=2", "").await;
    assert_eq!(first.json()["data"][0]["summary"], "the first of everything");
    door.close().await;
}

#[tokio::test]
async fn every_fault_of_an_object_is_named_by_its_place_and_nothing_is_changed() {
    let door = Door::open().await;
    let check = async |path: &str, body: &str, code: &str, expect: &[&str]| {
        let answer = door.operator(&format!("PUT /v1/{path}"), body).await;
        assert_eq!((answer.status, answer.code()), (422, code.to_owned()), "{body}: {answer:?}");
        assert_eq!(faults(&answer), expect, "{body}");
    };
    let (invalid, unfit) = ("invalid_request", "invalid_registry");
    check("vendors/best", r#"{"nam":"Best"}"#, invalid, &["/nam unknown_field", "/name required"])
        .await;
    check(
        "vendors/best",
        r#"{"name":" ","floor":"-1.00"}"#,
        unfit,
        &["/name name", "/floor out_of_range"],
    )
    .await;
    check(
        "campaigns/x",
        r#"{"buyer_id":"nobody","vertical":"birds","price":{"fixed":"1.00"},"caps":[{"per":"day"}]}"#,
        unfit,
        &["/buyer_id unknown_buyer", "/caps empty_cap", "/vertical unknown_vertical"],
    )
    .await;
    check(
        "campaigns/x",
        r#"{"buyer_id":"life-co","vertical":"solar","price":{"bid":{}},"verification":"operator"}"#,
        unfit,
        &["/ping_url url_missing", "/post_url url_missing"],
    )
    .await;
    check("trees/birds", "{}", unfit, &[" unknown_vertical"]).await;
    let duplicate = door.operator("PUT /v1/vendors/UPPER", r#"{"name":"x"}"#).await;
    check_not_found(duplicate);
    assert_eq!(ids(&door.operator("GET /v1/campaigns", "").await), Vec::<String>::new());
    let unused = door.operator("DELETE /v1/buyers/life-co", "").await;
    assert_eq!(unused.status, 204, "nothing needs it");
    door.close().await;
}

fn check_not_found(answer: Answer) {
    check(answer, 404, NOT_FOUND);
}

#[tokio::test]
async fn a_campaign_goes_from_draft_to_active_by_its_buyers_endpoints_or_an_operators_word() {
    let door = Door::with_campaign().await;
    let needed = door.operator("DELETE /v1/buyers/life-co", "").await;
    assert_eq!((needed.status, needed.code()), (422, "invalid_registry".to_owned()));
    let early = door.operator("POST /v1/campaigns/life-solar/activate", "").await;
    assert_eq!((early.status, early.code()), (409, "endpoints_missing".to_owned()));

    // Nobody can be reached here, so the challenge fails; the registration stands.
    let registered =
        door.ask(Holder::LifeCo, "PUT /v1/campaigns/life-solar/endpoints", ENDPOINTS).await;
    assert_eq!(registered.status, 200, "{registered:?}");
    assert_eq!(registered.text("state"), "pending_verification");
    assert!(registered.text("secret").starts_with("whsec_"));
    assert_eq!(
        faults(&registered),
        ["/ping_url challenge_unreachable", "/post_url challenge_unreachable"]
    );
    assert!(!registered.body.contains("connect"), "how far a call got is not told");
    let verified = door.ask(Holder::LifeCo, "POST /v1/campaigns/life-solar/verify", "").await;
    assert_eq!(verified.text("state"), "pending_verification");
    assert!(verified.json().get("secret").is_none());

    let read = door.ask(Holder::LifeCo, "GET /v1/campaigns/life-solar", "").await.json();
    let expect = json!({
        "ping_url": "https://life.example/ping", "post_url": "https://life.example/post",
        "registered_by": "buyer", "unproved": ["ping_url", "post_url"],
    });
    assert_eq!(read["endpoints"], expect);
    let activated = door.operator("POST /v1/campaigns/life-solar/activate", "").await;
    let expect = json!({"campaign_id": "life-solar", "state": "active", "paused_by": []});
    assert_eq!((activated.status, activated.json()), (200, expect));
    door.close().await;
}

#[tokio::test]
async fn a_buyer_pauses_and_resumes_but_does_not_lift_an_operators_pause() {
    let door = Door::with_campaign().await;
    door.ask(Holder::LifeCo, "PUT /v1/campaigns/life-solar/endpoints", ENDPOINTS).await;
    door.operator("POST /v1/campaigns/life-solar/activate", "").await;
    let does = async |holder: Holder, what: &str, state: &str, paused_by: Json| {
        let route = format!("POST /v1/campaigns/life-solar/{what}");
        let answer = door.ask(holder, &route, "").await;
        let expect = json!({"campaign_id": "life-solar", "state": state, "paused_by": paused_by});
        assert_eq!((answer.status, answer.json()), (200, expect), "{holder:?} {what}");
    };
    does(Holder::LifeCo, "pause", "paused", json!(["buyer"])).await;
    does(Holder::LifeCo, "pause", "paused", json!(["buyer"])).await;
    does(Holder::Operator, "pause", "paused", json!(["buyer", "operator"])).await;
    does(Holder::LifeCo, "resume", "paused", json!(["operator"])).await;
    does(Holder::LifeCo, "resume", "paused", json!(["operator"])).await;
    does(Holder::Operator, "resume", "active", json!([])).await;
    does(Holder::LifeCo, "pause", "paused", json!(["buyer"])).await;
    does(Holder::Operator, "resume", "active", json!([])).await;
    let paused = door.operator("GET /v1/campaigns?state=paused", "").await;
    assert_eq!(ids(&paused), Vec::<String>::new());
    assert_eq!(ids(&door.operator("GET /v1/campaigns?state=active", "").await), ["life-solar"]);
    door.close().await;
}

#[tokio::test]
async fn endpoints_that_may_not_be_called_are_refused_where_they_are_registered() {
    let door = Door::with_campaign().await;
    let check = async |body: Json, expect: &[&str]| {
        let route = "PUT /v1/campaigns/life-solar/endpoints";
        let answer = door.ask(Holder::LifeCo, route, &body.to_string()).await;
        assert_eq!((answer.status, answer.code()), (422, "invalid_request".to_owned()), "{body}");
        assert_eq!(faults(&answer), expect, "{body}");
    };
    let post = "https://life.example/post";
    check(json!({"post_url": post}), &["/ping_url url_missing"]).await;
    check(json!({}), &["/ping_url url_missing", "/post_url url_missing"]).await;
    check(
        json!({"ping_url": 7, "post_url": post, "url": "x"}),
        &["/ping_url invalid", "/url unknown_field"],
    )
    .await;
    for url in [
        "http://life.example/ping",
        "https://127.0.0.1/ping",
        "https://[::1]/ping",
        "https://0x7f.1/ping",
        "https://localhost/ping",
        "https://life.example:8443/ping",
        "https://user:word@life.example/ping",
        "ftp://life.example/ping",
        "life.example/ping",
    ] {
        check(json!({"ping_url": url, "post_url": post}), &["/ping_url invalid_url"]).await;
    }
    let read = door.operator("GET /v1/campaigns/life-solar", "").await;
    assert_eq!(read.text("state"), "draft", "nothing was changed");
    door.close().await;
}

#[tokio::test]
async fn a_buyer_sees_and_moves_its_own_campaigns_alone() {
    let door = Door::with_campaign().await;
    let routes = [
        ("GET /v1/campaigns/life-solar", ""),
        ("PUT /v1/campaigns/life-solar/endpoints", ENDPOINTS),
        ("POST /v1/campaigns/life-solar/verify", ""),
        ("PUT /v1/campaigns/life-solar/limits", r#"{"caps":[]}"#),
        ("POST /v1/campaigns/life-solar/rotate-secret", "{}"),
        ("POST /v1/campaigns/life-solar/pause", ""),
        ("POST /v1/campaigns/life-solar/resume", ""),
        ("GET /v1/buyers/life-co", ""),
        ("GET /v1/buyers/life-co/ledger", ""),
    ];
    for (route, body) in routes {
        check_not_found(door.ask(Holder::OtherCo, route, body).await);
    }
    for (route, body) in routes.map(|(route, body)| (route.replace("life-", "no-"), body)) {
        check_not_found(door.ask(Holder::LifeCo, &route, body).await);
    }
    assert_eq!(ids(&door.ask(Holder::OtherCo, "GET /v1/campaigns", "").await).len(), 0);
    let others = "GET /v1/campaigns?buyer_id=life-co";
    assert_eq!(ids(&door.ask(Holder::OtherCo, others, "").await).len(), 0);
    assert_eq!(ids(&door.ask(Holder::LifeCo, "GET /v1/campaigns", "").await), ["life-solar"]);
    assert_eq!(
        door.ask(Holder::LifeCo, "GET /v1/buyers/life-co", "").await.text("name"),
        "Life Co"
    );
    // Operators have a listener of their own here.
    for (route, status) in
        [("GET /v1/vendors", 404), ("GET /v1/buyers", 404), ("PUT /v1/campaigns/life-solar", 405)]
    {
        assert_eq!(door.ask(Holder::LifeCo, route, "").await.status, status, "{route}");
    }
    door.close().await;
}

#[tokio::test]
async fn a_secret_is_replaced_within_bounds() {
    let door = Door::with_campaign().await;
    let rotate = async |body: &str| {
        door.ask(Holder::LifeCo, "POST /v1/campaigns/life-solar/rotate-secret", body).await
    };
    let secrets = [rotate("{}").await, rotate(r#"{"overlap_s":604800}"#).await];
    let secrets = secrets.map(|answer| {
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.text("secret")
    });
    assert!(secrets[0] != secrets[1] && secrets.iter().all(|text| text.starts_with("whsec_")));
    for body in [r#"{"overlap_s":604801}"#, r#"{"overlap_s":-1}"#, r#"{"overlap":1}"#] {
        assert_eq!(rotate(body).await.code(), "invalid_request", "{body}");
    }
    door.close().await;
}

#[tokio::test]
async fn an_operator_goes_back_to_an_earlier_version() {
    let door = Door::with_campaign().await;
    door.operator("PUT /v1/vendors/acme", r#"{"name":"Acme Two"}"#).await;
    door.operator("PUT /v1/vendors/new", r#"{"name":"New"}"#).await;
    let plan = door.operator("POST /v1/registry/rollback", r#"{"version":2,"plan":true}"#).await;
    assert_eq!(plan.status, 200, "{plan:?}");
    assert_eq!(plan.json()["plan"]["changes"].as_array().unwrap().len(), 2);
    assert_eq!(door.operator("GET /v1/vendors/acme", "").await.text("name"), "Acme Two");
    let back = door.operator("POST /v1/registry/rollback", r#"{"version":2}"#).await;
    assert_eq!((back.status, back.json()["version"].as_i64()), (200, Some(5)));
    assert_eq!(door.operator("GET /v1/vendors/acme", "").await.text("name"), "Acme");
    assert_eq!(ids(&door.operator("GET /v1/vendors", "").await), ["acme", "other"]);
    for version in [0, 6, -1] {
        let body = json!({"version": version}).to_string();
        let refused = door.operator("POST /v1/registry/rollback", &body).await;
        let detail = format!("there is no version {version} of the registry; the present one is 5");
        assert_eq!((refused.status, refused.text("detail")), (404, detail));
    }
    let changes = door.operator("GET /v1/registry/changes?limit=1", "").await;
    let told = &changes.json()["data"][0]["summary"];
    let names = told.as_str().unwrap().strip_prefix("rollback to 2: 1 updated, 1 archived (");
    assert!(names.is_some_and(|names| names.contains("vendor acme")), "{told}");
    door.close().await;
}

#[tokio::test]
async fn a_credits_note_is_kept_for_operators() {
    let door = Door::open().await;
    let body = r#"{"kind":"deposit","amount":"250.00","note":"wire of 3 November"}"#;
    for _ in 0..2 {
        let path = "POST /v1/buyers/life-co/credits";
        let done = door.ask_with(Holder::Operator, path, &["idempotency-key: op-1"], body).await;
        assert_eq!(done.status, 201, "{done:?}");
    }
    let path = "GET /v1/buyers/life-co/ledger";
    let ledger = door.operator(path, "").await.json();
    let line = &ledger["data"][0];
    assert_eq!(
        (&line["sequence"], &line["kind"], &line["op_id"], &line["amount"], &line["note"]),
        (
            &json!(1),
            &json!("deposit"),
            &json!("op-1"),
            &json!("250.00"),
            &json!("wire of 3 November")
        )
    );
    assert_eq!((ledger["data"].as_array().unwrap().len(), &ledger["next"]), (1, &Json::Null));
    let own = door.ask(Holder::LifeCo, path, "").await.json();
    assert_eq!(own["data"][0]["amount"], "250.00");
    assert_eq!((own["data"][0].get("note"), own["data"][0].get("actor")), (None, None));
    door.close().await;
}

#[tokio::test]
async fn lists_of_leads_take_filters_that_are_known_and_no_others() {
    let door = Door::open().await;
    let check = async |holder: Holder, query: &str, status: u16| {
        let answer = door.ask(holder, &format!("GET /v1/{query}"), "").await;
        assert_eq!(answer.status, status, "{query}: {answer:?}");
        if status == 200 {
            assert_eq!(answer.json(), json!({"data": [], "next": null}), "{query}");
        }
    };
    check(Holder::Acme, "leads", 200).await;
    let all = "disposition=sold&vertical=solar&since=2026-11-01T00:00:00Z&limit=1000";
    check(Holder::Acme, &format!("leads?{all}"), 200).await;
    check(Holder::Acme, "leads?vendor_id=other", 400).await;
    check(Holder::Operator, &format!("leads?vendor_id=other&{all}"), 200).await;
    check(Holder::Operator, &format!("auctions?vendor_id=other&{all}"), 200).await;
    check(Holder::Acme, "auctions", 404).await;
    check(Holder::LifeCo, "leads", 403).await;
    for bad in ["since=yesterday", "disposition=great", "vertical=BIRDS", "after=x", "color=red"] {
        check(Holder::Operator, &format!("leads?{bad}"), 400).await;
        check(Holder::Operator, &format!("auctions?{bad}"), 400).await;
    }
    door.close().await;
}

#[tokio::test]
async fn a_buyer_limits_its_own_campaign_beside_what_the_operator_describes() {
    let door = Door::open().await;
    let campaign = r#"{"buyer_id":"life-co","vertical":"solar","price":{"bid":{}},
                       "caps":[{"per":"day","leads":10}]}"#;
    door.operator("PUT /v1/campaigns/life-solar", campaign).await;
    let limit = async |body: &str| {
        door.ask(Holder::LifeCo, "PUT /v1/campaigns/life-solar/limits", body).await
    };
    let set = limit(r#"{"caps":[{"per":"day","leads":4},{"per":"total","spend":"90.00"}]}"#).await;
    let counts = json!([{"per": "day", "leads": 4}, {"per": "total", "spend": "90.00"}]);
    let expect = json!({"campaign_id": "life-solar", "caps": counts});
    assert_eq!((set.status, set.json()), (200, expect));
    let put = door.operator("PUT /v1/campaigns/life-solar", campaign).await.json();
    assert_eq!(put["kept"], json!(["limits"]));
    let read = door.ask(Holder::LifeCo, "GET /v1/campaigns/life-solar", "").await.json();
    assert_eq!((&read["limits"], &read["caps"][0]["leads"]), (&counts, &json!(10)));
    for (body, expect) in [
        (r#"{"caps":[{"per":"day","leads":0}]}"#, "/caps empty_cap"),
        (r#"{"caps":[{"per":"day","leads":1},{"per":"day","leads":2}]}"#, "/caps duplicate"),
        (r#"{"caps":[{"per":"week","leads":1}]}"#, "/caps/0/per invalid"),
        ("{}", "/caps required"),
    ] {
        let answer = limit(body).await;
        assert_eq!((answer.status, answer.code()), (422, "invalid_request".to_owned()), "{body}");
        assert_eq!(faults(&answer), [expect], "{body}");
    }
    let gone = limit(r#"{"caps":[]}"#).await;
    assert_eq!(gone.json()["caps"], json!([{"per": "day", "leads": 10}]));
    door.close().await;
}
