//! The calls of a profile: each a request and how its reply is read, and what one call takes from
//! the replies to others.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::fault::{Faults, Place};
use super::super::nearest::hint;
use super::super::phase::{PHASES, Phase};
use super::super::reply::{self, Outcome, ReplyReader, Role};
use super::super::request::{Declared, Parser, Part, Request, Source, Terms, Walk, Within};
use super::super::section::{At, Section};
use super::Call;

/// What `[login.reply]` brings.
const TOKEN: &str = "token";

/// Compiles every call; tells also whether each of them could be compiled.
pub(super) fn calls(
    root: &mut Section<'_>,
    terms: &Terms,
    declared: &Declared<'_>,
    faults: &mut Faults<'_>,
) -> (BTreeMap<Phase, Call>, bool) {
    let mut parser = Parser::new(terms, faults);
    let mut calls: BTreeMap<Phase, Call> = BTreeMap::new();
    // What follows from a fault in one call is not told of another.
    let mut broken = Vec::new();
    for phase in PHASES {
        let Some(mut table) = root.table(phase.as_str(), parser.faults) else { continue };
        let says_reply = table.has("reply");
        let reply = reply(&mut table, phase, parser.faults);
        if says_reply && reply.is_none() {
            broken.push(phase);
        }
        let Some(mut section) = table.table("request", parser.faults) else {
            let hint = format!("write [{phase}.request]");
            parser.faults.error_with(table.place(), "there is no request", hint);
            broken.push(phase);
            continue;
        };
        table.finish(parser.faults);
        let request = match included(&mut section, (&calls, &broken), parser.faults) {
            Ok(base) => {
                let request = parser.request(&mut section, base);
                section.finish(parser.faults);
                request
            }
            Err(()) => None,
        };
        let Some(request) = request else {
            broken.push(phase);
            continue;
        };
        let uses = request.check(phase, declared, parser.faults);
        calls.insert(phase, Call { request, uses, reply });
    }
    for (phase, call) in &calls {
        check_brought(*phase, call, (&calls, &broken), faults);
        check_accepts(*phase, call, faults);
    }
    (calls, broken.is_empty())
}

/// How the reply to a call is read. Where something depends on the reply, it must be said.
fn reply(
    table: &mut Section<'_>,
    phase: Phase,
    faults: &mut Faults<'_>,
) -> Option<Arc<ReplyReader>> {
    let role = match phase {
        Phase::Ping => Role::Ping,
        Phase::Post | Phase::Confirm => Role::Post,
        Phase::Status => Role::Status,
        Phase::Login => Role::Login,
        Phase::Preping | Phase::LoserNotice | Phase::Completion => Role::Sign,
    };
    if !table.has("reply") && role != Role::Sign {
        let hint = format!("write [{phase}.reply]");
        faults.error_with(table.place(), "nothing says how the reply is read", hint);
    }
    let section = table.table("reply", faults)?;
    reply::compile(section, role, faults).map(Arc::new)
}

/// The request that another includes.
fn included<'c>(
    section: &mut Section<'_>,
    (calls, broken): (&'c BTreeMap<Phase, Call>, &[Phase]),
    faults: &mut Faults<'_>,
) -> Result<Option<&'c Request>, ()> {
    let Some(name) = section.text("include", faults) else { return Ok(None) };
    let found = calls.iter().find(|(phase, _)| phase.as_str() == name.value);
    if let Some((_, call)) = found {
        return Ok(Some(&call.request));
    }
    if broken.iter().any(|phase| phase.as_str() == name.value) {
        return Err(());
    }
    let known: Vec<&str> = calls.keys().map(|phase| phase.as_str()).collect();
    let message = format!("there is no `{}` to include before this", name.value);
    match hint(&name.value, &known) {
        Some(hint) => faults.error_with(name.place(), message, hint),
        None => faults.error(name.place(), message),
    }
    Err(())
}

/// Notes what a request takes from the reply to another call that does not bring it, and calls that a
/// reply leads to and that are not there.
fn check_brought(
    phase: Phase,
    call: &Call,
    (calls, broken): (&BTreeMap<Phase, Call>, &[Phase]),
    faults: &mut Faults<'_>,
) {
    let reader = |phase| calls.get(&phase).and_then(|call| call.reply.as_deref());
    call.request.walk(Within::Nothing, &mut |part, _| {
        let Part::Source(source) = part else { return };
        match &source.value {
            Source::Bid(name) => {
                if let Some(ping) = reader(Phase::Ping) {
                    brought(source, name, "bid.", ping.reference_names().collect(), faults);
                }
            }
            Source::Captured(whole) => {
                let Some((family, name)) = whole.split_once('.') else { return };
                let (from, more) = match family {
                    "login" => (Phase::Login, Some(TOKEN)),
                    "preping" => (Phase::Preping, None),
                    "reply" => (Phase::Post, None),
                    _ => return,
                };
                if broken.contains(&from) {
                    return;
                }
                let names = reader(from).into_iter().flat_map(ReplyReader::capture_names);
                let prefix = &whole[..=family.len()];
                brought(source, name, prefix, names.chain(more).collect(), faults);
            }
            _ => {}
        }
    });
    if phase == Phase::Completion {
        let uses = |family: &str| call.uses.captured.iter().any(|name| name.starts_with(family));
        if uses("call.") && uses("reply.") {
            let message = "what the reply to the post brought is not kept until a call is reported";
            faults.error(Place { at: 0, path: phase.as_str() }, message);
        }
    }
    let steps = call.reply.iter().flat_map(|reply| reply.next_steps());
    let known = calls.keys().chain(broken);
    for step in steps.filter(|step| !known.clone().any(|known| known.as_str() == *step)) {
        let message = format!("a rule of the {phase} reply leads to `{step}`, which is not there");
        let start = Place { at: 0, path: phase.as_str() };
        faults.error_with(start, message, format!("write [{step}.request]"));
    }
}

/// Notes if no lead could ever be sold by the answers to a post: they ask for another call and never
/// accept, and that call is not the second post. The answers to that lead nowhere.
fn check_accepts(phase: Phase, call: &Call, faults: &mut Faults<'_>) {
    let Some(reply) = &call.reply else { return };
    let leads_on = match phase {
        Phase::Post => reply.next_steps().any(|step| step == Phase::Confirm.as_str()),
        Phase::Confirm => false,
        _ => return,
    };
    // Where nothing asks for another call, that was told of the reply alone.
    let asks = reply.can_mean(Outcome::NextStep);
    if asks && !leads_on && !reply.can_mean(Outcome::Accept) {
        let message = format!("no rule of the {phase} reply accepts");
        let start = Place { at: 0, path: phase.as_str() };
        let hint = "write [[rules]] with when = { .. } and outcome = \"accept\"";
        faults.error_with(start, message, hint.to_owned());
    }
}

fn brought(
    source: &At<Source>,
    name: &str,
    prefix: &str,
    names: Vec<&str>,
    faults: &mut Faults<'_>,
) {
    if names.contains(&name) {
        return;
    }
    let message = format!("no reply brings `{prefix}{name}`");
    match hint(name, &names) {
        Some(hint) => faults.error_with(source.place(), message, hint),
        None => faults.error(source.place(), message),
    }
}
