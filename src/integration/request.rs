//! Requests: what a profile sends, from the anonymous ping or from the whole lead.
//!
//! A request is compiled from its table (`read`), checked against what its call may see (`check`),
//! and rendered any number of times (`render`). A later call can include an earlier one and say only
//! what differs (`include`).

mod auth;
mod check;
mod condition;
mod date;
mod document;
mod effort;
mod include;
mod make;
mod mapping;
mod node;
mod parse;
mod read;
mod refused;
mod render;
mod scope;
mod source;
mod step;
mod template;
mod terms;
mod tree;
mod url;
mod xml;

use std::sync::Arc;

use auth::Auth;
use node::{Document, Node};
use template::Template;
use url::UrlPattern;

pub use document::RENDERED_BYTES_MAX;
pub use effort::RENDER_STEPS_MAX;
pub use refused::RenderRefused;
pub use render::RenderedRequest;
pub use url::URL_BYTES_MAX;

pub use check::Uses;

pub(super) use check::{Declared, field_hint};
pub(super) use condition::{Condition, Test};
pub(super) use mapping::{Given, Mapping, Shapes, Single};
pub(super) use node::{Part, Value, Walk, Within};
pub(super) use parse::Parser;
pub(super) use source::{CONSENT_KINDS, Consent, Source, Vocabulary, Word, is_name};
pub(super) use step::{Step, parse_maps};
pub(super) use terms::Terms;

/// HTTP methods a profile may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Method {
    Get,
    Post,
    Put,
    Patch,
}

/// One compiled request.
#[derive(Debug, Clone)]
pub(super) struct Request {
    method: Option<Method>,
    url: UrlPattern,
    body: Body,
    /// The type the body is declared to be, if not the usual one of its kind.
    content_type: Option<String>,
    headers: Vec<Header>,
    /// Fields in the URL's query, whatever the body is.
    query: Option<Document>,
    auth: Option<Auth>,
    /// Of each list of fields, one has to have a value.
    one_of: Vec<Vec<String>>,
    /// Whether the exchange's own signature stands in its headers.
    signs: bool,
}

/// A header of a request.
#[derive(Debug, Clone)]
struct Header {
    /// In lower case.
    name: String,
    value: Value,
}

/// What a request carries.
#[derive(Debug, Clone)]
enum Body {
    None,
    Document(Document),
    /// A form in the URL's query.
    Query(Document),
    Soap(Soap),
    Text(Box<Value>),
    Template {
        kind: TemplateKind,
        template: Arc<Template>,
    },
}

/// A document in a SOAP envelope.
#[derive(Debug, Clone)]
struct Soap {
    version: SoapVersion,
    action: Option<String>,
    document: Document,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SoapVersion {
    /// 1.1: `text/xml` and a header `SOAPAction`.
    One,
    /// 1.2: the action is a parameter of the content type.
    Two,
}

/// What a template of a whole body makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TemplateKind {
    Json,
    Xml,
    Form,
    Text,
}

impl Body {
    /// The tree of fields, where there is one.
    const fn document(&self) -> Option<&Document> {
        match self {
            Self::Document(document) | Self::Query(document) => Some(document),
            Self::Soap(soap) => Some(&soap.document),
            Self::None | Self::Text(_) | Self::Template { .. } => None,
        }
    }

    const fn document_mut(&mut self) -> Option<&mut Document> {
        match self {
            Self::Document(document) | Self::Query(document) => Some(document),
            Self::Soap(soap) => Some(&mut soap.document),
            Self::None | Self::Text(_) | Self::Template { .. } => None,
        }
    }

    fn nodes(&self) -> &[Node] {
        self.document().map_or(&[], |document| &document.nodes)
    }
}

#[cfg(test)]
mod tests;
