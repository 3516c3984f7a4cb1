//! A whole document as groups and texts, for what is read field by field.

use serde_json::{Map, Value as Json};

use super::{XmlPlace, XmlTree};

impl XmlTree<'_> {
    /// The elements at the top: an element with elements or attributes in it is a group, any other a
    /// text; elements of one name in one group are a list; an attribute is called `@name`.
    pub(in crate::integration) fn texts(&self) -> Map<String, Json> {
        self.group(0)
    }

    /// Goes no deeper than the tree does, which has its limit.
    fn group(&self, of: usize) -> Map<String, Json> {
        let mut group = Map::new();
        for at in self.plain_attributes_of(of) {
            let text = self.text(XmlPlace::Attribute(at)).unwrap_or_default().into_owned();
            group.insert(format!("@{}", self.attributes[at].name), Json::String(text));
        }
        for child in self.children(of) {
            let Some(name) = self.name(child) else { continue };
            let has_parts = self.children(child).any(|inner| self.name(inner).is_some());
            let has_attributes = self.plain_attributes_of(child).next().is_some();
            let value = if has_parts || has_attributes {
                Json::Object(self.group(child))
            } else {
                let text = self.text(XmlPlace::Element(child));
                text.map_or(Json::Null, |text| Json::String(text.into_owned()))
            };
            match group.get_mut(name) {
                None => drop(group.insert(name.to_owned(), value)),
                Some(Json::Array(items)) => items.push(value),
                Some(first) => *first = Json::Array(vec![first.take(), value]),
            }
        }
        group
    }

    /// The attributes that say something: not those that name a namespace.
    fn plain_attributes_of(&self, node: usize) -> impl Iterator<Item = usize> {
        let is_plain = |at: &usize| !self.attributes[*at].name.starts_with("xmlns");
        self.attributes_of(node).filter(is_plain)
    }
}
