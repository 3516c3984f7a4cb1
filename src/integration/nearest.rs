//! "Did you mean": the known word that is nearest to one that is not.

/// Words longer than this are not compared: nobody misspells them.
const WORD_BYTES_MAX: usize = 64;

/// The nearest of `known` to `word`, if it is near enough to be what was meant.
pub(super) fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    if word.len() > WORD_BYTES_MAX {
        return None;
    }
    let plain = |text: &str| text.to_ascii_lowercase().replace(['-', ' '], "_");
    let meant = plain(word);
    let far = (meant.len() / 3).clamp(1, 3);
    let of = |known: &'k str| (distance(&meant, &plain(known)), known);
    known
        .into_iter()
        .filter(|known| known.len() <= WORD_BYTES_MAX)
        .map(of)
        .filter(|(steps, _)| *steps <= far)
        .min_by_key(|(steps, _)| *steps)
        .map(|(_, known)| known)
}

/// `did you mean ..?`, or all that there is if the list is short enough to be read.
pub(super) fn hint(word: &str, known: &[&str]) -> Option<String> {
    if let Some(near) = nearest(word, known.iter().copied()) {
        return Some(format!("did you mean `{near}`?"));
    }
    match known {
        [] => None,
        _ if known.len() <= 30 => Some(format!("known here: {}", known.join(", "))),
        _ => None,
    }
}

/// How many letters are to be put in, taken out, changed or swapped with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let changed = usize::from(a[i - 1] != b[j - 1]);
            row[j] = (last[j] + 1).min(row[j - 1] + 1).min(last[j - 1] + changed);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(word: &str, expect: Option<&str>) {
        let known = ["fields", "format", "headers", "zip_code", "when"];
        assert_eq!(nearest(word, known), expect, "{word}");
    }

    #[test]
    fn a_misspelt_word_is_led_to_the_one_that_was_meant() {
        check("feilds", Some("fields"));
        check("field", Some("fields"));
        check("Zip-Code", Some("zip_code"));
        check("wehn", Some("when"));
        check("header", Some("headers"));
    }

    #[test]
    fn a_word_that_is_like_none_is_led_nowhere() {
        check("destination", None);
        check("", None);
        check(&"x".repeat(1_000), None);
    }
}
