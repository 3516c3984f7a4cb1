//! What the tests of this module share, and tests of it as a whole.

pub(super) mod sample;

use crate::domain::campaign::OnUnmatched;
use crate::domain::money::Money;
use crate::domain::reply::RawReply;
use crate::integration::cases::{Case, Difference, Standard, meaning};
use crate::integration::phase::{PHASES, Phase};
use crate::integration::reply::{HttpReply, PostSettings, Terms};
use sample::sample;

/// The page that is the language's reference.
const PAGE: &str = include_str!("../../docs/PROFILES.md");

#[test]
fn every_example_of_the_page_of_profiles_makes_what_stands_below_it() {
    let mut profile = String::new();
    let (mut profiles, mut bodies, mut answers, mut cases) = (0, 0, 0, 0);
    for (at, block) in PAGE.split("```").enumerate().filter(|(at, _)| at % 2 == 1) {
        let (kind, text) = block.split_once('\n').unwrap();
        let phase = match kind {
            "toml" => {
                sample::compile(text);
                text.clone_into(&mut profile);
                profiles += 1;
                continue;
            }
            "answers" => {
                answers += check_answers(&profile, text);
                continue;
            }
            "json" => {
                check_case(&profile, text);
                cases += 1;
                continue;
            }
            "sh" => continue,
            "ping" => Phase::Ping,
            "post" => Phase::Post,
            other => panic!("block {at} is of an unknown kind: {other}"),
        };
        assert_eq!(sample(&[]).body(&profile, phase), text.trim_end(), "{profile}");
        bodies += 1;
    }
    assert!(profiles >= 13 && bodies >= 8, "{profiles} profiles, {bodies} bodies");
    assert!(answers >= 15 && cases >= 1, "{answers} answers, {cases} cases");
}

/// Holds what the replies mean against what the page says of them; gives their number.
fn check_answers(profile: &str, text: &str) -> usize {
    let profile = sample::compile(profile);
    let mut lines = text.lines();
    let mut count = 0;
    while let Some(answer) = lines.next() {
        let mut parts = answer.splitn(3, ' ');
        let name = parts.next().unwrap();
        let call = PHASES.into_iter().find(|phase| phase.as_str() == name).unwrap();
        let status = parts.next().unwrap().parse().unwrap();
        let body = parts.next().unwrap_or_default().as_bytes();
        let told = lines.next().and_then(|line| line.trim().strip_prefix("means ")).unwrap();
        let expected: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(told).unwrap_or_else(|error| panic!("{error}: {told}"));
        let reply =
            HttpReply { raw: RawReply { status, content_encoding: None, body }, headers: &[] };
        let standard = Standard {
            terms: Terms {
                currency: "USD",
                max_bid: None,
                bid_max: Money::parse("100000").unwrap(),
                offers_shared: true,
                is_test: false,
            },
            post: PostSettings {
                is_repeat: false,
                on_unmatched: OnUnmatched::Unknown,
                is_test: false,
            },
        };
        let found = meaning(profile.reply(call).unwrap(), call, &reply, standard);
        for (key, value) in expected {
            assert_eq!(found.get(&key), Some(&value), "{answer}: {key} of {found:?}");
        }
        count += 1;
    }
    count
}

fn check_case(profile: &str, text: &str) {
    let case = Case::parse(text).unwrap_or_else(|invalid| panic!("{invalid}"));
    let vertical = &crate::registry::compile::shipped_verticals()[&case.vertical];
    let report = crate::flow::rehearsal::rehearse(&sample::compile(profile), &case, vertical);
    let report = report.unwrap_or_else(|faults| panic!("{faults:?}"));
    assert_eq!(report.differences().collect::<Vec<_>>(), Vec::<&Difference>::new());
}
