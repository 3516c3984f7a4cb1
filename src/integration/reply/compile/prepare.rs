//! `format`, `charset`, `pairs` and `steps`: what a reply's body is and how it is made readable.

use super::super::decode;
use super::super::form::FormSigns;
use super::super::limits::STEPS_MAX;
use super::super::step::Step;
use super::{Compiler, Format};
use crate::integration::section::{Entry, Section};

const FORMATS: [(&str, Format); 5] = [
    ("json", Format::Json),
    ("xml", Format::Xml),
    ("form", Format::Form),
    ("text", Format::Text),
    ("none", Format::None),
];

const PLAIN_STEPS: [(&str, bool); 2] = [("unescape", true), ("url_decode", false)];

impl Compiler<'_, '_> {
    pub(super) fn prepare(&mut self, section: &mut Section<'_>) {
        if let Some(format) = section.word("format", &FORMATS, self.faults) {
            self.format = format.value;
        }
        if let Some(charset) = section.text("charset", self.faults) {
            self.sources.charset = decode::encoding(&charset.value);
            if self.sources.charset.is_none() {
                let message = format!("no encoding is called `{}`", charset.value);
                let hint = "write \"utf-8\", \"windows-1252\" or another label of the web";
                self.error(charset.place(), &message, hint);
            }
        }
        if self.format == Format::Form
            && let Some(table) = section.table("pairs", self.faults)
        {
            self.sources.signs = self.signs(table);
        }
        if let Some(list) = section.list("steps", self.faults) {
            if list.value.len() > STEPS_MAX {
                self.faults.error(list.place(), format!("more than {STEPS_MAX} steps"));
            }
            for entry in list.value {
                let step = self.step(entry);
                self.sources.steps.extend(step);
            }
        }
    }

    fn signs(&mut self, mut table: Section<'_>) -> FormSigns {
        let mut signs = FormSigns::default();
        let texts = [("between", &mut signs.pair), ("within", &mut signs.value)];
        for (key, sign) in texts {
            match table.text(key, self.faults) {
                Some(text) if text.value.is_empty() => {
                    self.error(text.place(), "an empty sign", "write what stands there");
                }
                Some(text) => *sign = text.value.into(),
                None => {}
            }
        }
        if let Some(is_escaped) = table.boolean("escaped", self.faults) {
            signs.is_escaped = is_escaped.value;
        }
        table.finish(self.faults);
        signs
    }

    fn step(&mut self, entry: Entry<'_>) -> Option<Step> {
        if entry.is_text() {
            let is_unescape = entry.into_word(&PLAIN_STEPS, self.faults)?.value;
            return Some(if is_unescape { Step::Unescape } else { Step::UrlDecode });
        }
        let mut table = entry.into_section(self.faults)?;
        let root = table.text("wrap_root", self.faults);
        let cut = table.table("cut", self.faults);
        let step = match (root, cut) {
            (Some(root), None) if is_element(&root.value) => {
                Some(Step::WrapRoot(root.value.into()))
            }
            (Some(root), None) => {
                self.error(root.place(), "no name for an element", "write a word of letters");
                None
            }
            (None, Some(cut)) => self.cut(cut),
            _ => {
                let hint = "write { wrap_root = \"r\" } or { cut = { after = \"..\" } }";
                self.error(table.place(), "not a step", hint);
                None
            }
        };
        table.finish(self.faults);
        step
    }

    fn cut(&mut self, mut cut: Section<'_>) -> Option<Step> {
        let after = cut.text("after", self.faults).map(|text| text.value.into());
        let before = cut.text("before", self.faults).map(|text| text.value.into());
        if after.is_none() && before.is_none() {
            let hint = "write { cut = { after = \"<![CDATA[\", before = \"]]>\" } }";
            self.error(cut.place(), "nothing is cut", hint);
        }
        cut.finish(self.faults);
        Some(Step::Cut { after, before })
    }
}

fn is_element(name: &str) -> bool {
    let is_first = |c: char| c.is_ascii_alphabetic() || c == '_';
    name.starts_with(is_first) && name.chars().all(|c| is_first(c) || c.is_ascii_digit())
}
