use super::*;
use std::collections::BTreeSet;

const LISTENERS: [Listener; 4] = [
    Listener::Api { with_operators: true },
    Listener::Api { with_operators: false },
    Listener::Admin,
    Listener::Metrics,
];

/// The routes of each listener as `METHOD path`.
fn routes_on(listener: Listener) -> Vec<String> {
    let here = ROUTES.iter().filter(|route| route.is_on(listener));
    here.map(|route| format!("{} {}", route.method.as_str(), route.path)).collect()
}

#[test]
fn a_route_stands_in_the_table_once() {
    let all: BTreeSet<_> = ROUTES.iter().map(|route| (route.method.as_str(), route.path)).collect();
    assert_eq!(all.len(), ROUTES.len());
}

#[test]
fn every_action_has_a_route() {
    let actions: BTreeSet<String> =
        ROUTES.iter().map(|route| format!("{:?}", route.action)).collect();
    assert_eq!(actions.len(), ROUTES.len());
    assert_eq!(Action::Metrics as usize + 1, ROUTES.len(), "the last action closes the list");
}

#[test]
fn what_needs_no_key_is_named_here() {
    let open: Vec<_> = ROUTES
        .iter()
        .filter(|route| route.access == Access::Everybody)
        .map(|route| (route.method.as_str(), route.path))
        .collect();
    let expect = [
        ("GET", "/v1/specs"),
        ("GET", "/v1/specs/{vertical}"),
        ("GET", "/openapi.json"),
        ("GET", "/docs"),
        ("GET", "/docs/{file}"),
        ("GET", "/livez"),
        ("GET", "/readyz"),
        ("GET", "/metrics"),
    ];
    assert_eq!(open, expect);
}

#[test]
fn a_rule_of_roles_names_at_least_one() {
    for route in ROUTES {
        if let Access::Roles(roles) = route.access {
            assert!(!roles.is_empty(), "{}", route.path);
        }
    }
}

#[test]
fn a_route_that_does_something_reads_a_body_of_a_kind() {
    for route in ROUTES {
        let reads = route.accepts != Accepts::Nothing;
        let acts = matches!(route.method, Method::Post | Method::Put | Method::Patch);
        // What is done is in the path, and nothing is left to say.
        let is_said = ["/test", "/verify", "/pause", "/resume", "/activate", "/resend"];
        let is_said = is_said.into_iter().any(|end| route.path.ends_with(end));
        assert_eq!(reads, acts && !is_said, "{}", route.path);
    }
}

#[test]
fn what_a_vendor_or_buyer_may_do_and_is_no_change_of_the_registry_is_named_here() {
    let uncounted: Vec<_> = ROUTES
        .iter()
        .filter(|route| route.admits(Role::Vendor) || route.admits(Role::Buyer))
        .filter(|route| route.access != EVERYBODY && route.method != Method::Get)
        .filter(|route| !route.changes_registry)
        .map(|route| (route.method.as_str(), route.path))
        .collect();
    let expect = [
        ("POST", "/v1/leads"),
        ("POST", "/v1/pings"),
        ("POST", "/v1/posts"),
        ("POST", "/in/{profile}/{call}"),
        ("POST", "/v1/leads/{lead_id}/outcomes"),
        ("POST", "/v1/events/{event_id}/resend"),
    ];
    assert_eq!(uncounted, expect);
    let reading = ROUTES.iter().filter(|route| route.method == Method::Get);
    assert_eq!(reading.filter(|route| route.changes_registry).count(), 0);
}

#[test]
fn a_listener_for_operators_takes_their_routes_off_the_api() {
    let [whole, public, admin, _] = LISTENERS.map(routes_on);
    assert_eq!(
        public,
        [
            "POST /v1/leads",
            "GET /v1/leads",
            "GET /v1/leads/{lead_id}",
            "POST /v1/pings",
            "POST /v1/posts",
            "GET /in/{profile}/{call}",
            "POST /in/{profile}/{call}",
            "GET /v1/specs",
            "GET /v1/specs/{vertical}",
            "GET /v1/auctions/{id}",
            "GET /v1/buyers/{buyer_id}",
            "GET /v1/campaigns",
            "GET /v1/campaigns/{campaign_id}",
            "PUT /v1/campaigns/{campaign_id}/endpoints",
            "POST /v1/campaigns/{campaign_id}/verify",
            "PUT /v1/campaigns/{campaign_id}/limits",
            "POST /v1/campaigns/{campaign_id}/rotate-secret",
            "POST /v1/campaigns/{campaign_id}/pause",
            "POST /v1/campaigns/{campaign_id}/resume",
            "GET /v1/profiles",
            "GET /v1/profiles/{profile_id}",
            "PUT /v1/profiles/{profile_id}",
            "DELETE /v1/profiles/{profile_id}",
            "POST /v1/profiles/{profile_id}/test",
            "GET /v1/profiles/{profile_id}/versions",
            "POST /v1/profiles/{profile_id}/rollback",
            "GET /v1/buyers/{buyer_id}/balance",
            "GET /v1/buyers/{buyer_id}/ledger",
            "POST /v1/leads/{lead_id}/outcomes",
            "GET /v1/leads/{lead_id}/outcomes",
            "POST /v1/event-endpoints",
            "GET /v1/event-endpoints",
            "GET /v1/event-endpoints/{endpoint_id}",
            "PATCH /v1/event-endpoints/{endpoint_id}",
            "DELETE /v1/event-endpoints/{endpoint_id}",
            "POST /v1/event-endpoints/{endpoint_id}/verify",
            "POST /v1/event-endpoints/{endpoint_id}/rotate-secret",
            "GET /v1/event-endpoints/{endpoint_id}/attempts",
            "POST /v1/events/{event_id}/resend",
            "GET /v1/campaigns/{campaign_id}/breakers",
            "GET /openapi.json",
            "GET /docs",
            "GET /docs/{file}",
            "GET /livez",
            "GET /readyz",
        ]
    );
    // Everything an operator may do, on its own listener.
    let of_operators =
        ROUTES.iter().filter(|route| route.access != EVERYBODY && route.admits(Role::Operator));
    let of_operators: Vec<_> =
        of_operators.map(|route| format!("{} {}", route.method.as_str(), route.path)).collect();
    assert_eq!(admin, of_operators);
    assert!(admin.contains(&"POST /v1/registry/apply".to_owned()));
    assert!(!admin.contains(&"POST /v1/leads".to_owned()));
    let together: BTreeSet<_> = public.iter().chain(&admin).collect();
    assert_eq!(together, whole.iter().collect());
}

#[test]
fn metrics_are_on_their_own_listener_alone() {
    assert_eq!(routes_on(Listener::Metrics), ["GET /livez", "GET /readyz", "GET /metrics"]);
    for listener in &LISTENERS[..3] {
        assert!(!routes_on(*listener).contains(&"GET /metrics".to_owned()));
    }
}

#[test]
fn the_allow_header_names_every_method_of_a_path() {
    let keys = ROUTES.iter().filter(|route| route.path == "/v1/keys");
    assert_eq!(allowed(keys), "POST, GET, HEAD");
}

/// Each route of the document, with who may call it in its own words.
fn documented_routes() -> Vec<(&'static str, &'static str)> {
    let sections = include_str!("../../../docs/API.md").split("\n### `").skip(1);
    sections
        .map(|section| {
            let (route, rest) = section.split_once("`\n\n").expect("a heading ends its line");
            (route, rest.split('.').next().expect("a split has a first part"))
        })
        .collect()
}

#[test]
fn the_document_describes_every_route_and_who_may_call_it() {
    let words = |route: &Route| {
        let of_role = |role: &Role| match (role, route.action) {
            (Role::Vendor, Action::ReadLead | Action::ListLeads | Action::ListOutcomes) => {
                "vendor (its own leads)".to_owned()
            }
            (Role::Vendor, Action::ReadAuction) => "vendor (its own auctions)".to_owned(),
            (Role::Buyer, Action::ReadBalance | Action::ReadLedger) => {
                "buyer (its own account)".to_owned()
            }
            (Role::Buyer, Action::ShowBuyer) => "buyer (itself)".to_owned(),
            (Role::Buyer, _)
                if ["/v1/campaigns", "/v1/profiles"]
                    .iter()
                    .any(|start| route.path.starts_with(start)) =>
            {
                "buyer (its own)".to_owned()
            }
            (role, _) => role.to_string(),
        };
        match route.access {
            Access::Everybody => "No key".to_owned(),
            Access::Roles(roles) => {
                let roles: Vec<_> = roles.iter().map(of_role).collect();
                format!("Key: {}", roles.join(", "))
            }
        }
    };
    let expect: Vec<_> = ROUTES
        .iter()
        .map(|route| (format!("{} {}", route.method.as_str(), route.path), words(route)))
        .collect();
    let documented: Vec<_> = documented_routes()
        .into_iter()
        .map(|(route, access)| (route.to_owned(), access.to_owned()))
        .collect();
    assert_eq!(documented, expect);
}
