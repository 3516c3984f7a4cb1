//! From a filter as written to one that fits its vertical.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::civil::Date;

use super::{Casing, Comparison, CompiledFilter, Leaf, Node, Predicate, Subject};
use crate::domain::decimal::Decimal;
use crate::domain::filter::{FILTER_DEPTH_MAX, FILTER_NODES_MAX, Filter, Operand, Test};
use crate::domain::us_state::is_state;
use crate::domain::vertical::{Field, FieldType, PiiClass};
use crate::registry::fault::FaultRule;
use crate::registry::vertical::CompiledVertical;

/// The most operands of one `in` or `not_in`: room for a list of every ZIP code of a region.
pub const OPERANDS_MAX: usize = 10_000;

/// The field from which ages are counted.
const BIRTH_DATE: &str = "date_of_birth";
/// The name of the person's age in filters.
const AGE: &str = "age";
/// What follows a list's name in the name of its number of items.
const COUNT_SUFFIX: &str = "_count";

/// Something in a filter that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilterFault {
    /// The leaf's field; `None` for the filter as a whole.
    pub field: Option<String>,
    /// Where the leaf stands in the filter, as steps from its root: `all.0.not`. Empty for the root.
    pub place: String,
    /// The rule it breaks.
    pub rule: FaultRule,
    /// What is wrong and what would be right, in one sentence.
    pub detail: String,
}

/// Fits `filter` to `vertical`.
///
/// # Errors
/// Every fault there is, in the order of the filter.
pub fn compile(
    filter: &Filter,
    vertical: &CompiledVertical,
) -> Result<CompiledFilter, Vec<FilterFault>> {
    if !filter.is_within_limits() {
        let detail = format!(
            "a filter has at most {FILTER_NODES_MAX} nodes, nested {FILTER_DEPTH_MAX} deep at most"
        );
        return Err(vec![FilterFault {
            field: None,
            place: String::new(),
            rule: FaultRule::FilterLimits,
            detail,
        }]);
    }
    let mut compiler = Compiler { vertical, faults: Vec::new() };
    let root = compiler.node(filter, "");
    match root {
        Some(root) if compiler.faults.is_empty() => Ok(CompiledFilter { root }),
        _ => Err(compiler.faults),
    }
}

struct Compiler<'a> {
    vertical: &'a CompiledVertical,
    faults: Vec<FilterFault>,
}

impl Compiler<'_> {
    /// The node, or `None` after noting why there is none.
    fn node(&mut self, filter: &Filter, place: &str) -> Option<Node> {
        match filter {
            Filter::All(all) => self.nodes(all, &below(place, "all")).map(Node::All),
            Filter::Any(any) => self.nodes(any, &below(place, "any")).map(Node::Any),
            Filter::Not(not) => {
                self.node(not, &below(place, "not")).map(|node| Node::Not(Box::new(node)))
            }
            Filter::Leaf { field, test } => match self.leaf(field, test) {
                Ok(leaf) => Some(Node::Leaf(leaf)),
                Err(Wrong { rule, detail }) => {
                    let (field, place) = (Some(field.clone()), place.to_owned());
                    self.faults.push(FilterFault { field, place, rule, detail });
                    None
                }
            },
        }
    }

    /// All of them; the faults of every one are noted before the list is given up.
    fn nodes(&mut self, filters: &[Filter], place: &str) -> Option<Vec<Node>> {
        let node = |(index, filter)| self.node(filter, &below(place, &format!("{index}")));
        let nodes: Vec<_> = filters.iter().enumerate().map(node).collect();
        nodes.into_iter().collect()
    }

    fn leaf(&self, name: &str, test: &Test) -> Result<Leaf, Wrong> {
        let (subject, kind) = self.subject(name)?;
        let is_existence = matches!(test, Test::Exists(_));
        if let Subject::Field(_) = subject
            && !is_existence
            && self.vertical.field(name).is_some_and(is_contact)
        {
            return Err(Wrong {
                rule: FaultRule::ContactField,
                detail: "contact data is tested with `exists` only: any other test would tell a \
                         buyer what the ping hides"
                    .to_owned(),
            });
        }
        let test = match test {
            Test::Exists(exists) => Predicate::Exists(*exists),
            test => predicate(&kind, test)?,
        };
        Ok(Leaf { field: Arc::from(name), subject, test })
    }

    /// Where the value of `name` comes from, and what it is.
    fn subject(&self, name: &str) -> Result<(Subject, Kind), Wrong> {
        let fields = self.vertical.fields();
        if let Some((place, compiled)) = fields.find(name) {
            return Ok((Subject::Field(place), Kind::of(&compiled.field)));
        }
        let of_type = |name: &str, kind: FieldType| {
            fields.find(name).filter(|(_, compiled)| compiled.field.kind == kind)
        };
        if name == AGE
            && let Some((place, _)) = of_type(BIRTH_DATE, FieldType::Date)
        {
            return Ok((Subject::AgeFrom(place), Kind::Integer));
        }
        if let Some((place, _)) =
            name.strip_suffix(COUNT_SUFFIX).and_then(|list| of_type(list, FieldType::List))
        {
            return Ok((Subject::CountOf(place), Kind::Integer));
        }
        Err(Wrong {
            rule: FaultRule::UnknownField,
            detail: format!(
                "the vertical {} has no field of this name, nor is it `age` of a `date_of_birth` \
                 or `<list>_count`",
                self.vertical.id()
            ),
        })
    }
}

/// One step further into a filter.
fn below(place: &str, step: &str) -> String {
    if place.is_empty() { step.to_owned() } else { format!("{place}.{step}") }
}

/// Whether the field is a way to reach the person.
fn is_contact(field: &Field) -> bool {
    field.pii == PiiClass::Contact || matches!(field.kind, FieldType::Phone | FieldType::Email)
}

/// Why a leaf cannot be used.
struct Wrong {
    rule: FaultRule,
    detail: String,
}

impl Wrong {
    fn operand(expected: &str) -> Self {
        let detail = format!("the operand must be {expected}");
        Self { rule: FaultRule::WrongOperand, detail }
    }

    fn test(test: &Test, kind: &str) -> Self {
        let detail = format!("`{}` cannot be asked of {kind}", test.name());
        Self { rule: FaultRule::WrongTest, detail }
    }
}

/// What a leaf's values are.
enum Kind {
    Word,
    State,
    Zip,
    Enum(Vec<String>),
    Integer,
    Decimal,
    Date,
    Boolean,
    List,
}

impl Kind {
    fn of(field: &Field) -> Self {
        match field.kind {
            FieldType::Text | FieldType::Name | FieldType::Phone | FieldType::Email => Self::Word,
            FieldType::State => Self::State,
            FieldType::Zip => Self::Zip,
            FieldType::Enum => Self::Enum(field.values.clone()),
            FieldType::Integer => Self::Integer,
            FieldType::Decimal | FieldType::Money => Self::Decimal,
            FieldType::Date => Self::Date,
            FieldType::Boolean => Self::Boolean,
            FieldType::List => Self::List,
        }
    }
}

/// The test of a value of that kind; `exists` was answered before.
fn predicate(kind: &Kind, test: &Test) -> Result<Predicate, Wrong> {
    match kind {
        Kind::Word => {
            let test = unordered(test, "a text", |operand| {
                Ok(text(operand)?.to_ascii_lowercase().into_boxed_str())
            });
            Ok(Predicate::Text(Casing::Folded, test?))
        }
        Kind::State => Ok(Predicate::Text(Casing::Exact, unordered(test, "a state", state)?)),
        Kind::Enum(values) => {
            let test = unordered(test, "one of a list of values", |operand| {
                let value = text(operand)?;
                let known = values.iter().find(|known| *known == value);
                known.map(|known| Box::from(known.as_str())).ok_or_else(|| one_of(values))
            });
            Ok(Predicate::Text(Casing::Exact, test?))
        }
        Kind::Zip => Ok(Predicate::Text(Casing::Exact, comparison(test, zip)?)),
        Kind::Integer => Ok(Predicate::Integer(comparison(test, integer)?)),
        Kind::Decimal => Ok(Predicate::Decimal(comparison(test, decimal)?)),
        Kind::Date => Ok(Predicate::Date(comparison(test, date)?)),
        Kind::Boolean => match test {
            Test::Eq(Operand::Boolean(truth)) => Ok(Predicate::Boolean(*truth)),
            Test::Ne(Operand::Boolean(truth)) => Ok(Predicate::Boolean(!*truth)),
            Test::Eq(_) | Test::Ne(_) => Err(Wrong::operand("true or false")),
            test => Err(Wrong::test(test, "true or false")),
        },
        Kind::List => Err(Wrong {
            rule: FaultRule::WrongTest,
            detail: "a list is tested with `exists`, or by its number of items as `<list>_count`"
                .to_owned(),
        }),
    }
}

fn one_of(values: &[String]) -> Wrong {
    /// The most values named in a fault.
    const NAMED_MAX: usize = 12;
    let mut named = values.iter().take(NAMED_MAX).cloned().collect::<Vec<_>>().join(", ");
    if values.len() > NAMED_MAX {
        named.push_str(" ...");
    }
    Wrong::operand(&format!("one of {named}"))
}

fn text(operand: &Operand) -> Result<&str, Wrong> {
    match operand {
        Operand::Text(text) => Ok(text),
        Operand::Boolean(_) | Operand::Number(_) => Err(Wrong::operand("a text in quotes")),
    }
}

fn state(operand: &Operand) -> Result<Box<str>, Wrong> {
    let code = text(operand)?;
    if is_state(code) {
        Ok(code.into())
    } else {
        Err(Wrong::operand("a USPS state code such as TX"))
    }
}

fn zip(operand: &Operand) -> Result<Box<str>, Wrong> {
    let wrong = || Wrong::operand("a ZIP code: five digits in quotes");
    let code = text(operand).map_err(|_| wrong())?;
    let is_code = code.len() == 5 && code.bytes().all(|byte| byte.is_ascii_digit());
    if is_code { Ok(code.into()) } else { Err(wrong()) }
}

/// Numbers that are not whole come back from JSON as texts, so texts are read too.
fn decimal(operand: &Operand) -> Result<Decimal, Wrong> {
    let number = match operand {
        Operand::Number(number) => Some(*number),
        Operand::Text(text) => Decimal::parse(text).ok(),
        Operand::Boolean(_) => None,
    };
    number.ok_or_else(|| Wrong::operand("a number with at most 4 decimals"))
}

fn integer(operand: &Operand) -> Result<i64, Wrong> {
    let whole = decimal(operand).ok().and_then(Decimal::to_integer);
    whole.ok_or_else(|| Wrong::operand("a whole number"))
}

fn date(operand: &Operand) -> Result<Date, Wrong> {
    let wrong = || Wrong::operand("a date such as \"1957-03-02\"");
    text(operand).map_err(|_| wrong())?.parse().map_err(|_| wrong())
}

/// A comparison of values that have no order worth asking for.
fn unordered<T: Ord>(
    test: &Test,
    kind: &str,
    read: impl Fn(&Operand) -> Result<T, Wrong>,
) -> Result<Comparison<T>, Wrong> {
    match test {
        Test::Eq(_) | Test::Ne(_) | Test::In(_) | Test::NotIn(_) => comparison(test, read),
        test => Err(Wrong::test(test, kind)),
    }
}

fn comparison<T: Ord>(
    test: &Test,
    read: impl Fn(&Operand) -> Result<T, Wrong>,
) -> Result<Comparison<T>, Wrong> {
    Ok(match test {
        Test::Eq(operand) => Comparison::Eq(read(operand)?),
        Test::Ne(operand) => Comparison::Ne(read(operand)?),
        Test::In(operands) => Comparison::In(list(operands, read)?),
        Test::NotIn(operands) => Comparison::NotIn(list(operands, read)?),
        Test::Lt(operand) => Comparison::Lt(read(operand)?),
        Test::Lte(operand) => Comparison::Lte(read(operand)?),
        Test::Gt(operand) => Comparison::Gt(read(operand)?),
        Test::Gte(operand) => Comparison::Gte(read(operand)?),
        Test::Between(low, high) => {
            let (low, high) = (read(low)?, read(high)?);
            if low > high {
                return Err(Wrong::operand("the lower value first in `between`"));
            }
            Comparison::Between(low, high)
        }
        Test::Exists(_) => return Err(Wrong::test(test, "a comparison")),
    })
}

fn list<T: Ord>(
    operands: &[Operand],
    read: impl Fn(&Operand) -> Result<T, Wrong>,
) -> Result<Box<[T]>, Wrong> {
    if operands.is_empty() || operands.len() > OPERANDS_MAX {
        let rule = FaultRule::FilterLimits;
        return Err(Wrong { rule, detail: format!("a list has 1 to {OPERANDS_MAX} values") });
    }
    let sorted: BTreeSet<T> = operands.iter().map(read).collect::<Result<_, _>>()?;
    Ok(sorted.into_iter().collect())
}
