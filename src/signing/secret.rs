//! One shared secret and its text form.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use subtle::ConstantTimeEq as _;
use zeroize::{Zeroize as _, Zeroizing};

/// The fewest bytes a secret may have.
pub const SECRET_BYTES_MIN: usize = 24;
/// The most bytes a secret may have.
pub const SECRET_BYTES_MAX: usize = 64;
/// The bytes of a secret the exchange makes itself.
pub const SECRET_BYTES_DEFAULT: usize = 32;

const PREFIX: &str = "whsec_";

/// The longest base64 text of a secret: 64 bytes as 88 characters.
const BASE64_LENGTH_MAX: usize = SECRET_BYTES_MAX.div_ceil(3) * 4;

/// Why something is not a signing secret. It holds nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSecret {
    /// The text does not begin with `whsec_`.
    #[error("a signing secret begins with `whsec_`")]
    Prefix,
    /// What follows the prefix is not padded base64 of the standard alphabet.
    #[error("a signing secret is padded standard base64 after `whsec_`")]
    Base64,
    /// The secret has too few or too many bytes.
    #[error("a signing secret has 24 to 64 bytes")]
    Length,
}

/// A secret shared with one receiver or one vendor: 24 to 64 bytes, as text `whsec_<base64>`.
///
/// The key of the signature is the decoded bytes, not the text. It has no `Debug` and no
/// `Display`, compares in constant time, and is erased from memory when dropped.
#[derive(Clone)]
pub struct SigningSecret(Zeroizing<Vec<u8>>);

impl SigningSecret {
    /// A new secret of `random`, which must come from a generator fit for secrets.
    #[must_use]
    pub fn mint(mut random: [u8; SECRET_BYTES_DEFAULT]) -> Self {
        let secret = Self(Zeroizing::new(random.to_vec()));
        random.zeroize();
        secret
    }

    /// A secret of the given bytes.
    ///
    /// # Errors
    /// [`InvalidSecret::Length`] unless there are 24 to 64 of them.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidSecret> {
        if !(SECRET_BYTES_MIN..=SECRET_BYTES_MAX).contains(&bytes.len()) {
            return Err(InvalidSecret::Length);
        }
        Ok(Self(Zeroizing::new(bytes.to_vec())))
    }

    /// Reads `whsec_<padded base64>`, nothing before or after it.
    ///
    /// # Errors
    /// [`InvalidSecret`] with the first thing that is wrong.
    pub fn parse(text: &str) -> Result<Self, InvalidSecret> {
        let base64 = text.strip_prefix(PREFIX).ok_or(InvalidSecret::Prefix)?;
        if base64.len() > BASE64_LENGTH_MAX {
            return Err(InvalidSecret::Length);
        }
        let bytes = Zeroizing::new(STANDARD.decode(base64).map_err(|_| InvalidSecret::Base64)?);
        Self::from_bytes(&bytes)
    }

    /// The text form, to be shown once to its holder or sealed for the registry.
    #[must_use]
    pub fn text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(PREFIX.len() + BASE64_LENGTH_MAX));
        text.push_str(PREFIX);
        STANDARD.encode_string(self.0.as_slice(), &mut text);
        text
    }

    /// The key of the HMAC.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl PartialEq for SigningSecret {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}
impl Eq for SigningSecret {}
