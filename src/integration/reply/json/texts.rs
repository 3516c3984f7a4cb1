//! A whole document with every value as the text it came as, for what is read field by field.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use super::{Broken, JsonNode, JsonTree, Kind, unescaped};

impl JsonTree<'_> {
    /// The document's objects and arrays, with numbers, truths and texts as texts.
    ///
    /// # Errors
    /// [`Broken`] when a member stands twice in one object.
    pub(in crate::integration) fn texts(&self) -> Result<Json, Broken> {
        self.texts_of(Self::ROOT)
    }

    /// Goes no deeper than the tree does, which has its limit.
    fn texts_of(&self, node: JsonNode) -> Result<Json, Broken> {
        match self.nodes[node].kind {
            Kind::Object => {
                let mut members = BTreeMap::new();
                for child in self.children(node) {
                    let name = unescaped(self.nodes[child].key.ok_or(Broken)?).into_owned();
                    if members.insert(name, self.texts_of(child)?).is_some() {
                        return Err(Broken);
                    }
                }
                Ok(Json::Object(members.into_iter().collect::<Map<_, _>>()))
            }
            Kind::Array => {
                let items = self.children(node).map(|child| self.texts_of(child));
                items.collect::<Result<_, _>>().map(Json::Array)
            }
            Kind::Text | Kind::Number | Kind::Bool | Kind::Null => {
                Ok(self.text(node).map_or(Json::Null, |text| Json::String(text.into_owned())))
            }
        }
    }
}
