//! The table of routes: every path, its method, who may call it and what body it reads.
//!
//! The servers are registered from this table and from nothing else, so a route that is not in it
//! does not exist, and a route without an access rule cannot be written down. What a route does is
//! in the file of its resource.

mod action;

use actix_web::http::Method as HttpMethod;
use actix_web::middleware::from_fn;
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpResponse, guard};

use self::action::Action;
use super::body::Accepts;
use super::error::ApiError;
use super::gate;
use super::openapi::Operation;
use crate::domain::key::Role;

/// The methods in use. A `GET` route answers `HEAD` too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Does something.
    Post,
    /// Makes something what the body says.
    Put,
    /// Changes parts of something.
    Patch,
    /// Takes something away.
    Delete,
}

impl Method {
    /// The method as on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// Who may call a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anybody, without a key: there is nothing of anybody's in it.
    Everybody,
    /// Holders of a key with one of these roles.
    Roles(&'static [Role]),
}

/// The servers of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listener {
    /// The API; `with_operators` unless operators' routes have a listener of their own.
    Api {
        /// Whether routes for operators alone are here too.
        with_operators: bool,
    },
    /// Operators' routes.
    Admin,
    /// Metrics and health.
    Metrics,
}

/// On which servers a route is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// On the API; on the admin server too if an operator may call it.
    Api,
    /// On the API and on the metrics server.
    Health,
    /// On the metrics server alone.
    Metrics,
}

/// One line of the table.
#[derive(Debug, Clone, Copy)]
pub struct Route {
    /// The method.
    pub method: Method,
    /// The path, with `{names}` for what varies.
    pub path: &'static str,
    /// Who may call it.
    pub access: Access,
    /// What body it reads.
    pub accepts: Accepts,
    /// Whether it writes a version of the registry, calls endpoints to prove them, or tries a profile.
    /// How often, is counted for each vendor and buyer.
    pub changes_registry: bool,
    place: Place,
    action: Action,
}

const EVERYBODY: Access = Access::Everybody;
const VENDORS: Access = Access::Roles(&[Role::Vendor]);
const VENDORS_AND_OPERATORS: Access = Access::Roles(&[Role::Vendor, Role::Operator]);
const BUYERS_AND_OPERATORS: Access = Access::Roles(&[Role::Buyer, Role::Operator]);
const BUYERS: Access = Access::Roles(&[Role::Buyer]);
const VENDORS_AND_BUYERS: Access = Access::Roles(&[Role::Vendor, Role::Buyer]);
const EVERY_ROLE: Access = Access::Roles(&[Role::Vendor, Role::Buyer, Role::Operator]);
const OPERATORS: Access = Access::Roles(&[Role::Operator]);

const fn get(path: &'static str, access: Access, action: Action) -> Route {
    let (method, accepts) = (Method::Get, Accepts::Nothing);
    Route { method, path, access, accepts, changes_registry: false, place: Place::Api, action }
}

const fn post(path: &'static str, access: Access, accepts: Accepts, action: Action) -> Route {
    Route { method: Method::Post, accepts, ..get(path, access, action) }
}

const fn put(path: &'static str, access: Access, accepts: Accepts, action: Action) -> Route {
    Route { method: Method::Put, ..post(path, access, accepts, action) }
}

const fn patch(path: &'static str, access: Access, action: Action) -> Route {
    Route { method: Method::Patch, ..post(path, access, Accepts::Json, action) }
}

const fn delete(path: &'static str, access: Access, action: Action) -> Route {
    Route { method: Method::Delete, ..get(path, access, action) }
}

const fn change(route: Route) -> Route {
    Route { changes_registry: true, ..route }
}

const fn at(place: Place, route: Route) -> Route {
    Route { place, ..route }
}

/// Every route of every server. `docs/API.md` describes the same ones.
pub const ROUTES: &[Route] = &[
    post("/v1/leads", VENDORS, Accepts::JsonOrForm, Action::SubmitLead),
    get("/v1/leads", VENDORS_AND_OPERATORS, Action::ListLeads),
    get("/v1/leads/{lead_id}", VENDORS_AND_OPERATORS, Action::ReadLead),
    post("/v1/pings", VENDORS, Accepts::JsonOrForm, Action::SubmitPing),
    post("/v1/posts", VENDORS, Accepts::JsonOrForm, Action::SubmitPost),
    get("/in/{profile}/{call}", VENDORS, Action::AskByProfile),
    post("/in/{profile}/{call}", VENDORS, Accepts::ByProfile, Action::CallByProfile),
    get("/v1/specs", EVERYBODY, Action::ListSpecs),
    get("/v1/specs/{vertical}", EVERYBODY, Action::ReadSpec),
    get("/v1/auctions", OPERATORS, Action::ListAuctions),
    get("/v1/auctions/{id}", VENDORS_AND_OPERATORS, Action::ReadAuction),
    post("/v1/posts/{post_id}/resolve", OPERATORS, Accepts::Json, Action::ResolvePost),
    change(post("/v1/registry/apply", OPERATORS, Accepts::RegistryJson, Action::ApplyRegistry)),
    get("/v1/registry/changes", OPERATORS, Action::ListChanges),
    change(post("/v1/registry/rollback", OPERATORS, Accepts::Json, Action::RollbackRegistry)),
    get("/v1/vendors", OPERATORS, Action::ListVendors),
    get("/v1/vendors/{vendor_id}", OPERATORS, Action::ShowVendor),
    change(put("/v1/vendors/{vendor_id}", OPERATORS, Accepts::Json, Action::PutVendor)),
    change(delete("/v1/vendors/{vendor_id}", OPERATORS, Action::ArchiveVendor)),
    get("/v1/buyers", OPERATORS, Action::ListBuyers),
    get("/v1/buyers/{buyer_id}", BUYERS_AND_OPERATORS, Action::ShowBuyer),
    change(put("/v1/buyers/{buyer_id}", OPERATORS, Accepts::Json, Action::PutBuyer)),
    change(delete("/v1/buyers/{buyer_id}", OPERATORS, Action::ArchiveBuyer)),
    get("/v1/campaigns", BUYERS_AND_OPERATORS, Action::ListCampaigns),
    get("/v1/campaigns/{campaign_id}", BUYERS_AND_OPERATORS, Action::ShowCampaign),
    change(put("/v1/campaigns/{campaign_id}", OPERATORS, Accepts::Json, Action::PutCampaign)),
    change(delete("/v1/campaigns/{campaign_id}", OPERATORS, Action::ArchiveCampaign)),
    change(put(
        "/v1/campaigns/{campaign_id}/endpoints",
        BUYERS,
        Accepts::Json,
        Action::RegisterEndpoints,
    )),
    change(post(
        "/v1/campaigns/{campaign_id}/verify",
        BUYERS_AND_OPERATORS,
        Accepts::Nothing,
        Action::VerifyEndpoints,
    )),
    change(put("/v1/campaigns/{campaign_id}/limits", BUYERS, Accepts::Json, Action::LimitCampaign)),
    change(post(
        "/v1/campaigns/{campaign_id}/rotate-secret",
        BUYERS_AND_OPERATORS,
        Accepts::OptionalJson,
        Action::RotateSecret,
    )),
    change(post(
        "/v1/campaigns/{campaign_id}/pause",
        BUYERS_AND_OPERATORS,
        Accepts::Nothing,
        Action::PauseCampaign,
    )),
    change(post(
        "/v1/campaigns/{campaign_id}/resume",
        BUYERS_AND_OPERATORS,
        Accepts::Nothing,
        Action::ResumeCampaign,
    )),
    change(post(
        "/v1/campaigns/{campaign_id}/activate",
        OPERATORS,
        Accepts::Nothing,
        Action::ActivateCampaign,
    )),
    get("/v1/trees", OPERATORS, Action::ListTrees),
    get("/v1/trees/{vertical}", OPERATORS, Action::ShowTree),
    change(put("/v1/trees/{vertical}", OPERATORS, Accepts::Json, Action::PutTree)),
    change(delete("/v1/trees/{vertical}", OPERATORS, Action::ArchiveTree)),
    get("/v1/profiles", BUYERS_AND_OPERATORS, Action::ListProfiles),
    get("/v1/profiles/{profile_id}", BUYERS_AND_OPERATORS, Action::ShowProfile),
    change(put(
        "/v1/profiles/{profile_id}",
        BUYERS_AND_OPERATORS,
        Accepts::ProfileJson,
        Action::PutProfile,
    )),
    change(delete("/v1/profiles/{profile_id}", BUYERS_AND_OPERATORS, Action::ArchiveProfile)),
    // Counted as a change is: it costs more.
    change(post(
        "/v1/profiles/{profile_id}/test",
        BUYERS_AND_OPERATORS,
        Accepts::Nothing,
        Action::TestProfile,
    )),
    get("/v1/profiles/{profile_id}/versions", BUYERS_AND_OPERATORS, Action::ListProfileVersions),
    change(post(
        "/v1/profiles/{profile_id}/rollback",
        BUYERS_AND_OPERATORS,
        Accepts::Json,
        Action::RollbackProfile,
    )),
    change(post("/v1/keys", OPERATORS, Accepts::Json, Action::CreateKey)),
    get("/v1/keys", OPERATORS, Action::ListKeys),
    change(delete("/v1/keys/{key_id}", OPERATORS, Action::RevokeKey)),
    post("/v1/buyers/{buyer_id}/credits", OPERATORS, Accepts::Json, Action::CreditBuyer),
    get("/v1/buyers/{buyer_id}/balance", BUYERS_AND_OPERATORS, Action::ReadBalance),
    get("/v1/buyers/{buyer_id}/ledger", BUYERS_AND_OPERATORS, Action::ReadLedger),
    post("/v1/leads/{lead_id}/outcomes", BUYERS, Accepts::Json, Action::ReportOutcome),
    get("/v1/leads/{lead_id}/outcomes", VENDORS_AND_OPERATORS, Action::ListOutcomes),
    change(post(
        "/v1/event-endpoints",
        VENDORS_AND_BUYERS,
        Accepts::Json,
        Action::CreateEventEndpoint,
    )),
    get("/v1/event-endpoints", EVERY_ROLE, Action::ListEventEndpoints),
    get("/v1/event-endpoints/{endpoint_id}", EVERY_ROLE, Action::ReadEventEndpoint),
    change(patch("/v1/event-endpoints/{endpoint_id}", EVERY_ROLE, Action::ChangeEventEndpoint)),
    change(delete(
        "/v1/event-endpoints/{endpoint_id}",
        VENDORS_AND_BUYERS,
        Action::DeleteEventEndpoint,
    )),
    change(post(
        "/v1/event-endpoints/{endpoint_id}/verify",
        EVERY_ROLE,
        Accepts::Nothing,
        Action::VerifyEventEndpoint,
    )),
    change(post(
        "/v1/event-endpoints/{endpoint_id}/rotate-secret",
        VENDORS_AND_BUYERS,
        Accepts::OptionalJson,
        Action::RotateEventEndpointSecret,
    )),
    get("/v1/event-endpoints/{endpoint_id}/attempts", EVERY_ROLE, Action::ListEventAttempts),
    post("/v1/events/{event_id}/resend", EVERY_ROLE, Accepts::Nothing, Action::ResendEvent),
    get("/v1/breakers", OPERATORS, Action::ListBreakers),
    get("/v1/campaigns/{campaign_id}/breakers", BUYERS_AND_OPERATORS, Action::ReadBreakers),
    post(
        "/v1/campaigns/{campaign_id}/breakers/force",
        OPERATORS,
        Accepts::Json,
        Action::ForceBreaker,
    ),
    get("/openapi.json", EVERYBODY, Action::ReadOpenApi),
    get("/docs", EVERYBODY, Action::ReadDocs),
    get("/docs/{file}", EVERYBODY, Action::ReadDocsFile),
    at(Place::Health, get("/livez", EVERYBODY, Action::Live)),
    at(Place::Health, get("/readyz", EVERYBODY, Action::Ready)),
    at(Place::Metrics, get("/metrics", EVERYBODY, Action::Metrics)),
];

impl Route {
    /// Whether a holder of `role` may call it.
    #[must_use]
    pub fn admits(&self, role: Role) -> bool {
        match self.access {
            Access::Everybody => true,
            Access::Roles(roles) => roles.contains(&role),
        }
    }

    /// Whether the vendor's inbound profile says where its key stands and what it asks for.
    pub(super) const fn is_by_profile(&self) -> bool {
        matches!(self.action, Action::AskByProfile | Action::CallByProfile)
    }

    /// Whether it answers `HEAD` too: reading does, and a vendor's call by `GET` is no reading.
    const fn answers_head(&self) -> bool {
        matches!(self.method, Method::Get) && !self.is_by_profile()
    }

    /// Whether it is on `listener`.
    #[must_use]
    pub fn is_on(&self, listener: Listener) -> bool {
        match (self.place, listener) {
            (Place::Metrics, Listener::Metrics) | (Place::Health, Listener::Metrics) => true,
            (Place::Health, Listener::Api { .. }) => true,
            (Place::Api, Listener::Api { with_operators }) => {
                with_operators || self.access != OPERATORS
            }
            (Place::Api, Listener::Admin) => {
                self.access != EVERYBODY && self.admits(Role::Operator)
            }
            (Place::Api, Listener::Metrics) | (Place::Health, Listener::Admin) => false,
            (Place::Metrics, Listener::Api { .. } | Listener::Admin) => false,
        }
    }

    /// What the route is to whoever reads the document of the API.
    pub(super) fn operation(&self) -> Operation {
        self.action.operation()
    }

    /// The handler with its method and its gate.
    fn service(&'static self) -> actix_web::Route {
        let handler = self.action.handler();
        let guarded = match self.method {
            Method::Get if !self.answers_head() => handler.guard(guard::Get()),
            Method::Get => handler.guard(guard::Any(guard::Get()).or(guard::Head())),
            Method::Post => handler.method(HttpMethod::POST),
            Method::Put => handler.method(HttpMethod::PUT),
            Method::Patch => handler.method(HttpMethod::PATCH),
            Method::Delete => handler.method(HttpMethod::DELETE),
        };
        guarded.wrap(from_fn(move |request, next| gate::pass(self, request, next)))
    }
}

/// Registers the routes of `listener`, each behind its gate; other methods of their paths get 405,
/// everything else 404.
pub(super) fn register(listener: Listener, config: &mut ServiceConfig) {
    let here = || ROUTES.iter().filter(move |route| route.is_on(listener));
    let mut registered: Vec<&str> = Vec::new();
    for path in here().map(|route| route.path) {
        if registered.contains(&path) {
            continue;
        }
        registered.push(path);
        let mut resource = web::resource(path);
        for route in here().filter(|route| route.path == path) {
            resource = resource.route(route.service());
        }
        let allow = allowed(here().filter(|route| route.path == path));
        config.service(resource.default_service(web::to(move || {
            let error = ApiError::method_not_allowed(allow.clone());
            async move { Err::<HttpResponse, ApiError>(error) }
        })));
    }
    config.default_service(web::to(|| async {
        Err::<HttpResponse, ApiError>(ApiError::not_found())
    }));
}

/// The value of `Allow` for a path with these routes.
fn allowed<'a>(routes: impl Iterator<Item = &'a Route>) -> String {
    let methods: Vec<&str> = routes
        .map(|route| if route.answers_head() { "GET, HEAD" } else { route.method.as_str() })
        .collect();
    methods.join(", ")
}

#[cfg(test)]
mod tests;
