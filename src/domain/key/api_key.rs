//! The text of an API key: `gavel_<mode>_<role>_<key id>_<secret><checksum>`.
//!
//! The prefix lets secret scanners find a key that leaked, and the checksum lets a mistyped or cut
//! key be refused without asking anything (PROTOCOL S3). Neither proves that the key exists: that
//! is the keyed digest in its [`KeyRecord`](super::KeyRecord).

use zeroize::{Zeroize, Zeroizing};

use super::base62::{is_base62, take_digits};
use super::{KEY_ID_LENGTH, KeyId, KeyMode, Role};

/// Random bytes that make one key: 8 for its id, 32 for its secret.
pub const KEY_RANDOM_BYTES: usize = 40;

/// Base62 digits of the secret: 62^43 is just above 2^256.
pub const KEY_SECRET_LENGTH: usize = 43;

/// Base62 digits of the CRC-32 that ends a key.
const CHECKSUM_LENGTH: usize = 6;

const PRODUCT: &str = "gavel";

/// Why a text is not an API key. It holds nothing of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    /// The text does not start with `gavel_`, or has too few or too many parts.
    #[error("an API key has the form `gavel_<mode>_<role>_<key id>_<secret>`")]
    Form,
    /// The second part is neither `live` nor `test`.
    #[error("the second part of an API key is `live` or `test`")]
    Mode,
    /// The third part names no role.
    #[error("the third part of an API key is `vendor`, `buyer` or `operator`")]
    Role,
    /// The key id is not 8 base62 digits.
    #[error("the key id in an API key has 8 letters and digits")]
    KeyId,
    /// The secret and its checksum are not 49 base62 digits: the key was cut or joined.
    #[error("the last part of an API key has 49 letters and digits")]
    Secret,
    /// The checksum belongs to another text: a character was mistyped.
    #[error("the API key's checksum does not match: a character is wrong")]
    Checksum,
}

/// An API key as its holder has it, secret included.
///
/// It has no `Debug` and no `Display`; the secret is erased from memory when it is dropped.
#[derive(Clone)]
pub struct ApiKey {
    mode: KeyMode,
    role: Role,
    key_id: KeyId,
    secret: Zeroizing<String>,
}

impl ApiKey {
    /// Makes a new key of `random`, which must come from a generator fit for secrets.
    #[must_use]
    pub fn mint(mode: KeyMode, role: Role, mut random: [u8; KEY_RANDOM_BYTES]) -> Self {
        let (id, secret) = random.split_at_mut(KEY_RANDOM_BYTES - 32);
        let key_id = KeyId(take_digits(id));
        let mut digits: [u8; KEY_SECRET_LENGTH] = take_digits(secret);
        let mut text = Zeroizing::new(String::with_capacity(KEY_SECRET_LENGTH));
        text.extend(digits.iter().copied().map(char::from));
        digits.zeroize();
        random.zeroize();
        Self { mode, role, key_id, secret: text }
    }

    /// Reads a key and checks its checksum.
    ///
    /// # Errors
    /// [`InvalidKey`] with the first part that is wrong, from left to right.
    pub fn parse(text: &str) -> Result<Self, InvalidKey> {
        let mut parts = text.split('_');
        let mut part = || parts.next().ok_or(InvalidKey::Form);
        let (product, mode, role) = (part()?, part()?, part()?);
        let (key_id, tail) = (part()?, part()?);
        if product != PRODUCT || parts.next().is_some() {
            return Err(InvalidKey::Form);
        }
        let mode = KeyMode::parse(mode).ok_or(InvalidKey::Mode)?;
        let role = Role::parse(role).ok_or(InvalidKey::Role)?;
        let key_id = KeyId::parse(key_id).map_err(|_| InvalidKey::KeyId)?;
        if tail.len() != KEY_SECRET_LENGTH + CHECKSUM_LENGTH || !is_base62(tail.as_bytes()) {
            return Err(InvalidKey::Secret);
        }
        let (secret, checksum) = tail.split_at(KEY_SECRET_LENGTH);
        let checked = &text[..text.len() - CHECKSUM_LENGTH];
        if checksum.as_bytes() != checksum_of(checked) {
            return Err(InvalidKey::Checksum);
        }
        Ok(Self { mode, role, key_id, secret: Zeroizing::new(secret.to_owned()) })
    }

    /// The key as it is shown once and sent in `Authorization: Bearer`.
    #[must_use]
    pub fn text(&self) -> Zeroizing<String> {
        let length = "gavel_live_operator_".len() + KEY_ID_LENGTH + 1 + KEY_SECRET_LENGTH;
        let mut text = Zeroizing::new(String::with_capacity(length + CHECKSUM_LENGTH));
        for part in [PRODUCT, self.mode.as_str(), self.role.as_str(), self.key_id.as_str()] {
            text.push_str(part);
            text.push('_');
        }
        text.push_str(&self.secret);
        let checksum = checksum_of(&text);
        text.extend(checksum.map(char::from));
        text
    }

    /// Whether the key sells and buys for real.
    #[must_use]
    pub const fn mode(&self) -> KeyMode {
        self.mode
    }

    /// What its holder may do.
    #[must_use]
    pub const fn role(&self) -> Role {
        self.role
    }

    /// The public name under which its record is found.
    #[must_use]
    pub const fn key_id(&self) -> KeyId {
        self.key_id
    }

    /// The secret part, for its keyed digest and nothing else.
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.secret
    }
}

/// The CRC-32 (IEEE) of `text` as base62.
fn checksum_of(text: &str) -> [u8; CHECKSUM_LENGTH] {
    take_digits(&mut crc32fast::hash(text.as_bytes()).to_be_bytes())
}
