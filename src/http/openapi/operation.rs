//! One operation of the API, as its resource describes it.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value as Json, json};

use crate::http::error::Code;
use crate::http::paging::{LIMIT_DEFAULT, LIMIT_MAX};

/// Makes the schema of a body, and those it refers to.
pub(in crate::http) type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// The chapters of the document, in its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum Tag {
    Leads,
    Pings,
    Inbound,
    Specs,
    Auctions,
    Posts,
    Registry,
    Profiles,
    Keys,
    Accounts,
    Breakers,
    Events,
    Health,
    Description,
}

impl Tag {
    /// Every chapter.
    pub const ALL: [Self; 14] = [
        Self::Leads,
        Self::Pings,
        Self::Inbound,
        Self::Specs,
        Self::Auctions,
        Self::Posts,
        Self::Registry,
        Self::Profiles,
        Self::Keys,
        Self::Accounts,
        Self::Breakers,
        Self::Events,
        Self::Health,
        Self::Description,
    ];

    /// The title that people read.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Leads => "Leads",
            Self::Pings => "Ping, then post",
            Self::Inbound => "Formats of vendors",
            Self::Specs => "Posting specs",
            Self::Auctions => "Auctions",
            Self::Posts => "Posts",
            Self::Registry => "Registry",
            Self::Profiles => "Profiles",
            Self::Keys => "Keys",
            Self::Accounts => "Accounts",
            Self::Breakers => "Breakers",
            Self::Events => "Events",
            Self::Health => "Health and metrics",
            Self::Description => "This document",
        }
    }

    /// One sentence about it.
    pub const fn description(self) -> &'static str {
        match self {
            Self::Leads => "Vendors submit leads and read what became of them.",
            Self::Pings => {
                "Vendors ask what a lead would bring, and post it if they like the price."
            }
            Self::Inbound => "Vendors of other systems keep their format.",
            Self::Specs => "What a lead of each vertical must say.",
            Self::Auctions => "How an auction came to its end.",
            Self::Posts => "Deliveries of sold leads to buyers.",
            Self::Registry => "Vendors, buyers, campaigns, trees and verticals.",
            Self::Profiles => "Formats of buyers, described in files.",
            Self::Keys => "API keys of vendors, buyers and operators.",
            Self::Accounts => "The money of buyers.",
            Self::Breakers => "Endpoints that do not work, and are spared for a while.",
            Self::Events => "Where vendors and buyers hear of what happens.",
            Self::Health => "Whether the exchange runs.",
            Self::Description => "The API, described for programs and for people.",
        }
    }
}

/// A parameter in the query or among the headers.
pub(in crate::http) struct Parameter {
    pub place: &'static str,
    pub name: &'static str,
    pub is_required: bool,
    pub description: &'static str,
    pub schema: Json,
}

impl Parameter {
    /// An optional parameter of the query.
    pub fn query(name: &'static str, schema: Json, description: &'static str) -> Self {
        Self { place: "query", name, is_required: false, description, schema }
    }

    /// An optional header.
    pub fn header(name: &'static str, schema: Json, description: &'static str) -> Self {
        Self { place: "header", name, is_required: false, description, schema }
    }

    /// The parameter as the document has it.
    pub fn to_json(&self) -> Json {
        json!({
            "in": self.place, "name": self.name, "required": self.is_required,
            "description": self.description, "schema": self.schema,
        })
    }
}

/// One status with which an operation answers when it does what it was asked for.
pub(in crate::http) struct Answer {
    pub status: u16,
    pub description: &'static str,
    /// Schemas by media type; none: no body.
    pub content: Vec<(&'static str, SchemaOf)>,
    /// Headers with what they say.
    pub headers: Vec<(&'static str, &'static str)>,
}

/// What a route is called, takes and answers.
pub(in crate::http) struct Operation {
    pub tag: Tag,
    pub id: &'static str,
    pub summary: &'static str,
    pub description: &'static str,
    pub parameters: Vec<Parameter>,
    pub body: Option<SchemaOf>,
    pub answers: Vec<Answer>,
    pub codes: Vec<Code>,
}

impl Operation {
    /// An operation by its name for programs (`camelCase`) and its name for people.
    pub fn new(tag: Tag, id: &'static str, summary: &'static str) -> Self {
        Self {
            tag,
            id,
            summary,
            description: "",
            parameters: Vec::new(),
            body: None,
            answers: Vec::new(),
            codes: Vec::new(),
        }
    }

    /// What it does, in whole sentences.
    pub fn says(mut self, description: &'static str) -> Self {
        self.description = description;
        self
    }

    /// A parameter beside those of the path, which are known by their names.
    pub fn takes(mut self, parameter: Parameter) -> Self {
        self.parameters.push(parameter);
        self
    }

    /// `Idempotency-Key`, which must or may be there.
    pub fn idempotent(self, is_required: bool) -> Self {
        let schema = json!({"type": "string", "minLength": 1, "maxLength": 255,
                            "pattern": r#"^("[!#-\[\]-~]+"|[!#-+\--~]+)$"#});
        let description = "Names what is asked for, so that a repeat of it is one: quoted or bare.";
        let key = Parameter::header("Idempotency-Key", schema, description);
        let codes: &[Code] = if is_required { &[Code::IdempotencyKeyMissing] } else { &[] };
        self.takes(Parameter { is_required, ..key })
            .fails(&[Code::MalformedRequest, Code::IdempotencyKeyMismatch])
            .fails(codes)
    }

    /// It answers a list in pages.
    pub fn lists(self) -> Self {
        let limit = json!({"type": "integer", "minimum": 1, "maximum": LIMIT_MAX,
                           "default": LIMIT_DEFAULT});
        self.takes(Parameter::query("limit", limit, "The most rows of one answer."))
            .takes(Parameter::query(
                "after",
                json!({"type": "string"}),
                "The `next` of the page before.",
            ))
            .fails(&[Code::MalformedRequest])
    }

    /// What its JSON body is.
    pub fn body<T: JsonSchema>(mut self) -> Self {
        self.body = Some(schema_of::<T>);
        self
    }

    /// Its body is what somebody else says it is.
    pub fn takes_any(mut self) -> Self {
        self.body = Some(any_object);
        self
    }

    /// It answers with a JSON body.
    pub fn answers<T: JsonSchema>(self, status: u16, description: &'static str) -> Self {
        self.answers_as(status, "application/json", description, schema_of::<T>)
    }

    /// It answers with a body of a media type; several for one status are told apart by `Accept`.
    pub fn answers_as(
        mut self,
        status: u16,
        media: &'static str,
        description: &'static str,
        schema: SchemaOf,
    ) -> Self {
        match self.answers.iter_mut().find(|answer| answer.status == status) {
            Some(answer) => answer.content.push((media, schema)),
            None => {
                let content = vec![(media, schema)];
                self.answers.push(Answer { status, description, content, headers: Vec::new() });
            }
        }
        self
    }

    /// It answers without a body.
    pub fn answers_nothing(mut self, status: u16, description: &'static str) -> Self {
        let (content, headers) = (Vec::new(), Vec::new());
        self.answers.push(Answer { status, description, content, headers });
        self
    }

    /// The answer named last may carry a header.
    pub fn with_header(mut self, name: &'static str, description: &'static str) -> Self {
        if let Some(answer) = self.answers.last_mut() {
            answer.headers.push((name, description));
        }
        self
    }

    /// Errors it may answer with, beside those of the gate.
    pub fn fails(mut self, codes: &[Code]) -> Self {
        self.codes.extend(codes);
        self
    }
}

/// The schema of `T`, by reference where it has a name.
pub(in crate::http) fn schema_of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// Some object.
pub(in crate::http) fn any_object(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "object"})
}

/// Some text.
pub(in crate::http) fn any_text(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string"})
}
