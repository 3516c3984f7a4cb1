//! Running a case: every call rendered, every reply read, in their order.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::{Map, Value as Json};

use super::super::input::{BidInput, Frame, Matter, PingInput, PostInput, SecretText, WonBid};
use super::super::phase::Phase;
use super::super::profile::Profile;
use super::super::reference::pack;
use super::super::reply::{HttpReply, PostSettings, ProfileBid, Terms, Told};
use super::super::request::{RenderRefused, RenderedRequest};
use super::compare;
use super::evidence::Evidence;
use super::file::{Case, CaseBid, CaseReply, CaseStep};
use super::meaning::{Meant, Standard, Verdict, read};
use crate::domain::bid::SeatsWanted;
use crate::domain::ids::{Partition, PingId, PostId};
use crate::domain::lead::Lead;
use crate::domain::money::Money;
use crate::domain::ping::AnonymizedPing;
use crate::domain::reply::RawReply;
use crate::domain::slug::CampaignId;

/// The campaign, the ping and the post of every case.
const CAMPAIGN: &str = "case-campaign";
const PING_BITS: u128 = 0x0123_4567_89ab_cdef_0123_4567_89ab_cdef;
const POST_BITS: u128 = 0xfedc_ba98_7654_3210_fedc_ba98_7654_3210;
const REQUEST_ID: &str = "req-0001";
/// The pseudonym of the vendor in every case.
pub const CASE_VENDOR: &str = "v7f3a1";
/// And that of its sub-source.
const SUB_SOURCE: &str = "s20c4e";
/// A bid for calls about one where no ping brought it.
const PRICE: &str = "24.50";
const BID_MAX: &str = "100000";

/// A lead as the exchange has it, and what the case's campaign may see of it in a ping.
#[derive(Clone)]
pub struct Staged {
    /// The lead.
    pub lead: Lead,
    /// Its ping.
    pub ping: AnonymizedPing,
}

/// What a campaign has in a case, with everything that the case leaves out.
#[derive(Clone)]
pub struct Setting<'a> {
    /// The profile.
    pub profile: &'a Profile,
    /// The case.
    pub case: &'a Case,
    /// The lead of the case.
    pub staged: &'a Staged,
    campaign: CampaignId,
    settings: BTreeMap<String, String>,
    secrets: BTreeMap<String, SecretText>,
}

/// What became of a case.
#[derive(Default)]
pub struct CaseReport {
    /// Each call that was looked at.
    pub steps: Vec<StepReport>,
    /// What the case shows where nothing differs.
    pub evidence: Evidence,
}

/// What became of one call.
pub struct StepReport {
    /// Which call.
    pub call: Phase,
    /// The request with the header that says who sends it, or why there is none.
    pub request: Result<RenderedRequest, RenderRefused>,
    /// What the reply means, if there is one.
    pub means: Option<Map<String, Json>>,
    /// What is not as the case has it.
    pub differences: Vec<Difference>,
}

/// Something that is not as a case has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Where in the case: `steps.0.request.body`.
    pub at: String,
    /// What the case has.
    pub expected: String,
    /// What came out.
    pub found: String,
}

/// What one reply leaves for the calls after it.
#[derive(Default)]
pub(super) struct Carried {
    pub(super) captured: Vec<(String, String)>,
    pub(super) bid: Option<ProfileBid>,
}

impl Carried {
    pub(super) fn capture(&mut self, family: &str, told: &Told) {
        self.captured.extend(told.captured(&format!("{family}.")));
    }
}

impl CaseReport {
    /// Every difference, in the order of the calls.
    pub fn differences(&self) -> impl Iterator<Item = &Difference> {
        self.steps.iter().flat_map(|step| &step.differences)
    }
}

/// Calls of one lead one after the other: what earlier replies brought is there for later requests.
pub struct Session<'a> {
    setting: &'a Setting<'a>,
    captured: BTreeMap<String, String>,
    bid: Option<Won>,
}

/// A bid that was won.
struct Won {
    price: Money,
    reference: Option<String>,
    seats: SeatsWanted,
    sold_price: Option<Money>,
}

impl<'a> Setting<'a> {
    /// The setting of a case: what it leaves out is made up.
    #[must_use]
    pub fn new(profile: &'a Profile, case: &'a Case, staged: &'a Staged) -> Self {
        let given = &case.campaign;
        let setting = |setting: &super::super::profile::Setting| {
            let name = &setting.name;
            let value = given.settings.get(name).or(setting.default.as_ref());
            let first = || setting.values.first().cloned();
            let made_up =
                || if setting.optional { None } else { first().or_else(|| Some(name.clone())) };
            Some((name.clone(), value.cloned().or_else(made_up)?))
        };
        let secret = |name: &String| {
            let text = given.secrets.get(name).cloned();
            let text = text.unwrap_or_else(|| format!("{name}-secret"));
            (name.clone(), SecretText::new(text))
        };
        Self {
            profile,
            case,
            staged,
            campaign: CampaignId::parse(CAMPAIGN).expect("a word is a slug"),
            settings: profile.settings().iter().filter_map(setting).collect(),
            secrets: profile.secrets().iter().map(secret).collect(),
        }
    }

    /// The same with names in place of secrets, for requests that are shown.
    #[must_use]
    pub fn without_secrets(self) -> Self {
        let names = self.secrets.into_keys();
        let named = names.map(|name| {
            let text = SecretText::new(format!("{{secret.{name}}}"));
            (name, text)
        });
        Self { secrets: named.collect(), ..self }
    }

    /// Calls with this setting, none of them made yet.
    #[must_use]
    pub const fn session(&'a self) -> Session<'a> {
        Session { setting: self, captured: BTreeMap::new(), bid: None }
    }

    /// Runs the whole case.
    #[must_use]
    pub fn run(&self) -> CaseReport {
        let mut report = CaseReport::default();
        let mut session = self.session();
        // Whether the last post was answered by asking for the second one.
        let mut is_led_on = false;
        for (at, step) in self.case.steps.iter().enumerate() {
            if let Some(bid) = &step.bid {
                session.bid = Some(Won::of_case(bid));
            }
            let (made, verdict) = session.step(at, step);
            if made.differences.is_empty() && !step.means.is_empty() {
                let is_for_calls = self.profile.is_for_calls();
                // What becomes of a lead that takes two posts is said by the answer to the second.
                let shown = match step.call {
                    Phase::Confirm if is_led_on => Phase::Post,
                    call => call,
                };
                match verdict {
                    // Where the call is the delivery, a bid without a number sells nothing.
                    Verdict::Accepts if is_for_calls && !brings_number(made.means.as_ref()) => {}
                    Verdict::Accepts => report.evidence.accept(shown),
                    Verdict::Refuses => report.evidence.refuse(shown),
                    Verdict::Neither => {}
                }
            }
            if step.call == Phase::Post {
                is_led_on = made.differences.is_empty() && leads_on(made.means.as_ref());
            }
            report.steps.push(made);
        }
        report
    }

    /// The request of a call with what a case's campaign has; what earlier calls would bring has
    /// made-up texts.
    ///
    /// # Errors
    /// Why it is not sent.
    pub fn render(&self, call: Phase) -> Result<RenderedRequest, RenderRefused> {
        let made_up = |name: &String| (name.clone(), name.replace('.', "-"));
        let uses = self.profile.uses(call);
        let captured = uses.iter().flat_map(|uses| &uses.captured).map(made_up).collect();
        Session { setting: self, captured, bid: None }.request(call)
    }

    fn standard(&self, is_repeat: bool) -> Standard<'a> {
        Standard {
            terms: Terms {
                currency: "USD",
                max_bid: self.case.campaign.max_bid,
                bid_max: Money::parse(BID_MAX).expect("a constant amount"),
                offers_shared: self.case.seats_max > 1,
                is_test: self.case.test,
            },
            post: PostSettings {
                is_repeat,
                on_unmatched: self.case.campaign.on_unmatched,
                is_test: self.case.test,
            },
        }
    }
}

/// Whether the answer to a post asks for the second one.
fn leads_on(means: Option<&Map<String, Json>>) -> bool {
    means.and_then(|means| means.get("next_step")?.as_str()) == Some(Phase::Confirm.as_str())
}

/// Whether a bid says where its call is connected to.
fn brings_number(means: Option<&Map<String, Json>>) -> bool {
    let bids = means.and_then(|means| means.get("bids")?.as_array());
    bids.is_some_and(|bids| bids.iter().any(|bid| bid.get("phone_number").is_some()))
}

impl Session<'_> {
    /// The request of a call, with the header that says who sends it.
    ///
    /// # Errors
    /// Why it is not sent.
    pub fn request(&self, call: Phase) -> Result<RenderedRequest, RenderRefused> {
        let Setting { profile, case, campaign, settings, secrets, .. } = self.setting;
        let urls = &case.campaign.urls;
        // A login without a URL of its own goes where the leads go.
        let goes_as = match call {
            Phase::Login if profile.uses(Phase::Post).is_some() => Phase::Post,
            Phase::Login => Phase::Ping,
            call => call,
        };
        let given = urls.get(call.as_str()).or_else(|| urls.get(goes_as.as_str()));
        let url = given.cloned().unwrap_or_else(|| format!("https://buyer.example/{goes_as}"));
        let frame = Frame {
            campaign_id: campaign,
            url: Some(&url),
            currency: "USD",
            now: case.now,
            request_id: REQUEST_ID,
            settings,
            secrets,
            captured: &self.captured,
        };
        let mut request = self.rendered(call, frame)?;
        request.headers.extend(profile.authorization(call, &frame)?);
        Ok(request)
    }

    /// What a reply to a call means; none if the profile does not read replies to it.
    pub fn read(&mut self, call: Phase, reply: &HttpReply<'_>) -> Option<Map<String, Json>> {
        self.take(call, false, reply).map(|(means, _)| means)
    }

    fn take(
        &mut self,
        call: Phase,
        is_repeat: bool,
        reply: &HttpReply<'_>,
    ) -> Option<(Map<String, Json>, Verdict)> {
        let reader = self.setting.profile.reply(call)?;
        let standard = self.setting.standard(is_repeat);
        let Meant { means, verdict, carried } = read(reader, call, reply, standard);
        self.captured.extend(carried.captured);
        if let Some(bid) = &carried.bid {
            self.bid = Some(Won::of_bid(bid));
        }
        Some((means, verdict))
    }

    fn step(&mut self, at: usize, step: &CaseStep) -> (StepReport, Verdict) {
        let request = self.request(step.call);
        let mut differences = Vec::new();
        let mut note = |found: Difference| {
            differences.push(Difference { at: format!("steps.{at}.{}", found.at), ..found });
        };
        let (expected, found) = match (&request, &step.not_sent) {
            (Ok(_), None) => (String::new(), String::new()),
            (Ok(_), Some(reason)) => (reason.clone(), "a request".to_owned()),
            (Err(refused), Some(reason)) if refused.as_str() == reason => Default::default(),
            (Err(refused), expected) => {
                let expected = expected.clone().unwrap_or_else(|| "a request".to_owned());
                (expected, format!("{}: {refused}", refused.as_str()))
            }
        };
        if expected != found {
            note(Difference { at: "not_sent".to_owned(), expected, found });
        }
        if let (Ok(found), Some(expected)) = (&request, &step.request) {
            compare::requests(expected, found).into_iter().for_each(&mut note);
        }
        let read = step.reply.as_ref().map(|reply| self.answered(step, reply));
        let (means, verdict) = match read {
            Some(Ok((means, verdict))) => {
                compare::meanings(&step.means, &means).into_iter().for_each(&mut note);
                (Some(means), verdict)
            }
            Some(Err(why)) => {
                let expected = "a reply that is read".to_owned();
                note(Difference { at: "reply".to_owned(), expected, found: why });
                (None, Verdict::Neither)
            }
            None => (None, Verdict::Neither),
        };
        (StepReport { call: step.call, request, means, differences }, verdict)
    }

    fn answered(
        &mut self,
        step: &CaseStep,
        reply: &CaseReply,
    ) -> Result<(Map<String, Json>, Verdict), String> {
        let body = bytes_of(reply)?;
        let headers = reply.headers.iter();
        let headers: Vec<(String, String)> =
            headers.map(|(name, value)| (name.to_ascii_lowercase(), value.clone())).collect();
        let encoding = headers.iter().find(|(name, _)| name == "content-encoding");
        let content_encoding = encoding.map(|(_, value)| value.as_str());
        let reply = HttpReply {
            raw: RawReply { status: reply.status, content_encoding, body: &body },
            headers: &headers,
        };
        let no_reply = || format!("the profile has no [{}.reply]", step.call);
        self.take(step.call, step.repeat, &reply).ok_or_else(no_reply)
    }

    fn rendered(&self, call: Phase, frame: Frame<'_>) -> Result<RenderedRequest, RenderRefused> {
        let Setting { profile, case, staged, .. } = self.setting;
        let usual = Won::usual();
        let won = self.bid.as_ref().unwrap_or(&usual);
        let bid = WonBid {
            ping_id: profile.uses(Phase::Ping).map(|_| PingId::new(PING_BITS)),
            reference: won.reference.as_deref(),
            price: won.price,
            seats: won.seats,
        };
        let matter = Matter {
            vertical: &staged.lead.vertical,
            test: case.test,
            vendor: CASE_VENDOR,
            sub_source: Some(SUB_SOURCE),
            floor: case.floor,
            deadline_ms: case.deadline_ms,
            seats_max: case.seats_max,
            sold_to: &case.sold_to,
        };
        let post_id = PostId::new(Partition(0), POST_BITS);
        let ping =
            || PingInput { frame, matter, ping_id: PingId::new(PING_BITS), ping: &staged.ping };
        let post = || PostInput {
            frame,
            matter,
            post_id,
            bid,
            lead: &staged.lead,
            ping: Some(&staged.ping),
        };
        let about_bid = || BidInput {
            frame,
            bid,
            post_id: Some(post_id),
            lead_id: Some(staged.lead.id),
            sold_price: won.sold_price,
        };
        match call {
            Phase::Login => profile.render_login(&frame),
            Phase::Preping => profile.render_preping(&ping()),
            Phase::Ping => profile.render_ping(&ping()),
            Phase::Post => profile.render_post(&post()),
            Phase::Confirm => profile.render_confirm(&post()),
            Phase::Completion => profile.render_completion(&post()),
            Phase::Status => profile.render_status(&about_bid()),
            Phase::LoserNotice => profile.render_loser_notice(&about_bid()),
        }
    }
}

impl Won {
    fn usual() -> Self {
        Self {
            price: Money::parse(PRICE).expect("a constant amount"),
            reference: Some("bid-reference".to_owned()),
            seats: SeatsWanted::Exclusive,
            sold_price: None,
        }
    }

    fn of_bid(bid: &ProfileBid) -> Self {
        Self {
            price: bid.bid.price,
            reference: bid.bid.reference.clone(),
            seats: bid.bid.seats,
            sold_price: None,
        }
    }

    fn of_case(bid: &CaseBid) -> Self {
        let reference = match &bid.reference {
            Some(Json::String(text)) => Some(text.clone()),
            Some(Json::Object(parts)) => {
                let text = |value: &Json| value.as_str().map_or(value.to_string(), str::to_owned);
                let parts: Vec<_> = parts.iter().map(|(name, value)| (name, text(value))).collect();
                let parts: Vec<_> =
                    parts.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
                pack(&parts)
            }
            _ => None,
        };
        let CaseBid { price, seats, sold_price, .. } = *bid;
        Self { price, reference, seats, sold_price }
    }
}

fn bytes_of(reply: &CaseReply) -> Result<Vec<u8>, String> {
    match (&reply.body, &reply.lines, &reply.base64) {
        (None, None, None) => Ok(Vec::new()),
        (Some(Json::String(text)), None, None) => Ok(text.clone().into_bytes()),
        (Some(body), None, None) => Ok(body.to_string().into_bytes()),
        (None, Some(lines), None) => Ok(lines.concat().into_bytes()),
        (None, None, Some(text)) => {
            STANDARD.decode(text).map_err(|_| "`base64` is no base64".to_owned())
        }
        _ => Err("one of body, lines and base64 stands in a reply".to_owned()),
    }
}
