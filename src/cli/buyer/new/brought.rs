//! What the reply to the ping brought and the post gives back.

use serde_json::Value as Json;

use super::guess::{plain, source_of, text_of};
use super::places::{PRICES, Place, STATUSES, find, last, places};
use super::recorded::{RecordedReply, RecordedRequest};
use crate::domain::vertical::Vertical;
use crate::integration::Phase;

/// Names of the bid in replies to pings, the likeliest first.
const REFERENCES: [&str; 9] =
    ["pingid", "bidid", "leadid", "token", "reference", "ref", "id", "pingtoken", "transactionid"];
/// Names under which posts give it back, whatever it was called in the reply.
const GIVEN_BACK: [&str; 3] = ["pingid", "pingtoken", "bidid"];

/// The shortest text that is taken for the same one when it comes again.
const SAME_CHARS_MIN: usize = 3;

/// What a reply to a ping brought.
#[derive(Debug, Default)]
pub(super) struct Brought {
    /// The references by name, the first one called `reference`.
    pub(super) references: Vec<Reference>,
    /// The price as the reply has it.
    price: Option<String>,
}

/// One text that comes back in the post.
#[derive(Debug)]
pub(super) struct Reference {
    pub(super) name: String,
    /// Where it stands in the reply.
    pub(super) path: String,
    text: String,
}

impl Brought {
    /// What of a reply comes again in the post; where nothing does, what looks like the bid's name.
    pub(super) fn of(
        reply: Option<&RecordedReply>,
        post: Option<&RecordedRequest>,
        vertical: &Vertical,
    ) -> Self {
        let Some(reply) = reply else { return Self::default() };
        let places = places(&reply.body);
        let price = find(&places, &PRICES).map(|place| place.text.clone());
        let mut brought = Self { references: Vec::new(), price };
        for (name, value) in post.iter().flat_map(|post| post.leaves()) {
            if source_of(Phase::Post, name, vertical).is_some() {
                continue;
            }
            let text = text_of(value);
            let is_it = |place: &&Place| {
                let name = last(&place.path);
                place.text == text
                    && !PRICES.contains(&name.as_str())
                    && !STATUSES.contains(&name.as_str())
            };
            let is_long = text.chars().count() >= SAME_CHARS_MIN;
            if let Some(place) = places.iter().find(is_it).filter(|_| is_long) {
                brought.add(place);
            }
        }
        if brought.references.is_empty()
            && let Some(place) = find(&places, &REFERENCES)
        {
            brought.add(place);
        }
        brought
    }

    fn add(&mut self, place: &Place) {
        if self.references.iter().any(|known| known.path == place.path) {
            return;
        }
        let name = match self.references.len() {
            0 => "reference".to_owned(),
            _ => last(&place.path),
        };
        let is_taken = self.references.iter().any(|known| known.name == name);
        let name = if is_taken { format!("{name}{}", self.references.len()) } else { name };
        let (path, text) = (place.path.clone(), place.text.clone());
        self.references.push(Reference { name, path, text });
    }

    /// The source of a field of a post that gives back what was brought, as TOML.
    pub(super) fn source(&self, call: Phase, name: &str, value: &Json) -> Option<String> {
        if call != Phase::Post {
            return None;
        }
        let text = text_of(value);
        let same = self.references.iter().find(|known| known.text == text);
        if let Some(known) = same {
            return Some(format!("\"bid.{}\"", known.name));
        }
        let plain_name = plain(name);
        if self.price.as_ref() == Some(&text) && PRICES.contains(&plain_name.as_str()) {
            let as_number = value.is_number();
            let number = "{ from = \"price\", as = \"number\" }";
            return Some(if as_number { number } else { "\"price\"" }.to_owned());
        }
        let is_named = GIVEN_BACK.contains(&plain_name.as_str());
        is_named.then(|| "\"bid.reference\"".to_owned())
    }
}
