//! Filters: which leads a campaign wants, as a tree of typed predicates.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::SerializeMap};

use super::decimal::Decimal;

/// The most nodes one filter may have.
pub const FILTER_NODES_MAX: usize = 500;
/// The deepest nesting of one filter.
pub const FILTER_DEPTH_MAX: usize = 16;

/// A predicate over a lead.
#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    /// All hold; an empty list holds.
    All(Vec<Self>),
    /// One holds at least; an empty list does not.
    Any(Vec<Self>),
    /// It does not hold.
    Not(Box<Self>),
    /// A test of one field.
    Leaf {
        /// A field of the vertical, or `age`.
        field: String,
        /// What is asked of it; a lead without the field passes only `exists = false`.
        test: Test,
    },
}

/// What a leaf asks of its field.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// Equal.
    Eq(Operand),
    /// Present and not equal.
    Ne(Operand),
    /// One of.
    In(Vec<Operand>),
    /// Present and none of.
    NotIn(Vec<Operand>),
    /// Less than.
    Lt(Operand),
    /// Less than or equal.
    Lte(Operand),
    /// Greater than.
    Gt(Operand),
    /// Greater than or equal.
    Gte(Operand),
    /// Within, both ends included.
    Between(Operand, Operand),
    /// Present or not.
    Exists(bool),
}

impl Test {
    /// The test's name in filters.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Eq(_) => "eq",
            Self::Ne(_) => "ne",
            Self::In(_) => "in",
            Self::NotIn(_) => "not_in",
            Self::Lt(_) => "lt",
            Self::Lte(_) => "lte",
            Self::Gt(_) => "gt",
            Self::Gte(_) => "gte",
            Self::Between(..) => "between",
            Self::Exists(_) => "exists",
        }
    }
}

/// What a field is compared with.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Operand {
    /// True or false.
    Boolean(bool),
    /// A number.
    Number(Decimal),
    /// A text, a date or an amount; the field's type decides.
    Text(String),
}

impl<'de> Deserialize<'de> for Operand {
    /// A quoted number stays a text: a ZIP code is compared as it is written.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Operand;
            fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                out.write_str("a text, a number or true or false")
            }
            fn visit_bool<E>(self, truth: bool) -> Result<Operand, E> {
                Ok(Operand::Boolean(truth))
            }
            fn visit_str<E>(self, text: &str) -> Result<Operand, E> {
                Ok(Operand::Text(text.to_owned()))
            }
            fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Operand, E> {
                let decimal = Decimal::from_integer(number);
                decimal.map(Operand::Number).ok_or_else(|| E::custom("number out of range"))
            }
            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Operand, E> {
                self.visit_i64(i64::try_from(number).map_err(E::custom)?)
            }
            fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Operand, E> {
                let decimal = Decimal::parse(&number.to_string());
                decimal.map(Operand::Number).map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// The keys of one node as written; exactly one meaning must come out of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Node {
    all: Option<Vec<Filter>>,
    any: Option<Vec<Filter>>,
    not: Option<Box<Filter>>,
    field: Option<String>,
    eq: Option<Operand>,
    ne: Option<Operand>,
    #[serde(rename = "in")]
    one_of: Option<Vec<Operand>>,
    not_in: Option<Vec<Operand>>,
    lt: Option<Operand>,
    lte: Option<Operand>,
    gt: Option<Operand>,
    gte: Option<Operand>,
    between: Option<Vec<Operand>>,
    exists: Option<bool>,
}

const NODE_RULE: &str = "a filter is one of `all`, `any`, `not`, or `field` with exactly one of \
     eq ne in not_in lt lte gt gte between exists";

impl Node {
    fn tests(&mut self) -> Result<Vec<Test>, String> {
        let between = match self.between.take().map(<[Operand; 2]>::try_from) {
            None => None,
            Some(Ok([low, high])) => Some(Test::Between(low, high)),
            Some(Err(_)) => return Err("`between` takes exactly two values".to_owned()),
        };
        let tests = [
            self.eq.take().map(Test::Eq),
            self.ne.take().map(Test::Ne),
            self.one_of.take().map(Test::In),
            self.not_in.take().map(Test::NotIn),
            self.lt.take().map(Test::Lt),
            self.lte.take().map(Test::Lte),
            self.gt.take().map(Test::Gt),
            self.gte.take().map(Test::Gte),
            between,
            self.exists.take().map(Test::Exists),
        ];
        Ok(tests.into_iter().flatten().collect())
    }

    fn into_filter(mut self) -> Result<Filter, String> {
        let tests = self.tests()?;
        let test = match tests.len() {
            0 => None,
            1 => tests.into_iter().next(),
            _ => return Err(NODE_RULE.to_owned()),
        };
        match (self.all, self.any, self.not, self.field, test) {
            (Some(all), None, None, None, None) => Ok(Filter::All(all)),
            (None, Some(any), None, None, None) => Ok(Filter::Any(any)),
            (None, None, Some(not), None, None) => Ok(Filter::Not(not)),
            (None, None, None, Some(field), Some(test)) => Ok(Filter::Leaf { field, test }),
            _ => Err(NODE_RULE.to_owned()),
        }
    }
}

impl<'de> Deserialize<'de> for Filter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Node::deserialize(deserializer)?.into_filter().map_err(serde::de::Error::custom)
    }
}

impl Serialize for Filter {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match self {
            Self::All(all) => map.serialize_entry("all", all)?,
            Self::Any(any) => map.serialize_entry("any", any)?,
            Self::Not(not) => map.serialize_entry("not", not)?,
            Self::Leaf { field, test } => {
                map.serialize_entry("field", field)?;
                match test {
                    Test::Eq(operand) => map.serialize_entry("eq", operand)?,
                    Test::Ne(operand) => map.serialize_entry("ne", operand)?,
                    Test::In(operands) => map.serialize_entry("in", operands)?,
                    Test::NotIn(operands) => map.serialize_entry("not_in", operands)?,
                    Test::Lt(operand) => map.serialize_entry("lt", operand)?,
                    Test::Lte(operand) => map.serialize_entry("lte", operand)?,
                    Test::Gt(operand) => map.serialize_entry("gt", operand)?,
                    Test::Gte(operand) => map.serialize_entry("gte", operand)?,
                    Test::Between(low, high) => map.serialize_entry("between", &[low, high])?,
                    Test::Exists(exists) => map.serialize_entry("exists", exists)?,
                }
            }
        }
        map.end()
    }
}

impl Filter {
    /// Whether the tree keeps to [`FILTER_NODES_MAX`] and [`FILTER_DEPTH_MAX`].
    #[must_use]
    pub fn is_within_limits(&self) -> bool {
        fn walk(filter: &Filter, depth: usize, nodes: &mut usize) -> bool {
            *nodes += 1;
            if depth > FILTER_DEPTH_MAX || *nodes > FILTER_NODES_MAX {
                return false;
            }
            match filter {
                Filter::All(all) => all.iter().all(|node| walk(node, depth + 1, nodes)),
                Filter::Any(any) => any.iter().all(|node| walk(node, depth + 1, nodes)),
                Filter::Not(not) => walk(not, depth + 1, nodes),
                Filter::Leaf { .. } => true,
            }
        }
        walk(self, 1, &mut 0)
    }
}
