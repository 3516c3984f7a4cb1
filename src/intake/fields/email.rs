//! E-mail addresses.

use email_address::{EmailAddress, Options};

use super::BLANK;
use crate::intake::fault::{FaultCode, Refusal};

/// The longest address, in bytes (RFC 5321, the path without its brackets).
pub const EMAIL_LENGTH_MAX: usize = 254;

/// Reads an address: trimmed, its domain in lower case, its local part as it is.
///
/// Only what reaches a mailbox in practice passes: ASCII, no quotes, no address literal, no display
/// name, a domain of at least two labels.
///
/// # Errors
/// [`FaultCode::InvalidEmail`].
pub fn email(text: &str) -> Result<String, Refusal> {
    let invalid = || Refusal::new(FaultCode::InvalidEmail, "an address such as name@example.com");
    let trimmed = text.trim_matches(BLANK);
    if text.len() > EMAIL_LENGTH_MAX || !trimmed.is_ascii() || trimmed.starts_with('"') {
        return Err(invalid());
    }
    let options =
        Options::default().with_required_tld().without_domain_literal().without_display_text();
    let address = EmailAddress::parse_with_options(trimmed, options).map_err(|_| invalid())?;
    let domain = address.domain().to_ascii_lowercase();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    let last = domain.rsplit('.').next().unwrap_or_default();
    if !domain.bytes().all(plain) || last.len() < 2 || last.bytes().all(|b| b.is_ascii_digit()) {
        return Err(invalid());
    }
    Ok(format!("{}@{domain}", address.local_part()))
}
