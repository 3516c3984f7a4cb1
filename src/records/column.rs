//! How the domain's values stand in columns: times, money, names of enums, slugs, limits.

use jiff::Timestamp;
use serde::de::{DeserializeOwned, IntoDeserializer, value};

use crate::domain::ids::LeadId;
use crate::domain::money::Money;
use crate::domain::slug::Slug;
use crate::ports::records::{LIST_LIMIT_MAX, RecordsError};

fn corrupt(what: String) -> RecordsError {
    RecordsError::Corrupt(what)
}

/// Microseconds since 1970; what is finer is cut off.
pub(super) fn us(instant: Timestamp) -> i64 {
    instant.as_microsecond()
}

/// Reads [`us`].
pub(super) fn instant(us: i64) -> Result<Timestamp, RecordsError> {
    Timestamp::from_microsecond(us).map_err(|_| corrupt(format!("{us} is no time")))
}

/// Reads [`us`] where there may be none.
pub(super) fn optional_instant(us: Option<i64>) -> Result<Option<Timestamp>, RecordsError> {
    us.map(instant).transpose()
}

/// Reads ten-thousandths.
pub(super) fn money(ten_thousandths: i64) -> Result<Money, RecordsError> {
    Money::from_ten_thousandths(ten_thousandths)
        .ok_or_else(|| corrupt(format!("{ten_thousandths} ten-thousandths are no amount")))
}

/// Reads the name of a variant without content, as in JSON.
pub(super) fn variant<T: DeserializeOwned>(name: &str) -> Result<T, RecordsError> {
    let deserializer: value::StrDeserializer<'_, value::Error> = name.into_deserializer();
    T::deserialize(deserializer)
        .map_err(|_| corrupt(format!("`{name}` is no {}", std::any::type_name::<T>())))
}

/// Reads a slug.
pub(super) fn slug<K>(text: &str) -> Result<Slug<K>, RecordsError> {
    Slug::parse(text).map_err(|error| corrupt(error.to_string()))
}

/// Reads `lead_..`.
pub(super) fn lead_id(text: &str) -> Result<LeadId, RecordsError> {
    LeadId::parse(text).map_err(|_| corrupt("a lead id that is none".to_owned()))
}

/// A counter as an integer of the database.
pub(super) fn counter(count: u64) -> Result<i64, RecordsError> {
    i64::try_from(count).map_err(|_| corrupt(format!("{count} is beyond the largest counter")))
}

/// Reads a counter.
pub(super) fn count<T: TryFrom<i64>>(integer: i64) -> Result<T, RecordsError> {
    T::try_from(integer).map_err(|_| corrupt(format!("{integer} is no such counter")))
}

/// The `LIMIT` of a list.
pub(super) fn limit(limit: usize) -> i64 {
    i64::try_from(limit.min(LIST_LIMIT_MAX)).expect("the longest list is far below 2^63")
}
