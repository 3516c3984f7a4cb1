//! A rendered post: the very bytes a buyer gets, now and on every repeat.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// Method, URL, headers and body of a post, without authentication and signature, which are made
/// anew for each attempt. It holds the whole lead: no `Debug`, and at rest only sealed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RenderedPost {
    /// The HTTP method.
    pub method: String,
    /// The absolute URL.
    pub url: String,
    /// Names (lower case) and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
    /// Where the buyer is asked what became of it, as it was registered when the post left.
    pub status_url: Option<String>,
    /// Whether the exchange's own signature and deadline stand in its headers.
    pub is_signed: bool,
}

impl RenderedPost {
    /// No post at all: what is kept where the buyer takes a call.
    #[must_use]
    pub const fn nothing() -> Self {
        Self {
            method: String::new(),
            url: String::new(),
            headers: Vec::new(),
            body: Bytes::new(),
            status_url: None,
            is_signed: false,
        }
    }

    /// The form in which it is sealed.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        postcard::to_allocvec(self).expect("texts and bytes always serialize")
    }

    /// Reads [`RenderedPost::to_bytes`]; `None` for anything else.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        postcard::from_bytes(bytes).ok().or_else(|| {
            // As posts were kept before profiles: all of them were signed.
            type Before = (String, String, Vec<(String, String)>, Bytes, Option<String>);
            let before: Before = postcard::from_bytes(bytes).ok()?;
            let (method, url, headers, body, status_url) = before;
            Some(Self { method, url, headers, body, status_url, is_signed: true })
        })
    }
}
