//! The schemas that operations refer to.
//!
//! A type may be read and written in different forms: a field with a default may be left away in a
//! request and is always there in an answer. So there are two makers of schemas. Where they disagree
//! on a type of one name, the form of requests gets a name of its own.

use std::collections::BTreeSet;

use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value as Json};

use super::operation::SchemaOf;

/// Where schemas stand in the document.
const PATH: &str = "#/components/schemas/";

/// Added to a name for the form of requests.
const IN_REQUESTS: &str = "Request";

/// Makes schemas and gathers those with names.
pub(super) struct Components {
    requests: SchemaGenerator,
    answers: SchemaGenerator,
    others: Map<String, Json>,
}

impl Components {
    /// No schemas yet.
    pub fn new() -> Self {
        let settings = SchemaSettings::draft2020_12().with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.transforms.push(Box::new(RecursiveTransform(plain_words)));
        });
        Self {
            requests: settings.clone().for_deserialize().into_generator(),
            answers: settings.for_serialize().into_generator(),
            others: Map::new(),
        }
    }

    /// The schema of a request's body.
    pub fn in_request(&mut self, schema: SchemaOf) -> Json {
        made(schema(&mut self.requests))
    }

    /// The schema of an answer's body.
    pub fn in_answer(&mut self, schema: SchemaOf) -> Json {
        made(schema(&mut self.answers))
    }

    /// Adds a schema that no type has.
    pub fn add(&mut self, name: &str, schema: Json) {
        self.others.insert(name.to_owned(), schema);
    }

    /// Every schema with a name; `operations` are made to refer to them by their final names.
    pub fn finish(mut self, operations: &mut Json) -> Map<String, Json> {
        let mut requests = self.requests.take_definitions(true);
        let mut all = self.answers.take_definitions(true);
        let apart = apart(&requests, &all);
        for (_, schema) in &mut requests {
            rename(schema, &apart);
        }
        for body in bodies_of_requests(operations) {
            rename(body, &apart);
        }
        for (name, schema) in requests {
            let name = if apart.contains(&name) { name + IN_REQUESTS } else { name };
            all.insert(name, schema);
        }
        all.extend(self.others);
        all
    }
}

/// A schema as JSON, without the links that only code documentation can follow.
fn made(mut schema: Schema) -> Json {
    plain_words(&mut schema);
    schema.to_value()
}

/// Takes off a description what only readers of the code can follow: the marks of links, and the
/// sources named in brackets.
fn plain_words(schema: &mut Schema) {
    let Some(Json::String(text)) = schema.get_mut("description") else { return };
    *text = text.replace("[`", "`").replace("`]", "`");
    for source in [" (PROTOCOL ", " (WEBHOOKS "] {
        let Some(start) = text.find(source) else { continue };
        if let Some(length) = text[start..].find(')') {
            text.replace_range(start..=start + length, "");
        }
    }
}

/// The names under which requests and answers mean different things, themselves or in what they
/// refer to.
fn apart(requests: &Map<String, Json>, answers: &Map<String, Json>) -> BTreeSet<String> {
    let in_both = || requests.iter().filter(|(name, _)| answers.contains_key(*name));
    let mut apart: BTreeSet<String> = in_both()
        .filter(|(name, schema)| answers.get(*name) != Some(schema))
        .map(|(name, _)| name.clone())
        .collect();
    loop {
        let refers = |schema: &Json| apart.iter().any(|name| refers_to(schema, name));
        let more: Vec<String> = in_both()
            .filter(|(name, schema)| !apart.contains(*name) && refers(schema))
            .map(|(name, _)| name.clone())
            .collect();
        if more.is_empty() {
            return apart;
        }
        apart.extend(more);
    }
}

fn refers_to(schema: &Json, name: &str) -> bool {
    match schema {
        Json::Object(map) => {
            let target = map.get("$ref").and_then(Json::as_str);
            target.and_then(|target| target.strip_prefix(PATH)) == Some(name)
                || map.values().any(|value| refers_to(value, name))
        }
        Json::Array(items) => items.iter().any(|item| refers_to(item, name)),
        _ => false,
    }
}

/// Gives every reference to one of `names` the name of the form of requests.
fn rename(schema: &mut Json, names: &BTreeSet<String>) {
    match schema {
        Json::Object(map) => {
            if let Some(Json::String(target)) = map.get_mut("$ref")
                && target.strip_prefix(PATH).is_some_and(|name| names.contains(name))
            {
                target.push_str(IN_REQUESTS);
            }
            map.values_mut().for_each(|value| rename(value, names));
        }
        Json::Array(items) => items.iter_mut().for_each(|item| rename(item, names)),
        _ => {}
    }
}

/// The bodies that operations read.
fn bodies_of_requests(operations: &mut Json) -> impl Iterator<Item = &mut Json> {
    let paths = operations.as_object_mut().into_iter().flat_map(Map::values_mut);
    let operations = paths.filter_map(Json::as_object_mut).flat_map(|methods| methods.values_mut());
    operations.filter_map(|operation| operation.get_mut("requestBody"))
}
