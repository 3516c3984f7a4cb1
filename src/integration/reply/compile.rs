//! From the `reply` table of a profile to a [`ReplyReader`], with every fault at its place.

mod bid;
mod condition;
mod prepare;
mod source;

use super::ReplyReader;
use super::answer::AnswerReader;
use super::condition::{Comparison, Condition};
use super::limits::{CAPTURES_MAX, EXTRACTS_MAX, RULES_MAX};
use super::lint::{Places, lint};
use super::rule::{Outcome, Rule};
use super::source::{Name, SourceId, Sources};
use crate::domain::campaign::OnUnmatched;
use crate::domain::post::REJECTION_REASONS;
use crate::integration::fault::{Fault, Faults, Place};
use crate::integration::section::{At, Section, parse};

/// What a reply answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A ping.
    Ping,
    /// A post, or a second one that the first led to.
    Post,
    /// A question what became of a post.
    Status,
    /// A login.
    Login,
    /// A call that only tells the buyer something, or gets a text for a further call.
    Sign,
}

/// What the body of a reply is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Json,
    Xml,
    Form,
    /// Whatever patterns and splits make of it.
    Text,
    /// Nothing that says anything: the status and the headers alone count.
    None,
}

/// An extract that has a name.
struct Named {
    name: At<String>,
    source: SourceId,
    is_used: bool,
}

/// What is known while a table is compiled.
struct Compiler<'f, 't> {
    faults: &'f mut Faults<'t>,
    role: Role,
    format: Format,
    sources: Sources,
    named: Vec<Named>,
    /// Sources that stand somewhere as a text, by it.
    spelled: Vec<(String, SourceId)>,
    /// Whether there is an item at hand.
    has_item: bool,
    /// Comparisons of the rule at hand so far.
    comparisons: usize,
    /// Whether it was told that there are too many sources.
    is_full: bool,
    /// Patterns so far.
    patterns: usize,
}

/// A reply table that was compiled by itself.
#[derive(Debug)]
pub struct CompiledReply {
    /// What it reads.
    pub reader: ReplyReader,
    /// What somebody should look at.
    pub warnings: Vec<Fault>,
}

impl ReplyReader {
    /// Compiles the lines of a `reply` table that stands in no profile, as tools and fuzzing do.
    ///
    /// # Errors
    /// Every fault of the text, each at its place.
    pub fn compile(text: &str, role: Role) -> Result<CompiledReply, Vec<Fault>> {
        let mut faults = Faults::of(text);
        let reader = parse(text, &mut faults).and_then(|root| compile(root, role, &mut faults));
        let list = faults.into_list();
        match reader {
            Some(reader) => Ok(CompiledReply { reader, warnings: list }),
            None => Err(list),
        }
    }
}

/// Compiles the `reply` table of a call. `None` if it cannot be used, with every fault noted.
pub(in crate::integration) fn compile(
    mut section: Section<'_>,
    role: Role,
    faults: &mut Faults<'_>,
) -> Option<ReplyReader> {
    let was_refused = faults.is_refused();
    let place = At { value: (), at: section.place().at, path: section.place().path.to_owned() };
    let mut compiler = Compiler {
        faults,
        role,
        format: Format::Json,
        sources: Sources::default(),
        named: Vec::new(),
        spelled: Vec::new(),
        has_item: false,
        comparisons: 0,
        is_full: false,
        patterns: 0,
    };
    compiler.prepare(&mut section);
    compiler.extracts(&mut section);
    let (rules, places) = compiler.rules(&mut section);
    let rules_are_whole = rules.len() == places.len();
    let has_bid = section.has("bid");
    let reader = ReplyReader {
        rules,
        reason: compiler.source_of(&mut section, "reason"),
        retry_after: compiler.source_of(&mut section, "retry_after"),
        captures: compiler.captures(&mut section),
        bid: if role == Role::Ping { compiler.bid(&mut section) } else { None }.unwrap_or_default(),
        answer: compiler.answer(&mut section),
        sources: Sources::default(),
    };
    section.finish(compiler.faults);
    let Compiler { sources, named, faults, .. } = compiler;
    let reader = ReplyReader { sources, ..reader };
    // Of rules that could not be compiled nothing can be said.
    if rules_are_whole {
        lint(&reader, role, &Places { table: &place, rules: &places, has_bid }, faults);
    }
    for unused in named.iter().filter(|named| !named.is_used) {
        let message = format!("nothing uses the extract `{}`", unused.name.value);
        faults.warning(unused.name.place(), message, Some("leave it out".to_owned()));
    }
    // A file that was refused before may still be compiled, for its other faults.
    (was_refused || !faults.is_refused()).then_some(reader)
}

impl Compiler<'_, '_> {
    fn error(&mut self, place: Place<'_>, message: &str, hint: &str) {
        self.faults.error_with(place, message, hint);
    }

    /// Takes a source by its key.
    fn source_of(&mut self, section: &mut Section<'_>, key: &'static str) -> Option<SourceId> {
        let entry = section.take(key)?;
        self.source(entry)
    }

    fn extracts(&mut self, section: &mut Section<'_>) {
        let Some(table) = section.table("extract", self.faults) else { return };
        for (name, entry) in table.into_entries() {
            if self.named.len() >= EXTRACTS_MAX {
                let message = format!("more than {EXTRACTS_MAX} extracts");
                self.faults.error(name.place(), message);
                return;
            }
            if !source::is_name(&name.value) {
                let message = format!("`{}` is no name for an extract", name.value);
                self.error(name.place(), &message, "use letters, digits and `_`");
                continue;
            }
            if let Some(source) = self.source(entry) {
                self.named.push(Named { name, source, is_used: false });
            }
        }
    }

    /// Texts that a further call needs.
    fn captures(&mut self, section: &mut Section<'_>) -> Vec<(Name, SourceId)> {
        let Some(table) = section.table("captures", self.faults) else { return Vec::new() };
        let mut captures = Vec::new();
        for (name, entry) in table.into_entries() {
            if captures.len() >= CAPTURES_MAX {
                self.faults.error(name.place(), format!("more than {CAPTURES_MAX} captures"));
                break;
            }
            if let Some(source) = self.source(entry) {
                captures.push((Name::from(name.value), source));
            }
        }
        captures
    }

    /// The rules, and the places of all, also of those that have a fault.
    fn rules(&mut self, section: &mut Section<'_>) -> (Vec<Rule>, Vec<At<()>>) {
        let (mut rules, mut places) = (Vec::new(), Vec::new());
        for table in section.tables("rules", self.faults) {
            if rules.len() >= RULES_MAX {
                self.faults.error(table.place(), format!("more than {RULES_MAX} rules"));
                break;
            }
            let Place { at, path } = table.place();
            places.push(At { value: (), at, path: path.to_owned() });
            rules.extend(self.rule(table));
        }
        (rules, places)
    }

    fn rule(&mut self, mut table: Section<'_>) -> Option<Rule> {
        self.comparisons = 0;
        let when = table.take("when").map(|entry| self.condition(entry));
        let has_outcome = table.has("outcome");
        let outcome = table.word("outcome", &Outcome::NAMES, self.faults);
        let reasons = REJECTION_REASONS.map(|reason| (reason, reason));
        let reason = table.word("reason", &reasons, self.faults);
        let step = table.text("step", self.faults);
        if !has_outcome {
            self.error(table.place(), "the rule has no outcome", "write outcome = \"accept\"");
        }
        table.finish(self.faults);
        let outcome = outcome?;
        if outcome.value == Outcome::NotFound && self.role != Role::Status {
            let hint = "only a status question can be answered so; write `refuse`";
            self.error(outcome.place(), "`not_found` has no meaning here", hint);
        }
        if let Some(reason) = reason.as_ref().filter(|_| outcome.value != Outcome::Refuse) {
            let hint = "leave it out, or write outcome = \"refuse\"";
            self.error(reason.place(), "only a refusal has a reason", hint);
        }
        match (&step, outcome.value) {
            (None, Outcome::NextStep) => {
                let hint = "name the call to make next: step = \"confirm\"";
                self.error(outcome.place(), "the rule names no next step", hint);
            }
            (Some(step), outcome) if outcome != Outcome::NextStep => {
                let hint = "leave it out, or write outcome = \"next_step\"";
                self.error(step.place(), "only `next_step` has a step", hint);
            }
            _ => {}
        }
        // A condition that has a fault is not one that always holds.
        let when = match when {
            Some(None) => return None,
            when => when.flatten(),
        };
        let names_status = when.as_ref().is_some_and(|when| self.names_status(when));
        let reason = reason.map(|reason| reason.value);
        let outcome = match (outcome.value, reason) {
            // However a profile says it.
            (Outcome::Refuse, Some("duplicate")) => Outcome::Duplicate,
            (outcome, _) => outcome,
        };
        Some(Rule {
            when,
            outcome,
            reason,
            step: step.map(|step| Name::from(step.value)),
            names_status,
        })
    }

    /// Whether it holds only under statuses that it names.
    fn names_status(&self, when: &Condition) -> bool {
        match when {
            Condition::All(all) => all.iter().any(|when| self.names_status(when)),
            Condition::Any(any) => any.iter().all(|when| self.names_status(when)),
            Condition::Not(_) => false,
            Condition::Source(source, comparisons) => {
                let names = |comparison: &Comparison| {
                    !matches!(comparison, Comparison::IsNot(_) | Comparison::Present(_))
                };
                self.sources.list[*source].is_of_status && comparisons.iter().any(names)
            }
        }
    }

    fn answer(&mut self, section: &mut Section<'_>) -> AnswerReader {
        let mut answer = AnswerReader::default();
        if matches!(self.role, Role::Post | Role::Status) {
            answer.buyer_lead_id = self.source_of(section, "buyer_lead_id");
            answer.redirect_url = self.source_of(section, "redirect_url");
        }
        if self.role == Role::Post {
            answer.price = section.take("price").and_then(|entry| self.price(entry));
            let words = [("unknown", false), ("accepted", true)];
            let repeated = section.word("repeated_duplicate", &words, self.faults);
            answer.duplicate_is_acceptance = repeated.is_some_and(|repeated| repeated.value);
            let words = [("unknown", OnUnmatched::Unknown), ("rejected", OnUnmatched::Rejected)];
            let unmatched = section.word("on_unmatched", &words, self.faults);
            answer.on_unmatched = unmatched.map(|unmatched| unmatched.value);
        }
        if self.role == Role::Login {
            let has_token = section.has("token");
            answer.token = self.source_of(section, "token");
            answer.life = section.take("expires").and_then(|entry| self.life(entry));
            if !has_token {
                let hint = "say where it is: token = \"$.token\"";
                self.error(section.place(), "the login brings no token", hint);
            }
        }
        answer
    }
}
