//! Whether a lead passes a filter, and which part of the filter it fails.

use std::collections::BTreeSet;

use jiff::civil::Date;

use crate::domain::decimal::Decimal;
use crate::domain::lead::{Lead, Value};
use crate::domain::time::years_between;
use crate::domain::vertical::PiiClass;
use crate::registry::filter::{Leaf, Node, Predicate, Subject};
use crate::registry::profile::{CampaignProfile, Need};
use crate::registry::vertical::CompiledVertical;

/// The most fields one rule names; a rule is kept with every auction.
const RULE_FIELDS_MAX: usize = 6;

/// A lead's values by their places in the vertical's field list, found once for all campaigns.
pub(super) struct Values<'a> {
    by_place: Vec<Option<&'a Value>>,
    /// Whether any of them is contact data.
    has_contact: bool,
    today: Date,
}

impl<'a> Values<'a> {
    /// The values of `lead`, whose vertical is `vertical`.
    pub(super) fn of(lead: &'a Lead, vertical: &CompiledVertical, today: Date) -> Self {
        let fields = vertical.fields();
        let mut by_place = vec![None; fields.as_slice().len()];
        for (name, value) in lead.fields.expose().iter() {
            if let Some((place, _)) = fields.find(name) {
                by_place[place] = Some(value);
            }
        }
        let is_contact = |(place, value): (usize, &Option<&Value>)| {
            let field = fields.as_slice().get(place).map(|known| known.field.pii);
            value.is_some() && field == Some(PiiClass::Contact)
        };
        let has_contact = by_place.iter().enumerate().any(is_contact);
        Self { by_place, has_contact, today }
    }

    /// Whether the node holds. Allocates nothing.
    pub(super) fn pass(&self, node: &Node) -> bool {
        match node {
            Node::All(nodes) => nodes.iter().all(|node| self.pass(node)),
            Node::Any(nodes) => nodes.iter().any(|node| self.pass(node)),
            Node::Not(node) => !self.pass(node),
            Node::Leaf(leaf) => self.leaf(leaf),
        }
    }

    /// Whether the leaf holds: a lead without the value passes only `exists = false`.
    fn leaf(&self, leaf: &Leaf) -> bool {
        match leaf.subject {
            Subject::Field(place) => match self.value(place) {
                None => leaf.test == Predicate::Exists(false),
                Some(value) => test_value(&leaf.test, value),
            },
            Subject::AgeFrom(place) => {
                let age = match self.value(place) {
                    Some(Value::Date(birth)) => Some(years_between(*birth, self.today)),
                    _ => None,
                };
                test_number(&leaf.test, age)
            }
            Subject::CountOf(place) => {
                let count = match self.value(place) {
                    Some(Value::List(items)) => i64::try_from(items.len()).ok(),
                    _ => None,
                };
                test_number(&leaf.test, count)
            }
        }
    }

    fn value(&self, place: usize) -> Option<&'a Value> {
        self.by_place.get(place).copied().flatten()
    }

    /// The first field that the campaign's profile cannot do without and the lead does not have. A
    /// lead without any contact data is a vendor's ping: contact data comes with the vendor's post.
    pub(super) fn unmet<'p>(&self, profile: &'p CampaignProfile) -> Option<&'p Need> {
        let is_met = |need: &&Need| need.places.iter().any(|place| self.value(*place).is_some());
        let mut needs = profile.ping_needs.iter().chain(&profile.post_needs);
        needs.find(|need| !is_met(need) && (!need.is_contact || self.has_contact))
    }

    /// The rule that names what fails first in a node that does not hold: `filter:state`, or
    /// `filter:any(age,state)` where no single field is to blame.
    pub(super) fn failing_rule(&self, node: &Node) -> String {
        match node {
            Node::All(nodes) => match nodes.iter().find(|node| !self.pass(node)) {
                Some(failing) => self.failing_rule(failing),
                // Only a node that holds gets here.
                None => "filter:all".to_owned(),
            },
            Node::Any(_) => rule("any", node),
            Node::Not(_) => rule("not", node),
            Node::Leaf(leaf) => format!("filter:{}", leaf.field),
        }
    }
}

/// `filter:<field>` of a node with one field, else `filter:<kind>(<fields in order of the alphabet>)`.
fn rule(kind: &str, node: &Node) -> String {
    let mut fields = BTreeSet::new();
    collect_fields(node, &mut fields);
    let mut named: Vec<_> = fields.iter().copied().take(RULE_FIELDS_MAX).collect();
    if let [field] = *named {
        return format!("filter:{field}");
    }
    if fields.len() > RULE_FIELDS_MAX {
        named.push("...");
    }
    format!("filter:{kind}({})", named.join(","))
}

fn collect_fields<'a>(node: &'a Node, fields: &mut BTreeSet<&'a str>) {
    match node {
        Node::All(nodes) | Node::Any(nodes) => {
            nodes.iter().for_each(|node| collect_fields(node, fields));
        }
        Node::Not(node) => collect_fields(node, fields),
        Node::Leaf(leaf) => {
            fields.insert(&leaf.field);
        }
    }
}

/// Tests a value that is there. One of another type than the filter was compiled for (a lead taken
/// in before its vertical changed) passes nothing but `exists = true`.
fn test_value(test: &Predicate, value: &Value) -> bool {
    match (test, value) {
        (Predicate::Exists(exists), _) => *exists,
        (Predicate::Text(casing, test), Value::Text(text)) => {
            test.holds(|operand| casing.order(operand, text))
        }
        (Predicate::Integer(test), Value::Integer(number)) => {
            test.holds(|operand| operand.cmp(number))
        }
        (Predicate::Decimal(test), Value::Decimal(number)) => {
            test.holds(|operand| operand.cmp(number))
        }
        (Predicate::Decimal(test), Value::Money(amount)) => {
            test.holds(|operand| operand.cmp(&Decimal::from(*amount)))
        }
        (Predicate::Date(test), Value::Date(date)) => test.holds(|operand| operand.cmp(date)),
        (Predicate::Boolean(expected), Value::Boolean(truth)) => expected == truth,
        _ => false,
    }
}

/// Tests a number that is worked out from a field.
fn test_number(test: &Predicate, number: Option<i64>) -> bool {
    match (test, number) {
        (Predicate::Exists(exists), number) => *exists == number.is_some(),
        (Predicate::Integer(test), Some(number)) => test.holds(|operand| operand.cmp(&number)),
        _ => false,
    }
}
