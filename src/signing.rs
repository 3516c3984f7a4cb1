//! Standard Webhooks v1: how the exchange signs what it sends, and checks what vendors sign.
//!
//! The signed bytes are `id.timestamp.body`, the signature is HMAC-SHA256 in padded base64, and a
//! header may carry several, so that a secret can be replaced while both sides still know the old
//! one (<https://www.standardwebhooks.com>; WEBHOOKS 2.1). A signature belongs to one attempt: the
//! id stays, the timestamp and the signature are made anew for every repeat, and the body is the
//! very buffer that is sent. This module has no clock and keeps no secrets: the time, and which
//! secrets are still valid, come from the caller, as does the list of ids already seen.

mod keys;
mod secret;
mod verify;

pub use keys::{
    InvalidMessageId, MESSAGE_ID_LENGTH_MAX, OLDER_SECRETS_MAX, SignedHeaders, SigningKeys,
    TooManySecrets, sign,
};
pub use secret::{
    InvalidSecret, SECRET_BYTES_DEFAULT, SECRET_BYTES_MAX, SECRET_BYTES_MIN, SigningSecret,
};
pub use verify::{
    SIGNATURE_ENTRIES_MAX, SignatureHeaders, SignatureRefused, TOLERANCE_S, Tolerance, verify,
};

/// The header that names a message; the same for every repeat of it.
pub const ID_HEADER: &str = "webhook-id";
/// The header with the second at which this attempt was signed.
pub const TIMESTAMP_HEADER: &str = "webhook-timestamp";
/// The header with the signatures, separated by spaces.
pub const SIGNATURE_HEADER: &str = "webhook-signature";

/// The scheme of every signature made here: HMAC-SHA256 under a shared secret.
const VERSION: &str = "v1";

#[cfg(test)]
mod tests;
