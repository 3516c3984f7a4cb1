//! A buyer's HTTP reply as the reading stages see it: borrowed, whole, and nothing of how it came.

/// A whole reply.
#[derive(Clone, Copy)]
pub struct RawReply<'a> {
    /// The HTTP status.
    pub status: u16,
    /// The `content-encoding` header, if there is one.
    pub content_encoding: Option<&'a str>,
    /// The body as it came over the wire.
    pub body: &'a [u8],
}

impl RawReply<'_> {
    /// Whether the body is compressed although none was asked for.
    #[must_use]
    pub fn is_compressed(&self) -> bool {
        self.content_encoding.is_some_and(|encoding| !encoding.eq_ignore_ascii_case("identity"))
    }
}
