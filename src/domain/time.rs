//! Spans and windows of time. Instants are `jiff::Timestamp` in UTC; who knows the present one is
//! `ports::Clock`.

use jiff::{SignedDuration, Timestamp, civil, tz::TimeZone};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An IANA time zone by name, looked up in the data built into the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone(TimeZone);

impl Zone {
    /// Looks up `America/Chicago`.
    ///
    /// # Errors
    /// A sentence naming the unknown zone.
    pub fn parse(name: &str) -> Result<Self, String> {
        let unknown = || format!("`{name}` is not a time zone of the IANA database");
        if name.len() > 64 {
            return Err("a time zone has at most 64 characters".to_owned());
        }
        TimeZone::get(name).map(Self).map_err(|_| unknown())
    }

    /// Coordinated Universal Time.
    #[must_use]
    pub const fn utc() -> Self {
        Self(TimeZone::UTC)
    }

    /// The zone's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// `instant` as the clocks of this zone show it.
    #[must_use]
    pub fn local(&self, instant: Timestamp) -> jiff::ZonedDateTime {
        instant.to_zoned_datetime(self.0.clone())
    }

    /// The instant at which the clocks of this zone show `at`; the earlier of two.
    #[must_use]
    pub fn instant(&self, at: civil::DateTime) -> Option<Timestamp> {
        self.0.to_ambiguous_timestamp(at).compatible().ok()
    }

    /// The calendar day of `instant` in this zone.
    #[must_use]
    pub fn day_of(&self, instant: Timestamp) -> civil::Date {
        self.0.to_datetime(instant).date()
    }

    /// The first instant of the day after `day` in this zone, daylight saving considered.
    #[must_use]
    pub fn end_of(&self, day: civil::Date) -> Option<Timestamp> {
        let next = day.tomorrow().ok()?;
        self.0.to_ambiguous_timestamp(next.at(0, 0, 0, 0)).compatible().ok()
    }
}

impl Default for Zone {
    fn default() -> Self {
        Self::utc()
    }
}

impl Serialize for Zone {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&name).map_err(serde::de::Error::custom)
    }
}

/// `instant` moved by `ms` milliseconds, held at the ends of time.
#[must_use]
pub fn plus_ms(instant: Timestamp, ms: i64) -> Timestamp {
    let moved = instant.saturating_add(SignedDuration::from_millis(ms));
    moved.unwrap_or(if ms < 0 { Timestamp::MIN } else { Timestamp::MAX })
}

/// Milliseconds from `earlier` to `later`, negative if they stand the other way round.
#[must_use]
pub fn ms_between(earlier: Timestamp, later: Timestamp) -> i64 {
    later.as_millisecond() - earlier.as_millisecond()
}

/// Full years from `birth` to `day`: the age in the common sense; 29 February counts on 1 March.
#[must_use]
pub fn years_between(birth: civil::Date, day: civil::Date) -> i64 {
    let years = i64::from(day.year()) - i64::from(birth.year());
    let had_birthday = (day.month(), day.day()) >= (birth.month(), birth.day());
    if had_birthday { years } else { years - 1 }
}
