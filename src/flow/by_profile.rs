//! Calls in a buyer's own format: what a campaign's profile makes of what the exchange knows at the
//! time, and the calls that have to go before.
//!
//! A profile decides every byte and what each reply means. What stands here is only the order: a
//! token is got before the call that needs it and got anew when it is refused, a reply that asks for
//! a second post gets one. Nothing here looks into a lead.

mod completion;
mod notice;
mod ping;
mod post;
mod tokens;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use super::deliver::{callee, signed_headers};
use super::exchange::ExchangeParts;
use super::resolve::given_up;
use super::run::Run;
use super::tasks::Tasks;
use crate::domain::pii::Pii;
use crate::domain::reply::RawReply;
use crate::integration::reply::{HttpReply, Life, Outcome};
use crate::integration::{Frame, Phase, RenderRefused, RenderedRequest};
use crate::metrics::Metrics;
use crate::ports::buyer_wire::{CallClass, WireOutcome, WireReply, WireRequest};
use crate::ports::{BuyerWire, Clock, Entropy};
use crate::post::words::without_person;
use crate::registry::profile::CampaignProfile;
use crate::registry::snapshot::CompiledCampaign;

pub(super) use ping::{Bids, PingMatter, PingOrder, read_bids};
use tokens::Tokens;

/// What a token is called in the requests that have it.
const LOGIN_TOKEN: &str = "login.token";
/// What begins the names of everything a login brings.
const LOGIN: &str = "login.";
/// What begins the names of what a call before the ping brought.
const PREPING: &str = "preping.";
/// What begins the names of what the reply to a post brought.
const REPLY: &str = "reply.";

/// What earlier calls brought, by the names under which later ones ask for it.
pub(super) type Captured = BTreeMap<String, String>;

/// Why a call was not made, as in records.
pub(super) type NotMade = &'static str;

/// What calls in buyers' own formats share.
pub(super) struct ProfileCalls {
    wire: Arc<dyn BuyerWire>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    metrics: Arc<Metrics>,
    /// Where logins run, and what counts them.
    tasks: Tasks,
    tracker: TaskTracker,
    tokens: Tokens,
    ping_reply_bytes_max: usize,
    post_reply_bytes_max: usize,
}

/// A campaign that speaks through a profile.
#[derive(Clone, Copy)]
pub(super) struct Speaker<'a> {
    pub(super) campaign: &'a CompiledCampaign,
    pub(super) profile: &'a CampaignProfile,
    pub(super) currency: &'a str,
}

/// What one call goes by, beside what it is about.
#[derive(Clone, Copy)]
pub(super) struct Call<'a> {
    pub(super) phase: Phase,
    /// A text that no other request has.
    pub(super) request_id: &'a str,
    pub(super) captured: &'a Captured,
    pub(super) deadline: Instant,
}

impl<'a> Speaker<'a> {
    /// The campaign as a speaker through its profile, if it has one.
    pub(super) fn of(campaign: &'a CompiledCampaign, currency: &'a str) -> Option<Self> {
        let profile = campaign.profile.as_ref()?;
        Some(Self { campaign, profile, currency })
    }

    /// The campaign's own URL for a call.
    fn url(self, phase: Phase) -> Option<&'a str> {
        let described = &self.campaign.campaign;
        match phase {
            Phase::Ping | Phase::Preping => described.ping_url.as_deref(),
            Phase::Post | Phase::Confirm => described.post_url.as_deref(),
            Phase::Status => described.status_url.as_deref(),
            Phase::Login => described.post_url.as_deref().or(described.ping_url.as_deref()),
            Phase::LoserNotice | Phase::Completion => None,
        }
    }

    fn frame(self, call: Call<'a>, now: jiff::Timestamp) -> Frame<'a> {
        Frame {
            campaign_id: &self.campaign.id,
            url: self.url(call.phase),
            currency: self.currency,
            now,
            request_id: call.request_id,
            settings: &self.profile.settings,
            secrets: &self.profile.secrets,
            captured: call.captured,
        }
    }

    /// Whether the call uses something that begins so.
    fn needs(self, phase: Phase, what: &str) -> bool {
        let uses = self.profile.profile.uses(phase);
        uses.is_some_and(|uses| uses.captured.iter().any(|name| name.starts_with(what)))
    }

    /// Whether the call needs a token.
    fn needs_token(self, phase: Phase) -> bool {
        self.needs(phase, LOGIN)
    }
}

impl ProfileCalls {
    /// What `parts` say of an exchange, with logins among the tasks that `tracker` counts.
    pub(super) fn new(parts: &ExchangeParts, tracker: &TaskTracker) -> Arc<Self> {
        Arc::new(Self {
            wire: Arc::clone(&parts.wire),
            clock: Arc::clone(&parts.clock),
            entropy: Arc::clone(&parts.entropy),
            metrics: Arc::clone(&parts.metrics),
            tasks: parts.tasks.clone(),
            tracker: tracker.clone(),
            tokens: Tokens::default(),
            ping_reply_bytes_max: parts.limits.ping_reply_bytes_max,
            post_reply_bytes_max: parts.limits.post_reply_bytes_max,
        })
    }

    /// Makes a call, and once more with another token if the buyer does not take the one it had;
    /// `captured` has the token that was used last.
    pub(super) async fn call(
        self: &Arc<Self>,
        speaker: Speaker<'_>,
        (phase, deadline): (Phase, Instant),
        captured: &mut Captured,
        make: impl Fn(&Captured) -> Result<WireRequest, NotMade>,
    ) -> Result<WireOutcome, NotMade> {
        let came = self.call_once(speaker, make(captured)?).await;
        let is_refused = speaker.needs_token(phase) && is_unauthorized(speaker, phase, &came);
        if !is_refused || Instant::now() >= deadline {
            return Ok(came);
        }
        let refused = captured.get(LOGIN_TOKEN).cloned();
        let Ok(other) = self.token(speaker, refused.as_deref(), deadline).await else {
            return Ok(came);
        };
        captured.extend(other);
        match make(captured) {
            Ok(request) => Ok(self.call_once(speaker, request).await),
            Err(_) => Ok(came),
        }
    }

    async fn call_once(&self, speaker: Speaker<'_>, request: WireRequest) -> WireOutcome {
        let is_post = request.class == CallClass::Post;
        let came = self.wire.call(request).await;
        if is_post {
            let elapsed = Duration::from_micros(came.elapsed_us);
            self.metrics.post_seconds(&speaker.campaign.buyer_id, elapsed);
        }
        came
    }

    /// The token that any of these calls needs, under its name; nothing if none does.
    pub(super) async fn token_for(
        self: &Arc<Self>,
        speaker: Speaker<'_>,
        phases: &[Phase],
        deadline: Instant,
    ) -> Result<Captured, NotMade> {
        if !phases.iter().any(|phase| speaker.needs_token(*phase)) {
            return Ok(Captured::new());
        }
        self.token(speaker, None, deadline).await
    }

    /// The request as it goes over the wire: with what says who sends it, made for this attempt.
    pub(super) fn complete(
        &self,
        speaker: Speaker<'_>,
        call: Call<'_>,
        rendered: RenderedRequest,
    ) -> Result<WireRequest, NotMade> {
        let frame = speaker.frame(call, self.clock.now());
        let authorization = speaker.profile.profile.authorization(call.phase, &frame);
        let authorization = authorization.map_err(|refused| refused.as_str())?;
        let RenderedRequest { method, url, mut headers, body, signs } = rendered;
        headers.extend(authorization);
        if signs {
            let until = call.deadline;
            let now = frame.now;
            let signed = signed_headers(speaker.campaign, (call.request_id, now), &body, until);
            headers.extend(signed.ok_or("unsigned")?);
        }
        let (class, reply_bytes_max) = match call.phase {
            Phase::Ping => (CallClass::Ping, self.ping_reply_bytes_max),
            Phase::Post | Phase::Confirm => (CallClass::Post, self.post_reply_bytes_max),
            Phase::Status => (CallClass::Status, self.post_reply_bytes_max),
            Phase::Login | Phase::Preping => (CallClass::Login, self.ping_reply_bytes_max),
            Phase::LoserNotice | Phase::Completion => {
                (CallClass::Notice, self.ping_reply_bytes_max)
            }
        };
        Ok(WireRequest {
            callee: callee(speaker.campaign),
            class,
            method: method.to_owned(),
            url,
            headers,
            body: Bytes::from(body),
            deadline: call.deadline,
            reply_bytes_max,
        })
    }

    /// Renders by `render` and completes what comes out.
    pub(super) fn request(
        &self,
        speaker: Speaker<'_>,
        call: Call<'_>,
        render: impl FnOnce(Frame<'_>) -> Result<RenderedRequest, RenderRefused>,
    ) -> Result<WireRequest, NotMade> {
        let frame = speaker.frame(call, self.clock.now());
        let rendered = render(frame).map_err(|refused| refused.as_str())?;
        self.complete(speaker, call, rendered)
    }

    /// A text that no other request has.
    pub(super) fn request_id(&self) -> String {
        format!("{:032x}", self.entropy.bits())
    }
}

/// The companies that may have the lead already, each once: those whose posts were given up by
/// contract before others were asked. Whoever else it was offered to has not got it.
pub(super) fn sold_to(run: &Run) -> Vec<String> {
    let Some(view) = &run.view else { return Vec::new() };
    let mut names: Vec<String> = Vec::new();
    for attempt in given_up(view) {
        let Some(entry) = view.rank.get(usize::from(attempt.k)) else { continue };
        if !names.contains(&entry.legal_entity) {
            names.push(entry.legal_entity.clone());
        }
    }
    names
}

impl Run {
    /// A buyer's words as a record may keep them.
    pub(super) fn without_person(&self, words: &Pii<String>) -> Option<String> {
        let vertical = self.snapshot.verticals.get(&self.lead.vertical)?;
        without_person(words, &self.lead, vertical.vertical())
    }
}

/// Whether the buyer does not take the token of a call, or not any more.
fn is_unauthorized(speaker: Speaker<'_>, phase: Phase, came: &WireOutcome) -> bool {
    let Ok(reply) = &came.result else { return false };
    let reader = speaker.profile.profile.reply(phase);
    match reader.and_then(|reader| reader.told_by(&http_reply(reply)).outcome) {
        Some(Outcome::AuthFailed) => true,
        // Where 401 says no, it says so of the token first.
        None | Some(Outcome::Refuse | Outcome::Invalid) => reply.status == 401,
        Some(_) => false,
    }
}

/// A reply as profiles read it.
pub(super) fn http_reply(reply: &WireReply) -> HttpReply<'_> {
    let content_encoding = reply.header("content-encoding");
    let raw = RawReply { status: reply.status, content_encoding, body: &reply.body };
    HttpReply { raw, headers: &reply.headers }
}

/// The end of a life that began at `now`.
fn end_of(life: Life, now: jiff::Timestamp) -> jiff::Timestamp {
    match life {
        Life::Ms(ms) => crate::domain::time::plus_ms(now, i64::try_from(ms).unwrap_or(i64::MAX)),
        Life::Until(at) => at,
    }
}

/// How long there is from `now` to the end of a life.
fn length_of(life: Life, now: jiff::Timestamp) -> Duration {
    let left_ms = crate::domain::time::ms_between(now, end_of(life, now));
    Duration::from_millis(u64::try_from(left_ms).unwrap_or(0))
}
