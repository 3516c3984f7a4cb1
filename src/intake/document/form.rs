//! Forms: names that spell out a tree, `lead[drivers][0][first_name]` or `lead.drivers.0.first_name`.
//!
//! Every value is a text; the types of the fields turn it into numbers and truths. A name counts
//! once. `name[]` appends to a list and stands at the end of a name only; otherwise the items of a
//! list are counted from 0 without a gap.

use std::collections::BTreeMap;

use super::{DocumentLimits, Node, check_key, check_text};
use crate::intake::fault::{FaultCode, FieldFault, Refusal, plain_step};

/// A tree while pairs are put into it.
enum Branch {
    Text(String),
    Named(Vec<(String, Self)>),
    Appended(Vec<String>),
}

/// Parses pairs separated by `&`.
pub(super) fn parse(bytes: &[u8], limits: &DocumentLimits) -> Result<Node, FieldFault> {
    let mut root = Branch::Named(Vec::new());
    let pairs = bytes.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty());
    for (count, pair) in pairs.enumerate() {
        if count >= limits.keys {
            let rule = format!("a form has at most {} pairs", limits.keys);
            return Err(Refusal::new(FaultCode::TooManyKeys, rule).at(String::new()));
        }
        let mut halves = pair.splitn(2, |byte| *byte == b'=');
        let name = decode(halves.next().unwrap_or_default(), "")?;
        let steps = steps(&name, limits)?;
        let pointer = pointer(&steps);
        let value = decode(halves.next().unwrap_or_default(), &pointer)?;
        check_text(&value, &pointer, limits)?;
        put(&mut root, &steps, value).map_err(|refusal| refusal.at(pointer))?;
    }
    match root {
        Branch::Named(entries) => object(entries, ""),
        Branch::Text(_) | Branch::Appended(_) => Ok(Node::Object(Vec::new())),
    }
}

/// Percent-decodes strictly as to UTF-8, leniently as to a `%` that starts no escape, as the URL
/// standard has it.
fn decode(encoded: &[u8], pointer: &str) -> Result<String, FieldFault> {
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded;
    loop {
        rest = match rest {
            [] => break,
            [b'+', after @ ..] => {
                bytes.push(b' ');
                after
            }
            [b'%', high, low, after @ ..] if hex(*high).is_some() && hex(*low).is_some() => {
                bytes.push(hex(*high).unwrap_or_default() << 4 | hex(*low).unwrap_or_default());
                after
            }
            [byte, after @ ..] => {
                bytes.push(*byte);
                after
            }
        };
    }
    String::from_utf8(bytes).map_err(|_| {
        let rule = "a name or value is not UTF-8 once decoded";
        Refusal::new(FaultCode::InvalidUtf8, rule).at(pointer.to_owned())
    })
}

const fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// Takes `lead[drivers][0].first_name` apart; an empty step stands for `[]`.
fn steps<'n>(name: &'n str, limits: &DocumentLimits) -> Result<Vec<&'n str>, FieldFault> {
    let broken = || {
        let rule = "a name is written `lead[zip]` or `lead.zip`, with `[]` at its end only";
        Refusal::new(FaultCode::Syntax, rule).at(String::new())
    };
    let end = name.find(['[', '.']).unwrap_or(name.len());
    let (first, mut rest) = name.split_at(end);
    let mut steps = vec![first];
    while !rest.is_empty() {
        let (step, after) = match rest.strip_prefix('[') {
            Some(inside) => inside.split_once(']').ok_or_else(broken)?,
            None => {
                let dotted = rest.strip_prefix('.').ok_or_else(broken)?;
                let end = dotted.find(['[', '.']).unwrap_or(dotted.len());
                dotted.split_at(end)
            }
        };
        let appends = step.is_empty() && rest.starts_with("[]") && after.is_empty();
        if (step.is_empty() && !appends) || step.contains('[') {
            return Err(broken());
        }
        steps.push(step);
        rest = after;
    }
    if steps.len() > limits.depth {
        let rule = format!("at most {} levels of nesting", limits.depth);
        return Err(Refusal::new(FaultCode::TooDeep, rule).at(String::new()));
    }
    let appends = steps.len() > 1 && steps.last().is_some_and(|last| last.is_empty());
    for step in &steps[..steps.len() - usize::from(appends)] {
        check_key(step, "", limits)?;
    }
    Ok(steps)
}

fn pointer(steps: &[&str]) -> String {
    let named = steps.iter().filter(|step| !step.is_empty());
    named.fold(String::new(), |pointer, step| match index(step) {
        Some(_) => format!("{pointer}/{step}"),
        None => plain_step(&pointer, step),
    })
}

/// The place in a list that a step names; three digits are plenty for every list there is.
fn index(step: &str) -> Option<usize> {
    let canonical = step == "0" || !step.starts_with('0');
    let digits = (1..=3).contains(&step.len()) && step.bytes().all(|byte| byte.is_ascii_digit());
    if canonical && digits { step.parse().ok() } else { None }
}

/// Puts `value` where `steps` lead, growing the tree on the way.
fn put(branch: &mut Branch, steps: &[&str], value: String) -> Result<(), Refusal> {
    let twice = || Refusal::new(FaultCode::DuplicateKey, "the same name stands here twice");
    match (branch, steps) {
        (Branch::Appended(texts), [""]) => {
            texts.push(value);
            Ok(())
        }
        (Branch::Named(entries), [step, rest @ ..]) if !step.is_empty() => {
            let at = entries.iter().position(|(key, _)| key == step);
            match (at, rest) {
                (None, []) => entries.push(((*step).to_owned(), Branch::Text(value))),
                (Some(_), []) => return Err(twice()),
                (Some(at), rest) => {
                    if let Some((_, below)) = entries.get_mut(at) {
                        return put(below, rest, value);
                    }
                }
                (None, rest) => {
                    let mut below = match rest {
                        [""] => Branch::Appended(Vec::new()),
                        _ => Branch::Named(Vec::new()),
                    };
                    put(&mut below, rest, value)?;
                    entries.push(((*step).to_owned(), below));
                }
            }
            Ok(())
        }
        _ => Err(twice()),
    }
}

/// The finished object, its keys in the order of their first appearance.
fn object(entries: Vec<(String, Branch)>, pointer: &str) -> Result<Node, FieldFault> {
    let finish = |(key, branch): (String, Branch)| {
        let node = node(branch, &plain_step(pointer, &key))?;
        Ok((key, node))
    };
    entries.into_iter().map(finish).collect::<Result<_, _>>().map(Node::Object)
}

fn node(branch: Branch, pointer: &str) -> Result<Node, FieldFault> {
    match branch {
        Branch::Text(text) => Ok(Node::Text(text)),
        Branch::Appended(texts) => Ok(Node::Array(texts.into_iter().map(Node::Text).collect())),
        Branch::Named(entries) if entries.iter().any(|(key, _)| index(key).is_some()) => {
            list(entries, pointer)
        }
        Branch::Named(entries) => object(entries, pointer),
    }
}

/// The items of a list in the order of their numbers.
fn list(entries: Vec<(String, Branch)>, pointer: &str) -> Result<Node, FieldFault> {
    let gap = || {
        let rule = "the items of a list are counted 0, 1, 2 without a gap";
        Refusal::new(FaultCode::InvalidIndex, rule).at(pointer.to_owned())
    };
    let numbered = entries.into_iter().map(|(key, branch)| Some((index(&key)?, branch)));
    let items: BTreeMap<usize, Branch> = numbered.collect::<Option<_>>().ok_or_else(gap)?;
    let open = |(expected, (at, branch)): (usize, (usize, Branch))| {
        if at == expected { node(branch, &format!("{pointer}/{at}")) } else { Err(gap()) }
    };
    items.into_iter().enumerate().map(open).collect::<Result<_, _>>().map(Node::Array)
}
