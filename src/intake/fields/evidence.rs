//! The elements of consent: addresses, pages and certificates.

use std::net::IpAddr;

use url::Url;

use super::BLANK;
use crate::intake::fault::{FaultCode, Refusal};

/// The longest URL, in bytes.
pub const URL_LENGTH_MAX: usize = 4_096;
/// The only host whose certificates are taken; a claim is never made anywhere else.
pub const TRUSTEDFORM_HOST: &str = "cert.trustedform.com";
/// The length of a Jornaya `LeadiD`, in characters.
pub const LEADID_LENGTH: usize = 36;

/// Reads an IPv4 or IPv6 address.
///
/// # Errors
/// [`FaultCode::InvalidIp`].
pub fn ip(text: &str) -> Result<IpAddr, Refusal> {
    let invalid = || Refusal::new(FaultCode::InvalidIp, "an IPv4 or IPv6 address");
    text.trim_matches(BLANK).parse().map_err(|_| invalid())
}

/// Reads an absolute http or https URL and keeps it as it was written.
///
/// # Errors
/// [`FaultCode::InvalidUrl`].
pub fn page_url(text: &str) -> Result<String, Refusal> {
    let rule = "an absolute http or https URL of at most 4096 bytes";
    let invalid = || Refusal::new(FaultCode::InvalidUrl, rule);
    let trimmed = text.trim_matches(BLANK);
    let url = parse(trimmed).ok_or_else(invalid)?;
    let written = ["http://", "https://"].iter().any(|start| starts_with(trimmed, start));
    if written && url.has_host() { Ok(trimmed.to_owned()) } else { Err(invalid()) }
}

/// Reads the URL of a `TrustedForm` certificate: `https://cert.trustedform.com/...` and nothing
/// else, since a later claim sends the exchange's credentials there.
///
/// # Errors
/// [`FaultCode::InvalidCertificate`].
pub fn trustedform_cert_url(text: &str) -> Result<String, Refusal> {
    let rule = "a certificate's URL, https://cert.trustedform.com/...";
    let invalid = || Refusal::new(FaultCode::InvalidCertificate, rule);
    let trimmed = text.trim_matches(BLANK);
    let url = parse(trimmed).ok_or_else(invalid)?;
    // Parsers differ over odd spellings of a host, so the letters themselves must be right too.
    let written = starts_with(trimmed, &format!("https://{TRUSTEDFORM_HOST}/"));
    let at_home = written && url.host_str() == Some(TRUSTEDFORM_HOST) && url.port().is_none();
    if at_home && url.path().len() > 1 { Ok(trimmed.to_owned()) } else { Err(invalid()) }
}

/// Reads a Jornaya `LeadiD`: hexadecimal digits in groups of 8, 4, 4, 4 and 12.
///
/// # Errors
/// [`FaultCode::InvalidLeadId`].
pub fn jornaya_lead_id(text: &str) -> Result<String, Refusal> {
    let trimmed = text.trim_matches(BLANK);
    let fits = |(at, byte): (usize, u8)| match at {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    };
    if trimmed.len() == LEADID_LENGTH && trimmed.bytes().enumerate().all(fits) {
        return Ok(trimmed.to_owned());
    }
    let rule = "36 characters, as a UUID is written";
    Err(Refusal::new(FaultCode::InvalidLeadId, rule))
}

fn starts_with(text: &str, start: &str) -> bool {
    text.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start))
}

/// Parses a URL in printable ASCII. The parser would quietly drop line breaks and turn white space
/// into escapes, and the text is kept as evidence, so neither may be in it.
fn parse(text: &str) -> Option<Url> {
    let printable = text.bytes().all(|byte| (b'!'..=b'~').contains(&byte));
    if printable && text.len() <= URL_LENGTH_MAX { Url::parse(text).ok() } else { None }
}
