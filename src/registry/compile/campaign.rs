//! What is wrong with one campaign.

use std::collections::BTreeSet;

use super::disclosure::check_disclosures;
use super::profile::{Fitting, check_given};
use super::{Compiler, Noting};
use crate::domain::address::AddressPolicy;
use crate::domain::campaign::{Campaign, Cap, OnUnknown, PostSemantics, Price, Verification};
use crate::domain::money::Money;
use crate::domain::object::ObjectKind;
use crate::domain::slug::CampaignId;
use crate::domain::standing::Endpoints;
use crate::registry::fault::FaultRule;
use crate::registry::filter;

/// The shortest time for one post, in milliseconds.
pub const POST_MS_MIN: u64 = 100;
/// The longest time for one post, in milliseconds.
pub const POST_MS_MAX: u64 = 300_000;
/// The longest time after which a seat of unknown fate is given on, in seconds: 30 days.
pub const RESELL_AFTER_S_MAX: u64 = 30 * 86_400;

impl Compiler<'_> {
    /// Notes every fault of a campaign in use and keeps its filter.
    pub(super) fn check_campaign(&mut self, id: &CampaignId, campaign: &Campaign) {
        let is_blameless = self.is_broken(&campaign.vertical);
        let is_broken_profile = self.is_broken_profile(&campaign.profile);
        let owner = self.owner_of_profile(&campaign.profile).cloned();
        let vertical = self.verticals.get(&campaign.vertical).cloned();
        let buyer = self.objects.buyers.get(&campaign.buyer_id);
        let endpoints = self.objects.endpoints_of(id, campaign);
        let mut noting =
            Noting { kind: ObjectKind::Campaign, id: id.as_str(), faults: &mut self.faults };
        if buyer.is_none_or(|buyer| buyer.is_archived) {
            let detail = format!(
                "it is in use, and its buyer `{}` does not exist or is archived; archive the \
                 campaign first",
                campaign.buyer_id
            );
            noting.fault("buyer_id", FaultRule::UnknownBuyer, detail);
        }
        let profile = self.profiles.get(campaign.profile.as_str()).cloned();
        match profile.filter(|_| !campaign.is_native()) {
            Some(profile) => {
                let vertical = vertical.as_deref();
                let (endpoints, profile, owner) = (&endpoints, &*profile, owner.as_ref());
                Fitting { campaign, endpoints, profile, vertical, owner }.check(&mut noting);
            }
            None if campaign.is_native() => check_endpoints(campaign, &endpoints, &mut noting),
            None if is_broken_profile => {}
            None => {
                let detail = format!("there is no profile `{}`", campaign.profile);
                noting.fault("profile", FaultRule::UnknownProfile, detail);
            }
        }
        check_given(campaign, &mut noting);
        check_no_ping(campaign, &endpoints, &mut noting);
        check_urls(&endpoints, &self.surroundings.addresses, &mut noting);
        check_price(campaign.price, &mut noting);
        check_caps(&campaign.caps, &mut noting);
        if let Some(standing) = self.objects.standings.get(id) {
            check_caps(&standing.caps, &mut noting);
        }
        check_times(campaign, &mut noting);
        let Some(vertical) = vertical else {
            if !is_blameless {
                let detail = format!("there is no vertical {}", campaign.vertical);
                noting.fault("vertical", FaultRule::UnknownVertical, detail);
            }
            return;
        };
        check_disclosures(&campaign.disclosures, &vertical, &mut noting);
        match campaign.filter.as_ref().map(|filter| filter::compile(filter, &vertical)) {
            None => {}
            Some(Ok(filter)) => {
                self.filters.insert(id.clone(), filter);
            }
            Some(Err(faults)) => {
                for fault in faults {
                    let place = format!("filter.{}", fault.place);
                    let detail = match fault.field {
                        Some(field) => format!("`{field}`: {}", fault.detail),
                        None => fault.detail,
                    };
                    noting.fault(place.trim_end_matches('.'), fault.rule, detail);
                }
            }
        }
    }
}

/// What is missing makes a campaign that is proved by challenge a draft: its buyer will register it.
fn check_endpoints(campaign: &Campaign, endpoints: &Endpoints, noting: &mut Noting<'_>) {
    let is_vouched_for = campaign.verification == Verification::Operator;
    let bids = matches!(campaign.price, Price::Bid { .. });
    if is_vouched_for && bids && endpoints.ping_url.is_none() {
        let detail = "a campaign that bids needs a `ping_url`";
        noting.fault("ping_url", FaultRule::UrlMissing, detail);
    }
    if is_vouched_for && endpoints.post_url.is_none() {
        let detail = "a campaign that the operator vouches for needs a `post_url`";
        noting.fault("post_url", FaultRule::UrlMissing, detail);
    }
    let is_queryable = campaign.post_semantics == PostSemantics::Queryable;
    if is_vouched_for && is_queryable && endpoints.status_url.is_none() {
        let detail = "`post_semantics = \"queryable\"` needs a `status_url`";
        noting.fault("status_url", FaultRule::UrlMissing, detail);
    }
}

fn check_no_ping(campaign: &Campaign, endpoints: &Endpoints, noting: &mut Noting<'_>) {
    if matches!(campaign.price, Price::Fixed(_)) && endpoints.ping_url.is_some() {
        let detail = "a campaign with a fixed price is not pinged and has no `ping_url`";
        noting.fault("ping_url", FaultRule::UrlUnused, detail);
    }
}

fn check_urls(endpoints: &Endpoints, addresses: &AddressPolicy, noting: &mut Noting<'_>) {
    for (field, url) in endpoints.named() {
        if let Err(refused) = addresses.check_url(url) {
            noting.fault(field, FaultRule::InvalidUrl, refused.to_string());
        }
    }
}

fn check_price(price: Price, noting: &mut Noting<'_>) {
    match price {
        Price::Bid { max_bid: Some(max_bid) } if max_bid <= Money::ZERO => {
            noting.fault("price.bid.max_bid", FaultRule::OutOfRange, "the highest bid is above 0");
        }
        Price::Bid { .. } => {}
        Price::Fixed(price) => noting.not_negative("price.fixed", Some(price)),
    }
}

fn check_caps(caps: &[Cap], noting: &mut Noting<'_>) {
    let mut windows = BTreeSet::new();
    for cap in caps {
        let per = cap.per.as_str();
        if !windows.insert(cap.per) {
            let detail = format!("there is one cap per {per}; it may have both leads and spend");
            noting.fault("caps", FaultRule::Duplicate, detail);
        }
        if cap.leads.is_none() && cap.spend.is_none() {
            let detail = format!("the cap per {per} needs `leads` or `spend`");
            noting.fault("caps", FaultRule::EmptyCap, detail);
        }
        if cap.leads == Some(0) || cap.spend.is_some_and(|spend| spend <= Money::ZERO) {
            let detail =
                format!("the cap per {per} is above 0; to buy nothing, pause the campaign");
            noting.fault("caps", FaultRule::EmptyCap, detail);
        }
    }
}

fn check_times(campaign: &Campaign, noting: &mut Noting<'_>) {
    if campaign.post_ms.is_some_and(|post_ms| !(POST_MS_MIN..=POST_MS_MAX).contains(&post_ms)) {
        let detail = format!("the time for one post is {POST_MS_MIN} to {POST_MS_MAX} ms");
        noting.fault("post_ms", FaultRule::OutOfRange, detail);
    }
    if let OnUnknown::ResellAfterS(after_s) = campaign.on_unknown
        && !(1..=RESELL_AFTER_S_MAX).contains(&after_s)
    {
        let detail = format!("`resell_after_s` is 1 to {RESELL_AFTER_S_MAX} seconds");
        noting.fault("on_unknown", FaultRule::OutOfRange, detail);
    }
}
