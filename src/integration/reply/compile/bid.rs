//! The `bid` table: where bids are in a reply that accepts, and what they say.

use super::super::bid::{BidReader, Choose, Life, LifeReader, LifeUnit, PriceFrom, PriceReader};
use super::super::limits::{LIFE_S_MAX, REFERENCE_PARTS_MAX};
use super::super::price::PriceForm;
use super::super::source::{Origin, SourceId};
use super::Compiler;
use crate::domain::money::Money;
use crate::integration::reference::REFERENCE;
use crate::integration::section::{Entry, Section};

const CHOICES: [(&str, Choose); 3] =
    [("best", Choose::Best), ("all", Choose::All), ("sum", Choose::Sum)];

const UNITS: [(&str, LifeUnit); 4] = [
    ("ms", LifeUnit::Milliseconds),
    ("s", LifeUnit::Seconds),
    ("min", LifeUnit::Minutes),
    ("timestamp", LifeUnit::Timestamp),
];

impl Compiler<'_, '_> {
    pub(super) fn bid(&mut self, section: &mut Section<'_>) -> Option<BidReader> {
        let mut table = section.table("bid", self.faults)?;
        let each = table.take("each").and_then(|entry| self.each(entry));
        self.has_item = each.is_some();
        self.comparisons = 0;
        let choose = table.word("choose", &CHOICES, self.faults);
        let only = table.take("only");
        if each.is_none() {
            let hint = "say where each bid is: each = \"$.bids[*]\"";
            if let Some(choose) = &choose {
                self.error(choose.place(), "there is one bid to choose from", hint);
            }
            if let Some(only) = &only {
                self.error(only.place(), "there is one bid to choose from", hint);
            }
        }
        if !table.has("price") {
            let hint = "write price = \"$.price\", or price = { fixed = \"12.50\" }";
            self.error(table.place(), "the bid has no price", hint);
        }
        let reader = BidReader {
            each,
            only: only.and_then(|entry| self.condition(entry)),
            choose: choose.map(|choose| choose.value).unwrap_or_default(),
            price: table.take("price").and_then(|entry| self.price(entry)),
            references: self.references(&mut table),
            currency: self.source_of(&mut table, "currency"),
            shared: table.take("shared").and_then(|entry| self.condition(entry)),
            max_shared: self.source_of(&mut table, "max_shared"),
            legal_name: self.source_of(&mut table, "legal_name"),
            phone_number: self.source_of(&mut table, "phone_number"),
            life: table.take("expires").and_then(|entry| self.life(entry)),
        };
        self.has_item = false;
        table.finish(self.faults);
        Some(reader)
    }

    /// Where each bid is: a path that can find several.
    fn each(&mut self, entry: Entry<'_>) -> Option<SourceId> {
        let place = entry.place();
        let place = crate::integration::section::At {
            value: (),
            at: place.at,
            path: place.path.to_owned(),
        };
        let source = self.source(entry)?;
        let has_many = match &self.sources.list[source].origin {
            Origin::Json(_, path) => path.finds_many(),
            Origin::Xml(..) => true,
            _ => false,
        };
        if has_many {
            return Some(source);
        }
        let hint = "write each = \"$.bids[*]\" or each = \"/reply/bid\"";
        self.error(place.place(), "`each` finds one place at most", hint);
        None
    }

    /// `reference` and the parts of `references`.
    fn references(&mut self, table: &mut Section<'_>) -> Vec<(Box<str>, SourceId)> {
        let mut references = Vec::new();
        if let Some(source) = self.source_of(table, "reference") {
            references.push((REFERENCE.into(), source));
        }
        let Some(parts) = table.table("references", self.faults) else { return references };
        for (name, entry) in parts.into_entries() {
            if references.len() >= REFERENCE_PARTS_MAX {
                let message = format!("more than {REFERENCE_PARTS_MAX} references");
                self.faults.error(name.place(), message);
                break;
            }
            if !super::source::is_name(&name.value) || name.value == REFERENCE {
                let message = format!("`{}` is no name for a reference", name.value);
                self.error(name.place(), &message, "use letters, digits and `_`");
                continue;
            }
            if let Some(source) = self.source(entry) {
                references.push((name.value.into(), source));
            }
        }
        references
    }

    /// A price: a source, or a table of a source with its `form`, or a `fixed` one.
    pub(super) fn price(&mut self, entry: Entry<'_>) -> Option<PriceReader> {
        if !entry.is_table() {
            let source = self.source(entry)?;
            return Some(PriceReader {
                from: PriceFrom::Source(source),
                form: PriceForm::default(),
            });
        }
        let mut table = entry.into_section(self.faults)?;
        let form = table.word("form", &PriceForm::NAMES, self.faults);
        let fixed = table.text("fixed", self.faults);
        let from = match fixed {
            Some(fixed) => match Money::parse(&fixed.value) {
                Ok(price) if price > Money::ZERO => Some(PriceFrom::Fixed(price)),
                _ => {
                    self.error(fixed.place(), "not a price", "write fixed = \"12.50\"");
                    None
                }
            },
            None => self.source_table(&mut table).map(PriceFrom::Source),
        };
        table.finish(self.faults);
        let form = form.map(|form| form.value).unwrap_or_default();
        Some(PriceReader { from: from?, form })
    }

    /// A life: a source in seconds, or a table of a source with its `unit`, or `fixed` seconds.
    pub(super) fn life(&mut self, entry: Entry<'_>) -> Option<LifeReader> {
        if !entry.is_table() {
            return Some(LifeReader::Source(self.source(entry)?, LifeUnit::Seconds));
        }
        let mut table = entry.into_section(self.faults)?;
        let unit = table.word("unit", &UNITS, self.faults);
        let fixed = table.integer("fixed", 1..i64::from(LIFE_S_MAX) + 1, self.faults);
        let life = match fixed {
            Some(seconds) => {
                let seconds = u64::try_from(seconds.value).unwrap_or_default();
                Some(LifeReader::Fixed(Life::Ms(seconds * 1_000)))
            }
            None => {
                let unit = unit.map_or(LifeUnit::Seconds, |unit| unit.value);
                self.source_table(&mut table).map(|source| LifeReader::Source(source, unit))
            }
        };
        table.finish(self.faults);
        life
    }
}
