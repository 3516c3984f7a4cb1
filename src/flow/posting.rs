//! The post of a candidate, in the format its campaign speaks.

use super::cascade::Turn;
use super::exchange::Exchange;
use super::plan::{Notes, PostTerms};
use super::run::Run;
use crate::domain::bid::SeatsWanted;
use crate::post::native::{PostFrame, render};
use crate::post::rendered::RenderedPost;
use crate::registry::snapshot::CompiledCampaign;

/// The post in the exchange's own format.
fn rendered(run: &Run, turn: &Turn, campaign: &CompiledCampaign) -> Option<RenderedPost> {
    let post_url = campaign.campaign.post_url.as_deref()?;
    let terms = PostTerms::from_bytes(&turn.entry.terms);
    let frame = PostFrame {
        post_id: turn.post_id,
        lead_id: run.lead.id,
        ping_id: terms.as_ref().and_then(|terms| terms.ping_id),
        reference: terms.as_ref().and_then(|terms| terms.reference.as_deref()),
        price: turn.entry.price,
        seats: terms.as_ref().map_or(SeatsWanted::Exclusive, |terms| terms.seats),
        post_url,
        status_url: campaign.campaign.status_url.as_deref(),
        test: run.lead.test,
    };
    Some(render(&frame, &run.lead))
}

impl Exchange {
    /// The post in the campaign's format, or the rule by which it is not made.
    pub(super) async fn post_of(
        &self,
        run: &Run,
        turn: &Turn,
        campaign: &CompiledCampaign,
    ) -> Result<RenderedPost, String> {
        let post = if turn.is_by_call() {
            Ok(RenderedPost::nothing())
        } else if campaign.campaign.is_native() {
            rendered(run, turn, campaign).ok_or("post_url")
        } else {
            self.render_by_profile(run, turn, campaign).await
        };
        post.map_err(|reason| format!("profile:{reason}"))
    }
}
