//! A campaign's standing: what people set for it beside its description.
//!
//! The description comes from a file or from an operator over the API. The standing is set by the
//! campaign's buyer and by operators over the API, and no file holds it: the endpoints the buyer
//! registered, the ones that are proved, who has paused it, and whether its secret is the buyer's.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::campaign::{Campaign, CampaignState, Cap, PostSemantics, Price, Verification};

/// Where leads and questions about them go.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Endpoints {
    /// Where pings go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ping_url: Option<String>,
    /// Where posts go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub post_url: Option<String>,
    /// Where a post's fate is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_url: Option<String>,
}

impl Endpoints {
    /// Each endpoint that is there, by the name of its field.
    pub fn named(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let [ping, post, status] = [&self.ping_url, &self.post_url, &self.status_url];
        [("ping_url", ping), ("post_url", post), ("status_url", status)]
            .into_iter()
            .filter_map(|(name, url)| Some((name, url.as_deref()?)))
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.named().next().is_none()
    }
}

/// Endpoints that a buyer registered in place of those that are described.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnEndpoints {
    /// The endpoints.
    pub registered: Endpoints,
    /// What the description said when they were registered: they hold until it says otherwise.
    pub described: Endpoints,
}

/// Who has paused a campaign; each lifts its own pause, and an operator either.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum PausedBy {
    /// Its buyer.
    Buyer,
    /// An operator.
    Operator,
}

/// What was set for a campaign beside its description.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Standing {
    /// The endpoints its buyer registered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoints: Option<OwnEndpoints>,
    /// URLs that answered a challenge, or that an operator vouched for one by one.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub proved: BTreeSet<String>,
    /// Who has paused it; nobody = it is not paused.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub paused_by: BTreeSet<PausedBy>,
    /// Limits of its buyer's own, beside those that are described; the stricter one counts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub caps: Vec<Cap>,
    /// Whether its secret was issued to its buyer over the API: then files do not replace it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub has_own_secret: bool,
}

impl Standing {
    /// Where leads of `campaign` go: to the endpoints its buyer registered, else to those that are
    /// described. One that has no use is left out.
    #[must_use]
    pub fn endpoints_of(&self, campaign: &Campaign) -> Endpoints {
        let Some(own) = &self.endpoints else { return campaign.endpoints() };
        let mut endpoints = own.registered.clone();
        if matches!(campaign.price, Price::Fixed(_)) {
            endpoints.ping_url = None;
        }
        endpoints
    }

    /// The limits on what `campaign` buys: those that are described and its buyer's own, the stricter
    /// one of each window.
    #[must_use]
    pub fn caps_of(&self, campaign: &Campaign) -> Vec<Cap> {
        let mut caps = campaign.caps.clone();
        for own in &self.caps {
            match caps.iter_mut().find(|cap| cap.per == own.per) {
                Some(cap) => {
                    cap.leads = stricter(cap.leads, own.leads);
                    cap.spend = stricter(cap.spend, own.spend);
                }
                None => caps.push(*own),
            }
        }
        caps
    }

    /// Those of `campaign`'s endpoints that must still be proved before a lead goes there.
    #[must_use]
    pub fn unproved(&self, campaign: &Campaign) -> Endpoints {
        if campaign.verification == Verification::Operator && self.endpoints.is_none() {
            return Endpoints::default();
        }
        let open = |url: Option<String>| url.filter(|url| !self.proved.contains(url));
        let Endpoints { ping_url, post_url, status_url } = self.endpoints_of(campaign);
        Endpoints {
            ping_url: open(ping_url),
            post_url: open(post_url),
            status_url: open(status_url),
        }
    }

    /// Where `campaign`, which is in use, stands.
    #[must_use]
    pub fn state_of(&self, campaign: &Campaign) -> CampaignState {
        if !has_all(campaign, &self.endpoints_of(campaign)) {
            CampaignState::Draft
        } else if !self.unproved(campaign).is_empty() {
            CampaignState::PendingVerification
        } else if !self.paused_by.is_empty() {
            CampaignState::Paused
        } else {
            CampaignState::Active
        }
    }
}

/// The lower limit; none = no limit.
fn stricter<T: Ord>(one: Option<T>, other: Option<T>) -> Option<T> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// Whether a campaign has every endpoint that it needs.
fn has_all(campaign: &Campaign, endpoints: &Endpoints) -> bool {
    let needs_ping = matches!(campaign.price, Price::Bid { .. });
    let needs_status = campaign.post_semantics == PostSemantics::Queryable;
    // A profile may know where to send; what it leaves to the campaign is asked for when the campaign
    // is described.
    if !campaign.is_native() && campaign.verification == Verification::Operator {
        return true;
    }
    endpoints.post_url.is_some()
        && (endpoints.ping_url.is_some() || !needs_ping)
        && (endpoints.status_url.is_some() || !needs_status)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;

    fn campaign(changes: Json) -> Campaign {
        let mut campaign = json!({
            "buyer_id": "acme",
            "vertical": "solar",
            "price": {"bid": {}},
        });
        campaign.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        serde_json::from_value(campaign).unwrap()
    }

    fn standing(json: Json) -> Standing {
        serde_json::from_value(json).unwrap()
    }

    /// Two URLs, as a description or a registration names them.
    fn urls(host: &str) -> Json {
        json!({"ping_url": format!("https://{host}/ping"), "post_url": format!("https://{host}/post")})
    }

    #[test]
    fn a_campaign_stands_where_its_endpoints_and_its_people_put_it() {
        let check = |described: Json, set: Json, expect: CampaignState| {
            let state = standing(set.clone()).state_of(&campaign(described.clone()));
            assert_eq!(state, expect, "{described} {set}");
        };
        let with = |verification: &str| {
            let mut described = urls("a.example");
            described["verification"] = verification.into();
            described
        };
        let proved = json!(["https://a.example/ping", "https://a.example/post"]);
        check(json!({"verification": "challenge"}), json!({}), CampaignState::Draft);
        check(
            json!({"post_url": "https://a.example/post", "verification": "challenge"}),
            json!({}),
            CampaignState::Draft,
        );
        check(with("operator"), json!({}), CampaignState::Active);
        check(with("operator"), json!({"paused_by": ["buyer"]}), CampaignState::Paused);
        check(with("challenge"), json!({}), CampaignState::PendingVerification);
        check(
            with("challenge"),
            json!({"proved": ["https://a.example/ping"]}),
            CampaignState::PendingVerification,
        );
        check(with("challenge"), json!({"proved": proved}), CampaignState::Active);
        check(
            with("challenge"),
            json!({"proved": proved, "paused_by": ["operator"]}),
            CampaignState::Paused,
        );
        check(
            with("challenge"),
            json!({"paused_by": ["operator"]}),
            CampaignState::PendingVerification,
        );
        let mut queryable = with("operator");
        queryable["post_semantics"] = "queryable".into();
        check(queryable, json!({}), CampaignState::Draft);
    }

    #[test]
    fn of_two_limits_the_stricter_one_counts() {
        let described = campaign(json!({"caps": [
            {"per": "day", "leads": 10},
            {"per": "total", "leads": 100, "spend": "500.00"},
        ]}));
        let set = standing(json!({"caps": [{"per": "total", "leads": 200, "spend": "300.00"}]}));
        let expect = json!([
            {"per": "day", "leads": 10},
            {"per": "total", "leads": 100, "spend": "300.00"},
        ]);
        assert_eq!(serde_json::to_value(set.caps_of(&described)).unwrap(), expect);
        let set = standing(json!({"caps": [{"per": "day", "leads": 3, "spend": "9.00"}]}));
        let day = serde_json::to_value(set.caps_of(&described)[0]).unwrap();
        assert_eq!(day, json!({"per": "day", "leads": 3, "spend": "9.00"}));
        assert_eq!(Standing::default().caps_of(&described), described.caps);
        let alone = set.caps_of(&campaign(json!({})));
        assert_eq!(alone, set.caps);
    }

    #[test]
    fn what_a_buyer_registers_goes_before_what_is_described_and_must_be_proved() {
        let own = json!({"endpoints": {"registered": urls("b.example"), "described": {}}});
        let mut described = urls("a.example");
        described["verification"] = "operator".into();
        let standing = standing(own);
        let described = campaign(described);
        let expect: Endpoints = serde_json::from_value(urls("b.example")).unwrap();
        assert_eq!(standing.endpoints_of(&described), expect);
        assert_eq!(standing.unproved(&described), expect);
        assert_eq!(standing.state_of(&described), CampaignState::PendingVerification);
        let fixed = campaign(json!({"price": {"fixed": "12.00"}}));
        assert_eq!(standing.endpoints_of(&fixed).ping_url, None);
    }
}
