//! Numbers as base62 text of a fixed length: the digits are `0-9A-Za-z`, zero-padded, big-endian.

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Whether every byte of `text` is a base62 digit.
pub(super) fn is_base62(text: &[u8]) -> bool {
    text.iter().all(u8::is_ascii_alphanumeric)
}

/// The last `N` base62 digits of the big-endian number `bytes`, which is left as zero.
///
/// The number is divided in place so that a secret's digits are the only copy of it.
pub(super) fn take_digits<const N: usize>(bytes: &mut [u8]) -> [u8; N] {
    let mut text = [b'0'; N];
    for digit in text.iter_mut().rev() {
        let mut remainder: u16 = 0;
        for byte in bytes.iter_mut() {
            let dividend = (remainder << 8) | u16::from(*byte);
            *byte = (dividend / 62) as u8;
            remainder = dividend % 62;
        }
        *digit = DIGITS[usize::from(remainder)];
    }
    bytes.fill(0);
    text
}
