//! What is wrong or doubtful with rules that are each well written.

use super::ReplyReader;
use super::bid::PriceFrom;
use super::compile::Role;
use super::condition::{Comparison, Condition};
use super::rule::{Outcome, Rule};
use super::source::SourceId;
use crate::integration::fault::Faults;
use crate::integration::section::At;

/// Where things stand in the file.
pub(super) struct Places<'a> {
    /// The whole table.
    pub(super) table: &'a At<()>,
    /// Each of its rules.
    pub(super) rules: &'a [At<()>],
    /// Whether there is a `bid` table, whatever is wrong with it.
    pub(super) has_bid: bool,
}

/// Notes what the rules together get wrong.
pub(super) fn lint(reader: &ReplyReader, role: Role, places: &Places<'_>, faults: &mut Faults<'_>) {
    if matches!(role, Role::Ping | Role::Post | Role::Status) {
        outcomes(reader, role, places, faults);
    }
    for (at, rule) in reader.rules.iter().enumerate() {
        let before = reader.rules[..at].iter().position(|before| covers(before, rule));
        if let (Some(before), Some(place)) = (before, places.rules.get(at)) {
            let message = format!("the rule never applies: rule {} takes its replies", before + 1);
            let hint = "put the narrower rule first, or leave it out";
            faults.warning(place.place(), message, Some(hint.to_owned()));
        }
    }
}

fn outcomes(reader: &ReplyReader, role: Role, places: &Places<'_>, faults: &mut Faults<'_>) {
    let place = places.table.place();
    // Whoever has another call follow says there what becomes of the lead. Which call that is, and
    // whether one follows a second post, is known where all calls are.
    let leads_on = role == Role::Post && reader.can_mean(Outcome::NextStep);
    if !reader.can_mean(Outcome::Accept) && !leads_on {
        let hint = "write [[rules]] with when = { .. } and outcome = \"accept\"";
        faults.error_with(place, "no rule accepts", hint);
    }
    let refuses = [Outcome::Refuse, Outcome::Duplicate, Outcome::Invalid, Outcome::Quota];
    if !refuses.into_iter().any(|outcome| reader.can_mean(outcome)) && !leads_on {
        let hint = "write a rule with outcome = \"refuse\": what no rule names is not understood";
        faults.warning(place, "no rule refuses", Some(hint.to_owned()));
    }
    if role != Role::Ping {
        return;
    }
    match (&reader.bid.price, reader.bid.each) {
        (None, _) if !places.has_bid => {
            let hint = "write bid = { price = \"$.price\" }, or { price = { fixed = \"12.50\" } }";
            faults.error_with(place, "an accepted ping has no price", hint);
        }
        (Some(price), Some(_)) => {
            if let PriceFrom::Source(source) = price.from
                && !reader.sources.list[source].is_of_item
            {
                let hint = "begin its path with `@` or `./`";
                let message = "every bid of the reply gets the same price";
                faults.warning(place, message, Some(hint.to_owned()));
            }
        }
        _ => {}
    }
}

/// Whether `before` applies to every reply to which `rule` does.
fn covers(before: &Rule, rule: &Rule) -> bool {
    let Some(wide) = &before.when else { return true };
    let Some(narrow) = &rule.when else { return false };
    let (Some(wide), Some(narrow)) = (conjuncts(wide), conjuncts(narrow)) else { return false };
    wide.iter().all(|(source, wide)| {
        narrow.iter().any(|(of, narrow)| of == source && implies(narrow, wide))
    })
}

/// The comparisons that must all hold; `None` where alternatives or negations stand.
fn conjuncts(condition: &Condition) -> Option<Vec<(SourceId, &Comparison)>> {
    match condition {
        Condition::Source(source, comparisons) => {
            Some(comparisons.iter().map(|comparison| (*source, comparison)).collect())
        }
        Condition::All(conditions) => {
            let mut all = Vec::new();
            for condition in conditions {
                all.extend(conjuncts(condition)?);
            }
            Some(all)
        }
        Condition::Any(_) | Condition::Not(_) => None,
    }
}

/// Whether what fulfils `narrow` always fulfils `wide`.
fn implies(narrow: &Comparison, wide: &Comparison) -> bool {
    match (narrow, wide) {
        (Comparison::Is(narrow), Comparison::Is(wide)) => {
            narrow.iter().all(|word| wide.contains(word))
        }
        (Comparison::IsNot(narrow), Comparison::IsNot(wide)) => {
            wide.iter().all(|word| narrow.contains(word))
        }
        (Comparison::Exactly(narrow), wide) => {
            narrow.iter().all(|word| wide.holds(Some(word.trim())))
        }
        (Comparison::Number(..), Comparison::Present(true)) => true,
        (Comparison::Is(narrow), Comparison::Present(true)) => {
            !narrow.iter().any(|word| word.is(""))
        }
        (Comparison::Contains(narrow), Comparison::Contains(wide))
        | (Comparison::StartsWith(narrow), Comparison::StartsWith(wide)) => {
            narrow.iter().all(|piece| wide.contains(piece))
        }
        (Comparison::Present(narrow), Comparison::Present(wide)) => narrow == wide,
        (Comparison::Matches(narrow), Comparison::Matches(wide)) => {
            narrow.as_str() == wide.as_str()
        }
        (Comparison::Number(narrow, one), Comparison::Number(wide, other)) => {
            narrow == wide && one == other
        }
        _ => false,
    }
}
