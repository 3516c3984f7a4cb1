//! A whole profile: compiled from its text, once.

mod calls;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;

use super::fault::{Fault, Faults, Place, Severity};
use super::input::{BidInput, Frame, PingInput, PostInput, Seen};
use super::nearest::hint;
use super::phase::Phase;
use super::reply::ReplyReader;
use super::request::{
    Declared, Part, RenderRefused, RenderedRequest, Request, Source, Terms, Uses, Walk, Within,
    Word, parse_maps,
};
use super::section::{self, At, Section};
use crate::domain::time::Zone;

/// The most words of all lists of a profile.
const LIST_WORDS_MAX: usize = 50_000;

/// A compiled profile.
#[derive(Debug, Clone)]
pub struct Profile {
    pub(super) text: Arc<str>,
    name: String,
    source: String,
    description: String,
    settings: Vec<Setting>,
    secrets: Vec<String>,
    pub(super) calls: BTreeMap<Phase, Call>,
    warnings: Vec<Fault>,
}

/// One call of a profile.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) request: Request,
    pub(super) uses: Uses,
    /// Without one, nothing is made of the reply but whether it came.
    pub(super) reply: Option<Arc<ReplyReader>>,
}

/// Something that a campaign sets for its profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// The name.
    pub name: String,
    /// What it is, for whoever sets it.
    pub description: String,
    /// What it is if a campaign does not set it.
    pub default: Option<String>,
    /// The only values it may have; empty for any.
    pub values: Vec<String>,
    /// Whether it may be left without a value.
    pub optional: bool,
}

impl Profile {
    /// Compiles the text of a profile.
    ///
    /// # Errors
    /// Everything that is wrong with it, and what somebody should look at, in the order of the text.
    pub fn compile(text: &str) -> Result<Self, Vec<Fault>> {
        let mut faults = Faults::of(text);
        let profile =
            section::parse(text, &mut faults).and_then(|root| Self::read(root, text, &mut faults));
        let is_refused = faults.is_refused();
        let list = faults.into_list();
        match profile {
            Some(profile) if !is_refused => Ok(Self { warnings: list, ..profile }),
            _ => Err(list),
        }
    }

    fn read(mut root: Section<'_>, text: &str, faults: &mut Faults<'_>) -> Option<Self> {
        let name = root.text("profile", faults);
        let source = root.text("source", faults);
        let description = root.text("description", faults);
        let secrets = secrets(&mut root, faults);
        let settings = settings(&mut root, faults);
        let terms = terms(&mut root, faults);
        let declared = Declared {
            settings: settings.iter().map(|setting| setting.name.as_str()).collect(),
            secrets: secrets.iter().map(String::as_str).collect(),
        };
        let has_sale = root.has("ping") || root.has("post");
        let (calls, are_whole) = calls::calls(&mut root, &terms, &declared, faults);
        check_name(name.as_ref(), faults);
        if !has_sale {
            faults.error_with(
                Place { at: 0, path: "" },
                "the profile describes neither a ping nor a post",
                "write [ping.request] or [post.request]",
            );
        }
        if are_whole {
            unused(&settings, &secrets, &calls, faults);
        }
        root.finish(faults);
        Some(Self {
            text: Arc::from(text),
            name: name?.value,
            source: source.map(|source| source.value).unwrap_or_default(),
            description: description.map(|text| text.value).unwrap_or_default(),
            settings,
            secrets,
            calls,
            warnings: Vec::new(),
        })
    }

    /// The text it was compiled from.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The profile's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it was written from.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// What it is, in a sentence.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// What a campaign sets.
    #[must_use]
    pub fn settings(&self) -> &[Setting] {
        &self.settings
    }

    /// The secrets a campaign gives, by name.
    #[must_use]
    pub fn secrets(&self) -> &[String] {
        &self.secrets
    }

    /// What compiling found that somebody should look at.
    #[must_use]
    pub fn warnings(&self) -> &[Fault] {
        &self.warnings
    }

    /// The calls it describes.
    pub fn phases(&self) -> impl Iterator<Item = Phase> {
        self.calls.keys().copied()
    }

    /// Whether its bids are for calls alone: they name a number, and there is no post.
    #[must_use]
    pub fn is_for_calls(&self) -> bool {
        let brings_number = self.reply(Phase::Ping).is_some_and(|ping| ping.brings_phone_number());
        brings_number && !self.calls.contains_key(&Phase::Post)
    }

    /// Whether any of its calls names the companies that may have the lead already.
    #[must_use]
    pub fn names_others(&self) -> bool {
        let mut names = false;
        for call in self.calls.values() {
            call.request.walk(Within::Nothing, &mut |part, _| {
                let Part::Source(source) = part else { return };
                names |= source.value == Source::Word(Word::SoldTo);
            });
        }
        names
    }

    /// What a call uses; none if the profile has no such call.
    #[must_use]
    pub fn uses(&self, phase: Phase) -> Option<&Uses> {
        self.calls.get(&phase).map(|call| &call.uses)
    }

    /// How the reply to a call is read; none if the profile says nothing of it.
    #[must_use]
    pub fn reply(&self, phase: Phase) -> Option<&Arc<ReplyReader>> {
        self.calls.get(&phase)?.reply.as_ref()
    }

    /// Everything a campaign sets, with what it leaves out.
    ///
    /// # Errors
    /// One sentence for each setting that is unknown, missing, or has a value it may not have.
    pub fn complete_settings(
        &self,
        given: &BTreeMap<String, String>,
    ) -> Result<BTreeMap<String, String>, Vec<String>> {
        let mut faults = Vec::new();
        let mut complete = BTreeMap::new();
        for setting in &self.settings {
            match given.get(&setting.name).or(setting.default.as_ref()) {
                Some(value) if setting.values.is_empty() || setting.values.contains(value) => {
                    complete.insert(setting.name.clone(), value.clone());
                }
                Some(_) => {
                    let (name, values) = (&setting.name, setting.values.join(", "));
                    faults.push(format!("`{name}` is one of {values}"));
                }
                None if setting.optional => {}
                None => faults.push(format!(
                    "the profile `{}` needs the setting `{}`: {}",
                    self.name, setting.name, setting.description
                )),
            }
        }
        let names: Vec<&str> = self.settings.iter().map(|setting| setting.name.as_str()).collect();
        for name in given.keys().filter(|name| !names.contains(&name.as_str())) {
            let hint = hint(name, &names).map(|hint| format!("; {hint}")).unwrap_or_default();
            faults.push(format!("the profile `{}` has no setting `{name}`{hint}", self.name));
        }
        if faults.is_empty() { Ok(complete) } else { Err(faults) }
    }

    /// Renders the ping.
    ///
    /// # Errors
    /// If something required is missing, or does not fit where it stands.
    pub fn render_ping(&self, input: &PingInput<'_>) -> Result<RenderedRequest, RenderRefused> {
        self.render(Phase::Ping, &input.into())
    }

    /// Renders the call before the ping.
    ///
    /// # Errors
    /// As [`Profile::render_ping`].
    pub fn render_preping(&self, input: &PingInput<'_>) -> Result<RenderedRequest, RenderRefused> {
        self.render(Phase::Preping, &input.into())
    }

    /// Renders the post.
    ///
    /// # Errors
    /// As [`Profile::render_ping`].
    pub fn render_post(&self, input: &PostInput<'_>) -> Result<RenderedRequest, RenderRefused> {
        self.render(Phase::Post, &input.into())
    }

    /// Renders the second post that a reply asked for; what the reply brought is in the frame.
    ///
    /// # Errors
    /// As [`Profile::render_ping`].
    pub fn render_confirm(&self, input: &PostInput<'_>) -> Result<RenderedRequest, RenderRefused> {
        self.render(Phase::Confirm, &input.into())
    }

    /// Renders what tells the buyer how a sale went on.
    ///
    /// # Errors
    /// As [`Profile::render_ping`].
    pub fn render_completion(
        &self,
        input: &PostInput<'_>,
    ) -> Result<RenderedRequest, RenderRefused> {
        self.render(Phase::Completion, &input.into())
    }

    /// Renders the question what became of a post.
    ///
    /// # Errors
    /// As [`Profile::render_ping`].
    pub fn render_status(&self, input: &BidInput<'_>) -> Result<RenderedRequest, RenderRefused> {
        self.render(Phase::Status, &input.into())
    }

    /// Renders the notice to a buyer whose bid lost.
    ///
    /// # Errors
    /// As [`Profile::render_ping`].
    pub fn render_loser_notice(
        &self,
        input: &BidInput<'_>,
    ) -> Result<RenderedRequest, RenderRefused> {
        self.render(Phase::LoserNotice, &input.into())
    }

    /// Renders the call that gets a token.
    ///
    /// # Errors
    /// As [`Profile::render_ping`].
    pub fn render_login(&self, frame: &Frame<'_>) -> Result<RenderedRequest, RenderRefused> {
        self.render(Phase::Login, &frame.into())
    }

    /// The header that says who sends a call, if it has one; made for each attempt, from the secrets
    /// and what a login brought.
    ///
    /// # Errors
    /// If a secret or a token is missing, or cannot stand in a header.
    pub fn authorization(
        &self,
        phase: Phase,
        frame: &Frame<'_>,
    ) -> Result<Option<(String, String)>, RenderRefused> {
        let call = self.calls.get(&phase).ok_or(RenderRefused::NoSuchRequest)?;
        call.request.authorization(&frame.into())
    }

    fn render(&self, phase: Phase, seen: &Seen<'_>) -> Result<RenderedRequest, RenderRefused> {
        let call = self.calls.get(&phase).ok_or(RenderRefused::NoSuchRequest)?;
        let given = |name: &&String| !seen.frame.secrets.contains_key(name.as_str());
        if let Some(name) = call.uses.secrets.iter().find(given) {
            return Err(RenderRefused::NotSet { name: format!("secret.{name}") });
        }
        call.request.render(seen)
    }
}

fn secrets(root: &mut Section<'_>, faults: &mut Faults<'_>) -> Vec<String> {
    let mut secrets = Vec::new();
    for name in root.texts("secrets", faults) {
        if !is_name(&name.value) || secrets.contains(&name.value) {
            let message = format!("`{}` is no name, or is there twice", name.value);
            faults.error_with(name.place(), message, "names have small letters, digits and _");
            continue;
        }
        secrets.push(name.value);
    }
    secrets
}

fn settings(root: &mut Section<'_>, faults: &mut Faults<'_>) -> Vec<Setting> {
    let Some(table) = root.table("settings", faults) else { return Vec::new() };
    let mut settings = Vec::new();
    for (name, entry) in table.into_entries() {
        if !is_name(&name.value) {
            let message = format!("`{}` is no name", name.value);
            faults.error_with(name.place(), message, "names have small letters, digits and _");
        }
        let Some(mut section) = entry.into_section(faults) else { continue };
        let description = section.text("description", faults);
        let default = section.text("default", faults);
        let values = section.texts("values", faults);
        let optional = section.boolean("optional", faults);
        let values: Vec<String> = values.into_iter().map(|value| value.value).collect();
        if let Some(default) = &default
            && !values.is_empty()
            && !values.contains(&default.value)
        {
            faults.error(default.place(), "the default is none of the values");
        }
        section.finish(faults);
        settings.push(Setting {
            name: name.value,
            description: description.map(|text| text.value).unwrap_or_default(),
            default: default.map(|text| text.value),
            values,
            optional: optional.is_some_and(|optional| optional.value),
        });
    }
    settings
}

pub(super) fn terms(root: &mut Section<'_>, faults: &mut Faults<'_>) -> Terms {
    let mut terms = Terms::default();
    if let Some(zone) = root.text("time_zone", faults) {
        match Zone::parse(&zone.value) {
            Ok(parsed) => terms.zone = parsed,
            Err(message) => faults.error(zone.place(), message),
        }
    }
    if let Some(table) = root.table("value_maps", faults) {
        terms.maps = parse_maps(table, faults);
    }
    let Some(table) = root.table("lists", faults) else { return terms };
    let mut count = 0;
    for (name, entry) in table.into_entries() {
        let words = entry.into_texts(faults);
        count += words.len();
        let words: BTreeSet<String> = words.into_iter().map(|word| word.value).collect();
        if words.is_empty() || count > LIST_WORDS_MAX {
            let message = format!("a list has a text at least; all lists have {LIST_WORDS_MAX}");
            faults.error(name.place(), message);
        }
        terms.lists.insert(name.value, Arc::new(words));
    }
    terms
}

pub(super) fn check_name(name: Option<&At<String>>, faults: &mut Faults<'_>) {
    let is_slug = |text: &str| {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
        !text.is_empty()
            && text.len() <= 63
            && text.chars().all(plain)
            && !text.starts_with(['-', '_'])
    };
    match name {
        None => faults.error_with(
            Place { at: 0, path: "" },
            "the profile has no name",
            "write profile = \"name\" in its first line",
        ),
        Some(name) if !is_slug(&name.value) => faults.error_with(
            name.place(),
            format!("`{}` is no name for a profile", name.value),
            "write small letters, digits, `-` and `_`, at most 63",
        ),
        Some(_) => {}
    }
}

fn is_name(text: &str) -> bool {
    super::request::is_name(text)
}

/// Warns of what is declared and used nowhere.
fn unused(
    settings: &[Setting],
    secrets: &[String],
    calls: &BTreeMap<Phase, Call>,
    faults: &mut Faults<'_>,
) {
    let start = Place { at: 0, path: "" };
    let uses = || calls.values().map(|call| &call.uses);
    for setting in settings.iter().map(|setting| &setting.name) {
        if !uses().any(|uses| uses.settings.contains(setting)) {
            faults.warning(start, format!("the setting `{setting}` is used nowhere"), None);
        }
    }
    for secret in secrets {
        if !uses().any(|uses| uses.secrets.contains(secret)) {
            faults.warning(start, format!("the secret `{secret}` is used nowhere"), None);
        }
    }
}

/// Whether any of the faults is one for which a profile is refused.
#[must_use]
pub fn is_refused(faults: &[Fault]) -> bool {
    faults.iter().any(|fault| fault.severity == Severity::Error)
}

#[cfg(test)]
mod tests;
