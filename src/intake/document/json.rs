//! JSON by way of `serde_json`'s raw values: its grammar, our limits, and numbers as text.
//!
//! The whole body is checked once for syntax; then each level is opened from its raw text. Opening
//! a level reads its text again, which the limits on depth and body keep small.

use std::collections::BTreeSet;
use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::{DocumentLimits, Node, check_key, check_text};
use crate::intake::fault::{FaultCode, FieldFault, Refusal, plain_step};

/// Parses an object.
pub(super) fn parse(bytes: &[u8], limits: &DocumentLimits) -> Result<Node, FieldFault> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let detail = format!("the bytes from {} on are not UTF-8", error.valid_up_to());
        Refusal::new(FaultCode::InvalidUtf8, detail).at(String::new())
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let raw: &RawValue = serde_json::from_str(text).map_err(|error| syntax_fault(&error))?;
    if !raw.get().starts_with('{') {
        let rule = "the body is a JSON object";
        return Err(Refusal::new(FaultCode::Syntax, rule).at(String::new()));
    }
    let mut parser = Parser { limits, keys: 0, values: 0, fault: None };
    parser.open(raw, "", 1)
}

/// Where the syntax breaks. The parser's own words are left out: they might quote the body.
fn syntax_fault(error: &serde_json::Error) -> FieldFault {
    let detail = if error.is_eof() {
        "the JSON ends before it is complete".to_owned()
    } else {
        format!("not JSON at line {}, column {}", error.line(), error.column())
    };
    Refusal::new(FaultCode::Syntax, detail).at(String::new())
}

struct Parser<'l> {
    limits: &'l DocumentLimits,
    keys: usize,
    values: usize,
    /// What stopped a visitor; serde's errors carry no more than text.
    fault: Option<FieldFault>,
}

impl Parser<'_> {
    /// Opens one value that stands `depth` levels deep if it is an object or array.
    fn open(&mut self, raw: &RawValue, pointer: &str, depth: usize) -> Result<Node, FieldFault> {
        let text = raw.get();
        match text.as_bytes().first() {
            Some(b'{' | b'[') if depth > self.limits.depth => {
                let rule = format!("at most {} levels of nesting", self.limits.depth);
                Err(Refusal::new(FaultCode::TooDeep, rule).at(pointer.to_owned()))
            }
            Some(b'{') => self.object(text, pointer, depth),
            Some(b'[') => self.array(text, pointer, depth),
            Some(b'"') => self.text(text, pointer).map(Node::Text),
            Some(b't') => Ok(Node::Bool(true)),
            Some(b'f') => Ok(Node::Bool(false)),
            Some(b'n') => Ok(Node::Null),
            _ if text.len() > self.limits.number_bytes => {
                let rule = format!("a number has at most {} digits", self.limits.number_bytes);
                Err(Refusal::new(FaultCode::TooLong, rule).at(pointer.to_owned()))
            }
            _ => Ok(Node::Number(text.to_owned())),
        }
    }

    fn text(&self, quoted: &str, pointer: &str) -> Result<String, FieldFault> {
        let text: String = serde_json::from_str(quoted).map_err(|_| {
            let rule = "a text has an escape that is no character";
            Refusal::new(FaultCode::Syntax, rule).at(pointer.to_owned())
        })?;
        check_text(&text, pointer, self.limits)?;
        Ok(text)
    }

    fn object(&mut self, text: &str, pointer: &str, depth: usize) -> Result<Node, FieldFault> {
        let keys = Keys { parser: self, pointer };
        let entries = keys.deserialize(&mut serde_json::Deserializer::from_str(text));
        let entries = entries.map_err(|_| self.stopped(pointer))?;
        let mut object = Vec::with_capacity(entries.len());
        for (key, raw) in entries {
            let node = self.open(raw, &plain_step(pointer, &key), depth + 1)?;
            object.push((key, node));
        }
        Ok(Node::Object(object))
    }

    fn array(&mut self, text: &str, pointer: &str, depth: usize) -> Result<Node, FieldFault> {
        let items = Items { parser: self, pointer };
        let items = items.deserialize(&mut serde_json::Deserializer::from_str(text));
        let items = items.map_err(|_| self.stopped(pointer))?;
        let open =
            |(at, raw): (usize, &RawValue)| self.open(raw, &format!("{pointer}/{at}"), depth + 1);
        let nodes = items.into_iter().enumerate().map(open);
        nodes.collect::<Result<_, _>>().map(Node::Array)
    }

    /// The fault of a visitor. Without one serde itself stopped: the grammar is checked already,
    /// so it was an escape such as a lone surrogate.
    fn stopped(&mut self, pointer: &str) -> FieldFault {
        self.fault.take().unwrap_or_else(|| {
            let rule = "a key has an escape that is no character";
            Refusal::new(FaultCode::Syntax, rule).at(pointer.to_owned())
        })
    }

    fn count_value(&mut self, pointer: &str) -> Result<(), FieldFault> {
        self.values += 1;
        if self.values <= self.limits.values {
            return Ok(());
        }
        let rule = format!("a body has at most {} values", self.limits.values);
        Err(Refusal::new(FaultCode::TooManyKeys, rule).at(pointer.to_owned()))
    }

    fn count_key(&mut self, pointer: &str) -> Result<(), FieldFault> {
        self.keys += 1;
        if self.keys <= self.limits.keys {
            return self.count_value(pointer);
        }
        let rule = format!("a body has at most {} keys", self.limits.keys);
        Err(Refusal::new(FaultCode::TooManyKeys, rule).at(pointer.to_owned()))
    }
}

/// Reads the keys of one object with their values' raw texts.
struct Keys<'p, 'l> {
    parser: &'p mut Parser<'l>,
    pointer: &'p str,
}

impl<'de> DeserializeSeed<'de> for Keys<'_, '_> {
    type Value = Vec<(String, &'de RawValue)>;
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Keys<'_, '_> {
    type Value = Vec<(String, &'de RawValue)>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::new();
        let mut known = BTreeSet::new();
        while let Some(key) = map.next_key::<String>()? {
            if let Err(fault) = self.check(&key, &mut known) {
                self.parser.fault = Some(fault);
                return Err(A::Error::custom("a limit stopped the parser"));
            }
            entries.push((key, map.next_value()?));
        }
        Ok(entries)
    }
}

impl Keys<'_, '_> {
    fn check(&mut self, key: &str, known: &mut BTreeSet<String>) -> Result<(), FieldFault> {
        self.parser.count_key(self.pointer)?;
        check_key(key, self.pointer, self.parser.limits)?;
        if known.insert(key.to_owned()) {
            return Ok(());
        }
        let place = plain_step(self.pointer, key);
        Err(Refusal::new(FaultCode::DuplicateKey, "the same key stands here twice").at(place))
    }
}

/// Reads the raw texts of one array's items.
struct Items<'p, 'l> {
    parser: &'p mut Parser<'l>,
    pointer: &'p str,
}

impl<'de> DeserializeSeed<'de> for Items<'_, '_> {
    type Value = Vec<&'de RawValue>;
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Items<'_, '_> {
    type Value = Vec<&'de RawValue>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            if let Err(fault) = self.parser.count_value(self.pointer) {
                self.parser.fault = Some(fault);
                return Err(A::Error::custom("a limit stopped the parser"));
            }
            items.push(item);
        }
        Ok(items)
    }
}
