//! The whole trace of a decision, for people: every campaign, every node of its filter.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::predicate::Values;
use super::{Matter, candidates, exclusion};
use crate::domain::campaign::CampaignState;
use crate::domain::lead::Lead;
use crate::domain::slug::{BuyerId, CampaignId, VerticalId};
use crate::registry::filter::Node;
use crate::registry::snapshot::Snapshot;

/// Why each campaign of a vertical would or would not be asked for a lead.
///
/// It holds names, rules and operands of filters. Together they tell about the lead as much as
/// being asked would, and no value of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// The lead's vertical.
    pub vertical: VerticalId,
    /// The version of the registry it was decided by.
    pub registry_version: i64,
    /// The day on which ages were counted.
    pub today: Date,
    /// Every campaign of the vertical but archived ones, ordered by id.
    pub campaigns: Vec<CampaignTrace>,
}

/// Why one campaign would or would not be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CampaignTrace {
    /// The campaign.
    pub campaign_id: CampaignId,
    /// Who pays.
    pub buyer_id: BuyerId,
    /// Where it stands.
    pub state: CampaignState,
    /// Whether it would be asked.
    pub is_eligible: bool,
    /// The first rule that excludes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// Its filter with the truth of every node, whatever rule decided; absent if it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<NodeTrace>,
}

/// One node of a filter and whether it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeTrace {
    /// `all`, `any`, `not`, or the test: `age between 50 and 80`.
    pub node: String,
    /// Whether it holds.
    pub holds: bool,
    /// The nodes below it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<Self>,
}

/// Traces what [`consider`](super::consider) decides, by the same arguments.
#[must_use]
pub fn explain(
    lead: &Lead,
    snapshot: &Snapshot,
    today: Date,
    no_room: &BTreeMap<CampaignId, String>,
) -> Explanation {
    let vertical = snapshot.verticals.get(&lead.vertical);
    let campaigns = vertical.map_or_else(Vec::new, |vertical| {
        let matter = Matter::of(lead, vertical, snapshot, today);
        let trace = |filter: &Node| trace(filter, &matter.values);
        candidates(snapshot, lead)
            .map(|campaign| {
                let rule = exclusion(campaign, &matter, no_room);
                CampaignTrace {
                    campaign_id: campaign.id.clone(),
                    buyer_id: campaign.buyer_id.clone(),
                    state: campaign.state,
                    is_eligible: rule.is_none(),
                    rule,
                    filter: campaign.filter.as_ref().map(|filter| trace(filter.root())),
                }
            })
            .collect()
    });
    Explanation {
        vertical: lead.vertical.clone(),
        registry_version: snapshot.version,
        today,
        campaigns,
    }
}

fn trace(node: &Node, values: &Values<'_>) -> NodeTrace {
    let (name, below) = match node {
        Node::All(nodes) => ("all".to_owned(), nodes.as_slice()),
        Node::Any(nodes) => ("any".to_owned(), nodes.as_slice()),
        Node::Not(node) => ("not".to_owned(), std::slice::from_ref(&**node)),
        Node::Leaf(leaf) => (leaf.to_string(), [].as_slice()),
    };
    let nodes = below.iter().map(|node| trace(node, values)).collect();
    NodeTrace { node: name, holds: values.pass(node), nodes }
}
