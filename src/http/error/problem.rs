//! From an error to its answer: a problem body, or words of the caller's own.

use actix_web::HttpResponse;
use actix_web::ResponseError as _;
use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use schemars::JsonSchema;
use serde::Serialize;

use super::{ApiError, Code, Fault, PROBLEM_JSON, PROBLEM_TYPE};
use crate::domain::ids::RequestId;

/// What a caller with a format of its own is told instead of a problem body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::http) struct Words {
    /// The answer's status.
    pub(in crate::http) status: StatusCode,
    /// The body's type.
    pub(in crate::http) content_type: &'static str,
    /// The body.
    pub(in crate::http) body: String,
}

impl ApiError {
    /// The same, told in words of the caller's own.
    pub(in crate::http) fn in_words(mut self, words: Option<Words>) -> Self {
        self.words = words.map(Box::new);
        self
    }

    /// What the caller is told of this case.
    pub(in crate::http) fn detail(&self) -> &str {
        &self.detail
    }

    /// When it is worth trying again, in seconds.
    pub(in crate::http) const fn retry_after_s(&self) -> Option<u32> {
        self.retry_after_s
    }

    /// The whole answer, under the id of its request.
    pub(in crate::http) fn render(&self, request_id: RequestId) -> HttpResponse {
        let (status, content_type, body) = match &self.words {
            Some(words) => (words.status, words.content_type, words.body.clone().into_bytes()),
            None => (self.status_code(), PROBLEM_JSON, self.problem(request_id)),
        };
        let mut response = HttpResponse::build(status);
        response.insert_header((CONTENT_TYPE, content_type));
        if let Some(seconds) = self.retry_after_s {
            response.insert_header((RETRY_AFTER, seconds));
        }
        if let Some(allow) = &self.allow {
            response.insert_header((ALLOW, allow.as_ref()));
        }
        if status == StatusCode::UNAUTHORIZED {
            response.insert_header((WWW_AUTHENTICATE, "Bearer realm=\"gavel\""));
        }
        if self.must_close {
            response.force_close();
        }
        response.body(body)
    }

    fn problem(&self, request_id: RequestId) -> Vec<u8> {
        let row = self.code.row();
        let problem = Problem {
            kind: format!("{PROBLEM_TYPE}{}", row.text),
            title: row.title,
            status: row.status,
            code: row.text,
            detail: &self.detail,
            request_id,
            errors: &self.faults,
        };
        serde_json::to_vec(&problem).expect("a problem is made of texts and numbers")
    }
}

/// The body of every error; the order of the fields is the order on the wire.
#[derive(Serialize, JsonSchema)]
pub(in crate::http) struct Problem<'a> {
    /// `urn:gavel:error:` and the code.
    #[serde(rename = "type")]
    kind: String,
    /// What the code means, for people.
    title: &'a str,
    /// The answer's status.
    status: u16,
    /// What went wrong, for programs.
    #[schemars(with = "Code")]
    code: &'a str,
    /// This case of it, for people.
    detail: &'a str,
    /// Quote it.
    request_id: RequestId,
    /// The faulty parts of the body.
    #[serde(skip_serializing_if = "<[Fault]>::is_empty")]
    errors: &'a [Fault],
}
