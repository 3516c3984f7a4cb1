//! How a price is written: read by its digits, never by way of a float, never rounded.

use crate::domain::money::{InvalidMoney, Money};

/// How a buyer writes a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PriceForm {
    /// `12`, `12.5`, `12.505`.
    #[default]
    Plain,
    /// The same with a currency sign or code and thousands signs: `$1,012.50`, `1012.50 USD`.
    Money,
    /// The same with a decimal comma: `1.012,50`.
    Comma,
    /// Whole hundredths: `1250` is 12.50.
    Cents,
    /// Whole units: `12`; a fraction is no price.
    Whole,
}

impl PriceForm {
    /// Every form by its name in a profile.
    pub(super) const NAMES: [(&'static str, Self); 5] = [
        ("plain", Self::Plain),
        ("money", Self::Money),
        ("comma", Self::Comma),
        ("cents", Self::Cents),
        ("whole", Self::Whole),
    ];

    /// Reads a price.
    ///
    /// # Errors
    /// [`InvalidMoney`]; the text is not echoed.
    pub fn read(self, text: &str) -> Result<Money, InvalidMoney> {
        let text = text.trim();
        match self {
            Self::Plain => Money::parse(text),
            Self::Money => grouped(bare(text), ',', '.'),
            Self::Comma => grouped(bare(text), '.', ','),
            Self::Whole if text.contains('.') => Err(InvalidMoney::NotDecimal),
            Self::Whole => Money::parse(text),
            Self::Cents if text.contains('.') => Err(InvalidMoney::NotDecimal),
            Self::Cents => {
                // Parsed as units first, so that a hundredth of it is a whole number.
                let units = Money::parse(text)?.ten_thousandths();
                Money::from_ten_thousandths(units / 100).ok_or(InvalidMoney::TooLarge)
            }
        }
    }
}

/// Without what names the currency before or after the amount.
fn bare(text: &str) -> &str {
    let is_currency = |sign: char| "$€£".contains(sign);
    let text = text.trim_start_matches(is_currency).trim_end_matches(is_currency);
    let code = |text: &str| text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase());
    let text = match text.trim().split_once(' ') {
        Some((first, rest)) if code(first) => rest,
        Some((rest, last)) if code(last.trim()) => rest,
        _ => text,
    };
    text.trim().trim_start_matches(is_currency).trim()
}

/// An amount whose whole part may be in groups of three.
fn grouped(text: &str, group: char, point: char) -> Result<Money, InvalidMoney> {
    let (whole, fraction) = match text.split_once(point) {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (text, None),
    };
    let mut groups = whole.split(group);
    let first = groups.next().unwrap_or_default();
    let mut digits = first.to_owned();
    for group in groups {
        if group.len() != 3 || first.is_empty() || first.len() > 3 {
            return Err(InvalidMoney::NotDecimal);
        }
        digits.push_str(group);
    }
    if let Some(fraction) = fraction {
        digits.push('.');
        digits.push_str(fraction);
    }
    Money::parse(&digits)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn capability_24_price_forms_are_read_without_floats() {
        let check = |form: PriceForm, text: &str, expect: Option<&str>| {
            let price = form.read(text).ok().map(|price| price.to_string());
            assert_eq!(price.as_deref(), expect, "{form:?} {text}");
        };
        check(PriceForm::Plain, "20.0", Some("20.00"));
        check(PriceForm::Plain, " 4.20\n", Some("4.20"));
        check(PriceForm::Plain, "12.505", Some("12.505"));
        check(PriceForm::Plain, "0.1", Some("0.10"));
        for text in ["$1", "1,000", "1e3", "-1", "", "NaN", "1.", ".5", "0.00001", "+1", "1 2"] {
            check(PriceForm::Plain, text, None);
        }
        check(PriceForm::Money, "$1,012.50", Some("1012.50"));
        check(PriceForm::Money, "$ 1,012.50", Some("1012.50"));
        check(PriceForm::Money, "USD 12.5", Some("12.50"));
        check(PriceForm::Money, "USD $12", Some("12.00"));
        check(PriceForm::Money, "12.50 USD", Some("12.50"));
        check(PriceForm::Money, "1,234,567", Some("1234567.00"));
        check(PriceForm::Money, "1012.50", Some("1012.50"));
        for text in ["$", "1,2", "12,50", "1234,567", ",123", "$-5", "(5.00)", "1,000.0,0"] {
            check(PriceForm::Money, text, None);
        }
        check(PriceForm::Comma, "1.012,50 €", Some("1012.50"));
        check(PriceForm::Comma, "12,5", Some("12.50"));
        check(PriceForm::Comma, "12.50", None);
        check(PriceForm::Cents, "1250", Some("12.50"));
        check(PriceForm::Cents, "1", Some("0.01"));
        check(PriceForm::Cents, "1250.0", None);
        check(PriceForm::Whole, "12", Some("12.00"));
        check(PriceForm::Whole, "12.00", None);
    }

    proptest! {
        #[test]
        fn a_printed_price_reads_as_itself(amount in 0_i64..=1 << 40) {
            let price = Money::from_ten_thousandths(amount).unwrap();
            for form in [PriceForm::Plain, PriceForm::Money] {
                prop_assert_eq!(form.read(&price.to_string()), Ok(price));
            }
        }

        #[test]
        fn no_text_makes_a_form_panic(text in "\\PC{0,20}|[$€,. 0-9A-Z]{0,20}") {
            for (_, form) in PriceForm::NAMES {
                let _ = form.read(&text);
            }
        }
    }
}
