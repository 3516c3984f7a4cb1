//! The secrets of one receiver, ready for use, and the headers they make.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::{ID_HEADER, SIGNATURE_HEADER, SigningSecret, TIMESTAMP_HEADER, VERSION};

/// The most secrets that may still be valid beside the current one.
pub const OLDER_SECRETS_MAX: usize = 5;

/// The longest message id, in bytes.
pub const MESSAGE_ID_LENGTH_MAX: usize = 255;

/// Bytes of one header entry: `v1,` and 32 bytes in base64.
const ENTRY_LENGTH: usize = VERSION.len() + 1 + 44;

/// More than [`OLDER_SECRETS_MAX`] older secrets were given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{given} older signing secrets are still valid, the limit is {OLDER_SECRETS_MAX}")]
pub struct TooManySecrets {
    /// How many were given.
    pub given: usize,
}

/// The message id cannot stand in a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a message id has 1 to {MESSAGE_ID_LENGTH_MAX} visible ASCII characters and no dot")]
pub struct InvalidMessageId;

/// The current secret of one receiver and the older ones that are still valid.
///
/// The first blocks of each HMAC are computed once here, so that signing costs no more than
/// hashing the message. It has no `Debug`, and its state is erased when dropped.
#[derive(Clone)]
pub struct SigningKeys(Vec<Hmac<Sha256>>);

impl SigningKeys {
    /// The keys of one secret.
    #[must_use]
    pub fn of(current: &SigningSecret) -> Self {
        Self(vec![key_state(current)])
    }

    /// The keys of `current` and of the `older` secrets whose time has not run out, newest first.
    ///
    /// # Errors
    /// [`TooManySecrets`] when there are more than [`OLDER_SECRETS_MAX`] older ones.
    pub fn rotating<'a>(
        current: &SigningSecret,
        older: impl IntoIterator<Item = &'a SigningSecret>,
    ) -> Result<Self, TooManySecrets> {
        let mut states = vec![key_state(current)];
        states.extend(older.into_iter().map(key_state));
        let given = states.len() - 1;
        if given > OLDER_SECRETS_MAX { Err(TooManySecrets { given }) } else { Ok(Self(states)) }
    }

    /// The signature of the message under each key, current first.
    pub(super) fn signatures<'a>(
        &'a self,
        id: &'a str,
        timestamp: &'a str,
        body: &'a [u8],
    ) -> impl Iterator<Item = [u8; 32]> + 'a {
        self.0.iter().map(move |state| {
            let mut mac = state.clone();
            for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
                mac.update(part);
            }
            mac.finalize().into_bytes().into()
        })
    }
}

fn key_state(secret: &SigningSecret) -> Hmac<Sha256> {
    Hmac::new_from_slice(secret.bytes()).expect("HMAC takes keys of any length")
}

/// Whether `id` may be signed: a dot would let bytes move between the id and the timestamp.
pub(super) fn is_message_id(id: &str) -> bool {
    (1..=MESSAGE_ID_LENGTH_MAX).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'.')
}

/// The three headers of one signed attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedHeaders {
    /// The value of `webhook-id`.
    pub id: String,
    /// The value of `webhook-timestamp`, in seconds since the Unix epoch.
    pub timestamp: String,
    /// The value of `webhook-signature`: one entry for each key, separated by spaces.
    pub signature: String,
}

impl SignedHeaders {
    /// Names (lower case) and values, as a request to a buyer takes them.
    #[must_use]
    pub fn into_pairs(self) -> [(String, String); 3] {
        [
            (ID_HEADER.to_owned(), self.id),
            (TIMESTAMP_HEADER.to_owned(), self.timestamp),
            (SIGNATURE_HEADER.to_owned(), self.signature),
        ]
    }
}

/// Signs one attempt to send `body`, at `timestamp_s` seconds since the Unix epoch.
///
/// `body` must be the buffer that is sent, byte for byte, and `timestamp_s` the time of this very
/// attempt: receivers refuse one older than five minutes.
///
/// # Errors
/// [`InvalidMessageId`] when `id` is empty, too long, not visible ASCII, or has a dot in it.
pub fn sign(
    keys: &SigningKeys,
    id: &str,
    timestamp_s: i64,
    body: &[u8],
) -> Result<SignedHeaders, InvalidMessageId> {
    if !is_message_id(id) {
        return Err(InvalidMessageId);
    }
    let timestamp = timestamp_s.to_string();
    let mut signature = String::with_capacity(keys.0.len() * (ENTRY_LENGTH + 1));
    for bytes in keys.signatures(id, &timestamp, body) {
        if !signature.is_empty() {
            signature.push(' ');
        }
        signature.push_str(VERSION);
        signature.push(',');
        STANDARD.encode_string(bytes, &mut signature);
    }
    Ok(SignedHeaders { id: id.to_owned(), timestamp, signature })
}
