//! Which ZIP codes lie in which state: the prefixes of the Postal Service, and the codes that reach
//! over a border.
//!
//! The first three digits name a sorting center, and with few exceptions its state (USPS Domestic
//! Mail Manual, labeling list L002). Blocks that a state owns count as its own also where a prefix
//! in them is not yet in use, so that a new one is not refused. Codes with addresses in a second
//! state (Census Bureau, ZIP Code Tabulation Areas) are good for both. Post offices of the armed
//! forces and of freely associated states are no state of ours and are in no block.

/// First and last prefix of a block, and its state; ascending, without overlaps.
const BLOCKS: [(u16, u16, &str); 66] = [
    (5, 5, "NY"),
    (6, 7, "PR"),
    (8, 8, "VI"),
    (9, 9, "PR"),
    (10, 27, "MA"),
    (28, 29, "RI"),
    (30, 38, "NH"),
    (39, 49, "ME"),
    (50, 54, "VT"),
    (55, 55, "MA"),
    (56, 59, "VT"),
    (60, 69, "CT"),
    (70, 89, "NJ"),
    (100, 149, "NY"),
    (150, 196, "PA"),
    (197, 199, "DE"),
    (200, 200, "DC"),
    (201, 201, "VA"),
    (202, 205, "DC"),
    (206, 219, "MD"),
    (220, 246, "VA"),
    (247, 268, "WV"),
    (270, 289, "NC"),
    (290, 299, "SC"),
    (300, 319, "GA"),
    (320, 339, "FL"),
    (341, 349, "FL"),
    (350, 369, "AL"),
    (370, 385, "TN"),
    (386, 397, "MS"),
    (398, 399, "GA"),
    (400, 427, "KY"),
    (430, 459, "OH"),
    (460, 479, "IN"),
    (480, 499, "MI"),
    (500, 528, "IA"),
    (530, 549, "WI"),
    (550, 567, "MN"),
    (569, 569, "DC"),
    (570, 577, "SD"),
    (580, 588, "ND"),
    (590, 599, "MT"),
    (600, 629, "IL"),
    (630, 658, "MO"),
    (660, 679, "KS"),
    (680, 693, "NE"),
    (700, 714, "LA"),
    (716, 729, "AR"),
    (730, 732, "OK"),
    (733, 733, "TX"),
    (734, 749, "OK"),
    (750, 799, "TX"),
    (800, 816, "CO"),
    (820, 831, "WY"),
    (832, 838, "ID"),
    (840, 847, "UT"),
    (850, 865, "AZ"),
    (870, 884, "NM"),
    (885, 885, "TX"),
    (889, 898, "NV"),
    (900, 961, "CA"),
    (967, 968, "HI"),
    (969, 969, "GU"),
    (970, 979, "OR"),
    (980, 994, "WA"),
    (995, 999, "AK"),
];

/// A ZIP code and a state it reaches into besides the one of its block; ascending.
const CROSSING: [(u32, &str); 124] = [
    (2861, "MA"),
    (3579, "ME"),
    (6390, "NY"),
    (20040, "VA"),
    (20041, "VA"),
    (20588, "MD"),
    (31905, "AL"),
    (37317, "GA"),
    (38079, "KY"),
    (38549, "KY"),
    (38769, "AR"),
    (40965, "TN"),
    (42223, "TN"),
    (51001, "SD"),
    (51023, "SD"),
    (51360, "MN"),
    (51640, "MO"),
    (52542, "MO"),
    (52573, "MO"),
    (52626, "MO"),
    (54540, "MI"),
    (56027, "IA"),
    (56129, "IA"),
    (56136, "SD"),
    (56144, "SD"),
    (56164, "SD"),
    (56219, "SD"),
    (56744, "ND"),
    (57026, "MN"),
    (57030, "MN"),
    (57068, "MN"),
    (57638, "ND"),
    (57642, "ND"),
    (57645, "ND"),
    (57648, "ND"),
    (57660, "ND"),
    (57717, "MT"),
    (57717, "WY"),
    (57724, "MT"),
    (58225, "MN"),
    (58439, "SD"),
    (58623, "SD"),
    (58649, "SD"),
    (58653, "SD"),
    (59221, "ND"),
    (59270, "ND"),
    (59275, "ND"),
    (59847, "ID"),
    (63673, "IL"),
    (65729, "AR"),
    (65733, "AR"),
    (65761, "AR"),
    (66541, "NE"),
    (66955, "NE"),
    (67950, "OK"),
    (68325, "KS"),
    (68327, "KS"),
    (68420, "KS"),
    (68719, "SD"),
    (68755, "SD"),
    (68943, "KS"),
    (68978, "KS"),
    (69026, "KS"),
    (69168, "CO"),
    (69201, "SD"),
    (69212, "SD"),
    (69216, "SD"),
    (69337, "SD"),
    (71749, "LA"),
    (71937, "OK"),
    (71953, "OK"),
    (72338, "TN"),
    (72395, "TN"),
    (72644, "MO"),
    (73949, "TX"),
    (73960, "TX"),
    (75502, "AR"),
    (75556, "AR"),
    (79835, "NM"),
    (79837, "NM"),
    (79922, "NM"),
    (80737, "NE"),
    (80758, "NE"),
    (81120, "NM"),
    (81137, "NM"),
    (81324, "UT"),
    (82063, "CO"),
    (82082, "CO"),
    (82082, "NE"),
    (82701, "SD"),
    (82801, "MT"),
    (82930, "UT"),
    (83120, "ID"),
    (83127, "ID"),
    (83312, "UT"),
    (83342, "UT"),
    (83414, "WY"),
    (83856, "WA"),
    (84034, "NV"),
    (84531, "AZ"),
    (84536, "AZ"),
    (86044, "UT"),
    (86504, "NM"),
    (86514, "NM"),
    (86514, "UT"),
    (86515, "NM"),
    (87328, "AZ"),
    (88063, "TX"),
    (88220, "TX"),
    (88430, "TX"),
    (89010, "CA"),
    (89019, "CA"),
    (89060, "CA"),
    (89061, "CA"),
    (89421, "OR"),
    (89439, "CA"),
    (89832, "ID"),
    (96799, "AS"),
    (97635, "CA"),
    (97910, "ID"),
    (97913, "ID"),
    (99033, "ID"),
    (99128, "ID"),
    (99362, "OR"),
];

/// The codes of the Northern Mariana Islands, which share a prefix with Guam.
const NORTHERN_MARIANAS: std::ops::RangeInclusive<u32> = 96_950..=96_952;
/// The codes of freely associated states under Guam's prefix.
const ASSOCIATED: [std::ops::RangeInclusive<u32>; 2] = [96_939..=96_944, 96_960..=96_970];

/// Whether the first three digits belong to a state or territory.
#[must_use]
pub fn is_assigned(zip: &str) -> bool {
    number(zip).and_then(home).is_some()
}

/// Whether the ZIP code of five digits has addresses in the state of that USPS code.
#[must_use]
pub fn lies_in(zip: &str, state: &str) -> bool {
    let Some(number) = number(zip) else { return false };
    home(number) == Some(state) || CROSSING.contains(&(number, state))
}

/// The state whose block, or own codes, the number is in.
fn home(number: u32) -> Option<&'static str> {
    if NORTHERN_MARIANAS.contains(&number) {
        return Some("MP");
    }
    if ASSOCIATED.iter().any(|codes| codes.contains(&number)) {
        return None;
    }
    let prefix = u16::try_from(number / 100).ok()?;
    let block = BLOCKS.iter().find(|(first, last, _)| (*first..=*last).contains(&prefix));
    block.map(|(_, _, state)| *state)
}

fn number(zip: &str) -> Option<u32> {
    let digits = zip.len() == 5 && zip.bytes().all(|byte| byte.is_ascii_digit());
    if digits { zip.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::us_state::STATES;

    #[test]
    fn blocks_ascend_without_overlaps_and_name_every_state_but_the_two_inside_others() {
        assert!(BLOCKS.iter().all(|(first, last, _)| first <= last));
        assert!(BLOCKS.is_sorted_by(|(_, last, _), (first, _, _)| last < first));
        for (code, _) in STATES {
            let named = BLOCKS.iter().any(|(_, _, state)| *state == code);
            assert_eq!(named, !matches!(code, "AS" | "MP"), "{code}");
        }
    }

    #[test]
    fn codes_over_a_border_ascend_and_add_another_state() {
        assert!(CROSSING.is_sorted());
        for (zip, state) in CROSSING {
            assert!(STATES.iter().any(|(code, _)| *code == state), "{zip}");
            assert_ne!(home(zip), Some(state), "{zip}");
            assert!(home(zip).is_some(), "{zip}");
        }
    }

    #[test]
    fn a_code_lies_in_its_state() {
        let check = |zip: &str, state: &str, expect: bool| {
            assert_eq!(lies_in(zip, state), expect, "{zip} {state}");
        };
        check("75201", "TX", true);
        check("75201", "OK", false);
        check("00501", "NY", true);
        check("02108", "MA", true);
        check("05501", "MA", true);
        check("06390", "NY", true);
        check("06390", "CT", true);
        check("20101", "VA", true);
        check("20500", "DC", true);
        check("73301", "TX", true);
        check("86514", "NM", true);
        check("86514", "UT", true);
        check("96799", "AS", true);
        check("96910", "GU", true);
        check("96950", "MP", true);
        check("96950", "GU", false);
        check("99950", "AK", true);
        check("7520", "TX", false);
        check("7520a", "TX", false);
    }

    #[test]
    fn prefixes_of_nobody_are_not_assigned() {
        for zip in ["00000", "00401", "09012", "34012", "96201", "96941", "96960", "99", "abcde"] {
            assert!(!is_assigned(zip), "{zip}");
        }
        for zip in ["00501", "10001", "60601", "99950", "96913"] {
            assert!(is_assigned(zip), "{zip}");
        }
    }
}
