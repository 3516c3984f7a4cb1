-- Events that have ended are forgotten by their age. One that waits is forgotten only for an endpoint
-- that hears of nothing, so those are found by their endpoint.
DROP INDEX events_by_age;
CREATE INDEX events_ended ON events (created_at_us, event_id) WHERE state <> 'waiting';
CREATE INDEX events_waiting ON events (endpoint_id, created_at_us, event_id)
WHERE state = 'waiting';
