//! What buyers and operators set for a campaign beside its description: endpoints, proofs of them,
//! limits, pauses, secrets.
//!
//! Everything here takes the buyer who asks; `None` is an operator. A campaign of another buyer is as
//! none.

use std::collections::BTreeSet;

use super::apply::standing_row;
use super::change::{Changed, Worked};
use super::load::Loaded;
use super::order::CampaignOrder;
use super::secrets::{Overlap, SECRET_OVERLAP_S, owner_of_campaign};
use super::{AdminError, Administration};
use crate::domain::campaign::{Campaign, CampaignState, Cap, PostSemantics, Price};
use crate::domain::object::ObjectKind;
use crate::domain::slug::CampaignId;
use crate::domain::standing::{Endpoints, OwnEndpoints, PausedBy, Standing};
use crate::ports::records::RegistryChange;
use crate::registry::bundle::SecretText;
use crate::registry::fault::{FaultRule, RegistryFault};

/// The longest time for which a replaced secret may sign beside the new one, in seconds: 7 days.
pub const SECRET_OVERLAP_S_MAX: u32 = 7 * 86_400;

/// Where a campaign stands after a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CampaignStanding {
    /// Its state.
    pub state: CampaignState,
    /// Who has paused it.
    pub paused_by: BTreeSet<PausedBy>,
}

/// A campaign after its buyer registered endpoints. It has no `Debug`, because it may hold a secret.
pub struct EndpointsSet {
    /// The secret that was issued with the first registration; it is shown this once.
    pub secret: Option<SecretText>,
    /// Where the campaign stands.
    pub state: CampaignState,
    /// The endpoints that are to be proved, by the fields that name them.
    pub unproved: Vec<&'static str>,
}

/// A campaign as it is before a change.
struct Known<'a> {
    campaign: &'a Campaign,
    standing: Standing,
}

impl Administration {
    /// Registers a buyer's own endpoints. What is new in them must be proved before a lead goes
    /// there. The first time, a secret is issued to the buyer: it is shown this once.
    ///
    /// # Errors
    /// [`AdminError::UnknownObject`], [`AdminError::NotChallengeable`], and [`AdminError::Refused`]
    /// with every fault of the endpoints.
    pub async fn set_endpoints(
        &self,
        order: CampaignOrder<'_>,
        endpoints: &Endpoints,
    ) -> Result<Changed<EndpointsSet>, AdminError> {
        self.change(|loaded, now| {
            let Known { campaign, mut standing } = known(loaded, order)?;
            if !campaign.can_answer_challenges() {
                return Err(AdminError::NotChallengeable);
            }
            let before = standing.state_of(campaign);
            standing.endpoints = Some(OwnEndpoints {
                registered: endpoints.clone(),
                described: campaign.endpoints(),
            });
            standing.proved.retain(|url| endpoints.named().any(|(_, named)| named == url));
            self.refuse_endpoints(loaded, order, campaign, &standing)?;
            let is_first = !standing.has_own_secret;
            standing.has_own_secret = true;
            let names: Vec<_> = endpoints.named().map(|(name, _)| name).collect();
            let summary = format!("endpoints set: {}", names.join(", "));
            let unproved = standing.unproved(campaign);
            let mut set = EndpointsSet {
                secret: None,
                state: standing.state_of(campaign),
                unproved: unproved.named().map(|(name, _)| name).collect(),
            };
            if loaded.objects.standings.get(order.id) == Some(&standing) {
                return Ok(Worked::Same(set));
            }
            let mut change = change_of(loaded, order, &standing, &summary, now);
            if is_first {
                let secret = self.mint_secret();
                // Nothing was ever signed for a draft.
                let is_used = before != CampaignState::Draft;
                let seconds = if is_used { SECRET_OVERLAP_S } else { 0 };
                let overlap = Overlap { from: now, seconds };
                change.secrets = self.replaced(loaded, order.id, &secret, overlap)?;
                set.secret = Some(SecretText(secret));
            }
            Ok(Worked::Change(Box::new(change), set))
        })
        .await
    }

    /// Notes that URLs of the campaign answered a challenge; those that are not its any more are
    /// left out.
    ///
    /// # Errors
    /// [`AdminError::UnknownObject`].
    pub async fn note_proofs(
        &self,
        order: CampaignOrder<'_>,
        urls: &[String],
    ) -> Result<Changed<CampaignStanding>, AdminError> {
        self.stand(order, |campaign, standing| {
            let unproved = standing.unproved(campaign);
            let proved = unproved.named().filter(|(_, url)| urls.iter().any(|known| known == url));
            let (names, proved): (Vec<_>, Vec<_>) =
                proved.map(|(name, url)| (name, url.to_owned())).unzip();
            standing.proved.extend(proved);
            Ok(format!("endpoints proved by challenge: {}", names.join(", ")))
        })
        .await
    }

    /// Sets a buyer's own limits beside those that are described; none takes them away.
    ///
    /// # Errors
    /// [`AdminError::UnknownObject`], and [`AdminError::Refused`] with every fault of the limits.
    pub async fn set_limits(
        &self,
        order: CampaignOrder<'_>,
        caps: &[Cap],
    ) -> Result<Changed<Vec<Cap>>, AdminError> {
        self.change(|loaded, now| {
            let Known { campaign, standing: before } = known(loaded, order)?;
            let standing = Standing { caps: caps.to_vec(), ..before.clone() };
            let done = standing.caps_of(campaign);
            if standing == before {
                return Ok(Worked::Same(done));
            }
            let mut next = loaded.objects.clone();
            next.standings.insert(order.id.clone(), standing.clone());
            self.refuse_faults_of(order.id.as_str(), &next)?;
            let change = change_of(loaded, order, &standing, "limits set", now);
            Ok(Worked::Change(Box::new(change), done))
        })
        .await
    }

    /// Pauses a campaign: no more pings and no more bids of its own, until it is resumed.
    ///
    /// # Errors
    /// [`AdminError::UnknownObject`].
    pub async fn pause(
        &self,
        order: CampaignOrder<'_>,
    ) -> Result<Changed<CampaignStanding>, AdminError> {
        self.stand(order, |_, standing| {
            let by = order.buyer.map_or(PausedBy::Operator, |_| PausedBy::Buyer);
            standing.paused_by.insert(by);
            Ok("paused".to_owned())
        })
        .await
    }

    /// Lifts a buyer's own pause, or every pause for an operator.
    ///
    /// # Errors
    /// [`AdminError::UnknownObject`].
    pub async fn resume(
        &self,
        order: CampaignOrder<'_>,
    ) -> Result<Changed<CampaignStanding>, AdminError> {
        self.stand(order, |_, standing| {
            match order.buyer {
                Some(_) => drop(standing.paused_by.remove(&PausedBy::Buyer)),
                None => standing.paused_by.clear(),
            }
            Ok("resumed".to_owned())
        })
        .await
    }

    /// An operator's word that the endpoints are the buyer's, and that the campaign takes part.
    ///
    /// # Errors
    /// [`AdminError::UnknownObject`], and [`AdminError::EndpointsMissing`] while there is nothing to
    /// vouch for.
    pub async fn activate(
        &self,
        order: CampaignOrder<'_>,
    ) -> Result<Changed<CampaignStanding>, AdminError> {
        self.stand(order, |campaign, standing| {
            if standing.state_of(campaign) == CampaignState::Draft {
                return Err(AdminError::EndpointsMissing);
            }
            let unproved = standing.unproved(campaign);
            let names: Vec<_> = unproved.named().map(|(name, _)| name).collect();
            standing.proved.extend(unproved.named().map(|(_, url)| url.to_owned()));
            standing.paused_by.clear();
            Ok(match &*names {
                [] => "activated".to_owned(),
                names => format!("activated, an operator vouches for {}", names.join(", ")),
            })
        })
        .await
    }

    /// Replaces a campaign's secret; the old one signs beside the new one for `overlap_s` seconds.
    /// The new one is shown this once.
    ///
    /// # Errors
    /// [`AdminError::UnknownObject`].
    pub async fn rotate_secret(
        &self,
        order: CampaignOrder<'_>,
        overlap_s: u32,
    ) -> Result<Changed<SecretText>, AdminError> {
        self.change(|loaded, now| {
            let Known { mut standing, .. } = known(loaded, order)?;
            standing.has_own_secret |= order.buyer.is_some();
            let summary = format!("secret replaced, the old one signs for {overlap_s} s more");
            let mut change = change_of(loaded, order, &standing, &summary, now);
            let secret = self.mint_secret();
            let overlap = Overlap { from: now, seconds: i64::from(overlap_s) };
            change.secrets = self.replaced(loaded, order.id, &secret, overlap)?;
            Ok(Worked::Change(Box::new(change), SecretText(secret)))
        })
        .await
    }

    /// Changes a campaign's standing by `set`, which says what it did.
    async fn stand(
        &self,
        order: CampaignOrder<'_>,
        set: impl Fn(&Campaign, &mut Standing) -> Result<String, AdminError>,
    ) -> Result<Changed<CampaignStanding>, AdminError> {
        self.change(|loaded, now| {
            let Known { campaign, standing: before } = known(loaded, order)?;
            let mut standing = before.clone();
            let summary = set(campaign, &mut standing)?;
            let state = standing.state_of(campaign);
            let done = CampaignStanding { state, paused_by: standing.paused_by.clone() };
            if standing == before {
                return Ok(Worked::Same(done));
            }
            let change = change_of(loaded, order, &standing, &summary, now);
            Ok(Worked::Change(Box::new(change), done))
        })
        .await
    }

    /// Refuses endpoints that the campaign cannot use, or that leave it without one it needs.
    fn refuse_endpoints(
        &self,
        loaded: &Loaded,
        order: CampaignOrder<'_>,
        campaign: &Campaign,
        standing: &Standing,
    ) -> Result<(), AdminError> {
        let mut missing = Vec::new();
        let registered = standing.endpoints.as_ref().map(|own| own.registered.clone());
        let Endpoints { ping_url, post_url, status_url } = registered.unwrap_or_default();
        match (campaign.price, &ping_url) {
            (Price::Bid { .. }, None) => {
                let detail = "a campaign that bids needs a `ping_url`";
                missing.push(("ping_url", FaultRule::UrlMissing, detail));
            }
            (Price::Fixed(_), Some(_)) => {
                let detail = "a campaign with a fixed price is not pinged and has no `ping_url`";
                missing.push(("ping_url", FaultRule::UrlUnused, detail));
            }
            (Price::Bid { .. }, Some(_)) | (Price::Fixed(_), None) => {}
        }
        if post_url.is_none() {
            missing.push(("post_url", FaultRule::UrlMissing, "leads are sent to the `post_url`"));
        }
        if campaign.post_semantics == PostSemantics::Queryable && status_url.is_none() {
            let detail = "a queryable campaign needs a `status_url`";
            missing.push(("status_url", FaultRule::UrlMissing, detail));
        }
        let fault_of = |(field, rule, detail): (&str, FaultRule, &str)| RegistryFault {
            kind: ObjectKind::Campaign,
            id: order.id.to_string(),
            field: field.to_owned(),
            rule,
            detail: detail.to_owned(),
        };
        let mut faults: Vec<_> = missing.into_iter().map(fault_of).collect();
        let mut next = loaded.objects.clone();
        next.standings.insert(order.id.clone(), standing.clone());
        match self.refuse_faults_of(order.id.as_str(), &next) {
            Err(AdminError::Refused(others)) => faults.extend(others),
            Err(broken) => return Err(broken),
            Ok(()) => {}
        }
        if faults.is_empty() { Ok(()) } else { Err(AdminError::Refused(faults)) }
    }
}

/// The campaign if it is there, in use, and whoever asks may see it.
fn known<'a>(loaded: &'a Loaded, order: CampaignOrder<'_>) -> Result<Known<'a>, AdminError> {
    let campaign = loaded.objects.campaigns.get(order.id).and_then(|stored| stored.as_live());
    let campaign = campaign
        .filter(|campaign| order.buyer.is_none_or(|buyer| *buyer == campaign.buyer_id))
        .ok_or(AdminError::UnknownObject)?;
    let standing = loaded.objects.standings.get(order.id).cloned().unwrap_or_default();
    Ok(Known { campaign, standing })
}

/// The change of a campaign's standing, named by what was done.
fn change_of(
    loaded: &Loaded,
    order: CampaignOrder<'_>,
    standing: &Standing,
    done: &str,
    now: jiff::Timestamp,
) -> RegistryChange {
    let summary = format!("campaign {}: {done}", order.id);
    let mut change = RegistryChange::new(loaded.version, order.actor, &summary, now);
    change.objects.push(standing_row(order.id, standing));
    change
}

impl Administration {
    fn replaced(
        &self,
        loaded: &Loaded,
        id: &CampaignId,
        secret: &crate::signing::SigningSecret,
        overlap: Overlap,
    ) -> Result<Vec<crate::ports::records::SealedSecret>, AdminError> {
        let owner = owner_of_campaign(id);
        let known = loaded.secrets.get(&owner).map_or(&[][..], Vec::as_slice);
        self.replace_secret(&owner, secret, known, overlap)
    }
}
