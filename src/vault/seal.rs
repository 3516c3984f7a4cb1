//! The sealed forms, to the byte, and how they are made and opened.
//!
//! XChaCha20-Poly1305 throughout, with random 24-byte nonces. A consumer's data:
//!
//! | bytes | what |
//! |---|---|
//! | 1 | version, 1 |
//! | 4 | the day: year (2, big-endian), month, day |
//! | 24 + 48 | nonce, and the data key sealed under the day's key |
//! | 24 + n + 16 | nonce, and the data sealed under the data key |
//!
//! Both seals are bound to a label, the owner's id and the day. A secret of the registry is the
//! version, a nonce and the sealed bytes, bound to a label and its owner.

use bytes::Bytes;
use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use jiff::civil::Date;
use zeroize::Zeroizing;

use super::derive::{KEY_BYTES, SecretKey, feed_parts};
use super::error::VaultError;
use super::{RandomSource, Vault};
use crate::domain::ids::{LeadId, PostId};

/// The most bytes sealed at once: far above any lead or rendered post within the body limits.
pub const SEALABLE_BYTES_MAX: usize = 4 * 1024 * 1024;

const VERSION: u8 = 1;
const NONCE_BYTES: usize = 24;
const TAG_BYTES: usize = 16;
const DAY_BYTES: usize = 4;
const WRAPPED_KEY_BYTES: usize = NONCE_BYTES + KEY_BYTES + TAG_BYTES;

const LEAD_LABEL: &str = "lead";
const POST_LABEL: &str = "post";
const SECRET_LABEL: &str = "secret";

/// Sealed bytes, for any store to keep.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(Vec<u8>);

impl Sealed {
    /// The bytes to keep.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<Sealed> for Bytes {
    fn from(sealed: Sealed) -> Self {
        Self::from(sealed.0)
    }
}
impl From<Sealed> for Vec<u8> {
    fn from(sealed: Sealed) -> Self {
        sealed.0
    }
}

impl std::fmt::Debug for Sealed {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Sealed({} bytes)", self.0.len())
    }
}

impl Vault {
    /// Seals a lead's bytes under the key of `day`, which is made if the day has none.
    ///
    /// # Errors
    /// [`VaultError::TooLarge`], or why the day's key can be neither read nor made.
    pub fn seal_lead(
        &self,
        lead_id: LeadId,
        day: Date,
        bytes: &[u8],
    ) -> Result<Sealed, VaultError> {
        self.seal_of_day(LEAD_LABEL, &lead_id.to_string(), day, bytes)
    }

    /// Opens what [`Vault::seal_lead`] sealed for this very lead.
    ///
    /// # Errors
    /// [`VaultError::NoDayKey`] when the day was erased; the other variants as they say.
    pub fn open_lead(
        &self,
        lead_id: LeadId,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        self.open_of_day(LEAD_LABEL, &lead_id.to_string(), sealed)
    }

    /// Seals a rendered post under the key of `day`, which is the lead's.
    ///
    /// # Errors
    /// [`VaultError::TooLarge`], or why the day's key can be neither read nor made.
    pub fn seal_post(
        &self,
        post_id: PostId,
        day: Date,
        bytes: &[u8],
    ) -> Result<Sealed, VaultError> {
        self.seal_of_day(POST_LABEL, &post_id.to_string(), day, bytes)
    }

    /// Opens what [`Vault::seal_post`] sealed for this very post.
    ///
    /// # Errors
    /// [`VaultError::NoDayKey`] when the day was erased; the other variants as they say.
    pub fn open_post(
        &self,
        post_id: PostId,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        self.open_of_day(POST_LABEL, &post_id.to_string(), sealed)
    }

    /// Seals a secret of the registry; `owner` names whose it is, as `campaign:acme-tx`.
    ///
    /// # Errors
    /// [`VaultError::TooLarge`].
    pub fn seal_secret(&self, owner: &str, bytes: &[u8]) -> Result<Sealed, VaultError> {
        check_size(bytes)?;
        let associated = associated_parts(&[SECRET_LABEL.as_bytes(), owner.as_bytes()]);
        let mut sealed = vec![VERSION];
        sealed.extend(seal_under(&self.secrets, &associated, bytes, &self.random));
        Ok(Sealed(sealed))
    }

    /// Opens what [`Vault::seal_secret`] sealed for this very owner.
    ///
    /// # Errors
    /// [`VaultError::Refused`] when it was altered or is another owner's; the other variants as
    /// they say.
    pub fn open_secret(
        &self,
        owner: &str,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let body = body_of(sealed)?;
        let associated = associated_parts(&[SECRET_LABEL.as_bytes(), owner.as_bytes()]);
        open_under(&self.secrets, &associated, body)
    }

    fn seal_of_day(
        &self,
        label: &str,
        owner: &str,
        day: Date,
        bytes: &[u8],
    ) -> Result<Sealed, VaultError> {
        check_size(bytes)?;
        let day_key = self.day_keys.for_sealing(day, &self.random)?;
        let associated = associated(label, owner, day);
        let mut data_key: SecretKey = Zeroizing::new([0; KEY_BYTES]);
        (self.random)(data_key.as_mut_slice());
        let wrapped = seal_under(&day_key, &associated, data_key.as_slice(), &self.random);
        let content = seal_under(&data_key, &associated, bytes, &self.random);
        let mut sealed = Vec::with_capacity(1 + DAY_BYTES + wrapped.len() + content.len());
        sealed.push(VERSION);
        sealed.extend(day_bytes(day));
        sealed.extend(wrapped);
        sealed.extend(content);
        Ok(Sealed(sealed))
    }

    fn open_of_day(
        &self,
        label: &str,
        owner: &str,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let body = body_of(sealed)?;
        let (day, body) = body.split_first_chunk().ok_or(VaultError::Malformed)?;
        let (wrapped, content) =
            body.split_first_chunk::<WRAPPED_KEY_BYTES>().ok_or(VaultError::Malformed)?;
        let day = day_of(*day)?;
        let day_key = self.day_keys.for_opening(day)?;
        let associated = associated(label, owner, day);
        let data_key = open_under(&day_key, &associated, wrapped)?;
        let data_key = data_key.as_slice().try_into().map_err(|_| VaultError::Malformed)?;
        open_under(data_key, &associated, content)
    }
}

fn check_size(bytes: &[u8]) -> Result<(), VaultError> {
    match bytes.len() {
        0..=SEALABLE_BYTES_MAX => Ok(()),
        bytes => Err(VaultError::TooLarge { bytes }),
    }
}

/// What follows the version.
fn body_of(sealed: &[u8]) -> Result<&[u8], VaultError> {
    match sealed.split_first() {
        None => Err(VaultError::Malformed),
        Some((&VERSION, body)) => Ok(body),
        Some((&version, _)) => Err(VaultError::UnknownVersion { version }),
    }
}

fn day_bytes(day: Date) -> [u8; DAY_BYTES] {
    let [century, year] = day.year().to_be_bytes();
    [century, year, day.month().to_be_bytes()[0], day.day().to_be_bytes()[0]]
}

fn day_of([century, year, month, day]: [u8; DAY_BYTES]) -> Result<Date, VaultError> {
    let year = i16::from_be_bytes([century, year]);
    let (month, day) = (i8::from_be_bytes([month]), i8::from_be_bytes([day]));
    Date::new(year, month, day).map_err(|_| VaultError::Malformed)
}

/// What a seal of a day is bound to beside its key.
pub(super) fn associated(label: &str, owner: &str, day: Date) -> Vec<u8> {
    associated_parts(&[label.as_bytes(), owner.as_bytes(), &day_bytes(day)])
}

fn associated_parts(parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = vec![VERSION];
    feed_parts(parts, |part| bytes.extend_from_slice(part));
    bytes
}

/// A fresh nonce and `plain` sealed under `key`.
pub(super) fn seal_under(
    key: &[u8; KEY_BYTES],
    associated: &[u8],
    plain: &[u8],
    random: &RandomSource,
) -> Vec<u8> {
    let mut nonce = [0; NONCE_BYTES];
    random(&mut nonce);
    let payload = Payload { msg: plain, aad: associated };
    let sealed = XChaCha20Poly1305::new(key.into())
        .encrypt(&XNonce::from(nonce), payload)
        .expect("the cipher takes up to 256 GiB at once");
    [&nonce, sealed.as_slice()].concat()
}

/// Opens what [`seal_under`] made.
pub(super) fn open_under(
    key: &[u8; KEY_BYTES],
    associated: &[u8],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, VaultError> {
    let (nonce, sealed) = sealed.split_first_chunk::<NONCE_BYTES>().ok_or(VaultError::Malformed)?;
    let payload = Payload { msg: sealed, aad: associated };
    XChaCha20Poly1305::new(key.into())
        .decrypt(&XNonce::from(*nonce), payload)
        .map(Zeroizing::new)
        .map_err(|_| VaultError::Refused)
}

#[cfg(test)]
mod tests;
