//! What the tests of this module share, and tests of it as a whole.

pub(super) mod sample;

use crate::integration::phase::Phase;
use sample::sample;

/// The page that is the language's reference.
const PAGE: &str = include_str!("../../docs/PROFILES.md");

#[test]
fn every_example_of_the_page_of_profiles_makes_what_stands_below_it() {
    let mut profile = String::new();
    let (mut profiles, mut bodies) = (0, 0);
    for (at, block) in PAGE.split("```").enumerate().filter(|(at, _)| at % 2 == 1) {
        let (kind, text) = block.split_once('\n').unwrap();
        let phase = match kind {
            "toml" => {
                sample::compile(text);
                text.clone_into(&mut profile);
                profiles += 1;
                continue;
            }
            "ping" => Phase::Ping,
            "post" => Phase::Post,
            other => panic!("block {at} is of an unknown kind: {other}"),
        };
        assert_eq!(sample(&[]).body(&profile, phase), text.trim_end(), "{profile}");
        bodies += 1;
    }
    assert!(profiles >= 7 && bodies >= profiles, "{profiles} profiles, {bodies} bodies");
}
