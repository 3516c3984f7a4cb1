//! From the query and the body of a vendor's request to its fields.
//!
//! Every value is a text, as a form has it: whether a ZIP code came as a number or as a text says
//! nothing of it. A field counts once; the same value twice is no harm.

use encoding_rs::WINDOWS_1252;
use serde_json::{Map, Value as Json};
use zeroize::Zeroizing;

use super::{Call, CallRule, Fields, Inbound, KeyPlace, Numbered, Written};
use crate::integration::reply::{JsonTree, XmlTree, decode};
use crate::integration::request::Given;

/// The most fields of a request at its top.
pub const FIELDS_MAX: usize = 512;
/// The longest name of a field, in bytes.
const NAME_BYTES_MAX: usize = 256;
/// The longest text of a field, in bytes.
pub const FIELD_BYTES_MAX: usize = 16_384;
/// The most items of a numbered list.
const ITEMS_MAX: usize = 32;

/// Why the fields of a request cannot be read; it repeats nothing of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// The body is not what it says it is.
    #[error("the body is not well-formed, or nested too deeply")]
    Malformed,
    /// There are too many fields.
    #[error("a request has at most {FIELDS_MAX} fields")]
    TooMany,
    /// A field is too long.
    #[error("a field has at most {FIELD_BYTES_MAX} bytes, its name at most {NAME_BYTES_MAX}")]
    TooLong,
    /// A field stands there twice and says two things.
    #[error("a field stands there twice")]
    Twice,
}

impl Fields {
    fn put(&mut self, name: String, value: Json) -> Result<(), Unreadable> {
        let is_long = matches!(&value, Json::String(text) if text.len() > FIELD_BYTES_MAX);
        if is_long || name.len() > NAME_BYTES_MAX {
            return Err(Unreadable::TooLong);
        }
        match self.0.get(&name) {
            Some(known) if *known == value => return Ok(()),
            Some(_) => return Err(Unreadable::Twice),
            None if self.0.len() >= FIELDS_MAX => return Err(Unreadable::TooMany),
            None => {}
        }
        self.0.insert(name, value);
        Ok(())
    }

    /// Adds the fields of a form or a query.
    fn put_pairs(&mut self, text: &[u8]) -> Result<(), Unreadable> {
        for pair in text.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
            let at = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
            let name = unescaped(&pair[..at]);
            let value = unescaped(pair.get(at + 1..).unwrap_or_default());
            self.put(name, Json::String(value))?;
        }
        Ok(())
    }

    fn put_group(&mut self, group: Map<String, Json>) -> Result<(), Unreadable> {
        for (name, value) in group {
            self.put(name, value)?;
        }
        Ok(())
    }

    /// Gathers the items of lists that are written as numbered fields.
    fn gather(&mut self, lists: &[Numbered]) -> Result<(), Unreadable> {
        for list in lists {
            let mut items: Vec<Map<String, Json>> = Vec::new();
            let found: Vec<(usize, String, String)> = self
                .0
                .keys()
                .filter_map(|key| {
                    let (position, name) = list.item_of(key)?;
                    Some((position, name.to_owned(), key.clone()))
                })
                .collect();
            for (position, name, key) in found {
                let Some(value) = self.0.remove(&key) else { continue };
                if value.as_str().is_some_and(|text| text.trim().is_empty()) {
                    continue;
                }
                if items.len() <= position {
                    items.resize_with(position + 1, Map::new);
                }
                items[position].insert(name, value);
            }
            items.retain(|item| !item.is_empty());
            if items.is_empty() {
                continue;
            }
            let items = items.into_iter().map(Json::Object).collect();
            let known = self.0.insert(list.list.clone(), Json::Array(items));
            // A text of that name is how many there are.
            if known.is_some_and(|known| known.is_array() || known.is_object()) {
                return Err(Unreadable::Twice);
            }
        }
        Ok(())
    }

    /// What values are made from.
    pub(super) const fn given(&self, now: jiff::Timestamp) -> Given<'_> {
        Given { fields: &self.0, now }
    }

    pub(super) const fn map(&self) -> &Map<String, Json> {
        &self.0
    }
}

impl Numbered {
    /// The position of the item that a field belongs to, from 0, and its name there.
    fn item_of<'k>(&self, key: &'k str) -> Option<(usize, &'k str)> {
        let rest = key.strip_prefix(&*self.before)?;
        let count = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, rest) = rest.split_at(count);
        let name = rest.strip_prefix(&*self.between)?.strip_suffix(&*self.after)?;
        let position = number.parse::<usize>().ok()?.checked_sub(self.first)?;
        (position < ITEMS_MAX && !name.is_empty()).then_some((position, name))
    }
}

impl Inbound {
    /// The fields in the query of a request.
    ///
    /// # Errors
    /// [`Unreadable`].
    pub fn read_query(&self, query: &str) -> Result<Fields, Unreadable> {
        let mut fields = Fields::default();
        fields.put_pairs(query.as_bytes())?;
        Ok(fields)
    }

    /// Gathers the lists that are written as numbered fields, once everything is read: an item may
    /// stand in the query and another in the body.
    ///
    /// # Errors
    /// [`Unreadable::Twice`] if such a list stands there in another way as well.
    pub fn gather(&self, fields: &mut Fields) -> Result<(), Unreadable> {
        fields.gather(&self.numbered)
    }

    /// How the body of a request is written: by its content type, and where that says nothing that
    /// is read here, by its first character. `None` if this is not read.
    #[must_use]
    pub fn written(&self, content_type: Option<&str>, body: &[u8]) -> Option<Written> {
        let essence = content_type.unwrap_or_default().split(';').next().unwrap_or_default();
        let said = match essence.trim().to_ascii_lowercase().as_str() {
            "application/json" | "text/json" => Some(Written::Json),
            "application/xml" | "text/xml" => Some(Written::Xml),
            "application/x-www-form-urlencoded" => Some(Written::Form),
            "" | "text/plain" | "text/html" | "application/octet-stream" => None,
            _ => return None,
        };
        let shown = || match body.trim_ascii_start().first() {
            Some(b'{') => Written::Json,
            Some(b'<') => Written::Xml,
            _ => Written::Form,
        };
        let written = said.unwrap_or_else(shown);
        self.takes(written).then_some(written)
    }

    /// Adds the fields of a body to those of the query.
    ///
    /// # Errors
    /// [`Unreadable`].
    pub fn read_body(
        &self,
        fields: &mut Fields,
        written: Written,
        (content_type, body): (Option<&str>, &[u8]),
    ) -> Result<(), Unreadable> {
        match written {
            Written::Query => {}
            Written::Form => fields.put_pairs(body)?,
            Written::Json => {
                let text = decode(body, None, content_type);
                let tree = JsonTree::read(&text).map_err(|_| Unreadable::Malformed)?;
                let whole = tree.texts().map_err(|_| Unreadable::Malformed)?;
                let Json::Object(group) = whole else { return Err(Unreadable::Malformed) };
                fields.put_group(self.unwrapped(group))?;
            }
            Written::Xml => {
                let text = decode(body, None, content_type);
                let tree = XmlTree::read(&text).map_err(|_| Unreadable::Malformed)?;
                // The root has whatever name the vendor's buyer gave it.
                let mut roots = tree.texts().into_iter();
                let (Some((name, Json::Object(group))), None) = (roots.next(), roots.next()) else {
                    return Err(Unreadable::Malformed);
                };
                let group = match self.wrap.first() {
                    Some(first) if *first == name => Map::from_iter([(name, Json::Object(group))]),
                    _ => group,
                };
                fields.put_group(self.unwrapped(group))?;
            }
        }
        Ok(())
    }

    /// The fields without the groups that stand around all of them; what stands beside such a group
    /// is a field too.
    fn unwrapped(&self, mut group: Map<String, Json>) -> Map<String, Json> {
        for name in &self.wrap {
            if !matches!(group.get(name), Some(Json::Object(_))) {
                break;
            }
            let Some(Json::Object(inner)) = group.remove(name) else { break };
            let beside = std::mem::replace(&mut group, inner);
            for (name, value) in beside {
                group.entry(name).or_insert(value);
            }
        }
        group
    }

    /// Takes the vendor's key out of a request: the first of its places that has one. It is in no
    /// field after that.
    pub fn take_key(
        &self,
        fields: &mut Fields,
        header: &dyn Fn(&str) -> Option<String>,
    ) -> Option<Zeroizing<String>> {
        let mut found = None;
        for place in &self.keys {
            let key = match place {
                KeyPlace::Field(name) => match fields.0.remove(name) {
                    Some(Json::String(text)) => Some(text),
                    _ => None,
                },
                KeyPlace::Header(name) => header(name).map(|value| credentials(name, value)),
            };
            let key = key.map(|key| Zeroizing::new(key.trim().to_owned()));
            found = found.or(key.filter(|key| !key.is_empty()));
        }
        found
    }

    /// Whether a vendor's key may stand among the fields, and so in a body.
    #[must_use]
    pub fn has_key_in_fields(&self) -> bool {
        self.keys.iter().any(|place| matches!(place, KeyPlace::Field(_)))
    }

    /// Whether a vendor's key may stand in the field.
    pub(super) fn is_key(&self, field: &str) -> bool {
        self.keys.iter().any(|place| matches!(place, KeyPlace::Field(name) if name == field))
    }

    /// Which call a request is; `None` if nothing says so.
    #[must_use]
    pub fn call(&self, path: &str, fields: &Fields, now: jiff::Timestamp) -> Option<Call> {
        let given = fields.given(now);
        let is_met = |rule: &&CallRule| {
            rule.path == path && rule.when.as_ref().is_none_or(|when| when.is_met(&given))
        };
        self.calls.iter().find(is_met).map(|rule| rule.call)
    }
}

/// What a header says of the key: of `Authorization`, without its scheme.
fn credentials(name: &str, value: String) -> String {
    if name != "authorization" {
        return value;
    }
    value.split_once(' ').map_or_else(String::new, |(_, credentials)| credentials.to_owned())
}

/// A name or value of a form: in UTF-8, or in what such clients use without saying so.
fn unescaped(text: &[u8]) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        let digit = |at: usize| char::from(*text.get(at)?).to_digit(16);
        let escaped = match byte {
            b'%' => digit(at + 1).zip(digit(at + 2)),
            _ => None,
        };
        let escaped = escaped.and_then(|(high, low)| u8::try_from(high * 16 + low).ok());
        bytes.push(escaped.unwrap_or(if byte == b'+' { b' ' } else { byte }));
        at += if escaped.is_some() { 3 } else { 1 };
    }
    match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let bytes = error.into_bytes();
            WINDOWS_1252.decode_without_bom_handling(&bytes).0.into_owned()
        }
    }
}
