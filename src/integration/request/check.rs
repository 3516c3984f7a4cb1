//! What a request uses, and whether its call has it.

use std::collections::BTreeSet;

use serde::Serialize;

use super::super::fault::Faults;
use super::super::nearest::hint;
use super::super::phase::{Phase, Sight};
use super::super::section::At;
use super::node::{Content, Document, Node, Origin, Part, Piece, Value, Visit, Walk, Within};
use super::source::{Source, nearest_word};
use super::{Body, Request};

/// What one call uses of a lead and of its campaign.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Uses {
    /// Fields of the lead.
    pub fields: BTreeSet<String>,
    /// Fields without which the call is not made.
    pub required: BTreeSet<String>,
    /// Elements of consent.
    pub consent: BTreeSet<String>,
    /// Settings of the campaign.
    pub settings: BTreeSet<String>,
    /// Secrets of the campaign.
    pub secrets: BTreeSet<String>,
    /// What earlier calls bring: `login.token`.
    pub captured: BTreeSet<String>,
    /// Whether the campaign has to have a URL of its own for the call.
    pub url: bool,
}

/// What a profile declares, by name.
pub(in crate::integration) struct Declared<'d> {
    pub(in crate::integration) settings: Vec<&'d str>,
    pub(in crate::integration) secrets: Vec<&'d str>,
}

impl Request {
    /// Notes every source that a call does not have; gives what it uses.
    pub(in crate::integration) fn check(
        &self,
        phase: Phase,
        declared: &Declared<'_>,
        faults: &mut Faults<'_>,
    ) -> Uses {
        let mut uses = Uses { url: self.url.needs_own(), ..Uses::default() };
        self.walk(Within::Nothing, &mut |part, within| {
            let Part::Source(source) = part else { return };
            source.value.check_phase(phase, source.place(), faults);
            if within == Within::Nothing && source.value.is_of_item() {
                faults.error_with(
                    source.place(),
                    "there is no item here",
                    "write `each = \"list\"` beside it or around it",
                );
            }
            uses.add(source, declared, faults);
        });
        if phase.sight() != Sight::Nothing {
            for document in self.body.document().into_iter().chain(&self.query) {
                document.nodes.iter().for_each(|node| require(node, &mut uses.required));
            }
            for header in &self.headers {
                require_value(&header.value, &mut uses.required);
            }
        }
        uses
    }
}

impl Uses {
    fn add(&mut self, source: &At<Source>, declared: &Declared<'_>, faults: &mut Faults<'_>) {
        match &source.value {
            Source::Lead(path) => {
                self.fields.insert(path.name.clone());
            }
            Source::Consent(element) => {
                self.consent.insert(element.as_str().to_owned());
            }
            Source::Captured(name) => {
                self.captured.insert(name.clone());
            }
            Source::Setting(name) => {
                self.settings.insert(name.clone());
                if !declared.settings.contains(&name.as_str()) {
                    let hint = hint(name, &declared.settings)
                        .unwrap_or_else(|| format!("write [settings.{name}]"));
                    let message = format!("the profile declares no setting `{name}`");
                    faults.error_with(source.place(), message, hint);
                }
            }
            Source::Secret(name) => {
                self.secrets.insert(name.clone());
                if !declared.secrets.contains(&name.as_str()) {
                    let hint = hint(name, &declared.secrets)
                        .unwrap_or_else(|| format!("write secrets = [\"{name}\"]"));
                    let message = format!("the profile declares no secret `{name}`");
                    faults.error_with(source.place(), message, hint);
                }
            }
            Source::Whole
            | Source::Item(_)
            | Source::Itself
            | Source::Number(_)
            | Source::Word(_)
            | Source::Bid(_)
            | Source::Given(_) => {}
        }
    }
}

/// Collects the fields without which nothing is sent, whatever else the lead has.
fn require(node: &Node, into: &mut BTreeSet<String>) {
    if node.when.is_some() {
        return;
    }
    match &node.content {
        Content::Value(value) => require_value(value, into),
        Content::Object(object) => object.nodes.iter().for_each(|node| require(node, into)),
        Content::Items(items) => items.iter().for_each(|item| require(item, into)),
        Content::Each(_) | Content::Whole(_) | Content::Omitted => {}
    }
}

fn require_value(value: &Value, into: &mut BTreeSet<String>) {
    if let (Origin::Source(source), true, None, None) =
        (&value.origin, value.is_required, &value.default, &value.when)
        && let Source::Lead(path) = &source.value
    {
        into.insert(path.name.clone());
    }
}

impl Walk for Request {
    fn walk<'s>(&'s self, within: Within<'s>, visit: &mut Visit<'_, 's>) {
        for piece in &self.url.pieces {
            if let Piece::Source(source) = piece {
                visit(Part::Source(source), within);
            }
        }
        self.headers.iter().for_each(|header| header.value.walk(within, visit));
        let auth = self.auth.iter().flat_map(super::Auth::values);
        auth.for_each(|value| value.walk(within, visit));
        self.query.iter().for_each(|query: &Document| query.walk(within, visit));
        match &self.body {
            Body::Document(document) | Body::Query(document) => document.walk(within, visit),
            Body::Soap(soap) => soap.document.walk(within, visit),
            Body::Text(value) => value.walk(within, visit),
            Body::Template { template, .. } => {
                template.sources().iter().for_each(|source| visit(Part::Source(source), within));
            }
            Body::None => {}
        }
    }
}

/// What to write instead of a field that a vertical does not have.
pub(in crate::integration) fn field_hint(name: &str, known: &[&str]) -> Option<String> {
    hint(name, known).or_else(|| nearest_word(name).map(|word| format!("did you mean `{word}`?")))
}
