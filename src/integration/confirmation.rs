//! What an answer to a second post means: the buyer has the lead since the first.

use super::reply::{Outcome, PostReading};
use crate::domain::post::PostOutcome;

/// What an answer to a second post means, from what it would mean of a first one.
///
/// Only a rule that clearly refuses frees the lead. An answer that no rule names, a token that is not
/// taken and a "duplicate", which may be of the first post, leave the fate of the lead unknown.
#[must_use]
pub fn of_second_post(reading: PostReading) -> PostReading {
    let refuses = matches!(
        reading.told.outcome,
        Some(Outcome::Refuse | Outcome::Invalid | Outcome::Quota | Outcome::Test)
    );
    let outcome = match reading.outcome {
        PostOutcome::Rejected { reason } if !refuses => PostOutcome::Unknown { reason },
        PostOutcome::NotSent { reason } => PostOutcome::Unknown { reason },
        outcome => outcome,
    };
    PostReading { outcome, ..reading }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::campaign::OnUnmatched;
    use crate::domain::reply::RawReply;
    use crate::integration::reply::{HttpReply, PostSettings};
    use crate::integration::{Phase, Profile};

    const PROFILE: &str = r#"
profile = "further"
[post.request]
body = "none"
[post.reply]
rules = [
  { when = { http_status = 201 }, outcome = "accept" },
  { when = { http_status = 422 }, outcome = "refuse" },
  { outcome = "next_step", step = "confirm" },
]
[confirm.request]
body = "none"
[confirm.reply]
rules = [
  { when = { "$.r" = "yes" }, outcome = "accept" },
  { when = { "$.r" = "no" }, outcome = "refuse" },
  { when = { "$.r" = "bad" }, outcome = "invalid" },
  { when = { "$.r" = "full" }, outcome = "quota" },
  { when = { "$.r" = "twice" }, outcome = "duplicate" },
  { when = { "$.r" = "known" }, outcome = "refuse", reason = "duplicate" },
  { when = { "$.r" = "who" }, outcome = "auth_failed" },
  { when = { "$.r" = "later" }, outcome = "retry" },
]
"#;

    #[test]
    fn only_a_rule_that_refuses_frees_a_lead_that_the_buyer_has() {
        let profile = Profile::compile(PROFILE).unwrap();
        let reader = profile.reply(Phase::Confirm).unwrap();
        let check = |status: u16, body: &str, expect: PostOutcome| {
            let raw = RawReply { status, content_encoding: None, body: body.as_bytes() };
            // Whatever the campaign says of unmatched answers, it says of a first post.
            let on_unmatched = OnUnmatched::Rejected;
            let settings = PostSettings { is_repeat: false, on_unmatched, is_test: false };
            let reading = reader.read_post(&HttpReply { raw, headers: &[] }, settings);
            assert_eq!(of_second_post(reading).outcome, expect, "{status} {body}");
        };
        let rejected = |reason: &str| PostOutcome::Rejected { reason: reason.to_owned() };
        let unknown = |reason: &str| PostOutcome::Unknown { reason: reason.to_owned() };
        check(200, r#"{"r":"yes"}"#, PostOutcome::Accepted(Default::default()));
        check(422, r#"{"r":"no"}"#, rejected("other"));
        check(422, r#"{"r":"bad"}"#, rejected("invalid"));
        check(200, r#"{"r":"full"}"#, rejected("capped"));
        check(409, r#"{"r":"twice"}"#, unknown("duplicate"));
        check(409, r#"{"r":"known"}"#, unknown("duplicate"));
        check(401, r#"{"r":"who"}"#, unknown("auth_failed"));
        check(200, r#"{"r":"later"}"#, unknown("retry_later"));
        check(503, r#"{"r":"later"}"#, unknown("contradictory"));
        check(401, "{}", unknown("http_4xx"));
        check(422, "{}", unknown("http_4xx"));
        check(429, "", unknown("http_429"));
        check(502, "", unknown("http_5xx"));
        check(200, "<html>", unknown("malformed"));
    }
}
