//! Keys from the master key, one for each purpose.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::key_file::MasterKey;

/// Bytes of every key in the vault.
pub(super) const KEY_BYTES: usize = 32;

/// A key for sealing, erased from memory when dropped.
pub(super) type SecretKey = Zeroizing<[u8; KEY_BYTES]>;

/// Changing it makes every digest and every sealed secret of an installation worthless.
const PURPOSE_PREFIX: &str = "gavel-vault-1/";

/// The key for one purpose: HKDF-Expand (RFC 5869) with SHA-256 for a single block.
///
/// The extract step is left out because the master key is random over its whole length.
pub(super) fn subkey(master: &MasterKey, purpose: &str) -> SecretKey {
    let mut mac = keyed(master.bytes());
    mac.update(PURPOSE_PREFIX.as_bytes());
    mac.update(purpose.as_bytes());
    mac.update(&[1]);
    Zeroizing::new(mac.finalize().into_bytes().into())
}

/// An HMAC-SHA256 under `key`.
pub(super) fn keyed(key: &[u8; KEY_BYTES]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length")
}

/// Gives `feed` each part behind its length (4 bytes, big-endian), so that no two lists of parts
/// give the same bytes.
pub(super) fn feed_parts(parts: &[&[u8]], mut feed: impl FnMut(&[u8])) {
    for part in parts {
        let length = u32::try_from(part.len()).expect("bodies and texts are far below 4 GiB");
        feed(&length.to_be_bytes());
        feed(part);
    }
}
