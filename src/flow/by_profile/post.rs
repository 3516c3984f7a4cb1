//! Posts in a buyer's own format, the second post that a reply may ask for, and questions what
//! became of one.

use jiff::Timestamp;
use tokio::time::Instant;

use super::{Call, Captured, LOGIN_TOKEN, NotMade, REPLY, Speaker, http_reply, sold_to};
use crate::domain::auction::RankEntry;
use crate::domain::bid::SeatsWanted;
use crate::domain::post::{PostOutcome, StatusAnswer};
use crate::flow::cascade::Turn;
use crate::flow::deliver::{Attempted, PostOrder, outcome_of};
use crate::flow::exchange::Exchange;
use crate::flow::fanout::SEATS;
use crate::flow::plan::{Notes, PostTerms};
use crate::flow::run::Run;
use crate::integration::reply::{PostReading, PostSettings};
use crate::integration::{
    BidInput, Frame, Matter, Phase, PostInput, RenderedRequest, WonBid, of_second_post,
};
use crate::ports::buyer_wire::WireOutcome;
use crate::post::rendered::RenderedPost;
use crate::registry::snapshot::CompiledCampaign;

/// The bid a call is about, taken out of the ranking.
pub(super) struct Won {
    terms: Option<PostTerms>,
    price: crate::domain::money::Money,
}

impl Won {
    pub(super) fn of(turn: &Turn) -> Self {
        Self::of_entry(&turn.entry)
    }

    /// The bid of a place in a ranking.
    pub(super) fn of_entry(entry: &RankEntry) -> Self {
        Self { terms: PostTerms::from_bytes(&entry.terms), price: entry.price }
    }

    pub(super) fn bid(&self) -> WonBid<'_> {
        let terms = self.terms.as_ref();
        WonBid {
            ping_id: terms.and_then(|terms| terms.ping_id),
            reference: terms.and_then(|terms| terms.reference.as_deref()),
            price: self.price,
            seats: terms.map_or(SeatsWanted::Exclusive, |terms| terms.seats),
        }
    }
}

/// What stands beside the lead in a post.
pub(super) struct PostMatter {
    pub(super) source_ref: String,
    pub(super) sub_ref: Option<String>,
    pub(super) deadline_ms: u64,
    pub(super) sold_to: Vec<String>,
}

impl Exchange {
    /// Renders the post of a candidate in its own format, after the login it may need.
    pub(in crate::flow) async fn render_by_profile(
        &self,
        run: &Run,
        turn: &Turn,
        campaign: &CompiledCampaign,
    ) -> Result<RenderedPost, NotMade> {
        let speaker = Speaker::of(campaign, &run.plan.currency).ok_or("profile")?;
        let deadline = self.post_deadline(campaign, run.deadline);
        let captured = self.profiles.token_for(speaker, &[Phase::Post], deadline).await?;
        let request_id = turn.post_id.to_string();
        let call =
            Call { phase: Phase::Post, request_id: &request_id, captured: &captured, deadline };
        let rendered = self.render_about(run, turn, speaker, call)?;
        let RenderedRequest { method, url, headers, body, signs } = rendered;
        Ok(RenderedPost {
            method: method.to_owned(),
            url,
            headers,
            body: body.into(),
            status_url: campaign.campaign.status_url.clone(),
            is_signed: signs,
        })
    }

    /// Renders a call that has the whole lead.
    fn render_about(
        &self,
        run: &Run,
        turn: &Turn,
        speaker: Speaker<'_>,
        call: Call<'_>,
    ) -> Result<RenderedRequest, NotMade> {
        let matter = self.matter_of(run, speaker.campaign, call.deadline);
        let won = Won::of(turn);
        let ping = run.ping_of(speaker.campaign);
        let profile = &speaker.profile.profile;
        let input = PostInput {
            frame: speaker.frame(call, self.now()),
            matter: Matter {
                vertical: &run.lead.vertical,
                test: run.lead.test,
                vendor: &matter.source_ref,
                sub_source: matter.sub_ref.as_deref(),
                floor: run.plan.price_floor,
                deadline_ms: matter.deadline_ms,
                seats_max: SEATS,
                sold_to: &matter.sold_to,
            },
            post_id: turn.post_id,
            bid: won.bid(),
            lead: &run.lead,
            ping: Some(&ping),
        };
        let rendered = match call.phase {
            Phase::Confirm => profile.render_confirm(&input),
            _ => profile.render_post(&input),
        };
        rendered.map_err(|refused| refused.as_str())
    }

    pub(super) fn matter_of(
        &self,
        run: &Run,
        campaign: &CompiledCampaign,
        deadline: Instant,
    ) -> PostMatter {
        let (buyer, vendor) = (&campaign.buyer_id, &run.lead.vendor);
        let sub_id = run.lead.source.sub_id.as_deref();
        let left = deadline.saturating_duration_since(Instant::now());
        PostMatter {
            source_ref: self.vault.source_ref(buyer, vendor),
            sub_ref: sub_id.map(|sub_id| self.vault.sub_ref(buyer, vendor, sub_id)),
            deadline_ms: u64::try_from(left.as_millis()).unwrap_or(u64::MAX),
            sold_to: sold_to(run),
        }
    }

    /// Sends a post in the buyer's own format once, with the second post that its reply may ask for.
    pub(in crate::flow) async fn deliver_by_profile(
        &self,
        run: &Run,
        order: PostOrder<'_>,
        at: Timestamp,
    ) -> Attempted {
        let Some(speaker) = Speaker::of(order.campaign, &run.plan.currency) else {
            return Attempted::not_sent(at, "profile");
        };
        // What the second post needs is got before the first has left.
        let phases = [Phase::Post, Phase::Confirm];
        let token = self.profiles.token_for(speaker, &phases, order.deadline).await;
        let mut captured = match token {
            Ok(token) => token,
            Err(reason) => return Attempted::not_sent(at, reason),
        };
        let (first, request_id) =
            (captured.get(LOGIN_TOKEN).cloned(), order.turn.post_id.to_string());
        let (phase, deadline) = (Phase::Post, order.deadline);
        let make = |captured: &Captured| {
            let call = Call { phase, request_id: &request_id, captured, deadline };
            // Another token may stand anywhere in it; who did not take the first has seen nothing.
            let rendered = match captured.get(LOGIN_TOKEN) == first.as_ref() {
                true => as_rendered(order.post),
                false => self.render_about(run, order.turn, speaker, call)?,
            };
            self.profiles.complete(speaker, call, rendered)
        };
        let way = (phase, deadline);
        let came = match self.profiles.call(speaker, way, &mut captured, make).await {
            Ok(came) => came,
            Err(reason) => return Attempted::not_sent(at, reason),
        };
        let reading = read(speaker, Phase::Post, (run, order), &came);
        let replied = reading.told.captured(REPLY);
        if reading.told.next_step.as_deref() == Some(Phase::Confirm.as_str()) {
            captured.extend(replied);
            return self.confirm(run, order, captured, at).await;
        }
        let words = reading.told.reason.and_then(|words| run.without_person(&words));
        Attempted::of(at, &came, reading.outcome).saying(words, replied)
    }

    /// The second post that the reply to the first asked for; its answer is the answer. The buyer has
    /// the lead since the first, so that whatever goes wrong leaves its fate unknown.
    async fn confirm(
        &self,
        run: &Run,
        order: PostOrder<'_>,
        mut captured: Captured,
        at: Timestamp,
    ) -> Attempted {
        let unknown = |reason: &str| PostOutcome::Unknown { reason: reason.to_owned() };
        let Some(speaker) = Speaker::of(order.campaign, &run.plan.currency) else {
            return Attempted::unanswered(at, unknown("profile"));
        };
        let request_id = order.turn.post_id.to_string();
        let (phase, deadline) = (Phase::Confirm, order.deadline);
        let make = |captured: &Captured| {
            let call = Call { phase, request_id: &request_id, captured, deadline };
            let rendered = self.render_about(run, order.turn, speaker, call)?;
            self.profiles.complete(speaker, call, rendered)
        };
        let came = match self.profiles.call(speaker, (phase, deadline), &mut captured, make).await {
            Ok(came) => came,
            Err(reason) => return Attempted::unanswered(at, unknown(reason)),
        };
        let reading = of_second_post(read(speaker, phase, (run, order), &came));
        let words = reading.told.reason.as_ref().and_then(|words| run.without_person(words));
        // What the first reply brought is still of use.
        captured.retain(|name, _| name.starts_with(REPLY));
        captured.extend(reading.told.captured(REPLY));
        Attempted::of(at, &came, reading.outcome).saying(words, captured)
    }

    /// Asks the buyer in its own format what became of a post; `None` if its profile has no such
    /// question.
    pub(in crate::flow) async fn ask_by_profile(
        &self,
        run: &Run,
        campaign: &CompiledCampaign,
        turn: &Turn,
        deadline: Instant,
    ) -> Option<(StatusAnswer, WireOutcome)> {
        let speaker = Speaker::of(campaign, &run.plan.currency)?;
        let profile = &speaker.profile.profile;
        let reader = profile.reply(Phase::Status)?;
        let (phase, profiles) = (Phase::Status, &self.profiles);
        let mut captured = profiles.token_for(speaker, &[phase], deadline).await.ok()?;
        let request_id = turn.post_id.to_string();
        let won = Won::of(turn);
        let render = |frame: Frame<'_>| {
            profile.render_status(&BidInput {
                frame,
                bid: won.bid(),
                post_id: Some(turn.post_id),
                lead_id: Some(run.lead.id),
                sold_price: None,
            })
        };
        let make = |captured: &Captured| {
            let call = Call { phase, request_id: &request_id, captured, deadline };
            profiles.request(speaker, call, render)
        };
        let came = profiles.call(speaker, (phase, deadline), &mut captured, make).await.ok()?;
        let answer = match &came.result {
            Ok(reply) => reader.read_status(&http_reply(reply)),
            Err(_) => StatusAnswer::Unclear,
        };
        Some((answer, came))
    }
}

/// The post as it was rendered, without what says who sends it.
fn as_rendered(post: &RenderedPost) -> RenderedRequest {
    RenderedRequest {
        method: method_of(&post.method),
        url: post.url.clone(),
        headers: post.headers.clone(),
        body: post.body.to_vec(),
        signs: post.is_signed,
    }
}

/// A method of a profile, by its text.
fn method_of(text: &str) -> &'static str {
    ["GET", "PUT", "PATCH"].into_iter().find(|method| *method == text).unwrap_or("POST")
}

/// What came of one call means.
fn read(
    speaker: Speaker<'_>,
    phase: Phase,
    (run, order): (&Run, PostOrder<'_>),
    came: &WireOutcome,
) -> PostReading {
    let on_unmatched = order.campaign.campaign.on_unmatched;
    let is_repeat = order.is_repeat;
    let failed = |outcome| PostReading { outcome, price: None, told: Default::default() };
    match (&came.result, speaker.profile.profile.reply(phase)) {
        (Ok(reply), Some(reader)) => {
            let is_test = run.lead.test;
            let settings = PostSettings { is_repeat, on_unmatched, is_test };
            reader.read_post(&http_reply(reply), settings)
        }
        (Ok(_), None) => failed(PostOutcome::Unknown { reason: "profile".to_owned() }),
        (Err(error), _) => failed(outcome_of(*error, is_repeat, on_unmatched)),
    }
}
