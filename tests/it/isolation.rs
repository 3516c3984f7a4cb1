//! Who gets what: every route of the API, called by every kind of caller with ids of its own, of
//! others and of nobody. The routes are those of the table, so one without a rule fails here.

#[path = "isolation/registry.rs"]
mod registry;

use std::collections::{BTreeMap, BTreeSet};

use gavel::demo::stub_buyer::{Reply, Script, StubBuyer};
use gavel::domain::key::Role;
use gavel::http::{Accepts, Access, Listener, ROUTES, Route};
use serde_json::{Value as Json, json};

use crate::receiver::Receiver;
use crate::support::{Answer, Installation, buyer, exchange, key_id, lead, until};

/// Whoever may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Caller {
    Nobody,
    VendorA,
    VendorB,
    BuyerA,
    BuyerB,
    Operator,
    /// A test key of vendor A.
    TestKey,
    /// A key of vendor A that does not work any more.
    Revoked,
}

use Caller::{BuyerA, BuyerB, Nobody, Operator, Revoked, TestKey, VendorA, VendorB};

impl Caller {
    const ALL: [Self; 8] = [Nobody, VendorA, VendorB, BuyerA, BuyerB, Operator, TestKey, Revoked];

    /// What its key says it is, if the key works.
    const fn role(self) -> Option<Role> {
        match self {
            VendorA | VendorB | TestKey => Some(Role::Vendor),
            BuyerA | BuyerB => Some(Role::Buyer),
            Operator => Some(Role::Operator),
            Nobody | Revoked => None,
        }
    }

    /// Whether things of side A, or of side B, are its own.
    const fn owns(self, side: Side) -> bool {
        match side {
            Side::A => matches!(self, VendorA | BuyerA | TestKey),
            Side::VendorA => matches!(self, VendorA | TestKey),
            Side::BuyerA => matches!(self, BuyerA),
            Side::B => matches!(self, VendorB | BuyerB),
            Side::Unknown => false,
        }
    }
}

/// Whose thing an id names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    A,
    B,
    /// Of side A's vendor and not of its buyer.
    VendorA,
    /// Of side A's buyer and not of its vendor.
    BuyerA,
    Unknown,
}

/// What a route is called with, and what it answers to whoever may have it.
struct Rule {
    /// What stands in its path: of side A, of side B, of nobody. Empty: it has no id.
    ids: Vec<(Side, String)>,
    body: Json,
    /// The status for the owner, and for an operator.
    own: u16,
}

struct World {
    gavel: Installation,
    keys: BTreeMap<Caller, String>,
    leads: [String; 2],
    /// Keys that may be revoked.
    spare_keys: [String; 2],
    posts: [String; 2],
    /// Endpoints of events, of vendor A and of buyer A, and others that may be deleted.
    endpoints: [String; 2],
    spare_endpoints: [String; 2],
    /// Events to those endpoints.
    events: [String; 2],
    /// A version of the registry that has profiles of both buyers.
    profile_version: i64,
    buyers: [StubBuyer; 2],
    _receiver: Receiver,
}

/// Bids that tell apart what a buyer pays and what a vendor gets.
const PRICE: &str = "8.00";
const TREE: &str = "margin_percent = \"25\"\n";
const UNKNOWN_BITS: &str = "0000000000000000000000000000";

impl World {
    async fn new() -> Self {
        let buyers = [
            buyer(Script::always(Reply::bid(PRICE))).await,
            buyer(Script::always(Reply::no_bid("closed"))).await,
        ];
        let many = [("failures_per_address_max", "100000"), ("failures_per_key_max", "100000")];
        let gavel = Installation::start(&many).await;
        let mut files =
            exchange(&[("life-co", &buyers[0], ""), ("other-co", &buyers[1], "")], TREE);
        files.extend(registry::spare_files(&buyers[1]));
        gavel.apply(&files);
        let mut keys = BTreeMap::new();
        for (caller, role, owner, more) in [
            (VendorA, "vendor", "acme", None),
            (VendorB, "vendor", "other", None),
            (BuyerA, "buyer", "life-co", None),
            (BuyerB, "buyer", "other-co", None),
            (TestKey, "vendor", "acme", Some("--test")),
        ] {
            let more: Vec<&str> = more.into_iter().collect();
            keys.insert(caller, gavel.key(role, owner, &more));
        }
        let spare = |owner: &str| key_id(&gavel.key("vendor", owner, &[])).to_owned();
        let spare_keys = [spare("other"), spare("other")];
        let receiver = Receiver::willing().await;
        let endpoint = async |caller: Caller, event_type: &str| {
            let body = json!({"url": receiver.url, "types": [event_type]});
            gavel.post_json("/v1/event-endpoints", &keys[&caller], &body).await.text("/id")
        };
        let endpoints = [endpoint(VendorA, "lead.sold").await, endpoint(BuyerA, "bid.won").await];
        let spare_endpoints =
            [endpoint(VendorA, "contacted").await, endpoint(BuyerA, "bid.lost").await];
        let leads = [
            gavel.post_json("/v1/leads", &keys[&VendorA], &lead(1)).await.text("/lead_id"),
            gavel.post_json("/v1/leads", &keys[&VendorB], &lead(2)).await.text("/lead_id"),
        ];
        let mut posts = Vec::new();
        for id in &leads {
            posts.push(gavel.record(id).await["posts"][0]["post_id"].as_str().unwrap().to_owned());
        }
        let posts = [posts.remove(0), posts.remove(0)];
        let event = async |caller: Caller, endpoint: &str| {
            let path = format!("/v1/event-endpoints/{endpoint}/attempts");
            until("an event was sent", async || {
                let attempts = gavel.get(&path, &keys[&caller]).await;
                Some(attempts.text("/data/0/event_id")).filter(|id| !id.is_empty())
            })
            .await
        };
        let events = [event(VendorA, &endpoints[0]).await, event(BuyerA, &endpoints[1]).await];
        let buyer_keys = [&*keys[&BuyerA], &*keys[&BuyerB]];
        let profile_version = registry::upload_profiles(&gavel, buyer_keys).await;
        keys.insert(Operator, gavel.operator_key());
        Self {
            gavel,
            keys,
            leads,
            spare_keys,
            posts,
            endpoints,
            spare_endpoints,
            events,
            profile_version,
            buyers,
            _receiver: receiver,
        }
    }

    /// Makes the key that does not work any more.
    async fn revoke_one(&mut self) {
        let key = self.gavel.key("buyer", "life-co", &[]);
        self.gavel.gavel_ok(&["key", "revoke", key_id(&key)]);
        self.keys.insert(Revoked, key);
    }
}

/// Three things for a path: of each side, and one that does not exist.
fn ids(a: &str, b: &str, unknown: &str) -> Vec<(Side, String)> {
    let sides = [(Side::A, a), (Side::B, b), (Side::Unknown, unknown)];
    sides.into_iter().map(|(side, id)| (side, id.to_owned())).collect()
}

/// Two things for a path, of vendor A and of buyer A, and one that does not exist.
fn of_parties([vendor, buyer]: &[String; 2], unknown: &str) -> Vec<(Side, String)> {
    let sides = [(Side::VendorA, &**vendor), (Side::BuyerA, buyer), (Side::Unknown, unknown)];
    sides.into_iter().map(|(side, id)| (side, id.to_owned())).collect()
}

/// The rule of a route of events and outcomes.
fn rule_of_events(world: &World, name: &str) -> Option<Rule> {
    let plain = |own| Rule { ids: Vec::new(), body: json!({}), own };
    let with = |ids, own| Rule { ids, body: json!({}), own };
    let unknown = format!("ep_{}", &UNKNOWN_BITS[2..]);
    let endpoints = |own| with(of_parties(&world.endpoints, &unknown), own);
    let lead = (Side::A, world.leads[0].clone());
    let no_lead = (Side::Unknown, format!("lead_{UNKNOWN_BITS}"));
    Some(match name {
        "POST /v1/leads/{lead_id}/outcomes" => {
            let body = json!({"type": "contacted", "occurred_at": "2026-11-24T10:00:00Z"});
            Rule { ids: vec![lead, no_lead], body, own: 201 }
        }
        "GET /v1/leads/{lead_id}/outcomes" => with(vec![lead, no_lead], 200),
        "POST /v1/event-endpoints" => plain(422),
        "GET /v1/event-endpoints" => plain(200),
        "DELETE /v1/event-endpoints/{endpoint_id}" => {
            with(of_parties(&world.spare_endpoints, &unknown), 204)
        }
        "GET /v1/event-endpoints/{endpoint_id}"
        | "PATCH /v1/event-endpoints/{endpoint_id}"
        | "POST /v1/event-endpoints/{endpoint_id}/verify"
        | "POST /v1/event-endpoints/{endpoint_id}/rotate-secret"
        | "GET /v1/event-endpoints/{endpoint_id}/attempts" => endpoints(200),
        "POST /v1/events/{event_id}/resend" => {
            let unknown = format!("evt_{}", &UNKNOWN_BITS[2..]);
            with(of_parties(&world.events, &unknown), 202)
        }
        _ => return None,
    })
}

/// The rule of a route. A route that has none fails the test: give it one.
fn rule(world: &World, route: &Route) -> Option<Rule> {
    let plain = |own| Rule { ids: Vec::new(), body: json!({}), own };
    let with = |ids, own| Rule { ids, body: json!({}), own };
    let [lead_a, lead_b] = &world.leads;
    let leads = || ids(lead_a, lead_b, &format!("lead_{UNKNOWN_BITS}"));
    let buyers = || ids("life-co", "other-co", "nobody");
    let campaigns = || ids("life-co-fe", "other-co-fe", "nobody");
    let name = format!("{} {}", route.method.as_str(), route.path);
    Some(match name.as_str() {
        // Ids of pings stand in bodies; `ping_post` tries those of others.
        "POST /v1/leads" | "POST /v1/pings" | "POST /v1/posts" => plain(422),
        // Keys stand elsewhere there, where a profile says so; `inbound` tries that.
        "GET /in/{profile}/{call}" | "POST /in/{profile}/{call}" => {
            with(vec![(Side::Unknown, "nothing".to_owned())], 404)
        }
        "GET /v1/leads/{lead_id}" => with(leads(), 200),
        "GET /v1/auctions/{id}" => {
            let auction = |lead: &str| lead.replace("lead_", "auc_");
            let unknown = format!("auc_{UNKNOWN_BITS}");
            with(ids(&auction(lead_a), &auction(lead_b), &unknown), 200)
        }
        "POST /v1/posts/{post_id}/resolve" => {
            let [a, b] = &world.posts;
            let body = json!({"result": "accepted"});
            Rule { ids: ids(a, b, &format!("post_{UNKNOWN_BITS}")), body, own: 409 }
        }
        "POST /v1/registry/apply" => Rule { body: json!({"bundle": {}}), ..plain(200) },
        "POST /v1/keys" => plain(422),
        "GET /v1/keys" => plain(200),
        "DELETE /v1/keys/{key_id}" => {
            let [a, b] = &world.spare_keys;
            with(ids(a, b, "00000000"), 204)
        }
        "POST /v1/buyers/{buyer_id}/credits" => {
            let body = json!({"kind": "deposit", "amount": "10.00"});
            Rule { body, ..with(buyers(), 201) }
        }
        "GET /v1/buyers/{buyer_id}/balance" => with(buyers(), 200),
        "GET /v1/breakers" => plain(200),
        "GET /v1/campaigns/{campaign_id}/breakers" => with(campaigns(), 200),
        "POST /v1/campaigns/{campaign_id}/breakers/force" => {
            Rule { body: json!({"call": "ping", "state": "automatic"}), ..with(campaigns(), 200) }
        }
        // What is nobody's: only what does not exist is not found.
        "GET /v1/specs" | "GET /openapi.json" | "GET /docs" | "GET /livez" | "GET /readyz" => {
            plain(200)
        }
        "GET /v1/specs/{vertical}" => with(ids("final_expense", "solar", "nothing"), 200),
        "GET /docs/{file}" => with(ids("start.js", "page.css", "nothing"), 200),
        other => return rule_of_events(world, other),
    })
}

/// The status that a caller must get.
fn expected(route: &Route, rule: &Rule, caller: Caller, side: Option<Side>) -> u16 {
    let found = match (route.access, caller.role()) {
        (Access::Everybody, _) => side != Some(Side::Unknown),
        (Access::Roles(_), None) => return 401,
        (Access::Roles(_), Some(role)) if !route.admits(role) => return 403,
        (Access::Roles(_), Some(Role::Operator)) => side != Some(Side::Unknown),
        (Access::Roles(_), Some(_)) => side.is_none_or(|side| caller.owns(side)),
    };
    if found { rule.own } else { 404 }
}

async fn call(
    world: &World,
    route: &Route,
    rule: &Rule,
    caller: Caller,
    id: Option<&str>,
) -> Answer {
    let parts =
        route.path.split('/').map(|part| if part.starts_with('{') { id.unwrap() } else { part });
    let path = parts.collect::<Vec<_>>().join("/");
    let line = format!("{} {path}", route.method.as_str());
    let op = format!("{caller:?}-{}", id.unwrap_or_default());
    let mut headers = vec![("idempotency-key", op.as_str())];
    let reads = route.accepts != Accepts::Nothing;
    if reads {
        headers.push(("content-type", "application/json"));
    }
    let body = if reads { rule.body.to_string() } else { String::new() };
    match world.keys.get(&caller) {
        Some(key) => world.gavel.request(&line, key, &headers, body).await,
        None => world.gavel.request_without_key(&line, &headers, body).await,
    }
}

/// A problem's body without what is each request's own.
fn masked(answer: &Answer) -> String {
    let id = answer.headers["x-request-id"].clone();
    String::from_utf8(answer.body.to_vec()).unwrap().replace(&id, "ID")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_caller_gets_its_own_and_nobody_elses() {
    let mut world = World::new().await;
    world.revoke_one().await;
    let mut refusals: BTreeMap<u16, BTreeSet<String>> = BTreeMap::new();
    let mut seen: BTreeMap<Option<Role>, String> = BTreeMap::new();
    let mut calls = 0;
    let api = Listener::Api { with_operators: true };
    for route in ROUTES.iter().filter(|route| route.is_on(api)) {
        let name = format!("{} {}", route.method.as_str(), route.path);
        let rule = rule(&world, route).or_else(|| registry::rule(&world, &name));
        let rule = rule.unwrap_or_else(|| panic!("{name} has no rule"));
        let has_id = route.path.contains('{');
        assert_eq!(has_id, !rule.ids.is_empty(), "{name}: its rule forgets the id");
        let sides: Vec<Option<&(Side, String)>> =
            if has_id { rule.ids.iter().map(Some).collect() } else { vec![None] };
        for caller in Caller::ALL {
            for named in &sides {
                let (side, id) = (named.map(|named| named.0), named.map(|named| &*named.1));
                let answer = call(&world, route, &rule, caller, id).await;
                let expect = expected(route, &rule, caller, side);
                assert_eq!(answer.status, expect, "{name} {caller:?} {named:?}: {answer:?}");
                calls += 1;
                if matches!(answer.status, 401 | 404) {
                    refusals.entry(answer.status).or_default().insert(masked(&answer));
                }
                if route.access != Access::Everybody && answer.status < 300 {
                    let body = String::from_utf8_lossy(&answer.body).into_owned();
                    seen.entry(caller.role()).or_default().push_str(&body);
                }
            }
        }
    }
    // Whether something is a stranger's or nobody's cannot be told from any answer.
    for (status, bodies) in refusals {
        assert_eq!(bodies.len(), 1, "{status}: {bodies:?}");
    }
    let vendors = &seen[&Some(Role::Vendor)];
    for hidden in ["life-co", "other-co", "life-co-fe", PRICE, "ping_url", "margin"] {
        assert!(!vendors.contains(hidden), "a vendor sees {hidden}");
    }
    let buyers = &seen[&Some(Role::Buyer)];
    for hidden in ["acme", "Acme", "Testington", "payout", "margin"] {
        assert!(!buyers.contains(hidden), "a buyer sees {hidden}");
    }
    assert!(calls > 250, "{calls} calls");
}

/// Every property of a body by its path, with `[]` for the items of a list.
fn properties(body: &Json) -> BTreeSet<String> {
    fn walk(value: &Json, path: &str, found: &mut BTreeSet<String>) {
        match value {
            Json::Object(map) => {
                for (key, value) in map {
                    let path = format!("{path}.{key}");
                    found.insert(path.trim_start_matches('.').to_owned());
                    walk(value, &path, found);
                }
            }
            Json::Array(items) => {
                items.iter().for_each(|item| walk(item, &format!("{path}[]"), found));
            }
            _ => {}
        }
    }
    let mut found = BTreeSet::new();
    walk(body, "", &mut found);
    found
}

fn check_properties(what: &str, answer: &Answer, expect: &str) {
    assert_eq!(answer.status, 200, "{what}: {answer:?}");
    let expect: BTreeSet<String> = expect.split_whitespace().map(str::to_owned).collect();
    assert_eq!(properties(&answer.json()), expect, "{what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_role_sees_these_properties_and_no_others() {
    let world = World::new().await;
    let (gavel, id) = (&world.gavel, &world.leads[0]);
    let of_vendor = "auction auction.bids auction.elapsed_ms auction.id auction.pinged currency \
        disposition lead_id payout sales sales[].payout sales[].redirect_url sales[].seat warnings";
    let lead_path = format!("/v1/leads/{id}");
    let auction_path = format!("/v1/auctions/{id}");
    let vendor = &world.keys[&VendorA];
    check_properties("a vendor's lead", &gavel.get(&lead_path, vendor).await, of_vendor);
    let operator = &world.keys[&Operator];
    check_properties("an operator's lead", &gavel.get(&lead_path, operator).await, of_vendor);
    check_properties(
        "a vendor's auction",
        &gavel.get(&auction_path, vendor).await,
        "bids closed_at disposition elapsed_ms floor id lead_id pinged reason received_at \
         registry_version sales sales[].payout sales[].seat state test vendor_id vertical",
    );
    check_properties(
        "a buyer's balance",
        &gavel.get("/v1/buyers/life-co/balance", &world.keys[&BuyerA]).await,
        "balance buyer_id credit_limit deposited held posted",
    );
    check_properties(
        "an operator's auction",
        &gavel.get(&auction_path, operator).await,
        "candidates candidates[].bid candidates[].bid.bid_id candidates[].bid.effective_price \
         candidates[].bid.price candidates[].bid.seats candidates[].buyer_id \
         candidates[].campaign_id candidates[].disclosed candidates[].fields_sent \
         candidates[].lost_reason candidates[].ping candidates[].ping.elapsed_ms \
         candidates[].ping.http_status candidates[].ping.ping_id candidates[].ping.reason \
         candidates[].ping.result candidates[].rank candidates[].rule candidates[].tier \
         candidates[].verdict closed_at disposition elapsed_ms facts floor id lead_id money \
         money[].margin money[].payout money[].price money[].seat overhead_ms posts \
         posts[].attempts posts[].attempts[].at posts[].attempts[].elapsed_ms \
         posts[].attempts[].http_status posts[].attempts[].result posts[].buyer_id \
         posts[].campaign_id posts[].k posts[].outcome posts[].post_id posts[].price \
         posts[].reason posts[].seat reason received_at registry_version state test vendor_id \
         vertical",
    );
}
