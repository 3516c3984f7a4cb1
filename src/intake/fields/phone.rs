//! Telephone numbers of people in the United States, as E.164.

use std::sync::LazyLock;

use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumber, PhoneNumberFormat, PhoneNumberType, Region};

use super::BLANK;
use crate::intake::fault::{FaultCode, Refusal};

/// The longest notation of a telephone number, in bytes.
pub const PHONE_LENGTH_MAX: usize = 32;
/// The characters of a telephone number; letters and extensions have no place in E.164.
pub const PHONE_CHARACTERS: &str = "0123456789+-.()/ ";

/// The places that have USPS state codes; the rest of country code 1 is abroad.
const REGIONS: [Region; 6] =
    [Region::US, Region::PR, Region::GU, Region::VI, Region::AS, Region::MP];

/// Reads `(214) 555-7312`, `214.555.7312`, `1 214 555 7312` or `+12145557312`.
///
/// 555-01XX is set aside for fiction, so a test lead may have it and no other lead may.
///
/// # Errors
/// [`FaultCode::InvalidPhone`] for anything that is not a person's number in the United States and
/// its territories (so none of toll-free, premium-rate or service numbers),
/// [`FaultCode::FictionalPhone`] for 555-01XX.
pub fn phone(text: &str, is_test: bool) -> Result<String, Refusal> {
    let invalid = || {
        let rule = "a US telephone number of a person: area code and seven digits";
        Refusal::new(FaultCode::InvalidPhone, rule)
    };
    let allowed = |byte: u8| PHONE_CHARACTERS.as_bytes().contains(&byte);
    let trimmed = text.trim_matches(BLANK);
    if text.len() > PHONE_LENGTH_MAX || trimmed.is_empty() || !trimmed.bytes().all(allowed) {
        return Err(invalid());
    }
    let number = PHONE_NUMBER_UTIL.parse(trimmed, Some(Region::US)).map_err(|_| invalid())?;
    if !is_personal(&number) {
        return Err(invalid());
    }
    let (exchange, line) = parts(&number);
    if matches!(exchange % 100, 11) || (exchange == 555 && line == 1212) {
        return Err(invalid());
    }
    if exchange == 555 && (100..200).contains(&line) && !is_test {
        let rule = "a 555-01XX number is fictional; only a test lead may have one";
        return Err(Refusal::new(FaultCode::FictionalPhone, rule));
    }
    Ok(number.format_as(PhoneNumberFormat::E164).into_owned())
}

/// Loads the tables of the telephone library, so that no vendor's first lead waits for it.
pub fn warm_up() {
    LazyLock::force(&PHONE_NUMBER_UTIL);
}

fn is_personal(number: &PhoneNumber) -> bool {
    let at_home = number.get_region_code().is_some_and(|region| REGIONS.contains(&region));
    let kind = number.get_type();
    let reaches_a_person = matches!(
        kind,
        PhoneNumberType::FixedLine
            | PhoneNumberType::Mobile
            | PhoneNumberType::FixedLineOrMobile
            | PhoneNumberType::VoIP
            | PhoneNumberType::PersonalNumber
    );
    number.is_valid() && at_home && reaches_a_person
}

/// The exchange (three digits) and the line (four digits) of a ten-digit national number.
fn parts(number: &PhoneNumber) -> (u64, u64) {
    let national = number.national_number;
    (national / 10_000 % 1_000, national % 10_000)
}
