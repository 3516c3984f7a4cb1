//! Events on their way: order, leases, ends, and what a repeat does.

use super::*;
use crate::domain::event::EventType;
use crate::ports::auction_store::NodeId;
use crate::ports::records::events::{
    DueEvent, EndpointHealth, EventState, Forgetting, LaneView, Tried, Wanted,
};

const NODE: NodeId = NodeId(1);

fn second(second: i64) -> Timestamp {
    Timestamp::from_second(1_000_000 + second).unwrap()
}

fn endpoint(bits: u128) -> EndpointId {
    EndpointId::new(bits)
}

/// An event of a lead to an endpoint; the lead and the sequence make its id.
pub(in crate::records) fn event(endpoint_bits: u128, lead: u128, sequence: u64) -> NewEvent {
    NewEvent {
        event_id: EventId::new(endpoint_bits * 10_000 + lead * 100 + u128::from(sequence)),
        endpoint_id: endpoint(endpoint_bits),
        subject: format!("lead {lead}"),
        sequence,
        event_type: EventType::LeadReceived,
        body: format!("{{\"sequence\":{sequence}}}"),
        created_at: second(0),
    }
}

pub(in crate::records) fn work(now: i64, wanted: &[(u128, usize, usize)]) -> EventWork {
    let wanted = wanted.iter().map(|(bits, events_max, retries_max)| Wanted {
        endpoint_id: endpoint(*bits),
        events_max: *events_max,
        retries_max: *retries_max,
    });
    EventWork {
        node: NODE,
        now: second(now),
        lease_until: second(now + 20),
        tried: Vec::new(),
        returned: Vec::new(),
        health: Vec::new(),
        wanted: wanted.collect(),
    }
}

pub(in crate::records) fn tried(
    event: &DueEvent,
    state: EventState,
    due_at: Option<Timestamp>,
) -> Tried {
    let result = if state == EventState::Delivered { "delivered" } else { "http_status" };
    Tried {
        event: event.clone(),
        at: second(1),
        result: result.to_owned(),
        http_status: Some(if state == EventState::Delivered { 204 } else { 500 }),
        elapsed_ms: 12,
        state,
        due_at,
    }
}

struct Office {
    records: Arc<SqlRecords>,
    _bench: Bench,
}

impl Office {
    /// One on each database, with these events.
    async fn each_with(events: Vec<NewEvent>) -> Vec<Self> {
        let mut offices = Vec::new();
        for bench in Bench::each().await {
            let records = bench.open().await;
            records.add_events(events.clone()).await.unwrap();
            offices.push(Self { records, _bench: bench });
        }
        offices
    }

    /// What is given out, as sequences, and when the endpoint is to be looked at next.
    async fn give(&self, now: i64, bits: u128, most: usize) -> (Vec<DueEvent>, Option<i64>) {
        let reply = self.records.work_events(work(now, &[(bits, most, most)])).await.unwrap();
        let next = reply.lanes[0].next_due;
        (reply.due, next.map(|next| next.as_second() - 1_000_000))
    }

    async fn note(&self, now: i64, tried: Vec<Tried>) {
        let work = EventWork { tried, ..work(now, &[]) };
        self.records.work_events(work.clone()).await.unwrap();
        // A reply that got lost makes the worker repeat it.
        self.records.work_events(work).await.unwrap();
    }

    async fn state(&self, event: &DueEvent) -> EventState {
        self.records.event(event.event_id).await.unwrap().unwrap().state
    }
}

fn places(events: &[DueEvent]) -> Vec<(String, u128)> {
    let place = |event: &DueEvent| (event.subject.clone(), event.event_id.bits() % 100);
    events.iter().map(place).collect()
}

fn place(lead: u128, sequence: u128) -> (String, u128) {
    (format!("lead {lead}"), sequence)
}

#[tokio::test]
async fn a_later_event_of_a_lead_waits_for_the_earlier_one_and_other_leads_do_not() {
    for office in
        Office::each_with(vec![event(1, 1, 1), event(1, 1, 2), event(1, 2, 1), event(2, 1, 2)])
            .await
    {
        let (given, _) = office.give(1, 1, 10).await;
        assert_eq!(places(&given), [place(1, 1), place(2, 1)]);
        let (other, _) = office.give(1, 2, 10).await;
        assert_eq!(places(&other), [place(1, 2)], "the order is kept for each endpoint alone");

        let retry = tried(&given[0], EventState::Waiting, Some(second(6)));
        office.note(2, vec![retry]).await;
        assert_eq!(office.give(3, 1, 10).await, (vec![], Some(6)));
        let (again, _) = office.give(6, 1, 10).await;
        assert_eq!(places(&again), [place(1, 1)]);
        assert_eq!((again[0].tries, again[0].attempts), (1, 1));
        office.note(7, vec![tried(&again[0], EventState::Delivered, None)]).await;
        let (next, _) = office.give(7, 1, 10).await;
        assert_eq!(places(&next), [place(1, 2)]);
    }
}

#[tokio::test]
async fn an_event_that_is_given_up_lets_the_next_one_go() {
    for office in Office::each_with(vec![event(1, 1, 1), event(1, 1, 2)]).await {
        let (given, _) = office.give(1, 1, 10).await;
        office.note(2, vec![tried(&given[0], EventState::GivenUp, None)]).await;
        assert_eq!(office.state(&given[0]).await, EventState::GivenUp);
        assert_eq!(places(&office.give(3, 1, 10).await.0), [place(1, 2)]);
    }
}

#[tokio::test]
async fn what_is_given_out_is_nobody_elses_until_the_lease_ends() {
    for office in Office::each_with(vec![event(1, 1, 1)]).await {
        let (given, next) = office.give(1, 1, 10).await;
        assert_eq!((given.len(), next), (1, Some(21)));
        assert_eq!(office.give(20, 1, 10).await.0, []);
        let other = EventWork { node: NodeId(2), ..work(21, &[(1, 10, 10)]) };
        let taken_over = office.records.work_events(other).await.unwrap().due;
        assert_eq!(places(&taken_over), [place(1, 1)]);
        // The first node's failure no longer counts, its success would.
        office.note(22, vec![tried(&given[0], EventState::GivenUp, None)]).await;
        assert_eq!(office.state(&given[0]).await, EventState::Waiting);
        office.note(23, vec![tried(&given[0], EventState::Delivered, None)]).await;
        assert_eq!(office.state(&given[0]).await, EventState::Delivered);
    }
}

#[tokio::test]
async fn the_same_events_again_change_nothing() {
    let both = vec![event(1, 1, 1), event(1, 1, 2)];
    for office in Office::each_with(both.clone()).await {
        let (given, _) = office.give(1, 1, 10).await;
        office.note(2, vec![tried(&given[0], EventState::Delivered, None)]).await;
        office.records.add_events(both.clone()).await.unwrap();
        assert_eq!(office.state(&given[0]).await, EventState::Delivered);
        let (given, _) = office.give(3, 1, 10).await;
        assert_eq!(places(&given), [place(1, 2)]);
        assert_eq!(office.records.event_attempts(endpoint(1), 10, None).await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn no_more_is_given_than_is_wanted_and_retries_have_a_limit_of_their_own() {
    for office in Office::each_with((1..=6).map(|lead| event(1, lead, 1)).collect()).await {
        let (given, _) = office.give(1, 1, 3).await;
        let retries = given.iter().map(|event| tried(event, EventState::Waiting, Some(second(2))));
        office.note(2, retries.collect()).await;
        let reply = office.records.work_events(work(3, &[(1, 3, 1)])).await.unwrap();
        let fresh = reply.due.iter().filter(|event| event.tries == 0).count();
        assert_eq!((reply.due.len(), fresh), (3, 3), "new events were due before the retries");
        let reply = office.records.work_events(work(4, &[(1, 3, 1)])).await.unwrap();
        assert_eq!(reply.due.len(), 1);
    }
}

#[tokio::test]
async fn the_log_has_every_attempt_newest_first_and_in_pages() {
    for office in Office::each_with(vec![event(1, 1, 1)]).await {
        for now in 1..=3 {
            let (given, _) = office.give(now * 100, 1, 1).await;
            let attempt = tried(&given[0], EventState::Waiting, Some(second(now * 100)));
            office.note(now * 100, vec![Tried { at: second(now), ..attempt }]).await;
        }
        let page = office.records.event_attempts(endpoint(1), 2, None).await.unwrap();
        assert_eq!(page.iter().map(|row| row.attempt).collect::<Vec<_>>(), [3, 2]);
        let last = &page[1];
        let after = AttemptKey { at: last.at, event_id: last.event_id, attempt: last.attempt };
        let rest = office.records.event_attempts(endpoint(1), 2, Some(after)).await.unwrap();
        assert_eq!(
            rest,
            [AttemptRow {
                event_id: event(1, 1, 1).event_id,
                event_type: EventType::LeadReceived,
                attempt: 1,
                at: second(1),
                result: "http_status".to_owned(),
                http_status: Some(500),
                elapsed_ms: 12,
                state: EventState::Waiting,
            }]
        );
        assert_eq!(office.records.event_attempts(endpoint(2), 2, None).await, Ok(vec![]));
    }
}

#[tokio::test]
async fn an_event_sent_anew_starts_at_the_head_of_the_list_and_goes_on_counting() {
    for office in Office::each_with(vec![event(1, 1, 1)]).await {
        let (given, _) = office.give(1, 1, 1).await;
        office.note(2, vec![tried(&given[0], EventState::Delivered, None)]).await;
        office.records.resend_event(given[0].event_id, second(50)).await.unwrap();
        assert_eq!(office.state(&given[0]).await, EventState::Waiting);
        let (again, _) = office.give(50, 1, 1).await;
        assert_eq!(
            (again[0].event_id, again[0].tries, again[0].attempts),
            (given[0].event_id, 0, 1)
        );
    }
}

#[tokio::test]
async fn an_endpoints_health_comes_back_with_what_is_due() {
    for office in Office::each_with(vec![event(1, 1, 1)]).await {
        let health =
            EndpointHealth { failing_since: Some(second(3)), paused_until: Some(second(9)) };
        let noting = EventWork { health: vec![(endpoint(1), health)], ..work(3, &[(1, 0, 0)]) };
        let lanes = office.records.work_events(noting).await.unwrap().lanes;
        let view = LaneView { endpoint_id: endpoint(1), next_due: Some(second(0)), health };
        assert_eq!(lanes, [view]);
        assert_eq!(office.give(8, 1, 4).await.0, [], "it asked to be left alone");
        assert_eq!(office.give(9, 1, 4).await.0.len(), 1);
    }
}

#[tokio::test]
async fn an_event_sent_anew_does_not_overtake_an_earlier_one_of_its_lead() {
    for office in Office::each_with((1..=3).map(|sequence| event(1, 1, sequence)).collect()).await {
        let (first, _) = office.give(1, 1, 10).await;
        office.note(2, vec![tried(&first[0], EventState::Waiting, Some(second(60)))]).await;
        // The second has not had its turn, and does not get it by being asked for.
        office.records.resend_event(event(1, 1, 2).event_id, second(3)).await.unwrap();
        assert_eq!(office.give(4, 1, 10).await, (vec![], Some(60)));
        // The first may be asked for: it goes at once.
        office.records.resend_event(first[0].event_id, second(5)).await.unwrap();
        let (again, _) = office.give(5, 1, 10).await;
        assert_eq!((places(&again), again[0].tries), (vec![place(1, 1)], 0));
        office.note(6, vec![tried(&again[0], EventState::Delivered, None)]).await;
        let (next, _) = office.give(6, 1, 10).await;
        assert_eq!(places(&next), [place(1, 2)]);
    }
}

#[tokio::test]
async fn later_events_of_a_lead_wait_for_one_that_is_sent_anew() {
    for office in Office::each_with((1..=3).map(|sequence| event(1, 1, sequence)).collect()).await {
        let (first, _) = office.give(1, 1, 10).await;
        office.note(2, vec![tried(&first[0], EventState::Delivered, None)]).await;
        let (under_way, _) = office.give(2, 1, 10).await;
        assert_eq!(places(&under_way), [place(1, 2)]);
        office.records.resend_event(first[0].event_id, second(3)).await.unwrap();
        // The second was on its way already. Now that it comes back, it waits for the first.
        office.note(4, vec![tried(&under_way[0], EventState::Waiting, Some(second(5)))]).await;
        let (again, next) = office.give(9, 1, 10).await;
        assert_eq!((places(&again), next), (vec![place(1, 1)], Some(29)));
        office.note(10, vec![tried(&again[0], EventState::GivenUp, None)]).await;
        assert_eq!(places(&office.give(10, 1, 10).await.0), [place(1, 2)]);
    }
    // One that only waits for its next attempt is held back at once.
    for office in Office::each_with(vec![event(1, 1, 1), event(1, 1, 2)]).await {
        let (first, _) = office.give(1, 1, 10).await;
        office.note(2, vec![tried(&first[0], EventState::Delivered, None)]).await;
        office.records.resend_event(first[0].event_id, second(3)).await.unwrap();
        assert_eq!(places(&office.give(4, 1, 10).await.0), [place(1, 1)]);
    }
}

#[tokio::test]
async fn an_event_that_is_on_its_way_is_not_sent_beside_itself() {
    for office in Office::each_with(vec![event(1, 1, 1)]).await {
        assert_eq!(office.give(1, 1, 10).await.0.len(), 1);
        office.records.resend_event(event(1, 1, 1).event_id, second(2)).await.unwrap();
        assert_eq!(office.give(3, 1, 10).await, (vec![], Some(21)));
        // Nobody came back from this one: its lease is over.
        office.records.resend_event(event(1, 1, 1).event_id, second(22)).await.unwrap();
        assert_eq!(office.give(22, 1, 10).await.0.len(), 1);
    }
}

#[tokio::test]
async fn what_is_given_back_is_due_at_once_and_is_no_attempt() {
    for office in Office::each_with(vec![event(1, 1, 1), event(1, 2, 1)]).await {
        let (given, _) = office.give(1, 1, 10).await;
        let returned = given.iter().map(|event| (event.endpoint_id, event.event_id));
        let returned: Vec<_> = returned.collect();
        let theirs = EventWork { node: NodeId(2), returned: returned.clone(), ..work(2, &[]) };
        office.records.work_events(theirs).await.unwrap();
        assert_eq!(office.give(2, 1, 10).await.0, [], "nobody gives back what is another's");
        office.note(3, vec![tried(&given[1], EventState::Delivered, None)]).await;
        let back = EventWork { returned, ..work(4, &[]) };
        office.records.work_events(back).await.unwrap();
        let (again, _) = office.give(4, 1, 10).await;
        assert_eq!(again, given[..1], "what was delivered stays so");
    }
}

#[tokio::test]
async fn the_backlog_counts_what_waits() {
    let late = NewEvent { created_at: second(500), ..event(2, 7, 1) };
    for office in Office::each_with(vec![event(1, 1, 1), event(1, 1, 2), late]).await {
        let (given, _) = office.give(1, 1, 1).await;
        office.note(2, vec![tried(&given[0], EventState::Delivered, None)]).await;
        let backlog = |bits, due| Backlog {
            endpoint_id: endpoint(bits),
            waiting: 1,
            oldest_due: Some(second(due)),
        };
        let waiting = office.records.event_backlog().await.unwrap();
        assert_eq!(waiting, [backlog(1, 2), backlog(2, 500)]);
    }
}

/// What was worked out before second 500 is old.
fn forgetting(limit: usize, waiting_for: Option<EndpointId>) -> Forgetting {
    Forgetting { before: second(500), now: second(900), limit, waiting_for }
}

#[tokio::test]
async fn the_old_is_forgotten_once_it_has_ended() {
    let late = NewEvent { created_at: second(500), ..event(1, 4, 1) };
    for office in Office::each_with(vec![
        event(1, 1, 1),
        event(1, 1, 2),
        event(1, 2, 1),
        event(1, 3, 1),
        late.clone(),
    ])
    .await
    {
        let (given, _) = office.give(600, 1, 10).await;
        assert_eq!(places(&given), [place(1, 1), place(2, 1), place(3, 1), place(4, 1)]);
        let ended = [
            tried(&given[0], EventState::Delivered, None),
            tried(&given[1], EventState::GivenUp, None),
            tried(&given[2], EventState::Waiting, Some(second(700))),
            tried(&given[3], EventState::Delivered, None),
        ];
        office.note(601, ended.to_vec()).await;
        for (limit, forgotten) in [(1, 1), (10, 1), (10, 0)] {
            let order = forgetting(limit, None);
            assert_eq!(office.records.forget_events(order).await, Ok(forgotten));
        }
        let left = office.records.event_attempts(endpoint(1), 10, None).await.unwrap();
        let left: Vec<EventId> = left.into_iter().map(|row| row.event_id).collect();
        let kept = [late.event_id, given[2].event_id];
        assert!(left.len() == 2 && kept.iter().all(|id| left.contains(id)), "{left:?}");
        assert_eq!(places(&office.give(700, 1, 10).await.0), [place(1, 2), place(3, 1)]);
    }
}

#[tokio::test]
async fn what_waits_is_forgotten_for_one_endpoint_alone_and_the_next_gets_its_turn() {
    let late = NewEvent { created_at: second(500), ..event(1, 1, 3) };
    let other = event(2, 1, 1);
    for office in Office::each_with(vec![event(1, 1, 1), event(1, 1, 2), late, other]).await {
        let (given, _) = office.give(1, 1, 10).await;
        office.note(2, vec![tried(&given[0], EventState::Waiting, Some(second(800)))]).await;
        for (limit, forgotten) in [(1, 1), (10, 1), (10, 0)] {
            let order = forgetting(limit, Some(endpoint(1)));
            assert_eq!(office.records.forget_events(order).await, Ok(forgotten));
        }
        assert_eq!(office.records.event_attempts(endpoint(1), 10, None).await, Ok(vec![]));
        assert_eq!(places(&office.give(900, 1, 10).await.0), [place(1, 3)], "it is not blocked");
        assert_eq!(places(&office.give(900, 2, 10).await.0), [place(1, 1)]);
    }
}
