//! The check of a signed message that came in.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use subtle::{Choice, ConstantTimeEq as _};

use super::keys::is_message_id;
use super::{SignedHeaders, SigningKeys, VERSION};

/// How old or how early a signature may be by default, in seconds.
pub const TOLERANCE_S: i64 = 300;

/// The most entries looked at in one `webhook-signature` header.
pub const SIGNATURE_ENTRIES_MAX: usize = 16;

/// How far a signature's timestamp may be from the present.
///
/// A message can be replayed for as long as both sides together, so its id has to be remembered
/// for longer than `past_s + future_s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tolerance {
    /// The oldest age accepted, in seconds.
    pub past_s: i64,
    /// How far ahead the sender's clock may be, in seconds.
    pub future_s: i64,
}

impl Default for Tolerance {
    /// [`TOLERANCE_S`] on both sides, as Standard Webhooks receivers have it.
    fn default() -> Self {
        Self { past_s: TOLERANCE_S, future_s: TOLERANCE_S }
    }
}

/// The three headers as they came in. A header that came twice is the caller's to refuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignatureHeaders<'a> {
    /// The value of `webhook-id`.
    pub id: &'a str,
    /// The value of `webhook-timestamp`.
    pub timestamp: &'a str,
    /// The value of `webhook-signature`.
    pub signature: &'a str,
}

impl<'a> From<&'a SignedHeaders> for SignatureHeaders<'a> {
    fn from(signed: &'a SignedHeaders) -> Self {
        Self { id: &signed.id, timestamp: &signed.timestamp, signature: &signed.signature }
    }
}

/// Why a message is not taken as signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureRefused {
    /// The id is empty, too long, not visible ASCII, or has a dot in it.
    #[error("webhook-id is not a message id without dots")]
    Id,
    /// The timestamp is not whole seconds since the Unix epoch in plain digits.
    #[error("webhook-timestamp is not a whole number of seconds")]
    Timestamp,
    /// The message was signed too long ago.
    #[error("webhook-timestamp is too old")]
    TooOld,
    /// The message says it was signed later than now.
    #[error("webhook-timestamp is in the future")]
    TooEarly,
    /// The header has more than [`SIGNATURE_ENTRIES_MAX`] entries.
    #[error("webhook-signature has more than {SIGNATURE_ENTRIES_MAX} entries")]
    TooManyEntries,
    /// No entry of the header is a signature of the version `v1`.
    #[error("webhook-signature has no v1 signature")]
    NoSignature,
    /// No signature belongs to this message under any valid secret.
    #[error("no signature matches")]
    Mismatch,
}

/// Checks that `body` was signed with one of `keys`, no longer ago than `tolerance` allows.
///
/// `now_s` is in seconds since the Unix epoch. Entries of other versions and entries that are no
/// signature are passed over. All comparisons are made, each in constant time, so that the time
/// taken tells nothing about which secret or byte was wrong.
///
/// # Errors
/// [`SignatureRefused`] with the first reason found.
pub fn verify(
    keys: &SigningKeys,
    headers: SignatureHeaders<'_>,
    body: &[u8],
    now_s: i64,
    tolerance: Tolerance,
) -> Result<(), SignatureRefused> {
    if !is_message_id(headers.id) {
        return Err(SignatureRefused::Id);
    }
    let signed_s = parse_timestamp(headers.timestamp).ok_or(SignatureRefused::Timestamp)?;
    if now_s.saturating_sub(signed_s) > tolerance.past_s {
        return Err(SignatureRefused::TooOld);
    }
    if signed_s.saturating_sub(now_s) > tolerance.future_s {
        return Err(SignatureRefused::TooEarly);
    }
    let given = parse_entries(headers.signature)?;
    if given.is_empty() {
        return Err(SignatureRefused::NoSignature);
    }
    let mut matches = Choice::from(0);
    for expected in keys.signatures(headers.id, headers.timestamp, body) {
        for signature in &given {
            matches |= expected.ct_eq(signature);
        }
    }
    if matches.into() { Ok(()) } else { Err(SignatureRefused::Mismatch) }
}

/// Plain digits only: a sign or a fraction would be signed as another text by other libraries.
fn parse_timestamp(text: &str) -> Option<i64> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

/// The `v1` signatures of a header, in order.
fn parse_entries(header: &str) -> Result<Vec<[u8; 32]>, SignatureRefused> {
    let mut signatures = Vec::new();
    for (index, entry) in header.split(' ').filter(|entry| !entry.is_empty()).enumerate() {
        if index == SIGNATURE_ENTRIES_MAX {
            return Err(SignatureRefused::TooManyEntries);
        }
        if let Some((VERSION, base64)) = entry.split_once(',') {
            signatures.extend(decode_signature(base64));
        }
    }
    Ok(signatures)
}

/// 32 bytes of padded base64; the decoder asks for room for the padding too.
fn decode_signature(base64: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 33];
    let length = STANDARD.decode_slice(base64, &mut bytes).ok()?;
    bytes[..length].try_into().ok()
}
