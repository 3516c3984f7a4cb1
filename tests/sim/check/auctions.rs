//! Leads: their states only move forward, each step is its owner's, and nothing that was decided
//! is ever decided again.

use std::sync::Arc;

use gavel::domain::auction::{Attempt, LeadState, LeadView, SeatState};
use gavel::domain::campaign::OnUnknown;
use gavel::domain::ids::LeadId;
use gavel::domain::post::Verdict;
use gavel::domain::time::ms_between;
use gavel::flow::plan::{AuctionPlan, Notes as _, TakenNotes};
use gavel::ports::auction_store::{
    Claimed, Create, Created, Decided, Fenced, Intended, Intent, Outcome, Recorded, Taken,
};
use jiff::Timestamp;

use super::deed::{Deed, Done, View};
use super::posts::PostFile;
use super::{Checker, LeadFile, units};
use crate::world::Sender;

/// How long a buyer's "not found" may not be believed, in milliseconds.
const QUIET_MS: i64 = 60_000;

const fn stage(state: LeadState) -> u8 {
    match state {
        LeadState::Received => 0,
        LeadState::Offered { .. } => 1,
        LeadState::Decided => 2,
        LeadState::Closed => 3,
    }
}

impl Checker {
    pub(super) fn saw_lead(&mut self, done: &Done) {
        let sender = &done.sender;
        let (lead_id, said, is_fenced, view) = match &done.deed {
            Deed::Create(create, reply, view) => {
                self.saw_create(sender, create, *reply, view);
                let lead_id = view.as_ref().map_or(create.lead_id, |view| view.lead_id);
                (lead_id, format!("{reply:?}"), false, view)
            }
            Deed::Read(lead_id, view) => {
                return self.update(*lead_id, view, false, "read");
            }
            Deed::Claim(lead_id, reply, view) => (*lead_id, format!("{reply:?}"), false, view),
            Deed::Renew(lead_id, fence, is_fenced, view) => {
                let said = if *is_fenced { "Fenced" } else { "Ok" };
                (*lead_id, format!("as {fence}: {said}"), *is_fenced, view)
            }
            Deed::Decide(decide, reply, view) => {
                self.before_round(
                    sender,
                    decide.lead_id,
                    &decide.rank,
                    matches!(reply, Fenced::Ok(_)),
                );
                (decide.lead_id, format!("{reply:?}"), *reply == Fenced::Fenced, view)
            }
            Deed::Offer(offer, reply, view) => {
                self.before_round(
                    sender,
                    offer.lead_id,
                    &offer.rank,
                    matches!(reply, Fenced::Ok(_)),
                );
                (offer.lead_id, format!("{reply:?}"), *reply == Fenced::Fenced, view)
            }
            Deed::Take(lead_id, reply, view) => (*lead_id, format!("{reply:?}"), false, view),
            Deed::Expire(lead_id, reply, view) => (*lead_id, format!("{reply:?}"), false, view),
            Deed::Intent(intent, reply, view) => {
                let said = format!("k={} {}: {reply:?}", intent.k, intent.campaign);
                (intent.lead_id, said, *reply == Fenced::Fenced, view)
            }
            Deed::Outcome(outcome, reply, view) => {
                self.saw_conflict(outcome, *reply, view);
                self.saw_settled(sender, outcome, *reply, view);
                let said = format!("k={} {:?}: {reply:?}", outcome.k, outcome.verdict);
                self.saw_outcome(done.at, outcome, *reply, view);
                (outcome.lead_id, said, false, view)
            }
            Deed::Finish(lead_id, fence, reply, view) => {
                (*lead_id, format!("as {fence}: {reply:?}"), *reply == Fenced::Fenced, view)
            }
            Deed::Unresolved(lead_id, reply, view) => {
                self.saw_unresolved(done.at, *lead_id, view);
                (*lead_id, format!("{reply:?}"), false, view)
            }
            Deed::Append(lead_id, view) => (*lead_id, String::new(), false, view),
            _ => return,
        };
        let name = self.name(lead_id);
        self.say(sender, format!("{} {name} {said}", done.name));
        let before = self.leads.get(&lead_id).map(|file| &file.view);
        // What was done before may be asked again by whoever has lost the lead.
        let is_refused = matches!(&done.deed, Deed::Intent(_, Fenced::Ok(said), _)
            if *said != Intended::Ok);
        if before != view.as_ref() || is_refused {
            self.check_rights(done, &name);
        }
        self.update(lead_id, view, is_fenced, done.name);
        self.follow_owner(sender, done);
        if let Deed::Intent(intent, Fenced::Ok(Intended::Ok), Some(view)) = &done.deed {
            self.saw_intent(intent, view);
        }
    }

    /// What changed a lead had the right to.
    fn check_rights(&mut self, done: &Done, name: &str) {
        let (lead_id, fence) = match &done.deed {
            Deed::Decide(decide, Fenced::Ok(_), _) => (decide.lead_id, decide.fence),
            Deed::Offer(offer, Fenced::Ok(Decided::Decided), _) => (offer.lead_id, offer.fence),
            Deed::Intent(intent, Fenced::Ok(_), _) => (intent.lead_id, intent.fence),
            Deed::Finish(lead_id, fence, Fenced::Ok(_), _) => (*lead_id, *fence),
            Deed::Renew(lead_id, fence, false, _) => (*lead_id, *fence),
            Deed::Claim(lead_id, Claimed::Claimed { fence }, _) => {
                // An owner that asks again keeps its fence.
                if !self.is_owner(*lead_id, &done.sender) {
                    self.check_new_fence(*lead_id, *fence, name);
                }
                return self.check_claim(done, *lead_id, name);
            }
            Deed::Take(lead_id, Taken::Taken { fence }, _) => {
                self.check_new_fence(*lead_id, *fence, name);
                let state = self.leads.get(lead_id).map(|file| file.view.state);
                let Some(LeadState::Offered { expires_at }) = state else { return };
                return self.hold(done.at < expires_at, || {
                    format!("{name}: taken at {}, offered until {expires_at}", done.at)
                });
            }
            _ => return,
        };
        let Some(file) = self.leads.get(&lead_id) else { return };
        let current = file.view.fence;
        self.hold(fence == current, || {
            format!("{name}: {} under fence {fence}, the fence is {current}", done.name)
        });
    }

    /// Each owner has a fence of its own.
    fn check_new_fence(&mut self, lead_id: LeadId, fence: u64, name: &str) {
        let before = self.leads.get(&lead_id).map_or(0, |file| file.view.fence);
        self.hold(fence > before, || format!("{name}: owned under {fence} after {before}"));
    }

    /// Only when its lease is over may somebody else have a lead. A store that falls with its only
    /// node knows that every lease is over.
    fn check_claim(&mut self, done: &Done, lead_id: LeadId, name: &str) {
        let is_owner = self.is_owner(lead_id, &done.sender);
        let Some(file) = self.leads.get(&lead_id) else { return };
        let until = file.view.lease_until;
        let is_free = self.is_embedded || is_owner || until <= done.at;
        self.hold(is_free, || format!("{name}: claimed while its lease runs until {until}"));
    }

    fn saw_create(&mut self, sender: &Sender, create: &Create, reply: Created, view: &View) {
        let (Created::Created { .. }, Some(view)) = (reply, view) else { return };
        let lead_id = create.lead_id;
        if self.leads.contains_key(&lead_id) {
            return;
        }
        let before = self.by_key.insert(create.key_digest, lead_id);
        self.hold(before.is_none(), || format!("two leads under one key: {before:?}, {lead_id}"));
        let plan = AuctionPlan::from_bytes(&create.plan).expect("plans are read by who wrote them");
        let owner = create.closing.is_none().then(|| sender.clone());
        let number = self.leads.len();
        let view = Arc::clone(view);
        let owned_since = self.seen;
        let file = LeadFile { number, view, plan, owner, owned_since, is_taken: false };
        self.leads.insert(lead_id, file);
    }

    fn follow_owner(&mut self, sender: &Sender, done: &Done) {
        let (lead_id, is_taken) = match &done.deed {
            Deed::Claim(lead_id, Claimed::Claimed { .. }, _) => (lead_id, false),
            Deed::Take(lead_id, Taken::Taken { .. }, _) => (lead_id, true),
            _ => return,
        };
        if let Some(file) = self.leads.get_mut(lead_id) {
            let is_new = file.owner.as_ref().is_none_or(|owner| !owner.is(sender));
            file.owned_since = if is_new { self.seen } else { file.owned_since };
            file.owner = Some(sender.clone());
            file.is_taken |= is_taken;
        }
    }

    /// Takes a lead as it stands now, if that can follow from how it stood.
    fn update(&mut self, lead_id: LeadId, view: &View, is_fenced: bool, name: &str) {
        let Some(view) = view else { return };
        let Some(file) = self.leads.get_mut(&lead_id) else {
            self.found.push(format!("{name} tells of a lead that was never taken in: {lead_id}"));
            return;
        };
        let before = std::mem::replace(&mut file.view, Arc::clone(view));
        if matches!(view.state, LeadState::Offered { .. }) {
            file.owner = None;
        }
        let number = file.number;
        let mut faults = Vec::new();
        // A store that falls with its only node knows that every lease is over.
        let lease_until = if self.is_embedded { view.lease_until } else { before.lease_until };
        let is_same = LeadView { lease_until, ..(*before).clone() } == **view;
        if is_fenced && !is_same {
            faults.push("a writer that was fenced off changed something".to_owned());
        }
        compare(&before, view, &mut faults);
        for fault in faults {
            self.found.push(format!("lead {number}, {name}: {fault}"));
        }
    }

    fn saw_intent(&mut self, intent: &Intent, view: &LeadView) {
        let name = self.name(intent.lead_id);
        let Some(entry) = view.rank.get(usize::from(intent.k)) else {
            return self.found.push(format!("{name}: an intent for nobody"));
        };
        self.hold(entry.campaign == intent.campaign, || {
            format!("{name}: an intent for {} at the place of {}", intent.campaign, entry.campaign)
        });
        let Some(file) = self.leads.get(&intent.lead_id) else { return };
        let (is_test, floor) = (file.plan.test, self.floor);
        let digest = match TakenNotes::from_bytes(&view.taken) {
            Some(taken) => taken.duplicate,
            None => file.plan.duplicate,
        };
        self.hold(entry.price >= floor, || {
            format!("{name}: posted for {} below the floor", entry.price)
        });
        let is_claimed =
            digest.is_none_or(|digest| self.claimed.contains(&(digest, intent.lead_id)));
        self.hold(is_claimed, || format!("{name}: posted without the claim of its consumer"));
        let account = gavel::domain::auction::Account::Buyer(entry.buyer.clone());
        let hold = gavel::domain::auction::HoldId {
            lead_id: intent.lead_id,
            seat: intent.seat,
            campaign: intent.campaign.clone(),
        };
        let held = self.money.held(&account, &hold);
        self.hold(is_test || held == Some(units(entry.price)), || {
            format!("{name}: an intent for {} at {}, held: {held:?}", entry.campaign, entry.price)
        });
        let post_id = intent.post_id.to_string();
        let file = PostFile::new(intent, entry);
        let known = self.posts.entry(post_id.clone()).or_insert(file);
        let is_same = (known.lead_id, known.k) == (intent.lead_id, intent.k);
        self.hold(is_same, || format!("{name}: a second intent has the id {post_id}"));
    }

    fn saw_outcome(&mut self, at: Timestamp, outcome: &Outcome, reply: Recorded, view: &View) {
        let Some(view) = view.as_deref().filter(|_| reply == Recorded::Recorded) else { return };
        let before = self.leads.get(&outcome.lead_id).map(|file| Arc::clone(&file.view));
        let attempt = attempt_of(view, outcome.k);
        let Some((before, attempt)) = before.zip(attempt) else { return };
        let was_unknown = attempt_of(&before, outcome.k)
            .is_some_and(|attempt| attempt.verdict == Some(Verdict::Unknown));
        let name = self.name(outcome.lead_id);
        let post_id = attempt.post_id.to_string();
        let age_ms = self.age_ms(attempt, at);
        let Some(post) = self.posts.get(&post_id) else { return };
        let Some(known) = self.campaigns.get(&post.campaign) else { return };
        let (truth, receipts) = (post.is_taken, post.receipts);
        let on_unknown = known.plan.on_unknown;
        match outcome.verdict {
            Verdict::Accepted => self.hold(truth == Some(true), || {
                format!("{name}: sold to {}, whose book says {truth:?}", attempt.campaign)
            }),
            Verdict::Rejected => self.hold(truth != Some(true), || {
                format!("{name}: {} is said to have refused, and has it", attempt.campaign)
            }),
            Verdict::NotSent => {
                self.hold(receipts == 0, || {
                    format!("{name}: {} is said to have got nothing, and has", attempt.campaign)
                });
                self.hold(!was_unknown || age_ms >= QUIET_MS, || {
                    format!("{name}: not found is believed {age_ms} ms after the intent")
                });
            }
            Verdict::GivenUp => {
                let OnUnknown::ResellAfterS(after_s) = on_unknown else {
                    return self.found.push(format!("{name}: given up against the contract"));
                };
                let after_ms = i64::try_from(after_s).unwrap_or(i64::MAX) * 1_000;
                self.hold(age_ms >= after_ms, || {
                    format!("{name}: given up after {age_ms} ms, by contract {after_s} s")
                });
            }
            Verdict::Unknown => {}
        }
    }

    /// Whoever took a lead that was another's by then is written down.
    fn saw_conflict(&mut self, outcome: &Outcome, reply: Recorded, view: &View) {
        if reply != Recorded::Conflict {
            return;
        }
        let name = self.name(outcome.lead_id);
        let attempt = view.as_deref().and_then(|view| attempt_of(view, outcome.k));
        self.hold(attempt.is_some_and(|attempt| attempt.has_conflict), || {
            format!("{name}: a conflict is not written down: {attempt:?}")
        });
    }

    /// Keeps who settled a post, and when.
    fn saw_settled(&mut self, sender: &Sender, outcome: &Outcome, reply: Recorded, view: &View) {
        let attempt = view.as_deref().and_then(|view| attempt_of(view, outcome.k));
        let Some(attempt) = attempt.filter(|_| reply == Recorded::Recorded) else { return };
        if attempt.verdict.is_some_and(Verdict::is_definite)
            && let Some(post) = self.posts.get_mut(&attempt.post_id.to_string())
        {
            post.settled = Some((sender.clone(), self.seen));
        }
    }

    /// How old an attempt may have been for whoever looked, by a clock that may have been set since.
    fn age_ms(&self, attempt: &Attempt, at: Timestamp) -> i64 {
        ms_between(attempt.intended_at, at) + 2 * self.clock_off_ms
    }

    fn saw_unresolved(&mut self, at: Timestamp, lead_id: LeadId, view: &View) {
        let Some(file) = self.leads.get(&lead_id) else { return };
        let is_unknown = |view: &LeadView| {
            view.seats.iter().any(|seat| matches!(seat.state, SeatState::Unknown { .. }))
        };
        let was_unknown = is_unknown(&file.view);
        let last = view.as_ref().and_then(|view| view.seats.first()?.last().cloned());
        let Some(last) = last.filter(|_| was_unknown && !view.as_deref().is_some_and(is_unknown))
        else {
            return;
        };
        let age_ms = self.age_ms(&last, at);
        let window_s = self.limits.unresolved_after_s;
        let name = self.name(lead_id);
        self.hold(age_ms >= i64::try_from(window_s).unwrap_or(i64::MAX) * 1_000, || {
            format!("{name}: unresolved after {age_ms} ms, the window is {window_s} s")
        });
    }
}

fn attempt_of(view: &LeadView, k: u16) -> Option<&Attempt> {
    view.seats.first()?.attempts.iter().find(|attempt| attempt.k == k)
}

/// What of a lead may not be different afterwards.
fn compare(before: &LeadView, after: &LeadView, faults: &mut Vec<String>) {
    let mut hold = |holds: bool, what: &str| {
        if !holds {
            faults.push(what.to_owned());
        }
    };
    hold(stage(after.state) >= stage(before.state), "its state went back");
    hold(after.fence >= before.fence, "its fence went back");
    hold(after.rounds >= before.rounds, "a round was taken back");
    hold(after.rank.starts_with(&before.rank), "its ranking was changed");
    let attempts = after.seats.iter().flat_map(|seat| &seat.attempts);
    let given_up = attempts.filter(|attempt| attempt.verdict == Some(Verdict::GivenUp)).count();
    hold(usize::from(after.rounds) <= 1 + given_up, "it was ranked again without a reason");
    hold(before.closing.is_none() || after.closing == before.closing, "its answer was changed");
    let is_open =
        |offers: &bytes::Bytes, later: &bytes::Bytes| offers.is_empty() || offers == later;
    hold(is_open(&before.offers, &after.offers), "its offers were changed");
    hold(is_open(&before.taken, &after.taken), "what was taken was changed");
    hold(after.facts.starts_with(&before.facts), "a fact was taken back");
    let sold = |view: &LeadView| {
        view.seats.iter().filter(|seat| matches!(seat.state, SeatState::Sold { .. })).count()
    };
    hold(sold(after) <= 1, "an exclusive lead was sold twice");
    hold(sold(after) >= sold(before), "a sale was taken back");
    hold(!(after.closing.is_some() && after.has_locked_seat()), "it ended with a post on its way");
    for (before, after) in before.seats.iter().zip(&after.seats) {
        hold(after.attempts.len() >= before.attempts.len(), "an attempt was taken back");
        for (old, new) in before.attempts.iter().zip(&after.attempts) {
            let is_same =
                (old.k, &old.post_id, old.intended_at) == (new.k, &new.post_id, new.intended_at);
            hold(is_same, "an attempt was changed");
            let stands = old.verdict.filter(|verdict| verdict.is_definite());
            hold(stands.is_none() || new.verdict == stands, "a definite verdict was changed");
        }
        let places: Vec<u16> = after.attempts.iter().map(|attempt| attempt.k).collect();
        hold(places.is_sorted_by(|a, b| a < b), "places were not tried in order");
        let earlier = after.attempts.split_last().map_or(&[][..], |(_, earlier)| earlier);
        let is_clear = |attempt: &Attempt| attempt.verdict.is_some_and(Verdict::is_definite);
        hold(earlier.iter().all(is_clear), "another buyer was asked while a post's fate was open");
    }
}
