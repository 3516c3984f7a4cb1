//! One line per event: its own fields and those of the spans around it.

use std::fmt;
use std::io::Write;
use std::sync::{Mutex, PoisonError};

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::{LOGGED_FIELDS, WITHHELD};
use crate::ports::Clock;

/// Writes events as lines.
pub(super) struct LineLayer<C, W> {
    pub(super) is_json: bool,
    pub(super) clock: C,
    pub(super) out: Mutex<W>,
}

/// The fields of a span, kept with it.
struct SpanFields(Map<String, Value>);

/// Collects fields, values only where they are allowed.
#[derive(Default)]
struct Fields {
    message: String,
    fields: Map<String, Value>,
}

impl Fields {
    fn add(&mut self, field: &Field, value: impl FnOnce() -> Value) {
        let is_logged = LOGGED_FIELDS.contains(&field.name());
        let value = if is_logged { value() } else { Value::from(WITHHELD) };
        self.fields.insert(field.name().to_owned(), value);
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.message = format!("{value:?}");
        } else {
            self.add(field, || Value::from(format!("{value:?}")));
        }
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            value.clone_into(&mut self.message);
        } else {
            self.add(field, || Value::from(value));
        }
    }
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, || Value::from(value));
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, || Value::from(value));
    }
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, || Value::from(value));
    }
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, || Value::from(value));
    }
}

/// Whether an event or span is heard at all.
fn is_heard(metadata: &Metadata<'_>) -> bool {
    let target = metadata.target();
    let is_ours = target == "gavel" || target.starts_with("gavel::");
    is_ours || *metadata.level() <= Level::WARN
}

impl<S, C, W> Layer<S> for LineLayer<C, W>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    C: Clock,
    W: Write + Send + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id).filter(|span| is_heard(span.metadata())) else { return };
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        span.extensions_mut().insert(SpanFields(fields.fields));
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut added = Fields::default();
        values.record(&mut added);
        if let Some(SpanFields(fields)) = span.extensions_mut().get_mut() {
            fields.extend(added.fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        if !is_heard(event.metadata()) {
            return;
        }
        let mut own = Fields::default();
        event.record(&mut own);
        let mut fields = Map::new();
        for span in context.event_scope(event).into_iter().flat_map(|scope| scope.from_root()) {
            if let Some(SpanFields(of_span)) = span.extensions().get() {
                fields.extend(of_span.clone());
            }
        }
        fields.append(&mut own.fields);
        self.write(event.metadata(), &own.message, fields);
    }
}

impl<C: Clock, W: Write> LineLayer<C, W> {
    fn write(&self, metadata: &Metadata<'_>, message: &str, fields: Map<String, Value>) {
        let at = self.clock.now();
        let (level, target) = (metadata.level(), metadata.target());
        let mut line = if self.is_json {
            let quoted = |text: &str| Value::from(text).to_string();
            let mut text = format!(
                r#"{{"timestamp":"{at:.3}","severity":"{level}","target":{},"message":{}"#,
                quoted(target),
                quoted(message)
            );
            for (name, value) in fields {
                text.push_str(&format!(",{}:{value}", quoted(&name)));
            }
            text.push('}');
            text
        } else {
            let mut text = format!("{at:.3} {level:>5} {target}: {}", one_line(message));
            for (name, value) in fields {
                let value = value.as_str().map_or_else(|| value.to_string(), one_line);
                text.push_str(&format!(" {name}={value}"));
            }
            text
        };
        line.push('\n');
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        // Where the log cannot be written there is nowhere left to say so.
        drop(out.write_all(line.as_bytes()));
    }
}

/// The text with control characters escaped, so that no value can begin a line of its own.
fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
    }
    line
}
