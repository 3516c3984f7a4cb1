//! Templates: for what structure cannot say.
//!
//! A template sees the same sources as the rest of its request. It knows no other files and cannot
//! reach anything outside; how long it runs and how much it makes are bounded by its fuel, and what
//! it prints is escaped for the format it is in, whatever filters it uses.

use std::collections::BTreeMap;
use std::fmt;

use minijinja::value::{Serde, Value, ValueKind};
use minijinja::{Environment, Error, ErrorKind, Output, State, UndefinedBehavior};

use super::super::datum::{Datum, Items};
use super::super::fault::{Faults, Place};
use super::super::section::At;
use super::document::{RENDERED_BYTES_MAX, push_escaped, push_text};
use super::node::Format;
use super::refused::RenderRefused;
use super::scope::Scope;
use super::source::{CONSENT, Source, WORDS};

/// What one rendering may cost: about so many steps, or 64 times as many bytes.
const FUEL: u64 = 20_000;

/// What it takes to hand an item of a list to a template, in steps.
const ITEM_STEPS: usize = 8;

/// How deep a template may go.
const RECURSION_MAX: usize = 32;

/// The longest template, in bytes.
const TEMPLATE_BYTES_MAX: usize = 65_536;

/// The one name a template has in its environment.
const NAME: &str = "template";

/// Names that templates have of themselves.
const OF_TEMPLATES: [&str; 5] = ["range", "dict", "namespace", "loop", "self"];

/// A compiled template.
pub(in crate::integration) struct Template {
    environment: Environment<'static>,
    format: Option<Format>,
    sources: Vec<At<Source>>,
}

impl fmt::Debug for Template {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Template").field("sources", &self.sources).finish_non_exhaustive()
    }
}

impl Template {
    /// Compiles a template whose output is of a format, or is a plain value.
    pub(super) fn compile(
        text: &At<String>,
        format: Option<Format>,
        faults: &mut Faults<'_>,
    ) -> Option<Self> {
        if text.value.len() > TEMPLATE_BYTES_MAX {
            let message = format!("a template has at most {TEMPLATE_BYTES_MAX} bytes");
            faults.error(text.place(), message);
            return None;
        }
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_fuel(Some(FUEL));
        environment.set_recursion_limit(RECURSION_MAX);
        environment.set_formatter(move |out, _: &mut State, value| print(out, value, format));
        if let Err(error) = environment.add_template_owned(NAME, text.value.clone()) {
            let line = error.line().unwrap_or(1);
            let detail = error.detail().unwrap_or("it cannot be read");
            faults.error(text.place(), format!("line {line} of the template: {detail}"));
            return None;
        }
        let sources = sources(&environment, text, faults)?;
        Some(Self { environment, format, sources })
    }

    /// The sources it uses.
    pub(super) fn sources(&self) -> &[At<Source>] {
        &self.sources
    }

    /// What it makes of the values at hand.
    ///
    /// # Errors
    /// If it uses a value that is missing, needs too much, or makes what is not of the format.
    pub(super) fn render(&self, scope: &Scope<'_>) -> Result<String, RenderRefused> {
        let refused = |why| RenderRefused::Template { why };
        let template = self.environment.get_template(NAME).map_err(|_| refused("not compiled"))?;
        let captured = template.render_captured(self.context(scope)).map_err(|error| {
            refused(match error.kind() {
                ErrorKind::UndefinedError => "a value is missing",
                ErrorKind::OutOfFuel => "it needs too much",
                _ => "it cannot be carried out",
            })
        })?;
        if let Some((consumed, _)) = captured.state().fuel_levels() {
            scope.effort.add(usize::try_from(consumed).unwrap_or(usize::MAX));
        }
        let made = captured.into_output();
        if made.len() > RENDERED_BYTES_MAX {
            return Err(RenderRefused::TooLarge);
        }
        let is_well_formed = match self.format {
            Some(Format::Json) => serde_json::from_str::<serde::de::IgnoredAny>(&made).is_ok(),
            Some(Format::Xml) => roxmltree::Document::parse(&made).is_ok(),
            Some(Format::Form) => is_form(&made),
            None => true,
        };
        if is_well_formed { Ok(made) } else { Err(refused("what it makes is not well-formed")) }
    }

    fn context(&self, scope: &Scope<'_>) -> Value {
        let mut families: BTreeMap<&str, BTreeMap<&str, Value>> = BTreeMap::new();
        let mut root: BTreeMap<&str, Value> = BTreeMap::new();
        for source in &self.sources {
            let Some(value) = read(&source.value, scope) else { continue };
            match source.path.split_once('.') {
                Some((family, name)) => {
                    families.entry(family).or_default().insert(name, value);
                }
                None => {
                    root.insert(&source.path, value);
                }
            }
        }
        // A family without a single value is there all the same, so that it can be asked.
        for source in &self.sources {
            if let Some((family, _)) = source.path.split_once('.') {
                families.entry(family).or_default();
            }
        }
        root.extend(
            families.into_iter().map(|(family, values)| (family, Value::from_pairs(values))),
        );
        Value::from_pairs(root)
    }
}

/// Whether a text is a form: signs that stand for themselves in one, and codes.
fn is_form(text: &str) -> bool {
    let is_sign =
        |byte: u8| byte.is_ascii_alphanumeric() || b"*-._+%=&[]~:@/,!$'()".contains(&byte);
    let is_code = |rest: &[u8]| rest.len() >= 2 && rest[..2].iter().all(u8::is_ascii_hexdigit);
    let mut codes = text.as_bytes().split(|byte| *byte == b'%').skip(1);
    text.bytes().all(is_sign) && codes.all(is_code)
}

/// The value of a source as templates have values.
fn read(source: &Source, scope: &Scope<'_>) -> Option<Value> {
    let value = scope.read(source)?;
    if let Datum::List(items) = &value {
        scope.effort.add(items.len().saturating_mul(ITEM_STEPS));
    }
    Some(match value {
        Datum::Boolean(truth) => Value::from(truth),
        Datum::Integer(number) => Value::from(number),
        Datum::List(Items::Json(items)) => {
            items.iter().map(|item| Value::from(Serde(item))).collect()
        }
        Datum::List(Items::Texts(items)) => items.iter().map(Value::from).collect(),
        Datum::List(Items::Fields(items)) => {
            items.iter().map(|item| Value::from(Serde(&item.to_json()))).collect()
        }
        value => Value::from(&*value.into_text()?),
    })
}

/// The sources of a template, each with its name in the template as its path.
fn sources(
    environment: &Environment<'static>,
    text: &At<String>,
    faults: &mut Faults<'_>,
) -> Option<Vec<At<Source>>> {
    let template = environment.get_template(NAME).ok()?;
    let mut names: Vec<String> = template.undeclared_variables(true).into_iter().collect();
    names.retain(|name| !OF_TEMPLATES.contains(&name.split('.').next().unwrap_or_default()));
    names.sort();
    let mut sources = Vec::new();
    let mut is_sound = true;
    for name in names {
        let parts: Vec<&str> = name.split('.').take(2).collect();
        let known = parts.join(".");
        let is_word = WORDS.iter().any(|(word, ..)| *word == known);
        let is_family = parts.len() == 2;
        if !is_word && !is_family {
            let names = CONSENT.map(|(name, _)| name);
            let hint = if names.contains(&&*known) {
                format!("write consent.{known}")
            } else {
                format!("write lead.{known}")
            };
            faults.error_with(text.place(), format!("a template has no `{known}`"), hint);
            is_sound = false;
            continue;
        }
        let place = Place { at: text.at, path: &text.path };
        match Source::parse(&known, place, faults) {
            Some(source) if !source.is_of_item() => {
                sources.push(At { value: source, at: text.at, path: known });
            }
            Some(_) => {
                faults.error(
                    place,
                    format!("a template has no `{known}`: it loops over lists itself"),
                );
                is_sound = false;
            }
            None => is_sound = false,
        }
    }
    sources.dedup_by(|a, b| a.path == b.path);
    is_sound.then_some(sources)
}

/// Prints a value as the format needs it.
fn print(out: &mut Output<'_>, value: &Value, format: Option<Format>) -> Result<(), Error> {
    if value.is_undefined() {
        return Err(Error::from(ErrorKind::UndefinedError));
    }
    let plain = || match value.as_str() {
        Some(text) => text.to_owned(),
        None if value.is_none() => String::new(),
        None => value.to_string(),
    };
    let printed = match format {
        None => plain(),
        Some(Format::Json) => json(value)?,
        Some(Format::Xml) => {
            let mut printed = String::new();
            push_escaped(&mut printed, &plain(), true);
            printed
        }
        Some(Format::Form) => form_urlencoded::byte_serialize(plain().as_bytes()).collect(),
    };
    out.write_str(&printed).map_err(Error::from)
}

fn json(value: &Value) -> Result<String, Error> {
    if let Some(text) = value.as_str() {
        let mut printed = String::new();
        push_text(&mut printed, text);
        return Ok(printed);
    }
    let wrong = || Error::new(ErrorKind::BadSerialization, "not a value of JSON");
    match value.kind() {
        ValueKind::None => Ok("null".to_owned()),
        _ => serde_json::to_string(value).map_err(|_| wrong()),
    }
}

#[cfg(test)]
mod tests;
