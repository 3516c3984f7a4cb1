//! Two nodes that add and deliver the events of one endpoint at the same time.

use std::collections::BTreeMap;
use std::sync::Mutex;

use super::*;
use crate::domain::ids::EventId;
use crate::ports::auction_store::NodeId;
use crate::ports::records::events::{EventState, EventWork};
use crate::records::tests::events::{event, tried, work};

const LEADS: u128 = 8;
const EVENTS_EACH: u64 = 5;

/// Events in the order in which they were given out, by whichever node.
type Taken = Mutex<Vec<(String, EventId)>>;

/// Adds the events of a lead, each by another node than the one before.
async fn add(nodes: &[Arc<SqlRecords>; 2], lead: u128) {
    for sequence in 1..=EVENTS_EACH {
        let node = &nodes[(sequence % 2) as usize];
        node.add_events(vec![event(1, lead, sequence)]).await.unwrap();
    }
}

/// Delivers what is given out until both nodes together have delivered everything.
async fn deliver(records: &SqlRecords, node: NodeId, taken: &Taken) {
    let total = LEADS as usize * EVENTS_EACH as usize;
    let mut ended = Vec::new();
    loop {
        let order = EventWork { node, tried: std::mem::take(&mut ended), ..work(1, &[(1, 3, 3)]) };
        let given = records.work_events(order).await.unwrap().due;
        let mut taken = taken.lock().unwrap();
        for event in given {
            taken.push((event.subject.clone(), event.event_id));
            ended.push(tried(&event, EventState::Delivered, None));
        }
        if ended.is_empty() && taken.len() >= total {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_given_to_one_node_each_in_the_order_of_their_lead_and_none_is_left() {
    let bench = Bench::postgres().await;
    let nodes = [bench.open().await, bench.open().await];
    let taken = Taken::default();
    let all = async {
        tokio::join!(
            join_all((1..=LEADS).map(|lead| add(&nodes, lead))),
            deliver(&nodes[0], NodeId(1), &taken),
            deliver(&nodes[1], NodeId(2), &taken),
        )
    };
    let ended = tokio::time::timeout(Duration::from_secs(120), all).await;
    let taken = taken.into_inner().unwrap();
    assert!(ended.is_ok(), "some were never due: {taken:?}");
    let mut by_lead: BTreeMap<String, Vec<EventId>> = BTreeMap::new();
    for (subject, event_id) in taken {
        by_lead.entry(subject).or_default().push(event_id);
    }
    assert_eq!(by_lead.len(), LEADS as usize);
    for lead in 1..=LEADS {
        let expected: Vec<EventId> =
            (1..=EVENTS_EACH).map(|sequence| event(1, lead, sequence).event_id).collect();
        assert_eq!(by_lead[&format!("lead {lead}")], expected);
        for event_id in expected {
            let view = nodes[0].event(event_id).await.unwrap().unwrap();
            assert_eq!(view.state, EventState::Delivered);
        }
    }
}
