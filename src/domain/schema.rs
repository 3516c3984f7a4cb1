//! How the types of this module look in JSON, as JSON Schema (2020-12).
//!
//! Structs and enums derive theirs beside their fields; here are those that are written as one text
//! or have a form of their own. What is written here is held against real bodies by the tests of
//! `http`.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::decimal::Decimal;
use super::filter::{FILTER_DEPTH_MAX, FILTER_NODES_MAX, Filter, Operand};
use super::ids::{
    BidId, EndpointId, EventId, LeadId, OfferId, OutcomeId, PingId, PostId, RequestId,
};
use super::key::KeyId;
use super::money::{Money, Percent};
use super::slug::{OfBuyer, OfCampaign, OfProfile, OfVendor, OfVertical, Slug};
use super::time::Zone;

/// Stands for an instant: an RFC 3339 time in UTC.
pub struct UtcTime;

/// Stands for a calendar date: `2026-03-02`.
pub struct CalendarDate;

/// What every slug is.
const SLUG: &str = "^[a-z0-9][a-z0-9_-]{0,62}$";

/// A type that is one text.
fn text(description: &str, pattern: &str, example: &str) -> Schema {
    json_schema!({
        "type": "string", "description": description, "pattern": pattern, "examples": [example],
    })
}

impl JsonSchema for Slug<OfVendor> {
    fn schema_name() -> Cow<'static, str> {
        "VendorId".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        text("A vendor's name in the exchange.", SLUG, "acme")
    }
}

impl JsonSchema for Slug<OfBuyer> {
    fn schema_name() -> Cow<'static, str> {
        "BuyerId".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        text("A buyer's name in the exchange.", SLUG, "life-co")
    }
}

impl JsonSchema for Slug<OfCampaign> {
    fn schema_name() -> Cow<'static, str> {
        "CampaignId".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        text("A campaign's name in the exchange.", SLUG, "life-co-tx")
    }
}

impl JsonSchema for Slug<OfVertical> {
    fn schema_name() -> Cow<'static, str> {
        "VerticalId".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        text("A product line's name in the exchange.", SLUG, "final_expense")
    }
}

impl JsonSchema for Slug<OfProfile> {
    fn schema_name() -> Cow<'static, str> {
        "ProfileId".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        text("A profile's name in the exchange.", SLUG, "elocal")
    }
}

impl JsonSchema for LeadId {
    fn schema_name() -> Cow<'static, str> {
        "LeadId".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        text("A lead.", "^lead_[0-9a-hjkmnp-tv-z]{28}$", "lead_0j01k9t4x2m8c5q7v3n0rwy6hbdz")
    }
}

impl JsonSchema for PostId {
    fn schema_name() -> Cow<'static, str> {
        "PostId".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        text(
            "A post to a buyer, and each repeat of it.",
            "^post_[0-9a-hjkmnp-tv-z]{28}$",
            "post_0j3c5t0m8r6y1v9k2w4x7z0b3d5f",
        )
    }
}

impl JsonSchema for PingId {
    fn schema_name() -> Cow<'static, str> {
        "PingId".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        text(
            "A ping to one campaign.",
            "^ping_[0-9a-hjkmnp-tv-z]{26}$",
            "ping_3c5t0m8r6y1v9k2w4x7z0b3d5f",
        )
    }
}

impl JsonSchema for BidId {
    fn schema_name() -> Cow<'static, str> {
        "BidId".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        text("A bid.", "^bid_[0-9a-hjkmnp-tv-z]{26}$", "bid_3c5t0m8r6y1v9k2w4x7z0b3d5f")
    }
}

impl JsonSchema for OfferId {
    fn schema_name() -> Cow<'static, str> {
        "OfferId".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        text(
            "An offer in the answer to a vendor's ping.",
            "^off_[0-9a-hjkmnp-tv-z]{26}$",
            "off_3c5t0m8r6y1v9k2w4x7z0b3d5f",
        )
    }
}

impl JsonSchema for RequestId {
    fn schema_name() -> Cow<'static, str> {
        "RequestId".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        text(
            "A request, as the log has it.",
            "^req_[0-9a-hjkmnp-tv-z]{26}$",
            "req_0a1b2c3d4e5f6g7h8j9k0m1n2p",
        )
    }
}

impl JsonSchema for EventId {
    fn schema_name() -> Cow<'static, str> {
        "EventId".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        text(
            "An event to one endpoint, and each attempt to tell it.",
            "^evt_[0-9a-hjkmnp-tv-z]{26}$",
            "evt_3c5t0m8r6y1v9k2w4x7z0b3d5f",
        )
    }
}

impl JsonSchema for EndpointId {
    fn schema_name() -> Cow<'static, str> {
        "EndpointId".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        text(
            "An endpoint of events.",
            "^ep_[0-9a-hjkmnp-tv-z]{26}$",
            "ep_3c5t0m8r6y1v9k2w4x7z0b3d5f",
        )
    }
}

impl JsonSchema for OutcomeId {
    fn schema_name() -> Cow<'static, str> {
        "OutcomeId".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        text(
            "What a buyer reported of a lead.",
            "^out_[0-9a-hjkmnp-tv-z]{26}$",
            "out_3c5t0m8r6y1v9k2w4x7z0b3d5f",
        )
    }
}

impl JsonSchema for KeyId {
    fn schema_name() -> Cow<'static, str> {
        "KeyId".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        text("The public name of a key.", "^[0-9A-Za-z]{8}$", "4mXq07Zb")
    }
}

impl JsonSchema for Money {
    fn schema_name() -> Cow<'static, str> {
        "Money".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        text(
            "An amount in the exchange's currency, with two to four decimals when it is written by the exchange.",
            "^-?[0-9]{1,12}(\\.[0-9]{1,4})?$",
            "12.50",
        )
    }
}

impl JsonSchema for Percent {
    fn schema_name() -> Cow<'static, str> {
        "Percent".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        text(
            "A share in percent, from 0 up to but not including 100.",
            "^[0-9]{1,2}(\\.[0-9]{1,4})?$",
            "12.5",
        )
    }
}

impl JsonSchema for Zone {
    fn schema_name() -> Cow<'static, str> {
        "TimeZone".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        text("A time zone of the IANA database.", "^[A-Za-z0-9+_/-]{1,64}$", "America/Chicago")
    }
}

impl JsonSchema for UtcTime {
    fn schema_name() -> Cow<'static, str> {
        "UtcTime".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": "date-time"})
    }
}

impl JsonSchema for CalendarDate {
    fn schema_name() -> Cow<'static, str> {
        "CalendarDate".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": "date"})
    }
}

impl JsonSchema for Decimal {
    fn schema_name() -> Cow<'static, str> {
        "Decimal".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A number with at most four decimals; a text if it is not whole.",
            "type": ["number", "string"],
        })
    }
}

impl JsonSchema for Filter {
    fn schema_name() -> Cow<'static, str> {
        "Filter".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let node = generator.subschema_for::<Self>();
        let operand = generator.subschema_for::<Operand>();
        let nodes = json_schema!({"type": "array", "items": node, "maxItems": FILTER_NODES_MAX});
        let operands = json_schema!({"type": "array", "items": operand});
        let one_key = |name: &str, schema: &Schema| {
            json_schema!({
                "type": "object", "required": [name], "properties": {(name): schema},
                "additionalProperties": false,
            })
        };
        let range = json_schema!({
            "type": "array", "items": operand, "minItems": 2, "maxItems": 2,
        });
        let leaf = json_schema!({
            "type": "object",
            "description": "A test of one field; exactly one of the tests stands beside `field`.",
            "required": ["field"],
            "minProperties": 2,
            "maxProperties": 2,
            "properties": {
                "field": {"type": "string", "description": "A field of the vertical, or `age`."},
                "eq": operand, "ne": operand, "in": operands, "not_in": operands,
                "lt": operand, "lte": operand, "gt": operand, "gte": operand,
                "between": range, "exists": {"type": "boolean"},
            },
            "additionalProperties": false,
        });
        json_schema!({
            "description": format!(
                "Which leads a campaign wants: a tree of tests, up to {FILTER_DEPTH_MAX} deep and \
                 {FILTER_NODES_MAX} nodes large."
            ),
            "oneOf": [
                one_key("all", &nodes), one_key("any", &nodes), one_key("not", &node), leaf,
            ],
        })
    }
}
