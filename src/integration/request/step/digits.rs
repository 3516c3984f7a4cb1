//! Patterns of digits: telephone numbers, social security numbers, ZIP codes.

/// The longest pattern, in bytes.
const PATTERN_BYTES_MAX: usize = 40;

/// A pattern in which each `N` stands for the next digit; or the last or first digits alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::integration) struct DigitPattern {
    text: String,
    digits: usize,
    /// How many digits of the number are passed over.
    skipped: Skipped,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Skipped {
    /// None: there are exactly as many digits as the pattern has.
    None,
    /// So many at the front; what follows the pattern is left out.
    Front(usize),
    /// All but the last.
    ToLast,
}

impl DigitPattern {
    /// Reads `NNN-NNN-NNNN`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let digits = text.bytes().filter(|byte| *byte == b'N').count();
        let has_others = text.chars().any(|c| c != 'N' && (c.is_alphanumeric() || c.is_control()));
        if digits == 0 || text.len() > PATTERN_BYTES_MAX || has_others {
            return Err("a pattern has `N` for each digit and signs between, such as \
                        `NNN-NNN-NNNN`"
                .to_owned());
        }
        Ok(Self { text: text.to_owned(), digits, skipped: Skipped::None })
    }

    /// So many digits from the end.
    pub(super) fn last(digits: usize) -> Self {
        Self { text: "N".repeat(digits), digits, skipped: Skipped::ToLast }
    }

    /// So many digits after others.
    pub(super) fn part(skipped: usize, digits: usize) -> Self {
        Self { text: "N".repeat(digits), digits, skipped: Skipped::Front(skipped) }
    }

    /// How many digits the pattern has, if a number must have just as many.
    pub(super) fn is_exactly(&self, digits: usize) -> bool {
        self.skipped == Skipped::None && self.digits == digits
    }

    /// The digits in the pattern; none if there are too few or too many.
    pub(super) fn write(&self, digits: &str) -> Option<String> {
        let from = match self.skipped {
            Skipped::None if digits.len() != self.digits => return None,
            Skipped::None => 0,
            Skipped::Front(skipped) => skipped,
            Skipped::ToLast => digits.len().checked_sub(self.digits)?,
        };
        let mut next = digits.get(from..from + self.digits)?.chars();
        let place = |c: char| if c == 'N' { next.next() } else { Some(c) };
        self.text.chars().map(place).collect()
    }
}
