//! An inbound profile as its file writes it.

use std::collections::{BTreeMap, BTreeSet};

use super::shipped::SHIPPED;
use super::submission::PARTS;
use super::{AnswerRule, Call, CallRule, Inbound, KeyPlace, Numbered, Written};
use crate::domain::lead::CONSENT_KEYS;
use crate::domain::slug::VendorId;
use crate::integration::fault::{Faults, Place};
use crate::integration::nearest::hint;
use crate::integration::profile::{check_name, terms};
use crate::integration::request::{Mapping, Parser, Single, Terms, Vocabulary};
use crate::integration::section::{Entry, Section};

/// The key by which the file of an inbound profile is told from that of a buyer's.
pub(super) const DIRECTION: &str = "direction";
/// The most calls, and the most answers, of one profile.
const RULES_MAX: usize = 64;
/// The most places of a vendor's key.
pub const KEYS_MAX: usize = 8;
/// The most vendors that a profile names.
const VENDORS_MAX: usize = 1_000;
/// The most numbered lists.
const LISTS_MAX: usize = 8;

const ORIGIN: [&str; 2] = ["sub_id", "click_id"];

const CALLS: [(&str, Call); 3] = [("lead", Call::Lead), ("ping", Call::Ping), ("post", Call::Post)];
const WRITTEN: [(&str, Written); 4] = [
    ("query", Written::Query),
    ("form", Written::Form),
    ("json", Written::Json),
    ("xml", Written::Xml),
];

/// Reads a whole file; `find` gives the profile it includes.
pub(super) fn read(
    mut root: Section<'_>,
    find: &dyn Fn(&str) -> Option<Inbound>,
    faults: &mut Faults<'_>,
) -> Option<Inbound> {
    let name = root.text("profile", faults);
    let _ = root.word(DIRECTION, &[("in", ())], faults);
    let includes = root.has("include");
    let base = base(&mut root, find, faults);
    let is_base_lost = includes && base.is_none();
    let source = root.text("source", faults);
    let description = root.text("description", faults);
    let vendors = vendors(&mut root, faults);
    let told = Terms { vocabulary: Vocabulary::Answer, ..terms(&mut root, faults) };
    let given = Terms { vocabulary: Vocabulary::Vendor, ..told.clone() };
    let request = root.table("request", faults);
    let read = root.table("read", faults);
    let answer = root.table("answer", faults);
    let answers = root.tables("answers", faults);
    let mut profile = base.unwrap_or_else(nothing);
    if let Some(source) = source {
        profile.source = source.value;
    }
    if let Some(description) = description {
        profile.description = description.value;
    }
    keep_unless_empty(&mut profile.vendors, vendors);
    let mut parser = Parser::new(&given, faults);
    request.into_iter().for_each(|table| requests(&mut parser, table, &mut profile));
    read.into_iter().for_each(|table| reads(&mut parser, table, &mut profile));
    let mut parser = Parser::new(&told, faults);
    if let Some(mut table) = answer {
        let format = table.take("format").and_then(|entry| parser.single(entry));
        profile.format = format.or(profile.format);
        table.finish(parser.faults);
    }
    said(&mut parser, answers, &mut profile);
    check_name(name.as_ref(), faults);
    if !is_base_lost {
        check_whole(&profile, faults);
    }
    root.finish(faults);
    profile.known = known(&profile);
    profile.name = name?.value;
    Some(profile)
}

/// The vendors that it is for.
fn vendors(root: &mut Section<'_>, faults: &mut Faults<'_>) -> Vec<VendorId> {
    let is_named = root.has("vendors");
    let names = root.texts("vendors", faults);
    if is_named && (names.is_empty() || names.len() > VENDORS_MAX) {
        let message = format!("a profile is for 1 to {VENDORS_MAX} vendors, or for all");
        faults.error(Place { at: 0, path: "vendors" }, message);
    }
    let mut vendors = Vec::with_capacity(names.len());
    for name in names {
        match VendorId::parse(&name.value) {
            Ok(vendor) => vendors.push(vendor),
            Err(_) => faults.error(name.place(), format!("`{}` is no vendor's id", name.value)),
        }
    }
    vendors
}

/// The profile that the file includes.
fn base(
    root: &mut Section<'_>,
    find: &dyn Fn(&str) -> Option<Inbound>,
    faults: &mut Faults<'_>,
) -> Option<Inbound> {
    let include = root.text("include", faults)?;
    let found = find(&include.value);
    if found.is_none() {
        let names = SHIPPED.map(|(name, _)| name);
        let hint = hint(&include.value, &names)
            .unwrap_or_else(|| format!("there are {}", names.join(", ")));
        let message = format!("no inbound profile `{}` comes with the program", include.value);
        faults.error_with(include.place(), message, hint);
    }
    found
}

fn nothing() -> Inbound {
    Inbound {
        name: String::new(),
        source: String::new(),
        description: String::new(),
        written: Vec::new(),
        wrap: Vec::new(),
        keys: Vec::new(),
        ignored: BTreeSet::new(),
        numbered: Vec::new(),
        calls: Vec::new(),
        vendors: Vec::new(),
        parts: BTreeMap::new(),
        lead: Mapping::empty(),
        consent: Mapping::empty(),
        origin: Mapping::empty(),
        format: None,
        answers: Vec::new(),
        known: BTreeSet::new(),
        warnings: Vec::new(),
    }
}

/// `[request]`: how requests come.
fn requests(parser: &mut Parser<'_, '_>, mut table: Section<'_>, profile: &mut Inbound) {
    if let Some(list) = table.list("formats", parser.faults) {
        let words = list.value.into_iter();
        let words = words.filter_map(|entry| entry.into_word(&WRITTEN, parser.faults));
        let words: Vec<Written> = words.map(|word| word.value).collect();
        keep_unless_empty(&mut profile.written, words);
    }
    if table.has("wrap") {
        let names = table.texts("wrap", parser.faults);
        profile.wrap = names.into_iter().map(|name| name.value).collect();
    }
    if table.has("key") {
        let places = table.texts("key", parser.faults);
        if places.is_empty() || places.len() > KEYS_MAX {
            let message = format!("a key stands in one of 1 to {KEYS_MAX} places");
            parser.faults.error(table.place(), message);
        }
        profile.keys = places.into_iter().map(|place| key_place(&place.value)).collect();
    }
    let ignored = table.texts("ignore", parser.faults);
    profile.ignored.extend(ignored.into_iter().map(|name| name.value));
    if let Some(lists) = table.table("numbered", parser.faults) {
        for (name, entry) in lists.into_entries() {
            if let Some(list) = numbered(&name.value, entry, parser.faults) {
                profile.numbered.retain(|known| known.list != list.list);
                profile.numbered.push(list);
            }
        }
    }
    if profile.numbered.len() > LISTS_MAX {
        parser.faults.error(table.place(), format!("there are at most {LISTS_MAX} numbered lists"));
    }
    if table.has("calls") {
        let calls = table.tables("calls", parser.faults);
        let calls = calls.into_iter().filter_map(|table| call(parser, table)).collect();
        keep_unless_empty(&mut profile.calls, calls);
    }
    table.finish(parser.faults);
}

/// Puts what was read in the place of what was there; nothing was read only where there are faults.
fn keep_unless_empty<T>(place: &mut Vec<T>, read: Vec<T>) {
    if !read.is_empty() {
        *place = read;
    }
}

fn key_place(text: &str) -> KeyPlace {
    match text.strip_prefix("header:") {
        Some(name) => KeyPlace::Header(name.trim().to_ascii_lowercase()),
        None => KeyPlace::Field(text.to_owned()),
    }
}

/// `driver{n}_{name}`.
fn numbered(list: &str, entry: Entry<'_>, faults: &mut Faults<'_>) -> Option<Numbered> {
    let pattern = entry.into_text(faults)?;
    let found = ["{n}", "{i}"].into_iter().enumerate().find_map(|(at, sign)| {
        let (before, rest) = pattern.value.split_once(sign)?;
        let (between, after) = rest.split_once("{name}")?;
        let text = |part: &str| part.to_owned();
        let list = Numbered {
            list: text(list),
            before: text(before),
            between: text(between),
            after: text(after),
            first: 1 - at,
        };
        (!before.is_empty()).then_some(list)
    });
    if found.is_none() {
        let message = format!("`{}` has no number of the item, or no name", pattern.value);
        faults.error_with(
            pattern.place(),
            message,
            "write \"driver{n}_{name}\", {n} counts from 1",
        );
    }
    found
}

fn call(parser: &mut Parser<'_, '_>, mut table: Section<'_>) -> Option<CallRule> {
    for what in ["call", "path"].into_iter().filter(|what| !table.has(what)) {
        let message = format!("a call needs a `{what}`");
        let hint = "write { call = \"ping\", path = \"ping.do\" }";
        parser.faults.error_with(table.place(), message, hint);
    }
    let call = table.word("call", &CALLS, parser.faults);
    let path = table.text("path", parser.faults);
    let when = table.take("when").map(|entry| parser.condition(entry));
    table.finish(parser.faults);
    let path = path?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if path.value.is_empty() || path.value.len() > 64 || !path.value.chars().all(is_plain) {
        let message = "a path is one step of letters, digits, `.`, `-` and `_`";
        parser.faults.error(path.place(), message);
    }
    let when = match when {
        Some(when) => Some(when?),
        None => None,
    };
    Some(CallRule { call: call?.value, path: path.value, when })
}

/// `[read]`: what the fields mean.
fn reads(parser: &mut Parser<'_, '_>, mut table: Section<'_>, profile: &mut Inbound) {
    for (name, _) in PARTS {
        if let Some(entry) = table.take(name)
            && let Some(single) = parser.single(entry)
        {
            profile.parts.insert(name, single);
        }
    }
    let groups: [(&'static str, &mut Mapping, &[&str]); 3] = [
        ("lead", &mut profile.lead, &[]),
        ("consent", &mut profile.consent, &CONSENT_KEYS),
        ("source", &mut profile.origin, &ORIGIN),
    ];
    for (name, into, known) in groups {
        let Some(table) = table.table(name, parser.faults) else { continue };
        let mut mapping = parser.mapping(table);
        let unknown =
            mapping.names().filter(|(name, _)| !known.is_empty() && !known.contains(name));
        for (field, place) in unknown {
            let hint = hint(field, known).unwrap_or_else(|| format!("it has {}", known.join(", ")));
            parser.faults.error_with(place, format!("{name} has no `{field}`"), hint);
        }
        mapping.include(into);
        *into = mapping;
    }
    table.finish(parser.faults);
}

/// `[[answers]]`: what is said, those of the file before those it includes.
fn said(parser: &mut Parser<'_, '_>, tables: Vec<Section<'_>>, profile: &mut Inbound) {
    let mut answers = Vec::new();
    for mut table in tables {
        let when = table.take("when").map(|entry| parser.condition(entry));
        let status = table.integer("status", 200..600, parser.faults);
        if let Some(status) = status.as_ref().filter(|status| (300..400).contains(&status.value)) {
            parser.faults.error(status.place(), "an answer sends nobody elsewhere by its status");
        }
        let shapes = parser.shapes(&mut table);
        table.finish(parser.faults);
        let status = status.and_then(|status| u16::try_from(status.value).ok());
        let when = match when {
            Some(Some(when)) => Some(when),
            Some(None) => continue,
            None => None,
        };
        answers.push(AnswerRule { when, status, shapes });
    }
    answers.append(&mut profile.answers);
    profile.answers = answers;
}

/// Notes what a profile cannot be without.
fn check_whole(profile: &Inbound, faults: &mut Faults<'_>) {
    let start = Place { at: 0, path: "" };
    let mut check = |is_there: bool, message: &str, hint: &str| {
        if !is_there {
            faults.error_with(start, message, hint);
        }
    };
    let has = |calls: &[Call]| profile.calls.iter().any(|rule| calls.contains(&rule.call));
    check(!profile.calls.is_empty(), "no call is described", "write calls under [request]");
    check(
        !profile.keys.is_empty(),
        "nothing says where the vendor's key stands",
        "write key under [request]",
    );
    check(
        !profile.written.is_empty(),
        "nothing says how requests are written",
        "write formats under [request]",
    );
    check(
        profile.parts.contains_key("vertical") || !has(&[Call::Lead, Call::Ping]),
        "nothing says which vertical a lead is of",
        "write vertical = { value = \"..\" } under [read]",
    );
    check(
        profile.parts.contains_key("ping_id") || !has(&[Call::Post]),
        "nothing says which ping a post is for",
        "write ping_id = \"FIELD\" under [read]",
    );
    let last = profile.answers.last();
    check(
        last.is_some_and(|last| last.when.is_none()),
        "the last of [[answers]] stands for every case that is left, without `when`",
        "write one more without `when`",
    );
    let count = profile.answers.len().max(profile.calls.len());
    check(count <= RULES_MAX, "there are too many calls or answers", "at most 64 of each");
}

/// The fields that anything of the profile reads.
fn known(profile: &Inbound) -> BTreeSet<String> {
    let mut known = BTreeSet::new();
    profile.parts.values().for_each(|part: &Single| part.note_fields(&mut known));
    for mapping in [&profile.lead, &profile.consent, &profile.origin] {
        mapping.note_fields(&mut known);
    }
    let calls = profile.calls.iter().filter_map(|rule| rule.when.as_ref());
    calls.for_each(|when| when.note_fields(&mut known));
    profile.format.iter().for_each(|format| format.note_fields(&mut known));
    for rule in &profile.answers {
        rule.when.iter().for_each(|when| when.note_fields(&mut known));
        rule.shapes.note_fields(&mut known);
    }
    for place in &profile.keys {
        if let KeyPlace::Field(name) = place {
            known.insert(name.clone());
        }
    }
    known
}
