//! Decimals of any length, compared by their digits and never by way of a float.

use std::cmp::Ordering;

/// The order of two plain decimals (`-12.50`); `None` when one is none. A reply's `1e3` is none.
pub(super) fn compare(left: &str, right: &str) -> Option<Ordering> {
    let (left, right) = (Digits::read(left)?, Digits::read(right)?);
    Some(match (left.is_negative, right.is_negative) {
        (false, true) => Ordering::Greater,
        (true, false) => Ordering::Less,
        (false, false) => left.size(&right),
        (true, true) => right.size(&left),
    })
}

/// The digits of a decimal without the zeros that say nothing.
struct Digits<'t> {
    is_negative: bool,
    whole: &'t str,
    fraction: &'t str,
}

impl<'t> Digits<'t> {
    fn read(text: &'t str) -> Option<Self> {
        let (sign, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (whole, fraction) = match text.split_once('.') {
            Some((_, "")) => return None,
            Some(parts) => parts,
            None => (text, ""),
        };
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !digits(whole) || !digits(fraction) {
            return None;
        }
        let whole = whole.trim_start_matches('0');
        let fraction = fraction.trim_end_matches('0');
        let is_zero = whole.is_empty() && fraction.is_empty();
        Some(Self { is_negative: sign && !is_zero, whole, fraction })
    }

    /// More whole digits are more; then digit by digit.
    fn size(&self, other: &Self) -> Ordering {
        let lengths = self.whole.len().cmp(&other.whole.len());
        let wholes = lengths.then_with(|| self.whole.cmp(other.whole));
        wholes.then_with(|| self.fraction.cmp(other.fraction))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn decimals_are_compared_by_what_they_say() {
        let check = |left: &str, right: &str, expect: Option<Ordering>| {
            assert_eq!(compare(left, right), expect, "{left} {right}");
        };
        check("0", "-0.00", Some(Ordering::Equal));
        check("007.50", "7.5", Some(Ordering::Equal));
        check("9", "10", Some(Ordering::Less));
        check("0.09", "0.1", Some(Ordering::Less));
        check("-9", "-10", Some(Ordering::Greater));
        check("-0.1", "0", Some(Ordering::Less));
        check("99999999999999999999.2", "99999999999999999999.1", Some(Ordering::Greater));
        for text in ["", "-", ".5", "5.", "1e3", "+1", "1,0", " 1", "NaN"] {
            check(text, "1", None);
        }
    }

    proptest! {
        #[test]
        fn the_order_is_that_of_the_numbers(left: i32, right: i32) {
            let text = |n: i32| format!("{}{:08}", if n < 0 { "-" } else { "" }, n.unsigned_abs());
            prop_assert_eq!(compare(&text(left), &text(right)), Some(left.cmp(&right)));
        }
    }
}
