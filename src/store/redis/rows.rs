//! How values are laid out: what only this program reads is one version byte and postcard. A change
//! of anything here, or of what the scripts write, needs a new [`FORMAT`].

use bytes::Bytes;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::keys::hex;
use crate::domain::auction::{Closing, RankEntry};
use crate::domain::disposition::Disposition;
use crate::domain::ids::LeadId;
use crate::domain::slug::VendorId;
use crate::ports::auction_store::{Effect, StoreError};

/// The format of keys and values, kept with the installation's marks.
pub(super) const FORMAT: u32 = 1;
/// The first byte of every value in postcard.
const ROW_VERSION: u8 = 1;

/// The part of a lead that never changes.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Head {
    pub(super) lead_id: LeadId,
    pub(super) vendor: VendorId,
    pub(super) fingerprint: [u8; 32],
    pub(super) registry_version: i64,
    pub(super) plan: Bytes,
}

/// A value's bytes.
pub(super) fn encode<T: Serialize>(row: &T) -> Vec<u8> {
    let bytes = vec![ROW_VERSION];
    postcard::to_extend(row, bytes).expect("rows are plain data, which postcard always takes")
}

/// The value of `bytes`; `what` names it where it cannot be read.
pub(super) fn decode<T: DeserializeOwned>(what: &str, bytes: &[u8]) -> Result<T, StoreError> {
    let corrupt = || StoreError::Corrupt(format!("{what} cannot be read"));
    match bytes.split_first() {
        Some((&ROW_VERSION, row)) => postcard::from_bytes(row).map_err(|_| corrupt()),
        _ => Err(corrupt()),
    }
}

/// A step's effects as arguments.
pub(super) fn encode_effects(effects: &[Effect]) -> impl Iterator<Item = Vec<u8>> {
    effects.iter().map(encode)
}

/// What the scripts look at of a ranking: campaign, buyer and legal entity of each entry.
pub(super) fn index_of(rank: &[RankEntry]) -> String {
    let mut index = String::new();
    for entry in rank {
        let entity = match entry.legal_entity.as_str() {
            "" => "-".to_owned(),
            known => hex(known.as_bytes()),
        };
        for part in [entry.campaign.as_str(), " ", entry.buyer.as_str(), " ", &entity, ";"] {
            index.push_str(part);
        }
    }
    index
}

/// What a closing says of the seats, as the scripts know it: sold, expired, otherwise not sold, or
/// anything.
pub(super) const fn claim_of(disposition: Disposition) -> &'static str {
    match disposition {
        Disposition::Sold => "s",
        Disposition::Expired => "e",
        Disposition::Unsold | Disposition::Refused => "n",
        Disposition::Unresolved | Disposition::Pending | Disposition::Offered => "a",
    }
}

/// A closing as two arguments: its bytes, and what it claims; both empty for none.
pub(super) fn closing_arguments(closing: Option<&Closing>) -> [Vec<u8>; 2] {
    closing.map_or_else(Default::default, |closing| {
        [encode(closing), claim_of(closing.disposition).as_bytes().to_vec()]
    })
}

/// Times are kept in whole milliseconds.
pub(super) fn time_argument(at: Timestamp) -> Vec<u8> {
    at.as_millisecond().to_string().into_bytes()
}

/// The time of so many milliseconds, held at the ends of time.
pub(super) fn time_of(ms: i64) -> Timestamp {
    let end = if ms < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_millisecond(ms).unwrap_or(end)
}

/// A span in milliseconds, held below what the scripts can add to a time.
pub(super) fn span_argument(ms: u64) -> Vec<u8> {
    const SPAN_MS_MAX: u64 = 1 << 48;
    ms.min(SPAN_MS_MAX).to_string().into_bytes()
}
