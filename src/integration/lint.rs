//! A profile held against the vertical and the disclosures it is used with.
//!
//! A profile is written for a buyer, and a vertical says what leads have; only together can it be
//! said whether a ping may show what the buyer asks for, and whether every value has a word.

mod condition;

use std::collections::BTreeSet;

use super::fault::{Fault, Faults, Place};
use super::phase::{Phase, Sight};
use super::profile::Profile;
use super::request::{Part, Source, Step, Value, Walk, Within, field_hint};
use super::section::At;
use crate::domain::disclosure::{AGE, BIRTH_DATE, ContactTrace};
use crate::domain::vertical::{Exposure, Field, FieldType, PiiClass, Vertical};

/// What a profile is held against.
struct Lint<'l> {
    vertical: &'l Vertical,
    disclosures: &'l [String],
}

impl Profile {
    /// The disclosures without which its ping lacks something it names, in the order of the
    /// alphabet. What no disclosure can give (contact data) is not among them: [`Profile::lint`]
    /// names it.
    #[must_use]
    pub fn disclosures(&self, vertical: &Vertical) -> Vec<String> {
        let mut needed = BTreeSet::new();
        for phase in [Phase::Preping, Phase::Ping] {
            let Some(call) = self.calls.get(&phase) else { continue };
            call.request.walk(Within::Nothing, &mut |part, within| {
                let Part::Source(source) = part else { return };
                match (&source.value, within) {
                    (Source::Lead(path), _) => {
                        let field = vertical.field(&path.name);
                        let is_age = path.name == AGE && field.is_none();
                        let is_needed = field.is_some_and(needs_disclosure);
                        let inner = path.inner.as_deref();
                        let is_inner = field.is_some_and(|field| needs_inner(field, inner));
                        let is_trace = ContactTrace::find(vertical, &path.name).is_some();
                        if is_age || is_needed || is_inner || is_trace {
                            needed.insert(path.name.clone());
                        }
                    }
                    (Source::Item(inner), Within::List(list)) => {
                        let field = vertical.field(list);
                        if field.is_some_and(|field| needs_inner(field, Some(inner))) {
                            needed.insert(list.to_owned());
                        }
                    }
                    (Source::Consent(element), _) => {
                        needed.extend(element.disclosure().map(str::to_owned));
                    }
                    _ => {}
                }
            });
        }
        needed.into_iter().collect()
    }

    /// That no campaign can sell by it, if its buyer would get neither a post nor a call.
    #[must_use]
    pub fn undelivered(&self) -> Vec<Fault> {
        let mut faults = Faults::of(&self.text);
        if self.uses(Phase::Post).is_none() && !self.is_for_calls() {
            let message = "nothing is posted, so no campaign can sell by this profile";
            let hint = "write [post.request], or phone_number under [ping.reply.bid] where the call \
                        is the delivery";
            faults.warning(Place { at: 0, path: "" }, message, Some(hint.to_owned()));
        }
        faults.into_list()
    }

    /// What does not fit a vertical and the disclosures of a campaign: errors for what a ping may not
    /// show and for fields that no lead has, warnings for what would often be missing.
    #[must_use]
    pub fn lint(&self, vertical: &Vertical, disclosures: &[String]) -> Vec<Fault> {
        let mut faults = Faults::of(&self.text);
        let lint = Lint { vertical, disclosures };
        for (phase, call) in &self.calls {
            if phase.sight() == Sight::Nothing {
                continue;
            }
            call.request.walk(Within::Nothing, &mut |part, within| match part {
                Part::Source(source) => lint.source(source, within, phase.sight(), &mut faults),
                Part::Value(value) => lint.value(value, within, *phase, &mut faults),
                Part::Test(source, test) => lint.test((source, test), within, &mut faults),
            });
        }
        faults.into_list()
    }
}

/// What becomes of leads that lack what a call requires.
const fn without_required(phase: Phase) -> &'static str {
    match phase {
        Phase::Confirm => {
            "such leads are posted, and where the buyer asks for the second post their fate stays \
             unknown"
        }
        Phase::Preping => "there is no ping of such leads",
        Phase::Completion => "the buyer is not told of such sales",
        _ => "such leads are not offered",
    }
}

/// Whether a ping has a field by its own name only if it is disclosed.
fn needs_disclosure(field: &Field) -> bool {
    field.exposure != Exposure::AsIs && field.pii != PiiClass::Contact
}

fn needs_inner(list: &Field, inner: Option<&str>) -> bool {
    let find = |name| list.item.iter().find(|field| field.name == name);
    inner.and_then(find).is_some_and(needs_disclosure)
}

/// The name under which a field's coarse form is in a ping.
#[must_use]
pub fn coarse_name(field: &Field) -> Option<String> {
    match field.exposure {
        Exposure::Zip3 => Some("zip3".to_owned()),
        Exposure::AgeBand => Some("age_band".to_owned()),
        Exposure::Year => Some(format!("{}_year", field.name)),
        Exposure::Bucket => Some(format!("{}_bucket", field.name)),
        Exposure::AsIs | Exposure::Never => None,
    }
}

impl Lint<'_> {
    fn source(&self, at: &At<Source>, within: Within<'_>, sight: Sight, faults: &mut Faults<'_>) {
        match (&at.value, within) {
            (Source::Lead(path), _) => {
                self.named(at, &path.name, sight, faults);
                if let (Some(inner), Some(list)) = (&path.inner, self.vertical.field(&path.name)) {
                    self.inner(at, (list, inner), sight, faults);
                }
            }
            (Source::Item(inner), Within::List(list)) => {
                if let Some(list) = self.vertical.field(list) {
                    self.inner(at, (list, inner), sight, faults);
                }
            }
            (Source::Consent(element), _) if sight == Sight::Redacted => {
                if let Some(name) = element.disclosure() {
                    let what = format!("consent.{}", element.as_str());
                    self.by_disclosure(at, (&what, name), None, faults);
                }
            }
            _ => {}
        }
    }

    fn discloses(&self, name: &str) -> bool {
        self.disclosures.iter().any(|known| known == name)
    }

    fn named(&self, at: &At<Source>, name: &str, sight: Sight, faults: &mut Faults<'_>) {
        let fields = &self.vertical.fields;
        let is_coarse = fields.iter().any(|field| coarse_name(field).as_deref() == Some(name));
        let Some(field) = self.vertical.field(name) else {
            let is_age = name == AGE && self.vertical.field(BIRTH_DATE).is_some();
            if is_coarse || is_age && sight == Sight::Whole {
                return;
            }
            let traced = ContactTrace::find(self.vertical, name).map(|(field, _)| field);
            match (is_age, traced, sight) {
                (true, ..) => return self.by_disclosure(at, (AGE, AGE), None, faults),
                (_, Some(_), Sight::Redacted) => {
                    return self.by_disclosure(at, (name, name), None, faults);
                }
                (_, Some(_), _) if self.discloses(name) => return,
                (_, Some(field), _) => {
                    let message = format!("only a campaign that discloses `{name}` has it");
                    let hint = format!("take it from `{}`, by a step", field.name);
                    return faults.error_with(at.place(), message, hint);
                }
                (_, None, _) => {}
            }
            let known: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
            let message = format!("leads of `{}` have no `{name}`", self.vertical.id);
            match field_hint(name, &known) {
                Some(hint) => faults.error_with(at.place(), message, hint),
                None => faults.error(at.place(), message),
            }
            return;
        };
        if sight == Sight::Redacted {
            self.in_ping(at, field, faults);
        }
    }

    fn in_ping(&self, at: &At<Source>, field: &Field, faults: &mut Faults<'_>) {
        let name = &field.name;
        if field.pii == PiiClass::Contact {
            let message = format!("a ping never has `{name}`: it would name the person");
            faults.error(at.place(), message);
        } else if needs_disclosure(field) {
            self.by_disclosure(at, (name, name), coarse_name(field), faults);
        }
    }

    /// What a ping has only if the campaign discloses it and the vertical lets it.
    fn by_disclosure(
        &self,
        at: &At<Source>,
        (what, disclosure): (&str, &str),
        coarse: Option<String>,
        faults: &mut Faults<'_>,
    ) {
        if let Some(class) = self.vertical.forbidden_class(disclosure) {
            let (id, class) = (&self.vertical.id, class.as_str());
            let message =
                format!("a ping never has `{what}`: `{id}` forbids to disclose {class} data");
            match coarse {
                Some(coarse) => faults.error_with(at.place(), message, format!("use `{coarse}`")),
                None => faults.error(at.place(), message),
            }
        } else if !self.discloses(disclosure) {
            let coarse = coarse.map(|coarse| format!("use `{coarse}`, or ")).unwrap_or_default();
            let hint = format!("{coarse}{}", disclose(disclosure));
            let message = format!("a ping has no `{what}` without its disclosure");
            faults.error_with(at.place(), message, hint);
        }
    }

    fn inner(
        &self,
        at: &At<Source>,
        (list, inner): (&Field, &str),
        sight: Sight,
        faults: &mut Faults<'_>,
    ) {
        let is_coarse = list.item.iter().any(|field| coarse_name(field).as_deref() == Some(inner));
        let Some(field) = list.item.iter().find(|field| field.name == inner) else {
            if is_coarse && (sight == Sight::Whole || !self.discloses(&list.name)) {
                return;
            }
            let known: Vec<&str> = list.item.iter().map(|field| field.name.as_str()).collect();
            let message = format!("an item of `{}` has no `{inner}`", list.name);
            match field_hint(inner, &known) {
                Some(hint) => faults.error_with(at.place(), message, hint),
                None => faults.error(at.place(), message),
            }
            return;
        };
        let is_hidden = sight == Sight::Redacted && field.exposure != Exposure::AsIs;
        if !is_hidden || self.discloses(&list.name) {
            return;
        }
        let message = format!("a ping has no `{}.{inner}` without a disclosure", list.name);
        if field.pii == PiiClass::Contact {
            faults.error(at.place(), format!("a ping never has `{}.{inner}`", list.name));
        } else {
            let coarse = coarse_name(field).map(|coarse| format!("use `item.{coarse}`, or "));
            let hint = format!("{}{}", coarse.unwrap_or_default(), disclose(&list.name));
            faults.error_with(at.place(), message, hint);
        }
    }

    /// The field a value is made from, if it is one.
    fn field_of(&self, value: &Value, within: Within<'_>) -> Option<&Field> {
        self.field_at(&value.single_source()?.value, within)
    }

    /// The field that a source is, if it is one.
    fn field_at(&self, source: &Source, within: Within<'_>) -> Option<&Field> {
        let item = |list: &str, name: &str| {
            self.vertical.field(list)?.item.iter().find(|field| field.name == name)
        };
        match (source, within) {
            (Source::Lead(path), _) => match &path.inner {
                None => self.vertical.field(&path.name),
                Some(inner) => item(&path.name, inner),
            },
            (Source::Item(name), Within::List(list)) => item(list, name),
            _ => None,
        }
    }

    fn value(&self, value: &Value, within: Within<'_>, phase: Phase, faults: &mut Faults<'_>) {
        let Some(field) = self.field_of(value, within) else { return };
        let Some(at) = value.single_source() else { return };
        if value.is_required() && !field.required {
            let message = format!(
                "it is required, and leads of `{}` may lack `{}`: {}",
                self.vertical.id,
                field.name,
                without_required(phase)
            );
            faults.warning(at.place(), message, None);
        }
        if let Some(Step::Map(map)) = value.first_step() {
            self.map(value, field, &map.values(), faults);
            return;
        }
        let is_number =
            matches!(field.kind, FieldType::Integer | FieldType::Decimal | FieldType::Money);
        let fits = match value.first_step() {
            Some(Step::Date(_) | Step::Since(_)) => field.kind == FieldType::Date,
            Some(Step::Phone(_) | Step::E164) => field.kind == FieldType::Phone,
            Some(Step::Email(_)) => field.kind == FieldType::Email,
            Some(Step::Boolean { .. }) => field.kind == FieldType::Boolean,
            Some(Step::Count | Step::Sum(_)) => field.kind == FieldType::List,
            Some(
                Step::Bands(_) | Step::Clamp(..) | Step::Decimals(_) | Step::Cents | Step::Times(_),
            ) => is_number,
            _ => field.kind != FieldType::List,
        };
        if !fits {
            let message = format!("`{}` is of a type for which this makes no value", field.name);
            faults.warning(at.place(), message, None);
        }
    }

    fn map(&self, value: &Value, field: &Field, words: &[&str], faults: &mut Faults<'_>) {
        let Some(at) = value.single_source() else { return };
        let known: Vec<&str> = match field.kind {
            FieldType::Enum => field.values.iter().map(String::as_str).collect(),
            FieldType::Boolean => vec!["true", "false"],
            _ => return,
        };
        let has_rest = value.has_default() || value.keeps_unmapped();
        let missing: Vec<&str> =
            known.iter().copied().filter(|known| !words.contains(known)).collect();
        if !missing.is_empty() && !has_rest {
            let message = format!("the map has no word for {}", missing.join(", "));
            let hint = "add them, or a default = \"..\"".to_owned();
            faults.warning(at.place(), message, Some(hint));
        }
        for word in words.iter().filter(|word| !known.contains(word)) {
            let message = format!("`{}` is never `{word}`", field.name);
            faults.warning(at.place(), message, super::nearest::hint(word, &known));
        }
    }
}

fn disclose(name: &str) -> String {
    format!("give the campaign disclosures = [\"{name}\"]")
}

#[cfg(test)]
mod tests;
