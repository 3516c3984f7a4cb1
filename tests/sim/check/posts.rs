//! What leaves for buyers, and what they have in their own books.

use bytes::Bytes;
use gavel::domain::auction::{LeadState, RankEntry};
use gavel::domain::campaign::PostSemantics;
use gavel::domain::ids::LeadId;
use gavel::domain::post::Verdict;
use gavel::ports::auction_store::Intent;
use gavel::ports::buyer_wire::{CallClass, Callee, WireRequest};
use serde_json::Value as Json;

use super::Checker;
use crate::buyers::header;
use crate::world::Sender;

/// What a ping may tell of a lead of the scenario's vertical to whom nothing more is disclosed.
const PING_FIELDS: [&str; 10] = [
    "state",
    "zip3",
    "age_band",
    "gender",
    "tobacco",
    "coverage_amount_bucket",
    "currently_insured",
    "monthly_budget_bucket",
    "payment_method",
    "best_time_to_call",
];

/// By whom a post was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sending {
    /// By the owner of its lead.
    ByOwner,
    /// By somebody who had lost it, standing still between the last look at the time and the wire.
    Stray,
}

/// One post, from its durable intent on.
pub struct PostFile {
    pub lead_id: LeadId,
    pub k: u16,
    pub campaign: String,
    price: String,
    /// What was sent first: where to, and the bytes.
    sent: Option<(String, Bytes)>,
    /// How often the buyer got it from whoever owned the lead as it was sent.
    pub receipts: u32,
    /// Whether the buyer took it from somebody who did not own the lead any more as it was sent.
    pub is_taken_from_stray: bool,
    /// Who wrote what became of it, and as which operation.
    pub settled: Option<(Sender, u64)>,
    /// What the buyer's book says.
    pub is_taken: Option<bool>,
}

impl PostFile {
    pub fn new(intent: &Intent, entry: &RankEntry) -> Self {
        Self {
            lead_id: intent.lead_id,
            k: intent.k,
            campaign: intent.campaign.to_string(),
            price: entry.price.to_string(),
            sent: None,
            receipts: 0,
            settled: None,
            is_taken_from_stray: false,
            is_taken: None,
        }
    }
}

impl Checker {
    /// A node hands a request to its socket; whether it owns the lead.
    pub fn sent(&mut self, sender: &Sender, request: &WireRequest) -> Sending {
        let is_signed = !header(request, "webhook-signature").is_empty();
        self.hold(is_signed, || format!("an unsigned {} left", request.class.as_str()));
        match request.class {
            CallClass::Post => return self.sent_post(sender, request),
            CallClass::Ping => self.sent_ping(request),
            _ => {}
        }
        Sending::ByOwner
    }

    fn sent_ping(&mut self, request: &WireRequest) {
        let body = String::from_utf8_lossy(&request.body);
        let shown = self.secrets.iter().find(|secret| body.contains(secret.as_str())).cloned();
        self.hold(shown.is_none(), || format!("a ping says who the consumer is: {shown:?}"));
        let said: Json = serde_json::from_slice(&request.body).unwrap_or(Json::Null);
        let names = said["lead"].as_object().map(|lead| lead.keys().cloned().collect());
        let names: Vec<String> = names.unwrap_or_default();
        let is_coarse = names.iter().all(|name| PING_FIELDS.contains(&name.as_str()));
        self.hold(is_coarse && !names.is_empty(), || format!("a ping tells {names:?}"));
    }

    fn sent_post(&mut self, sender: &Sender, request: &WireRequest) -> Sending {
        let post_id = header(request, "idempotency-key").to_owned();
        let Some(post) = self.posts.get(&post_id) else {
            self.found.push(format!("a post left without a durable intent: {post_id}"));
            return Sending::ByOwner;
        };
        let (lead_id, k) = (post.lead_id, post.k);
        // What a former owner learns late, the next one need not know.
        let owned_since = self.leads.get(&lead_id).map_or(0, |file| file.owned_since);
        let is_known =
            post.settled.as_ref().is_some_and(|(who, when)| who.is(sender) || *when < owned_since);
        let name = self.name(lead_id);
        let is_owner = self.is_owner(lead_id, sender);
        let verdict = self.leads.get(&lead_id).and_then(|file| {
            let attempts = &file.view.seats.first()?.attempts;
            attempts.iter().find(|attempt| attempt.k == k)?.verdict
        });
        let stray = if is_owner { "" } else { ", by somebody else than its owner" };
        self.say(sender, format!("sends {name} k={k} to {}{stray}", post.campaign));
        let is_settled = is_known && verdict.is_some_and(Verdict::is_definite);
        self.hold(!(is_owner && is_settled), || {
            format!("{name}: sent again though it is {verdict:?}")
        });
        let body: Json = serde_json::from_slice(&request.body).unwrap_or(Json::Null);
        let to = match &request.callee {
            Callee::Campaign { campaign, .. } => campaign.to_string(),
            Callee::Endpoint { .. } => String::new(),
        };
        let post = self.posts.get_mut(&post_id).expect("it was found above");
        let said = (body["price"].as_str(), body["post_id"].as_str());
        let is_right = said == (Some(post.price.as_str()), Some(post_id.as_str()))
            && body["lead_id"].as_str() == Some(lead_id.to_string().as_str())
            && to == post.campaign;
        let now = (request.url.clone(), request.body.clone());
        let first = post.sent.get_or_insert_with(|| now.clone());
        let is_same = *first == now;
        self.hold(is_right, || format!("{name}: a post says {said:?}"));
        self.hold(is_same, || format!("{name}: a repeat differs from the post"));
        if is_owner { Sending::ByOwner } else { Sending::Stray }
    }

    /// A post is in a buyer's hands, for the so many-th time.
    pub fn received(&mut self, (campaign, post_id): (&str, &str), sending: Sending, receipts: u32) {
        let Some(post) = self.posts.get_mut(post_id) else { return };
        post.receipts += u32::from(sending == Sending::ByOwner);
        let (lead_id, k, is_decided) = (post.lead_id, post.k, post.is_taken.is_some());
        let name = self.name(lead_id);
        let what = format!("{campaign} gets {name}, time {receipts}");
        self.said.push(("buyer".to_owned(), what));
        let Some(known) = self.campaigns.get(campaign) else { return };
        let is_repeatable = known.plan.semantics == PostSemantics::Idempotent;
        self.hold(receipts == 1 || is_repeatable, || {
            format!("{name}: {campaign} got a post {receipts} times, and cannot tell a repeat")
        });
        let Some(file) = self.leads.get(&lead_id) else { return };
        let attempts = file.view.seats.first().map_or(&[][..], |seat| &seat.attempts);
        let mut others = attempts.iter().filter(|attempt| attempt.k != k);
        let is_clear = others.all(|attempt| {
            attempt
                .verdict
                .is_some_and(|verdict| verdict.is_definite() && verdict != Verdict::Accepted)
        });
        let state = file.view.state;
        // What comes late after its own repeat, or after it was given up by contract, is no news.
        let is_excused = is_decided || sending == Sending::Stray || self.is_given_up(post_id);
        self.hold(is_clear || is_excused, || {
            format!("{name}: {campaign} got it while another buyer may have it ({state:?})")
        });
    }

    /// A buyer has made up its mind.
    pub fn booked(&mut self, (campaign, post_id): (&str, &str), sending: Sending, is_taken: bool) {
        let verb = if is_taken { "takes" } else { "refuses" };
        let Some(lead_id) = self.posts.get(post_id).map(|post| post.lead_id) else { return };
        let name = self.name(lead_id);
        self.said.push(("buyer".to_owned(), format!("{campaign} {verb} {name}")));
        let other = self.posts.iter().find(|(id, other)| {
            id.as_str() != post_id && other.lead_id == lead_id && other.is_taken == Some(true)
        });
        let other = other.map(|(id, _)| id.clone()).filter(|_| is_taken);
        if let Some(post) = self.posts.get_mut(post_id) {
            post.is_taken = Some(is_taken);
            post.is_taken_from_stray = is_taken && sending == Sending::Stray;
        }
        let Some(other) = other else { return };
        let is_excused = self.is_excused(post_id) || self.is_excused(&other);
        self.hold(is_excused, || format!("{name}: {campaign} has it, and another buyer too"));
    }

    /// A second buyer is only to be had by contract (`resell_after`), or by a post that left late
    /// from a node that had lost the lead.
    fn is_excused(&self, post_id: &str) -> bool {
        let Some(post) = self.posts.get(post_id) else { return false };
        post.is_taken_from_stray || self.is_given_up(post_id)
    }

    fn is_given_up(&self, post_id: &str) -> bool {
        self.verdict_of(post_id) == Some(Verdict::GivenUp)
    }

    pub fn verdict_of(&self, post_id: &str) -> Option<Verdict> {
        let post = self.posts.get(post_id)?;
        let seat = self.leads.get(&post.lead_id)?.view.seats.first()?;
        seat.attempts.iter().find(|attempt| attempt.k == post.k)?.verdict
    }

    /// A post whose fate the exchange does not know and the buyer does.
    pub fn knowable_post(&self) -> Option<(String, bool)> {
        self.posts.iter().find_map(|(post_id, post)| {
            let is_open = matches!(self.leads.get(&post.lead_id)?.view.state, LeadState::Decided);
            let is_unknown = self.verdict_of(post_id) == Some(Verdict::Unknown);
            Some((post_id.clone(), post.is_taken?)).filter(|_| is_open && is_unknown)
        })
    }
}
