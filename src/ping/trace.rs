//! Traces of contact data: enough to recognise a person one knows already, not to reach one.

use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::domain::disclosure::ContactTrace;

/// The trace of an e-mail address or a telephone number; `None` for anything else.
///
/// Hashes are of the normal form that buyers hash: an address in lower case, the ten digits of a
/// number. They are names for values, not protection: who has all numbers has all hashes of numbers.
pub(super) fn trace(text: &str, trace: ContactTrace) -> Option<String> {
    let address = text.rsplit_once('@');
    let normal = match address {
        Some(_) => text.to_lowercase(),
        None => national(text)?.to_owned(),
    };
    Some(match trace {
        ContactTrace::Domain => address?.1.to_lowercase(),
        ContactTrace::Area => normal.get(..3).filter(|_| address.is_none())?.to_owned(),
        ContactTrace::Md5 => hexadecimal(&Md5::digest(&normal)),
        ContactTrace::Sha1 => hexadecimal(&Sha1::digest(&normal)),
        ContactTrace::Sha256 => hexadecimal(&Sha256::digest(&normal)),
    })
}

/// The ten digits of a US number.
fn national(text: &str) -> Option<&str> {
    let digits = text.strip_prefix("+1").unwrap_or(text);
    let is_national = digits.len() == 10 && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_national.then_some(digits)
}

fn hexadecimal(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_is_of_the_normal_form_of_an_address_or_a_number() {
        let check = |text: &str, kind: ContactTrace, expect: Option<&str>| {
            assert_eq!(trace(text, kind).as_deref(), expect, "{text} {kind:?}");
        };
        check("Ada.Byron@Example.com", ContactTrace::Domain, Some("example.com"));
        check("+12145557312", ContactTrace::Domain, None);
        check("+12145557312", ContactTrace::Area, Some("214"));
        check("Ada@example.com", ContactTrace::Area, None);
        check("ADA@Example.com", ContactTrace::Md5, Some("3e3417d7ef77d5932a6734b916515ed5"));
        check("+12145557312", ContactTrace::Sha1, Some("542c152dc9d3acb80b66b14c06ce55a756827536"));
        check(
            "2145557312",
            ContactTrace::Sha256,
            Some("4a8bb837491bc65be688d38dfab832ff093ffd47e4f5de70b7d4f171a44ec28d"),
        );
        for text in ["", "12", "+442071838750", "2145557312x"] {
            check(text, ContactTrace::Sha256, None);
        }
    }
}
