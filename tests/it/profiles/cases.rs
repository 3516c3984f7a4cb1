//! Recorded cases of a buyer that is made up: what it answers, and what that means.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::stub::Said;

/// The texts of cases, by name.
pub type Cases = BTreeMap<String, Json>;

/// A buyer that bids 20.00 and takes the lead, and one that refuses both, each after these calls.
pub fn recorded([bid, sold]: [&Said; 2], refusal: &Said, before: &[(&str, &Said)]) -> Cases {
    let case = |about: &str, ping: (&Said, Json), post: (&Said, Json)| {
        let mut steps: Vec<Json> =
            before.iter().map(|(call, said)| json!({"call": call, "reply": reply(said)})).collect();
        for (call, (said, means)) in [("ping", ping), ("post", post)] {
            steps.push(json!({"call": call, "reply": reply(said), "means": means}));
        }
        json!({"about": about, "vertical": "final_expense", "steps": steps})
    };
    let bids = json!({"bids": [{"price": "20.00"}]});
    let accept = case("A bid and a sale.", (bid, bids), (sold, json!({"outcome": "accepted"})));
    let refuse = case(
        "No bid and no sale.",
        (refusal, json!({"no_bid": "declined"})),
        (refusal, json!({"outcome": "rejected"})),
    );
    [("accept".to_owned(), accept), ("refuse".to_owned(), refuse)].into()
}

fn reply(said: &Said) -> Json {
    json!({
        "status": said.status,
        "headers": {"content-type": said.content_type},
        "body": said.body,
    })
}
