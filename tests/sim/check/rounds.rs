//! Rounds: only bids that came in time are ranked, at the prices they named, best first.

use gavel::domain::auction::RankEntry;
use gavel::domain::ids::LeadId;
use gavel::domain::money::Money;
use gavel::flow::plan::{Notes as _, PostTerms};
use gavel::ports::buyer_wire::{WireError, WireReply, WireRequest};
use serde_json::Value as Json;

use super::Checker;
use crate::buyers::header;
use crate::world::Sender;

/// A bid as it left its buyer.
pub struct Quote {
    campaign: String,
    prices: Vec<String>,
    came_at_ms: u64,
    /// When the round of its ping closes, a millisecond more or less.
    closes_at_ms: u64,
}

impl Checker {
    /// A buyer's answer to a ping reaches the node that asked.
    pub fn quoted(
        &mut self,
        ms: u64,
        request: &WireRequest,
        answer: &Result<WireReply, WireError>,
    ) {
        let Ok(reply) = answer else { return };
        let asked: Json = serde_json::from_slice(&request.body).unwrap_or(Json::Null);
        let said: Json = serde_json::from_slice(&reply.body).unwrap_or(Json::Null);
        let many = said["bids"].as_array().cloned().unwrap_or_default();
        let bids = many.iter().chain(std::iter::once(&said["bid"]));
        let prices = bids.filter_map(|bid| bid["price"].as_str().map(str::to_owned));
        let quote = Quote {
            campaign: asked["campaign_id"].as_str().unwrap_or_default().to_owned(),
            prices: prices.collect(),
            came_at_ms: ms,
            closes_at_ms: self.closes_at(request, ms),
        };
        self.quotes.insert(header(request, "webhook-id").to_owned(), quote);
    }

    /// The ping's deadline leaves room for late answers; its round closes before.
    fn closes_at(&self, request: &WireRequest, ms: u64) -> u64 {
        let left = request.deadline.saturating_duration_since(tokio::time::Instant::now());
        let left_ms = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
        (ms + left_ms).saturating_sub(self.limits.late_reply_ms)
    }

    /// Looks at a ranking before it is one.
    pub fn before_round(
        &mut self,
        sender: &Sender,
        lead_id: LeadId,
        rank: &[RankEntry],
        is_ok: bool,
    ) {
        let Some(file) = self.leads.get(&lead_id) else { return };
        let is_ranked = file.view.rank.ends_with(rank);
        if !is_ok || rank.is_empty() || is_ranked {
            return;
        }
        let (name, floor) = (self.name(lead_id), self.floor);
        let invited = file.plan.invited.clone();
        let text: Vec<String> =
            rank.iter().map(|entry| format!("{} {}", entry.campaign, entry.price)).collect();
        self.say(sender, format!("ranks {name}: {}", text.join(", ")));
        let is_sorted = rank.is_sorted_by(|a, b| a.price >= b.price);
        self.hold(is_sorted, || format!("{name}: a lower bid stands before a higher one"));
        for entry in rank {
            self.hold(invited.contains(&entry.campaign), || {
                format!("{name}: {} was never invited", entry.campaign)
            });
            self.hold(entry.price >= floor, || format!("{name}: {} below the floor", entry.price));
            self.check_bid(&name, entry);
        }
    }

    fn check_bid(&mut self, name: &str, entry: &RankEntry) {
        let campaign = entry.campaign.to_string();
        let Some(known) = self.campaigns.get(&campaign) else {
            return self.found.push(format!("{name}: nobody knows {campaign}"));
        };
        let (fixed, max_bid, buyer) = (known.plan.fixed, known.plan.max_bid, known.buyer.clone());
        self.hold(entry.buyer.to_string() == buyer, || {
            format!("{name}: {campaign} pays as {}", entry.buyer)
        });
        if let Some(fixed) = fixed {
            return self
                .hold(entry.price == fixed, || format!("{name}: {campaign} at {}", entry.price));
        }
        self.hold(max_bid.is_none_or(|max| entry.price <= max), || {
            format!("{name}: {campaign} at {}, above its own ceiling", entry.price)
        });
        let terms = PostTerms::from_bytes(&entry.terms);
        let ping_id = terms.and_then(|terms| terms.ping_id).map(|ping_id| ping_id.to_string());
        let quote = ping_id.and_then(|ping_id| self.quotes.get(&ping_id));
        let Some(quote) = quote else {
            return self.found.push(format!("{name}: {campaign} is ranked and said nothing"));
        };
        let named = quote.prices.iter().any(|price| Money::parse(price) == Ok(entry.price));
        let is_own = quote.campaign == campaign;
        let late_ms = quote.came_at_ms.saturating_sub(quote.closes_at_ms + 1);
        let prices = quote.prices.clone();
        self.hold(named && is_own, || {
            format!("{name}: {campaign} at {}, it said {prices:?}", entry.price)
        });
        self.hold(late_ms == 0, || format!("{name}: {campaign} is ranked, {late_ms} ms late"));
    }
}
