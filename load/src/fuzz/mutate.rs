//! Mutations of bytes: what networks, bugs and attackers make of a valid text.

use rand::rngs::ChaCha8Rng;
use rand::seq::IndexedRandom;
use rand::{Rng, RngExt};

/// The most mutations of one case.
const MUTATIONS_MAX: u32 = 4;
/// The deepest nesting that is put in.
const DEPTH_MAX: usize = 10_000;
/// The most keys that are put in.
const KEYS_MAX: usize = 2_000;

/// Pieces that are put in the place of others or between them.
const PIECES: [&[u8]; 44] = [
    b"null",
    b"true",
    b"-1",
    b"0",
    b"1e999",
    b"-1E-999",
    b"1e400000000000",
    b"99999999999999999999999999999999999999999999999999999999999999999999999999",
    b"922337203685477.5807",
    b"0.00001",
    b"00012.50",
    b"NaN",
    b"Infinity",
    b"\"\"",
    b"\"$1,012.50\"",
    b"\"12.50\"",
    b"[]",
    b"{}",
    b"[[[[[[]]]]]]",
    b"{\"\":{\"\":{\"\":0}}}",
    b"\"\\u0000\"",
    b"\"\\ud800\"",
    b"\"\\uDC00\\uD800\"",
    b"\\",
    b"\"",
    b",",
    b":",
    b"&",
    b"=",
    b"%",
    b"%00",
    b"%ff%fe",
    b"%C0%80",
    b"[",
    b"]",
    b".",
    b"\x00",
    b"\xff",
    b"\xc0\x80",
    b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80",
    b"\xef\xbb\xbf",
    b"\r\n",
    b"\xe2\x80\xae",
];

/// Makes one to [`MUTATIONS_MAX`] changes, mostly one; `names` are words of the format, such as its keys.
pub fn mutate(bytes: &mut Vec<u8>, names: &[&str], random: &mut ChaCha8Rng) {
    let changes = if random.random_bool(0.6) { 1 } else { random.random_range(2..=MUTATIONS_MAX) };
    for _ in 0..changes {
        change(bytes, names, random);
    }
}

fn change(bytes: &mut Vec<u8>, names: &[&str], random: &mut ChaCha8Rng) {
    let at = place(bytes, random);
    match random.random_range(0..24) {
        0 => bytes.truncate(at),
        1 => flip_bits(bytes, random),
        2 => drop(bytes.drain(range(bytes, random))),
        3 => {
            let copied = bytes[range(bytes, random)].to_vec();
            bytes.splice(at..at, copied);
        }
        4 => {
            let mut noise = [0; 8];
            random.fill_bytes(&mut noise);
            bytes.splice(at..at, noise);
        }
        5 => {
            let piece = PIECES.choose(random).copied().unwrap_or_default();
            bytes.splice(at..at, piece.iter().copied());
        }
        6 => {
            let piece = PIECES.choose(random).copied().unwrap_or_default();
            bytes.splice(range(bytes, random), piece.iter().copied());
        }
        7 => double_member(bytes, random),
        8 => {
            let name = names.choose(random).copied().unwrap_or_default();
            bytes.splice(at..at, name.bytes());
        }
        9 => nest(bytes, at, random),
        10 => swap(bytes, random),
        11 => many_keys(bytes, at, random),
        // What stays well-formed goes furthest.
        _ => replace_value(bytes, random),
    }
}

fn place(bytes: &[u8], random: &mut ChaCha8Rng) -> usize {
    random.random_range(0..=bytes.len())
}

/// A short range within `bytes`.
fn range(bytes: &[u8], random: &mut ChaCha8Rng) -> std::ops::Range<usize> {
    let start = place(bytes, random);
    let length = random.random_range(0..=40).min(bytes.len() - start);
    start..start + length
}

fn flip_bits(bytes: &mut [u8], random: &mut ChaCha8Rng) {
    for _ in 0..random.random_range(1..=8) {
        if bytes.is_empty() {
            return;
        }
        let at = random.random_range(0..bytes.len());
        bytes[at] ^= 1 << random.random_range(0..8);
    }
}

/// Puts another piece in the place of what stands between a `:` or `=` and the next `,`, `}` or `&`.
fn replace_value(bytes: &mut Vec<u8>, random: &mut ChaCha8Rng) {
    let starts: Vec<usize> = positions(bytes, b":=").map(|at| at + 1).collect();
    let Some(&start) = starts.choose(random) else { return };
    let length = positions(&bytes[start..], b",}&").next().unwrap_or(bytes.len() - start);
    let piece = PIECES.choose(random).copied().unwrap_or_default();
    bytes.splice(start..start + length, piece.iter().copied());
}

/// Says one member of an object, or one pair of a form, twice.
fn double_member(bytes: &mut Vec<u8>, random: &mut ChaCha8Rng) {
    let starts: Vec<usize> = positions(bytes, b",&").collect();
    let Some(&start) = starts.choose(random) else { return };
    let length = positions(&bytes[start + 1..], b",}&").next().map_or(0, |length| length + 1);
    let member = bytes[start..start + length].to_vec();
    bytes.splice(start..start, member);
}

fn positions<'a>(bytes: &'a [u8], any: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
    bytes.iter().enumerate().filter(|(_, byte)| any.contains(byte)).map(|(at, _)| at)
}

/// Puts a deep nesting in, closed or left open.
fn nest(bytes: &mut Vec<u8>, at: usize, random: &mut ChaCha8Rng) {
    // Mostly about as deep as is allowed, at times far deeper.
    let depth = match random.random_range(0..8) {
        0 => random.random_range(1..=DEPTH_MAX),
        _ => random.random_range(1..=64),
    };
    let (open, close): (&[u8], &[u8]) = match random.random_range(0..3) {
        0 => (b"[", b"]"),
        1 => (b"{\"a\":", b"}"),
        _ => (b"[a]", b""),
    };
    let mut nested = open.repeat(depth);
    if random.random_bool(0.7) {
        nested.extend_from_slice(b"0");
        nested.extend(close.repeat(depth));
    }
    bytes.splice(at..at, nested);
}

fn swap(bytes: &mut [u8], random: &mut ChaCha8Rng) {
    let (one, other) = (range(bytes, random), range(bytes, random));
    for (a, b) in one.zip(other) {
        bytes.swap(a, b);
    }
}

/// Puts many members in where one may stand.
fn many_keys(bytes: &mut Vec<u8>, at: usize, random: &mut ChaCha8Rng) {
    let is_form = !bytes.starts_with(b"{");
    let count = random.random_range(1..=KEYS_MAX);
    let at = positions(bytes, b"{&,").find(|found| *found >= at).map_or(at, |found| found + 1);
    let key = |number: usize| match is_form {
        true => format!("k{number}=&"),
        false => format!("\"k{number}\":0,"),
    };
    let keys: String = (0..count).map(key).collect();
    bytes.splice(at..at, keys.into_bytes());
}
