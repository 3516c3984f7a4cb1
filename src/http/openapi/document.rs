//! The document, put together from the table of routes.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value as Json, json};

use super::components::Components;
use super::operation::{Answer, Operation, Tag, schema_of};
use crate::domain::ids::{EndpointId, EventId, LeadId, PostId};
use crate::domain::key::{KeyId, Role};
use crate::domain::limits::Limits;
use crate::domain::slug::{BuyerId, CampaignId, ProfileId, VendorId, VerticalId};
use crate::http::body::Accepts;
use crate::http::error::{Code, PROBLEM_JSON, Problem};
use crate::http::routes::{Access, Listener, ROUTES, Route};
use crate::intake::IntakeLimits;
use crate::intake::schema::schema;
use crate::intake::spec::posting_spec;
use crate::registry::vertical::CompiledVertical;

/// The version of the API, which paths carry too. The program's own version is not told.
const API_VERSION: &str = "1";

const ABOUT: &str = "One lead, every eligible buyer asked at once, one winner, sold exactly once.\n\n\
    Amounts are texts with two to four decimals, times are RFC 3339 in UTC. Every answer carries \
    `x-request-id`. Errors are problem bodies (RFC 9457): act on `code`, the other texts are for \
    people. What belongs to somebody else looks exactly like what does not exist. Operators' routes \
    and `/metrics` may be on listeners of their own.";

/// Where the schema of a lead's body stands.
const SUBMITTED_LEAD: &str = "#/components/schemas/SubmittedLead";

/// Stands for the body of a lead: one of the verticals' schemas.
pub(in crate::http) struct SubmittedLead;

impl JsonSchema for SubmittedLead {
    fn schema_name() -> Cow<'static, str> {
        "SubmittedLead".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"$ref": SUBMITTED_LEAD})
    }
}

/// The whole document of an exchange with these verticals.
pub(in crate::http) fn document<'v>(
    verticals: impl Iterator<Item = &'v CompiledVertical>,
    limits: &Limits,
) -> Json {
    let verticals: Vec<&CompiledVertical> = verticals.collect();
    let mut components = Components::new();
    let limits = IntakeLimits::from(limits);
    add_submission(&mut components, &verticals, &limits);
    let examples = lead_examples(&verticals, &limits);
    let mut paths: BTreeMap<&str, Map<String, Json>> = BTreeMap::new();
    for route in ROUTES {
        let method = route.method.as_str().to_ascii_lowercase();
        let operation = operation_of(route, &mut components, &examples);
        paths.entry(route.path).or_default().insert(method, operation);
    }
    let mut paths = json!(paths);
    let schemas = components.finish(&mut paths);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Gavel",
            "version": API_VERSION,
            "summary": "A ping/post lead exchange",
            "description": ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": Tag::ALL.map(|tag| json!({"name": tag.title(), "description": tag.description()})),
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": security_schemes(),
            "headers": {"RequestId": {
                "description": "Quote it when something is wrong.",
                "schema": {"type": "string"},
            }},
        },
    })
}

/// The schema of a lead's body: one of the verticals', with the types they share beside them.
fn add_submission(
    components: &mut Components,
    verticals: &[&CompiledVertical],
    limits: &IntakeLimits,
) {
    let mut each = Vec::new();
    let mut mapping = Map::new();
    for vertical in verticals {
        let mut described = schema(vertical, limits);
        if let Some(parts) = described.as_object_mut() {
            parts.remove("$schema");
            if let Some(Json::Object(shared)) = parts.remove("$defs") {
                for (name, mut part) in shared {
                    lift(&mut part);
                    components.add(&lifted(&name), part);
                }
            }
        }
        lift(&mut described);
        let name = format!("Lead.{}", vertical.id());
        let target = format!("#/components/schemas/{name}");
        each.push(json!({"$ref": target}));
        mapping.insert(vertical.id().to_string(), json!(target));
        components.add(&name, described);
    }
    let submission = if each.is_empty() {
        json!({"type": "object", "description": "This exchange has no vertical yet."})
    } else {
        json!({"oneOf": each,
               "discriminator": {"propertyName": "vertical", "mapping": mapping}})
    };
    components.add("SubmittedLead", submission);
}

/// A valid lead of each vertical, as its posting spec shows it.
fn lead_examples(verticals: &[&CompiledVertical], limits: &IntakeLimits) -> Json {
    let example = |vertical: &&CompiledVertical| {
        let spec = posting_spec(vertical, "", limits);
        (spec.vertical, json!({"summary": spec.name, "value": spec.example}))
    };
    Json::Object(verticals.iter().map(example).collect())
}

/// The name of a type that verticals share.
fn lifted(name: &str) -> String {
    format!("field.{name}")
}

/// Makes references within one schema references within the document.
fn lift(schema: &mut Json) {
    match schema {
        Json::Object(map) => {
            if let Some(Json::String(target)) = map.get_mut("$ref")
                && let Some(name) = target.strip_prefix("#/$defs/")
            {
                *target = format!("#/components/schemas/{}", lifted(name));
            }
            map.values_mut().for_each(lift);
        }
        Json::Array(items) => items.iter_mut().for_each(lift),
        _ => {}
    }
}

fn security_schemes() -> Json {
    let scheme = |role: Role| {
        json!({
            "type": "http",
            "scheme": "bearer",
            "description": format!("A key of the role `{role}`: gavel_live_{role}_..."),
        })
    };
    json!({
        "vendor": scheme(Role::Vendor),
        "buyer": scheme(Role::Buyer),
        "operator": scheme(Role::Operator),
    })
}

fn operation_of(route: &'static Route, components: &mut Components, lead_examples: &Json) -> Json {
    let operation = route.operation();
    let mut parameters: Vec<Json> = path_parameters(route, components);
    parameters.extend(operation.parameters.iter().map(super::Parameter::to_json));
    let mut described = json!({
        "operationId": operation.id,
        "tags": [operation.tag.title()],
        "summary": operation.summary,
        "description": operation.description,
        "security": security_of(route),
        "responses": responses(route, &operation, components),
    });
    if !parameters.is_empty() {
        described["parameters"] = json!(parameters);
    }
    if let Some(body) = operation.body {
        let schema = components.in_request(body);
        let is_lead = schema["$ref"] == SUBMITTED_LEAD;
        let mut content = json!({"application/json": {"schema": schema}});
        if is_lead {
            content["application/json"]["examples"] = lead_examples.clone();
        }
        if route.accepts == Accepts::JsonOrForm {
            let form = "The same names, nested as `lead[zip]` or `lead.zip`.";
            content["application/x-www-form-urlencoded"] =
                json!({"schema": {"type": "object", "description": form}});
        }
        if route.accepts == Accepts::ByProfile {
            for media in ["application/x-www-form-urlencoded", "text/xml"] {
                content[media] = content["application/json"].clone();
            }
        }
        let is_required = !matches!(route.accepts, Accepts::OptionalJson | Accepts::ByProfile);
        described["requestBody"] = json!({"required": is_required, "content": content});
    }
    if !route.is_on(Listener::Api { with_operators: true }) {
        described["servers"] = json!([{
            "url": "http://127.0.0.1:9464", "description": "`metrics.listen`",
        }]);
    }
    described
}

fn security_of(route: &Route) -> Json {
    match route.access {
        Access::Everybody => json!([]),
        Access::Roles(roles) => {
            roles.iter().map(|role| json!({role.as_str(): []})).collect::<Vec<_>>().into()
        }
    }
}

/// What a name in a path stands for.
fn path_parameters(route: &Route, components: &mut Components) -> Vec<Json> {
    let names = route.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let parameter = |name: &str| {
        let (schema, description) = path_parameter(name, components);
        json!({"in": "path", "name": name, "required": true, "description": description,
               "schema": schema})
    };
    names.map(parameter).collect()
}

fn path_parameter(name: &str, components: &mut Components) -> (Json, &'static str) {
    match name {
        "lead_id" => (components.in_request(schema_of::<LeadId>), "The lead."),
        "post_id" => (components.in_request(schema_of::<PostId>), "The post."),
        "key_id" => (components.in_request(schema_of::<KeyId>), "The key's public name."),
        "vendor_id" => (components.in_request(schema_of::<VendorId>), "The vendor."),
        "campaign_id" => (components.in_request(schema_of::<CampaignId>), "The campaign."),
        "profile_id" => (components.in_request(schema_of::<ProfileId>), "The profile."),
        "endpoint_id" => (components.in_request(schema_of::<EndpointId>), "The endpoint."),
        "event_id" => (components.in_request(schema_of::<EventId>), "The event."),
        "buyer_id" => (components.in_request(schema_of::<BuyerId>), "The buyer."),
        "profile" => (components.in_request(schema_of::<ProfileId>), "The inbound profile."),
        "call" => (json!({"type": "string"}), "A path that the profile has."),
        "vertical" => (components.in_request(schema_of::<VerticalId>), "The vertical."),
        "file" => (json!({"type": "string"}), "A file that the page asks for."),
        "id" => (
            json!({"type": "string", "pattern": "^(auc|lead|ping|bid|post)_[0-9a-z]{26,28}$"}),
            "Any id of the auction: `auc_`, `lead_`, `ping_`, `bid_` or `post_`.",
        ),
        _ => (json!({"type": "string"}), ""),
    }
}

/// What a route answers: what it says itself, and errors by their status.
fn responses(route: &Route, operation: &Operation, components: &mut Components) -> Json {
    let mut responses: Map<String, Json> = Map::new();
    for answer in &operation.answers {
        responses.insert(answer.status.to_string(), response(answer, components));
    }
    let mut by_status: BTreeMap<u16, BTreeSet<Code>> = BTreeMap::new();
    for code in codes_of(route).chain(operation.codes.iter().copied()) {
        by_status.entry(code.status()).or_default().insert(code);
    }
    for (status, codes) in by_status {
        responses.insert(status.to_string(), problem(&codes, components));
    }
    Json::Object(responses)
}

fn response(answer: &Answer, components: &mut Components) -> Json {
    let mut content = Map::new();
    for (media, schema) in &answer.content {
        content.insert((*media).to_owned(), json!({"schema": components.in_answer(*schema)}));
    }
    let mut headers = Map::from_iter([request_id()]);
    for (name, description) in &answer.headers {
        let header = json!({"description": description, "schema": {"type": "string"}});
        headers.insert((*name).to_owned(), header);
    }
    let mut response = json!({"description": answer.description, "headers": headers});
    if !content.is_empty() {
        response["content"] = Json::Object(content);
    }
    response
}

fn request_id() -> (String, Json) {
    ("x-request-id".to_owned(), json!({"$ref": "#/components/headers/RequestId"}))
}

/// The response of one status: a problem with one of `codes`.
fn problem(codes: &BTreeSet<Code>, components: &mut Components) -> Json {
    let base = components.in_answer(schema_of::<Problem<'static>>);
    let texts: Vec<&str> = codes.iter().map(|code| code.as_str()).collect();
    let titles: Vec<String> =
        codes.iter().map(|code| format!("`{}`: {}.", code.as_str(), code.row().title)).collect();
    let mut headers = Map::from_iter([request_id()]);
    let mut add = |name: &str, description: &str, is_number: bool| {
        let kind = if is_number { "integer" } else { "string" };
        let header = json!({"description": description, "schema": {"type": kind}});
        headers.insert(name.to_owned(), header);
    };
    if codes.iter().any(|code| code.says_when_to_retry()) {
        add("retry-after", "When to try again, in seconds.", true);
    }
    if codes.iter().any(|code| code.status() == 401) {
        add("www-authenticate", "That a key is needed.", false);
    }
    json!({
        "description": titles.join(" "),
        "headers": headers,
        "content": {PROBLEM_JSON: {"schema": {
            "allOf": [base, {"properties": {"code": {"enum": texts}}}],
        }}},
    })
}

/// What the layers before a handler may answer with.
fn codes_of(route: &Route) -> impl Iterator<Item = Code> {
    let mut codes = vec![Code::HeadersTooLarge, Code::Internal];
    if let Access::Roles(roles) = route.access {
        codes.extend([
            Code::MalformedRequest,
            Code::Unauthorized,
            Code::InvalidSignature,
            Code::RateLimited,
        ]);
        if route.changes_registry && roles.iter().any(|role| *role != Role::Operator) {
            codes.push(Code::TooManyChanges);
        }
        if roles.len() < 3 {
            codes.push(Code::WrongRole);
        }
    }
    if route.accepts != Accepts::Nothing {
        codes.extend([
            Code::MalformedRequest,
            Code::MalformedBody,
            Code::BodyTimeout,
            Code::BodyTooLarge,
            Code::UnsupportedMediaType,
        ]);
    }
    let reads_json = matches!(
        route.accepts,
        Accepts::Json | Accepts::OptionalJson | Accepts::RegistryJson | Accepts::ProfileJson
    );
    if reads_json {
        codes.push(Code::InvalidRequest);
    }
    if route.path.contains('{') {
        codes.push(Code::NotFound);
    }
    codes.into_iter()
}
