use super::*;

fn id(bits: u128) -> EndpointId {
    EndpointId::new(bits)
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn everybody(_: EndpointId) -> bool {
    true
}

/// What is wanted now, as (endpoint, events, retries).
fn wanted(lanes: &mut Lanes, second: i64) -> Vec<(u128, usize, usize)> {
    let wanted = lanes.wanted(at(second), everybody);
    wanted.iter().map(|of| (of.endpoint_id.bits(), of.events_max, of.retries_max)).collect()
}

fn fail(lanes: &mut Lanes, bits: u128) {
    let health = EndpointHealth { failing_since: Some(at(0)), paused_until: None };
    lanes.set_health(id(bits), health);
}

#[test]
fn an_endpoint_gets_what_it_has_places_for_and_keeps_one_for_new_events() {
    let mut lanes = Lanes::new(4, 100);
    lanes.look(id(1), at(0));
    assert_eq!(wanted(&mut lanes, 0), [(1, 4, 3)]);
    lanes.begin(id(1), true);
    lanes.begin(id(1), false);
    assert_eq!(wanted(&mut lanes, 0), [(1, 2, 2)]);
    lanes.begin(id(1), true);
    lanes.begin(id(1), true);
    assert_eq!(wanted(&mut lanes, 0), []);
    assert_eq!(lanes.next_look(everybody), None, "it has no place");
    lanes.end(id(1), true, at(1));
    assert_eq!(wanted(&mut lanes, 1), [(1, 1, 1)]);
}

#[test]
fn an_endpoint_that_failed_has_one_place_until_it_works_again() {
    let mut lanes = Lanes::new(4, 100);
    lanes.look(id(1), at(0));
    fail(&mut lanes, 1);
    assert_eq!(wanted(&mut lanes, 0), [(1, 1, 1)]);
    lanes.set_health(id(1), EndpointHealth::default());
    assert_eq!(wanted(&mut lanes, 0), [(1, 4, 3)]);
}

#[test]
fn failing_endpoints_leave_half_of_the_room_to_the_others() {
    let mut lanes = Lanes::new(1, 8);
    for bits in 1..=6 {
        lanes.look(id(bits), at(0));
        fail(&mut lanes, bits);
    }
    let given = wanted(&mut lanes, 0);
    assert_eq!(given.len(), 4);
    for (bits, ..) in given {
        lanes.begin(id(bits), false);
    }
    assert_eq!(wanted(&mut lanes, 0), []);
    lanes.look(id(9), at(0));
    assert_eq!(wanted(&mut lanes, 0), [(9, 1, 1)]);
}

#[test]
fn nothing_is_looked_at_while_there_is_no_room_for_it() {
    let mut lanes = Lanes::new(1, 2);
    for bits in 1..=2 {
        lanes.look(id(bits), at(0));
        fail(&mut lanes, bits);
    }
    assert_eq!(wanted(&mut lanes, 0), [(1, 1, 1)], "half of the room is for the others");
    lanes.begin(id(1), false);
    assert_eq!((wanted(&mut lanes, 0), lanes.next_look(everybody)), (vec![], None));
    lanes.look(id(3), at(0));
    assert_eq!(lanes.next_look(everybody), Some(at(0)));
    lanes.begin(id(3), false);
    assert_eq!(lanes.next_look(everybody), None);
    lanes.end(id(1), false, at(1));
    assert_eq!(lanes.next_look(everybody), Some(at(0)));
}

#[test]
fn retries_that_are_due_and_find_no_place_are_not_looked_at_over_and_over() {
    let mut lanes = Lanes::new(4, 100);
    for _ in 0..3 {
        lanes.begin(id(1), true);
    }
    lanes.look(id(1), at(5));
    assert_eq!(wanted(&mut lanes, 5), [(1, 1, 0)]);
    let health = EndpointHealth::default();
    let view = LaneView { endpoint_id: id(1), next_due: Some(at(2)), health };
    lanes.looked(&view, false, at(5));
    assert_eq!(lanes.next_look(everybody), None);
    lanes.end(id(1), true, at(6));
    assert_eq!(wanted(&mut lanes, 6), [(1, 2, 1)]);
}

#[test]
fn when_room_is_short_the_endpoints_take_turns() {
    let mut lanes = Lanes::new(1, 2);
    for bits in 1..=5 {
        lanes.look(id(bits), at(0));
    }
    let mut served = Vec::new();
    for _ in 0..5 {
        for (bits, ..) in wanted(&mut lanes, 0) {
            served.push(bits);
        }
    }
    assert_eq!(served, [1, 2, 3, 4, 5, 1, 2, 3, 4, 5]);
}

#[test]
fn an_endpoint_is_looked_at_when_something_is_due_and_not_while_it_asks_to_be_left_alone() {
    let mut lanes = Lanes::new(4, 100);
    let view = |next_due, paused_until| LaneView {
        endpoint_id: id(1),
        next_due,
        health: EndpointHealth { failing_since: None, paused_until },
    };
    lanes.looked(&view(Some(at(10)), None), false, at(0));
    assert_eq!(lanes.next_look(everybody), Some(at(10)));
    assert_eq!((wanted(&mut lanes, 9), wanted(&mut lanes, 10).len()), (vec![], 1));
    lanes.looked(&view(Some(at(10)), Some(at(30))), false, at(10));
    assert_eq!(lanes.next_look(everybody), Some(at(30)));
    assert_eq!((wanted(&mut lanes, 29), wanted(&mut lanes, 30).len()), (vec![], 1));
    lanes.looked(&view(None, None), false, at(30));
    assert_eq!(lanes.next_look(everybody), None);
    lanes.looked(&view(None, None), true, at(31));
    assert_eq!(lanes.next_look(everybody), Some(at(31)), "there may be more");
}

#[test]
fn what_is_not_active_gets_nothing_and_is_forgotten_once_nothing_is_on_its_way() {
    let mut lanes = Lanes::new(4, 100);
    lanes.look(id(1), at(0));
    lanes.begin(id(1), false);
    assert_eq!(lanes.wanted(at(0), |_| false), []);
    assert_eq!(lanes.next_look(|_| false), None);
    lanes.keep(|_| false);
    assert_eq!(lanes.in_flight(), 1);
    lanes.end(id(1), false, at(1));
    lanes.keep(|_| false);
    assert_eq!(lanes.next_look(everybody), None);
}
