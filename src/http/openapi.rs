//! The description of the API, OpenAPI 3.1, and the page that shows it.
//!
//! The document is made of the table of routes and of nothing else: what a route is called, takes
//! and answers stands beside its handler as an [`Operation`], bodies are described by the very types
//! that read and write them, and what the gate adds (keys, bodies, their errors) is derived from the
//! route's line of the table. So a route without a description does not compile, and a description
//! without a route cannot be written. The tests of this module hold real answers against it.

mod components;
mod document;
mod operation;

use std::sync::{Arc, Mutex, PoisonError};

use actix_web::web::Bytes;
use actix_web::{HttpResponse, web};

use super::Api;
use super::error::ApiError;

pub(super) use document::{SubmittedLead, document};
pub(super) use operation::{Operation, Parameter, Tag, any_object, any_text};

/// The document of the newest registry version that was asked for.
#[derive(Default)]
pub(super) struct Documents(Mutex<Option<Document>>);

#[derive(Clone)]
struct Document {
    version: i64,
    bytes: Bytes,
}

impl Documents {
    /// The document of `version`, made by `make` unless it is at hand.
    fn of(&self, version: i64, make: impl FnOnce() -> Vec<u8>) -> Bytes {
        let mut newest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*newest {
            Some(document) if document.version == version => document.bytes.clone(),
            _ => {
                let bytes = Bytes::from(make());
                *newest = Some(Document { version, bytes: bytes.clone() });
                bytes
            }
        }
    }
}

/// `GET /openapi.json`: the document.
pub(super) async fn read(api: web::Data<Api>) -> Result<HttpResponse, ApiError> {
    let snapshot = api.exchange.snapshot();
    let verticals = snapshot.verticals.values().map(Arc::as_ref);
    let bytes = api.documents.of(snapshot.version, || {
        let limits = api.exchange.limits();
        serde_json::to_vec(&document(verticals, limits)).expect("JSON is written as JSON")
    });
    Ok(HttpResponse::Ok().content_type("application/json").body(bytes))
}

/// What [`read`] is to whoever reads the document.
pub(super) fn read_operation() -> Operation {
    Operation::new(Tag::Description, "readOpenApi", "Read this document")
        .says("OpenAPI 3.1, with the fields of each vertical of this exchange.")
        .answers_as(200, "application/json", "The document.", any_object)
}

#[cfg(test)]
pub(super) mod tests;
