//! A request as a profile writes it.

use std::sync::Arc;

use super::super::fault::Place;
use super::super::section::{At, Section};
use super::node::{Document, Format, Nesting};
use super::parse::Parser;
use super::step::STEP_KEYS;
use super::template::Template;
use super::url::UrlPattern;
use super::{Body, Header, Method, Request, Soap, SoapVersion, TemplateKind};

/// Headers that belong to the connection or to the exchange: the wire writes them.
const HEADERS_REFUSED: [&str; 15] = [
    "accept-encoding",
    "connection",
    "content-encoding",
    "content-length",
    "expect",
    "host",
    "idempotency-key",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "webhook-id",
    "webhook-signature",
    "webhook-timestamp",
];

/// The kinds of bodies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyKind {
    Json,
    Form,
    Query,
    Xml,
    Soap,
    Text,
    None,
}

const BODY_KINDS: [(&str, BodyKind); 7] = [
    ("json", BodyKind::Json),
    ("form", BodyKind::Form),
    ("query", BodyKind::Query),
    ("xml", BodyKind::Xml),
    ("soap", BodyKind::Soap),
    ("text", BodyKind::Text),
    ("none", BodyKind::None),
];

/// Keys that say something of the body, of whatever kind, beside the steps of a text.
const BODY_KEYS: [&str; 17] = [
    "fields",
    "wrap",
    "attributes",
    "missing",
    "types",
    "nesting",
    "declaration",
    "soap_version",
    "soap_action",
    "template",
    "from",
    "value",
    "text",
    "first",
    "months",
    "document",
    "default",
];

/// The SOAP namespaces, whose prefix is bound around the document.
pub(super) const SOAP_PREFIX: &str = "soap";

/// How a request may be made.
const METHODS: [(&str, Method); 4] =
    [("GET", Method::Get), ("POST", Method::Post), ("PUT", Method::Put), ("PATCH", Method::Patch)];

impl Parser<'_, '_> {
    /// Reads a whole request; `base` is the one it includes.
    pub(in crate::integration) fn request(
        &mut self,
        section: &mut Section<'_>,
        base: Option<&Request>,
    ) -> Option<Request> {
        let (at, path) = (section.place().at, section.place().path.to_owned());
        let place = Place { at, path: &path };
        let method = section.word("method", &METHODS, self.faults).map(|method| method.value);
        let url = section.text("url", self.faults).and_then(|text| self.url(&text));
        let headers = self.headers(section);
        let content_type = section.text("content_type", self.faults);
        let content_type = content_type.and_then(|text| self.header_text(&text));
        let query = section.table("query", self.faults).map(|table| self.query(table));
        let auth = section.table("auth", self.faults).and_then(|table| self.auth(table));
        let one_of = self.one_of(section);
        let signs = section.boolean("sign", self.faults).map(|signs| signs.value);
        let says_body = section.has("body");
        let kind = section.word("body", &BODY_KINDS, self.faults);
        if let (Some(kind), Some(_)) = (&kind, base) {
            self.faults.error_with(
                kind.place(),
                "what is included has its body already",
                "leave out `body`, or `include`",
            );
        }
        let mut request = match base {
            Some(base) => {
                let mut request = base.clone();
                self.include_body(section, &mut request.body);
                request
            }
            None => {
                let Some(kind) = kind else {
                    // What is said of the body has no meaning before its kind has one.
                    BODY_KEYS.iter().chain(&STEP_KEYS).for_each(|key| drop(section.take(key)));
                    if says_body {
                        return None;
                    }
                    let known = BODY_KINDS.map(|(name, _)| name).join(", ");
                    let hint = format!("write body = one of {known}");
                    self.faults.error_with(place, "nothing says what the body is", hint);
                    return None;
                };
                Request::of(self.body(section, kind.value)?)
            }
        };
        if let Some(document) = request.body.document() {
            let bound: &[&str] =
                if matches!(request.body, Body::Soap(_)) { &[SOAP_PREFIX] } else { &[] };
            self.check_whole(document, bound);
        }
        request.method = method.or(request.method);
        request.url = url.unwrap_or(request.url);
        request.content_type = content_type.or(request.content_type);
        self.include_query(&mut request.query, query);
        request.auth = auth.or(request.auth);
        request.signs = signs.unwrap_or(request.signs);
        for header in headers {
            request.headers.retain(|known| known.name != header.name);
            request.headers.push(header);
        }
        request.one_of.extend(one_of.iter().map(|names| names.value.clone()));
        self.check_one_of(&request, &one_of);
        self.check_body_of(&request, place);
        Some(request)
    }

    fn body(&mut self, section: &mut Section<'_>, kind: BodyKind) -> Option<Body> {
        if section.has("template") {
            return self.template_body(section, kind);
        }
        Some(match kind {
            BodyKind::None => Body::None,
            BodyKind::Json => Body::Document(self.document(section, Format::Json)?),
            BodyKind::Form => Body::Document(self.document(section, Format::Form)?),
            BodyKind::Xml => Body::Document(self.document(section, Format::Xml)?),
            BodyKind::Query => Body::Query(self.document(section, Format::Form)?),
            BodyKind::Soap => {
                let versions = [("1.1", SoapVersion::One), ("1.2", SoapVersion::Two)];
                let version = section.word("soap_version", &versions, self.faults);
                let action = section.text("soap_action", self.faults);
                let action = action.and_then(|text| self.header_text(&text));
                let document = self.document(section, Format::Xml)?;
                let version = version.map_or(SoapVersion::One, |version| version.value);
                Body::Soap(Soap { version, action, document })
            }
            BodyKind::Text => Body::Text(Box::new(self.value_in(section)?)),
        })
    }

    fn template_body(&mut self, section: &mut Section<'_>, kind: BodyKind) -> Option<Body> {
        let text = section.text("template", self.faults)?;
        let (kind, format) = match kind {
            BodyKind::Json => (TemplateKind::Json, Some(Format::Json)),
            BodyKind::Xml => (TemplateKind::Xml, Some(Format::Xml)),
            BodyKind::Form => (TemplateKind::Form, Some(Format::Form)),
            BodyKind::Text => (TemplateKind::Text, None),
            BodyKind::Query | BodyKind::Soap | BodyKind::None => {
                self.faults.error_with(
                    text.place(),
                    "a template makes a body of json, xml, form or text",
                    "write body = \"xml\" for a whole SOAP envelope",
                );
                return None;
            }
        };
        let template = Arc::new(Template::compile(&text, format, self.faults)?);
        Some(Body::Template { kind, template })
    }

    fn headers(&mut self, section: &mut Section<'_>) -> Vec<Header> {
        let Some(table) = section.table("headers", self.faults) else { return Vec::new() };
        let mut headers: Vec<Header> = Vec::new();
        for (name, entry) in table.into_entries() {
            let lower = name.value.to_ascii_lowercase();
            if !is_token(&lower) {
                self.faults.error(name.place(), format!("`{}` is no name of a header", name.value));
            } else if HEADERS_REFUSED.contains(&&*lower) {
                let message = format!("`{}` is written by the exchange itself", name.value);
                self.faults.error(name.place(), message);
            } else if headers.iter().any(|known| known.name == lower) {
                self.faults.error(name.place(), format!("`{}` is there twice", name.value));
            } else if lower == "content-type" {
                let message = "the type of the body has a key of its own";
                self.faults.error_with(name.place(), message, "write content_type = \"..\"");
            }
            headers.extend(self.value(entry).map(|value| Header { name: lower, value }));
        }
        headers
    }

    /// A constant that stands in a header.
    fn header_text(&mut self, text: &At<String>) -> Option<String> {
        let is_clean = text.value.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
        if !is_clean || text.value.contains('"') || text.value.len() > 200 {
            let message = "at most 200 plain characters without quotes stand here";
            self.faults.error(text.place(), message);
            return None;
        }
        Some(text.value.clone())
    }

    /// Fields in the URL's query beside a body.
    fn query(&mut self, table: Section<'_>) -> Document {
        let nodes = self.query_nodes(table);
        Document {
            format: Format::Form,
            wrap: Vec::new(),
            attributes: Vec::new(),
            nodes,
            all_text: false,
            nesting: Nesting::Flat,
            declares: false,
        }
    }

    fn one_of(&mut self, section: &mut Section<'_>) -> Vec<At<Vec<String>>> {
        let Some(list) = section.list("one_of", self.faults) else { return Vec::new() };
        let mut all = Vec::new();
        for entry in list.value {
            let (at, path) = (entry.place().at, entry.place().path.to_owned());
            if entry.is_list() {
                let names = entry.into_texts(self.faults);
                let value = names.into_iter().map(|name| name.value).collect();
                all.push(At { value, at, path });
            } else {
                let message = "lists of names stand here";
                let hint = "write one_of = [[\"first\", \"second\"]]";
                self.faults.error_with(Place { at, path: &path }, message, hint);
            }
        }
        all
    }

    /// Each of the names is a field with a value of its own.
    fn check_one_of(&mut self, request: &Request, one_of: &[At<Vec<String>>]) {
        for names in one_of {
            for name in &names.value {
                if request.value_named(name).is_none() {
                    let message = format!("there is no field `{name}` with a value of its own");
                    self.faults.error(names.place(), message);
                }
            }
        }
    }

    fn check_body_of(&mut self, request: &Request, place: Place<'_>) {
        let has_body = !matches!(request.body, Body::None | Body::Query(_));
        if request.method == Some(Method::Get) && has_body {
            self.faults.error_with(
                place,
                "a GET request has no body",
                "write body = \"query\", or method = \"POST\"",
            );
        }
    }
}

impl Request {
    /// A request with nothing but a body.
    const fn of(body: Body) -> Self {
        Self {
            method: None,
            url: UrlPattern::own(),
            body,
            content_type: None,
            headers: Vec::new(),
            query: None,
            auth: None,
            one_of: Vec::new(),
            signs: false,
        }
    }
}

/// Whether a profile may write a header of that (lower case) name.
pub(super) fn is_header_allowed(name: &str) -> bool {
    is_token(name) && name != "content-type" && !HEADERS_REFUSED.contains(&name)
}

/// Whether a text can name a header (RFC 9110, 5.6.2).
fn is_token(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.len() <= 100 && text.bytes().all(is_plain)
}
