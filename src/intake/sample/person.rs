//! The people of samples: a name, a place with its ZIP code and area code, a number, an address.

use super::Dice;

/// A city with codes that belong together.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// Its name.
    pub city: &'static str,
    /// USPS code.
    pub state: &'static str,
    /// A ZIP code in it.
    pub zip: &'static str,
    /// An area code in it.
    area: u64,
}

/// Somebody who does not exist.
#[derive(Clone)]
pub(super) struct Person {
    /// Given name.
    pub first_name: &'static str,
    /// Family name.
    pub last_name: &'static str,
    /// `female` or `male`.
    pub gender: &'static str,
    /// Where.
    pub place: Place,
    /// E.164.
    pub phone: String,
    /// On a domain that is reserved for examples.
    pub email: String,
}

const WOMEN: [&str; 20] = [
    "Margaret", "Linda", "Patricia", "Barbara", "Susan", "Carol", "Donna", "Sandra", "Sharon",
    "Maria", "Angela", "Denise", "Yolanda", "Teresa", "Gloria", "Ruth", "Janet", "Alice", "Joyce",
    "Marie",
];
const MEN: [&str; 20] = [
    "James", "Robert", "John", "Michael", "William", "David", "Richard", "Thomas", "Charles",
    "Carlos", "Kenneth", "George", "Steven", "Edward", "Ronald", "Antonio", "Gary", "Larry",
    "Walter", "Samuel",
];
const FAMILIES: [&str; 24] = [
    "Ellison",
    "Johnson",
    "Garcia",
    "Miller",
    "Davis",
    "Rodriguez",
    "Wilson",
    "Anderson",
    "Thomas",
    "Moore",
    "Jackson",
    "Martin",
    "Thompson",
    "White",
    "Lopez",
    "Harris",
    "Clark",
    "Lewis",
    "Robinson",
    "Walker",
    "Young",
    "King",
    "Nguyen",
    "O'Brien",
];
const STREETS: [&str; 8] = [
    "Live Oak Street",
    "Main Street",
    "Maple Avenue",
    "Cedar Lane",
    "Park Drive",
    "Washington Road",
    "Lakeview Court",
    "Second Street",
];

const PLACES: [Place; 76] = [
    place("Birmingham", "AL", "35203", 205),
    place("Anchorage", "AK", "99501", 907),
    place("Phoenix", "AZ", "85004", 602),
    place("Tucson", "AZ", "85701", 520),
    place("Little Rock", "AR", "72201", 501),
    place("Los Angeles", "CA", "90012", 213),
    place("San Diego", "CA", "92101", 619),
    place("Sacramento", "CA", "95814", 916),
    place("Fresno", "CA", "93721", 559),
    place("Denver", "CO", "80202", 303),
    place("Hartford", "CT", "06103", 860),
    place("Washington", "DC", "20001", 202),
    place("Wilmington", "DE", "19801", 302),
    place("Miami", "FL", "33130", 305),
    place("Orlando", "FL", "32801", 407),
    place("Tampa", "FL", "33602", 813),
    place("Jacksonville", "FL", "32202", 904),
    place("Atlanta", "GA", "30303", 404),
    place("Savannah", "GA", "31401", 912),
    place("Honolulu", "HI", "96813", 808),
    place("Boise", "ID", "83702", 208),
    place("Chicago", "IL", "60601", 312),
    place("Springfield", "IL", "62701", 217),
    place("Indianapolis", "IN", "46204", 317),
    place("Des Moines", "IA", "50309", 515),
    place("Wichita", "KS", "67202", 316),
    place("Louisville", "KY", "40202", 502),
    place("New Orleans", "LA", "70112", 504),
    place("Portland", "ME", "04101", 207),
    place("Baltimore", "MD", "21202", 410),
    place("Boston", "MA", "02108", 617),
    place("Worcester", "MA", "01608", 508),
    place("Detroit", "MI", "48226", 313),
    place("Grand Rapids", "MI", "49503", 616),
    place("Minneapolis", "MN", "55401", 612),
    place("Jackson", "MS", "39201", 601),
    place("Kansas City", "MO", "64106", 816),
    place("St. Louis", "MO", "63101", 314),
    place("Billings", "MT", "59101", 406),
    place("Omaha", "NE", "68102", 402),
    place("Las Vegas", "NV", "89101", 702),
    place("Manchester", "NH", "03101", 603),
    place("Newark", "NJ", "07102", 973),
    place("Trenton", "NJ", "08608", 609),
    place("Las Cruces", "NM", "88001", 575),
    place("New York", "NY", "10001", 212),
    place("Buffalo", "NY", "14202", 716),
    place("Rochester", "NY", "14604", 585),
    place("Charlotte", "NC", "28202", 704),
    place("Raleigh", "NC", "27601", 919),
    place("Fargo", "ND", "58102", 701),
    place("Cincinnati", "OH", "45202", 513),
    place("Cleveland", "OH", "44114", 216),
    place("Columbus", "OH", "43215", 614),
    place("Oklahoma City", "OK", "73102", 405),
    place("Portland", "OR", "97204", 503),
    place("Philadelphia", "PA", "19103", 215),
    place("Pittsburgh", "PA", "15222", 412),
    place("Providence", "RI", "02903", 401),
    place("Columbia", "SC", "29201", 803),
    place("Sioux Falls", "SD", "57104", 605),
    place("Memphis", "TN", "38103", 901),
    place("Nashville", "TN", "37203", 615),
    place("Austin", "TX", "78701", 512),
    place("Dallas", "TX", "75201", 214),
    place("Houston", "TX", "77002", 713),
    place("San Antonio", "TX", "78205", 210),
    place("Salt Lake City", "UT", "84101", 801),
    place("Burlington", "VT", "05401", 802),
    place("Norfolk", "VA", "23510", 757),
    place("Richmond", "VA", "23219", 804),
    place("Seattle", "WA", "98101", 206),
    place("Spokane", "WA", "99201", 509),
    place("Charleston", "WV", "25301", 304),
    place("Milwaukee", "WI", "53202", 414),
    place("Cheyenne", "WY", "82001", 307),
];

const fn place(city: &'static str, state: &'static str, zip: &'static str, area: u64) -> Place {
    Place { city, state, zip, area }
}

/// The exchanges of an area code: those for services, tests and fiction are left out.
fn exchanges() -> impl Iterator<Item = u64> {
    (200..1_000)
        .filter(|exchange| exchange % 100 != 11 && !matches!(exchange, 555 | 950 | 958 | 959 | 976))
}

/// A prime that divides no count of telephone numbers, so that seeds in a row are scattered over all
/// of them and each number comes up once.
const STRIDE: u128 = 982_451_653;

impl Person {
    /// The person of a seed. Two seeds have different numbers unless they differ by a multiple of
    /// some 600 million.
    pub fn draw(dice: &mut Dice, seed: u64) -> Self {
        let (places, lines) = (PLACES.len() as u128, 10_000_u128);
        let codes = exchanges().count() as u128;
        let index = u128::from(seed) * STRIDE % (places * codes * lines);
        let at = |number: u128| usize::try_from(number).unwrap_or(0);
        let place = PLACES[at(index % places)];
        let exchange = exchanges().nth(at(index / places % codes)).unwrap_or(200);
        let line = index / places / codes;
        let phone = format!("+1{}{exchange}{line:04}", place.area);
        let mut person = Self {
            first_name: "",
            last_name: dice.choose(&FAMILIES).copied().unwrap_or("Ellison"),
            gender: "",
            place,
            phone,
            email: String::new(),
        };
        person.rename(dice);
        let letters = |name: &str| name.replace('\'', "").to_lowercase();
        let (first, last) = (letters(person.first_name), letters(person.last_name));
        person.email = format!("{first}.{last}.{seed}@example.com");
        person
    }

    /// Somebody else of the same household.
    pub fn relative(&self, dice: &mut Dice) -> Self {
        let mut other = self.clone();
        other.rename(dice);
        other
    }

    fn rename(&mut self, dice: &mut Dice) {
        let (gender, names) = if dice.below(2) == 0 { ("female", &WOMEN) } else { ("male", &MEN) };
        self.gender = gender;
        self.first_name = dice.choose(names).copied().unwrap_or("Margaret");
    }
}

/// A house number and street.
pub(super) fn street(dice: &mut Dice) -> String {
    let street = dice.choose(&STREETS).copied().unwrap_or("Main Street");
    format!("{} {street}", dice.between(100, 9_899))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intake::fields::{phone::phone, place};
    use crate::intake::zip_states;

    #[test]
    fn every_place_has_a_zip_code_in_its_state_and_an_area_code() {
        for Place { city, state, zip, area } in PLACES {
            assert_eq!(place::state(state), Ok(state), "{city}");
            assert!(zip_states::lies_in(zip, state), "{city}");
            for exchange in [200, 234, 640, 641, 649, 701, 999] {
                let number = format!("+1{area}{exchange}7312");
                assert_eq!(phone(&number, false), Ok(number.clone()), "{city} {exchange}");
            }
        }
    }

    #[test]
    fn exchanges_and_lines_stay_in_ranges_that_are_valid() {
        assert!(exchanges().all(|exchange| (200..1_000).contains(&exchange) && exchange != 555));
        let numbers = PLACES.len() as u128 * exchanges().count() as u128 * 10_000;
        assert_ne!(numbers % STRIDE, 0);
        for seed in (0..400).chain([u64::MAX, u64::MAX - 1]) {
            let number = Person::draw(&mut Dice::new(seed), seed).phone;
            assert_eq!(phone(&number, false), Ok(number.clone()), "{seed}");
        }
    }

    #[test]
    fn no_two_seeds_share_a_number() {
        let number = |seed| Person::draw(&mut Dice::new(seed), seed).phone;
        let distinct: std::collections::HashSet<_> = (0..20_000).map(number).collect();
        assert_eq!(distinct.len(), 20_000);
    }
}
