//! The identifiers the exchange mints, their bits and their texts.
//!
//! A text is a prefix and Crockford base32 in lower case. Ids of a lead carry its storage
//! partition in the first two characters (10 bits), so everything about one lead is found from any
//! of its ids without a lookup.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Partition bits carried by a lead's ids.
pub const PARTITION_BITS: u32 = 10;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Why a text is not an id of the expected kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an id of the form `{prefix}...`")]
pub struct InvalidId {
    /// The prefix the id must have.
    pub prefix: &'static str,
}

fn push_base32(out: &mut String, bits: u128, characters: u32) {
    for index in (0..characters).rev() {
        let five = (bits >> (index * 5)) & 31;
        out.push(char::from(ALPHABET[five as usize]));
    }
}

fn parse_base32(text: &str) -> Option<u128> {
    let mut bits: u128 = 0;
    for byte in text.bytes() {
        let five = ALPHABET.iter().position(|known| *known == byte)?;
        if bits >> 123 != 0 {
            return None;
        }
        bits = (bits << 5) | five as u128;
    }
    Some(bits)
}

/// Where a lead's in-flight state lives: 0 to 1,023, below the installation's partition count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Partition(pub u16);

/// 10 partition bits and 128 further bits: the body of every id that belongs to one lead.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct PartitionedBits {
    partition: Partition,
    bits: u128,
}

impl PartitionedBits {
    fn write(self, prefix: &str) -> String {
        let mut text = String::with_capacity(prefix.len() + 28);
        text.push_str(prefix);
        push_base32(&mut text, u128::from(self.partition.0), 2);
        push_base32(&mut text, self.bits, 26);
        text
    }

    fn parse(text: &str, prefix: &'static str) -> Result<Self, InvalidId> {
        let invalid = InvalidId { prefix };
        let body = text.strip_prefix(prefix).ok_or(invalid)?;
        if body.len() != 28 || !body.is_ascii() {
            return Err(invalid);
        }
        let partition = parse_base32(&body[..2]).ok_or(invalid)?;
        let bits = parse_base32(&body[2..]).ok_or(invalid)?;
        let partition = Partition(u16::try_from(partition).map_err(|_| invalid)?);
        Ok(Self { partition, bits })
    }
}

/// A lead, and with the same bits its auction (`auc_`) and the vendor's ping (`ping_`).
///
/// The 128 bits are a `UUIDv7`, so ids sort by the millisecond in which the lead came in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeadId(PartitionedBits);

impl LeadId {
    /// Joins a partition and the 128 bits of a `UUIDv7`.
    #[must_use]
    pub const fn new(partition: Partition, uuid_v7: u128) -> Self {
        Self(PartitionedBits { partition, bits: uuid_v7 })
    }

    /// The storage partition of everything about this lead.
    #[must_use]
    pub const fn partition(self) -> Partition {
        self.0.partition
    }

    /// The 128 bits beside the partition.
    #[must_use]
    pub const fn bits(self) -> u128 {
        self.0.bits
    }

    /// Milliseconds since the Unix epoch at which the id was minted.
    #[must_use]
    pub const fn minted_ms(self) -> i64 {
        (self.0.bits >> 80) as i64
    }

    /// The id as 18 bytes (partition, then bits, big-endian): the form used in storage keys.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 18] {
        let mut bytes = [0; 18];
        bytes[..2].copy_from_slice(&self.0.partition.0.to_be_bytes());
        bytes[2..].copy_from_slice(&self.0.bits.to_be_bytes());
        bytes
    }

    /// The id whose [`LeadId::to_bytes`] is `bytes`.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 18]) -> Self {
        let mut bits = [0; 16];
        bits.copy_from_slice(&bytes[2..]);
        let partition = Partition(u16::from_be_bytes([bytes[0], bytes[1]]));
        Self::new(partition, u128::from_be_bytes(bits))
    }

    /// The auction's id: the lead's bits under the prefix `auc_`.
    #[must_use]
    pub fn auction_id(self) -> String {
        self.0.write("auc_")
    }

    /// The vendor's ping id, if a ping brought the lead in: its bits under the prefix `ping_`.
    #[must_use]
    pub fn ping_id(self) -> String {
        self.0.write("ping_")
    }

    /// Reads a vendor's `ping_...`.
    ///
    /// # Errors
    /// [`InvalidId`] when the text is anything else, a ping of ours to a buyer (shorter) included.
    pub fn parse_ping(text: &str) -> Result<Self, InvalidId> {
        PartitionedBits::parse(text, "ping_").map(Self)
    }

    /// Reads `lead_...`.
    ///
    /// # Errors
    /// [`InvalidId`] when the text is anything else.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        PartitionedBits::parse(text, "lead_").map(Self)
    }

    /// Reads `lead_...`, `auc_...` or the vendor's `ping_...`, which all carry the lead's bits.
    #[must_use]
    pub fn parse_any(text: &str) -> Option<Self> {
        ["lead_", "auc_", "ping_"]
            .into_iter()
            .find_map(|prefix| PartitionedBits::parse(text, prefix).ok())
            .map(Self)
    }
}

/// One post: a keyed digest of lead, seat and campaign, in the lead's partition.
///
/// It is the `Idempotency-Key` and the `webhook-id` of the post and of each repeat of it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PostId(PartitionedBits);

impl PostId {
    /// Joins the lead's partition and the first 128 bits of the digest.
    #[must_use]
    pub const fn new(partition: Partition, digest: u128) -> Self {
        Self(PartitionedBits { partition, bits: digest })
    }

    /// The storage partition of the lead it belongs to.
    #[must_use]
    pub const fn partition(self) -> Partition {
        self.0.partition
    }

    /// Reads `post_...`.
    ///
    /// # Errors
    /// [`InvalidId`] when the text is anything else.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        PartitionedBits::parse(text, "post_").map(Self)
    }
}

/// One ping to one campaign in one round: random, so that two buyers cannot join what they saw.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PingId(u128);

/// One bid as the exchange recorded it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BidId(u128);

/// One offer in the answer to a vendor's ping.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OfferId(u128);

/// One HTTP request as the exchange received it; in logs and in problem bodies.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(u128);

fn write_random(prefix: &str, bits: u128) -> String {
    let mut text = String::with_capacity(prefix.len() + 26);
    text.push_str(prefix);
    push_base32(&mut text, bits, 26);
    text
}

fn parse_random(text: &str, prefix: &'static str) -> Result<u128, InvalidId> {
    let invalid = InvalidId { prefix };
    let body = text.strip_prefix(prefix).ok_or(invalid)?;
    if body.len() != 26 {
        return Err(invalid);
    }
    parse_base32(body).ok_or(invalid)
}

impl PingId {
    /// Takes 128 random bits.
    #[must_use]
    pub const fn new(random: u128) -> Self {
        Self(random)
    }

    /// Reads `ping_...` as sent to a buyer.
    ///
    /// # Errors
    /// [`InvalidId`] when the text is anything else, a vendor's (longer) ping id included.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        parse_random(text, "ping_").map(Self)
    }
}

impl BidId {
    /// Takes 128 random bits.
    #[must_use]
    pub const fn new(random: u128) -> Self {
        Self(random)
    }

    /// Reads `bid_...`.
    ///
    /// # Errors
    /// [`InvalidId`] when the text is anything else.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        parse_random(text, "bid_").map(Self)
    }
}

impl OfferId {
    /// Takes 128 random bits.
    #[must_use]
    pub const fn new(random: u128) -> Self {
        Self(random)
    }

    /// Reads `off_...`.
    ///
    /// # Errors
    /// [`InvalidId`] when the text is anything else.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        parse_random(text, "off_").map(Self)
    }
}

impl RequestId {
    /// Takes 128 random bits.
    #[must_use]
    pub const fn new(random: u128) -> Self {
        Self(random)
    }

    /// Reads `req_...`.
    ///
    /// # Errors
    /// [`InvalidId`] when the text is anything else.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        parse_random(text, "req_").map(Self)
    }
}

/// The text of a message's id that nothing is looked up by: `prefix` and 128 random bits.
#[must_use]
pub fn message_id(prefix: &str, random: u128) -> String {
    write_random(prefix, random)
}

/// Display, Debug and serde for an id type from its text form and its parser.
trait TextId: Sized {
    fn text(&self) -> String;
    fn parse_text(text: &str) -> Result<Self, InvalidId>;
}

impl TextId for LeadId {
    fn text(&self) -> String {
        self.0.write("lead_")
    }
    fn parse_text(text: &str) -> Result<Self, InvalidId> {
        Self::parse(text)
    }
}
impl TextId for PostId {
    fn text(&self) -> String {
        self.0.write("post_")
    }
    fn parse_text(text: &str) -> Result<Self, InvalidId> {
        Self::parse(text)
    }
}
impl TextId for PingId {
    fn text(&self) -> String {
        write_random("ping_", self.0)
    }
    fn parse_text(text: &str) -> Result<Self, InvalidId> {
        Self::parse(text)
    }
}
impl TextId for BidId {
    fn text(&self) -> String {
        write_random("bid_", self.0)
    }
    fn parse_text(text: &str) -> Result<Self, InvalidId> {
        Self::parse(text)
    }
}
impl TextId for OfferId {
    fn text(&self) -> String {
        write_random("off_", self.0)
    }
    fn parse_text(text: &str) -> Result<Self, InvalidId> {
        Self::parse(text)
    }
}
impl TextId for RequestId {
    fn text(&self) -> String {
        write_random("req_", self.0)
    }
    fn parse_text(text: &str) -> Result<Self, InvalidId> {
        Self::parse(text)
    }
}

impl fmt::Display for LeadId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text())
    }
}
impl fmt::Debug for LeadId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text())
    }
}
impl Serialize for LeadId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text())
    }
}
impl<'de> Deserialize<'de> for LeadId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize_id(deserializer)
    }
}

impl fmt::Display for PostId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text())
    }
}
impl fmt::Debug for PostId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text())
    }
}
impl Serialize for PostId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text())
    }
}
impl<'de> Deserialize<'de> for PostId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize_id(deserializer)
    }
}

impl fmt::Display for PingId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text())
    }
}
impl fmt::Debug for PingId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text())
    }
}
impl Serialize for PingId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text())
    }
}
impl<'de> Deserialize<'de> for PingId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize_id(deserializer)
    }
}

impl fmt::Display for BidId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text())
    }
}
impl fmt::Debug for BidId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text())
    }
}
impl Serialize for BidId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text())
    }
}
impl<'de> Deserialize<'de> for BidId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize_id(deserializer)
    }
}

impl fmt::Display for OfferId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text())
    }
}
impl fmt::Debug for OfferId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text())
    }
}
impl Serialize for OfferId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text())
    }
}
impl<'de> Deserialize<'de> for OfferId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize_id(deserializer)
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text())
    }
}
impl fmt::Debug for RequestId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text())
    }
}
impl Serialize for RequestId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text())
    }
}
impl<'de> Deserialize<'de> for RequestId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize_id(deserializer)
    }
}

fn deserialize_id<'de, D: Deserializer<'de>, I: TextId>(deserializer: D) -> Result<I, D::Error> {
    let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
    I::parse_text(&text).map_err(serde::de::Error::custom)
}

mod minted;
pub use minted::{EndpointId, EventId, MintedId, MintedKind, OutcomeId};

#[cfg(test)]
mod tests;
