//! The buyers, and the way to them: what they get, what they make of it, and what becomes of their
//! answers. Each keeps a book of its own, which nobody else writes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use gavel::domain::campaign::PostSemantics;
use gavel::ports::BuyerWire;
use gavel::ports::buyer_wire::{
    CallClass, Callee, WireError, WireFailure, WireOutcome, WireReply, WireRequest,
};
use serde_json::{Value as Json, json};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use crate::check::posts::Sending;
use crate::dice::Dice;
use crate::scenario::{CampaignPlan, Rates};
use crate::world::{Sender, World};

/// What a buyer knows of one post.
#[derive(Debug, Clone, Copy, Default)]
pub struct Page {
    /// How often it came.
    pub receipts: u32,
    /// How often the exchange sent it; what comes twice by itself is no repeat of the exchange.
    sendings: u32,
    /// Whether the buyer took the lead, once it has made up its mind.
    pub is_taken: Option<bool>,
}

/// One campaign's desk.
pub struct Booth {
    pub plan: CampaignPlan,
    /// By post.
    pub book: BTreeMap<String, Page>,
    dice: Dice,
}

/// All buyers.
pub struct Market {
    booths: Mutex<BTreeMap<String, Booth>>,
}

type Answer = Result<WireReply, WireError>;

impl Market {
    pub fn new(campaigns: &[CampaignPlan], dice: &Dice) -> Self {
        let booth = |(index, plan): (usize, &CampaignPlan)| {
            let dice = dice.fork("booth", index as u64);
            (plan.id.clone(), Booth { plan: plan.clone(), book: BTreeMap::new(), dice })
        };
        Self { booths: Mutex::new(campaigns.iter().enumerate().map(booth).collect()) }
    }

    pub fn booths(&self) -> MutexGuard<'_, BTreeMap<String, Booth>> {
        self.booths.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn at<T>(&self, campaign: &str, look: impl FnOnce(&mut Booth) -> T) -> T {
        look(self.booths().get_mut(campaign).expect("calls go to campaigns of the scenario"))
    }

    /// What the buyer's own book says of a post.
    pub fn page(&self, campaign: &str, post_id: &str) -> Option<Page> {
        self.booths().get(campaign)?.book.get(post_id).copied()
    }
}

/// One node's way to the buyers.
pub struct SimWire {
    pub world: Arc<World>,
    pub sender: Sender,
}

const fn lost(failure: WireFailure, sent: bool) -> Answer {
    Err(WireError { failure, sent, status: None })
}

fn reply(status: u16, body: Json) -> Answer {
    let body = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
    Ok(WireReply { status, headers: Vec::new(), body })
}

impl BuyerWire for SimWire {
    fn call(&self, request: WireRequest) -> BoxFuture<'_, WireOutcome> {
        async move {
            let began = Instant::now();
            let outcome = |result| {
                let elapsed_us = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
                WireOutcome { result, elapsed_us }
            };
            if request.deadline <= began {
                return outcome(lost(WireFailure::Timeout, false));
            }
            let class = request.class.as_str();
            // Between the last look at the clock and the socket a node may stand still.
            self.world.pass(&self.sender, class, "send").await;
            let sending = self.world.sent(&self.sender, &request);
            let (tell, told) = oneshot::channel();
            let (world, deadline) = (Arc::clone(&self.world), request.deadline);
            self.world.spawn(carry(world, request, sending, tell));
            match timeout_at(deadline, told).await {
                Ok(Ok(result)) => outcome(result),
                Ok(Err(_)) => outcome(lost(WireFailure::Broken, true)),
                Err(_) => outcome(lost(WireFailure::Timeout, true)),
            }
        }
        .boxed()
    }
}

fn campaign_of(request: &WireRequest) -> String {
    match &request.callee {
        Callee::Campaign { campaign, .. } => campaign.to_string(),
        Callee::Endpoint { id } => id.to_string(),
    }
}

pub fn header<'r>(request: &'r WireRequest, name: &str) -> &'r str {
    let found = request.headers.iter().find(|(known, _)| known == name);
    found.map_or("", |(_, value)| value.as_str())
}

async fn carry(
    world: Arc<World>,
    request: WireRequest,
    sending: Sending,
    tell: oneshot::Sender<Answer>,
) {
    let campaign = campaign_of(&request);
    if world.is_away(&campaign) {
        sleep(Duration::from_millis(3)).await;
        world.tell_trace(&campaign, || format!("is away, a {} fails", request.class.as_str()));
        return drop(tell.send(lost(WireFailure::Connect, false)));
    }
    match request.class {
        CallClass::Ping => carry_ping(&world, &request, tell).await,
        CallClass::Post => carry_post(&world, &request, sending, tell).await,
        CallClass::Status => carry_inquiry(&world, &request, tell).await,
        CallClass::Event | CallClass::Challenge | CallClass::Login | CallClass::Notice => {}
    }
}

/// Never says anything.
async fn stay_silent(request: &WireRequest, tell: oneshot::Sender<Answer>) {
    sleep_until(request.deadline + Duration::from_millis(20)).await;
    drop(tell);
}

async fn carry_ping(world: &Arc<World>, request: &WireRequest, tell: oneshot::Sender<Answer>) {
    let (campaign, rates) = (campaign_of(request), world.rates());
    let round_ms: u64 = header(request, "gavel-deadline-ms").parse().unwrap_or(0);
    let (think_ms, is_silent, answer) = world.market.at(&campaign, |booth| {
        let mut think_ms = booth.dice.between(1, booth.plan.ping_ms * 2);
        if booth.dice.permille(rates.ping_late) {
            think_ms = round_ms + booth.dice.between(1, 600);
        }
        let fails = booth.dice.permille(rates.ping_fails);
        let failure = booth.dice.below(4);
        let answer = match (fails, failure) {
            (true, 0) => lost(WireFailure::Connect, false),
            (true, 1) => lost(WireFailure::Broken, true),
            (true, 2) => reply(503, Json::Null),
            _ => bid(booth, rates),
        };
        (think_ms, fails && failure == 3, answer)
    });
    if is_silent {
        return stay_silent(request, tell).await;
    }
    sleep(Duration::from_millis(think_ms)).await;
    world.quoted(request, &answer);
    drop(tell.send(answer));
}

fn bid(booth: &mut Booth, rates: Rates) -> Answer {
    let (low, high) = booth.plan.bid_cents;
    let cents = booth.dice.between(low, high);
    let price = format!("{}.{:02}", cents / 100, cents % 100);
    if booth.dice.permille(rates.ping_nonsense) {
        return match booth.dice.below(8) {
            0 => reply(200, json!({"bid": {"price": "-5.00"}})),
            1 => reply(200, json!({"bid": {"price": "1e3"}})),
            2 => reply(200, json!({"bid": {"price": "999999999.00"}})),
            3 => reply(200, json!({"bid": {"price": price, "currency": "EUR"}})),
            4 => reply(200, json!([1, 2])),
            5 => reply(302, Json::Null),
            6 => reply(204, Json::Null),
            _ => reply(200, json!({"bids": [{"price": price}, {"price": "nonsense"}]})),
        };
    }
    if booth.dice.permille(60) {
        return reply(200, json!({"bid": null, "reason": "closed"}));
    }
    reply(200, json!({"bid": {"price": price, "ref": format!("ref-{cents}")}}))
}

/// How long a post may be on its way, in milliseconds: less than a buyer's "not found" is not
/// believed, whatever the store's clock does meanwhile.
const DELAY_MS_MAX: u64 = 10_000;

/// What goes wrong with one post.
struct PostFate {
    is_sent: Result<(), Answer>,
    arrives: bool,
    is_doubled: bool,
    there_ms: u64,
    think_ms: u64,
    answer: AnswerFate,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum AnswerFate {
    Comes,
    Silent,
    Breaks,
    Late,
    Nonsense(u64),
}

fn post_fate(booth: &mut Booth, rates: Rates) -> PostFate {
    let dice = &mut booth.dice;
    let is_sent = match dice.permille(rates.post_not_sent) {
        false => Ok(()),
        true if dice.permille(300) => Err(reply(429, Json::Null)),
        true => Err(lost(
            *dice.pick(&[WireFailure::Connect, WireFailure::Tls, WireFailure::Dns]),
            false,
        )),
    };
    let fate = dice.below(1_000);
    let (silent, late) = (rates.answer_lost, rates.answer_late);
    let answer = if fate < silent / 2 {
        AnswerFate::Silent
    } else if fate < silent {
        AnswerFate::Breaks
    } else if fate < silent + late {
        AnswerFate::Late
    } else if fate < silent + late + rates.answer_nonsense {
        AnswerFate::Nonsense(dice.below(5))
    } else {
        AnswerFate::Comes
    };
    let there_ms = match dice.permille(rates.post_delayed) {
        true => dice.between(500, DELAY_MS_MAX),
        false => dice.between(1, 40),
    };
    PostFate {
        is_sent,
        arrives: !dice.permille(rates.post_lost),
        is_doubled: booth.plan.semantics == PostSemantics::Idempotent
            && dice.permille(rates.post_doubled),
        there_ms,
        think_ms: dice.between(1, booth.plan.post_ms * 2),
        answer,
    }
}

async fn carry_post(
    world: &Arc<World>,
    request: &WireRequest,
    sending: Sending,
    tell: oneshot::Sender<Answer>,
) {
    let (campaign, rates) = (campaign_of(request), world.rates());
    let fate = world.market.at(&campaign, |booth| post_fate(booth, rates));
    sleep(Duration::from_millis(fate.there_ms)).await;
    if let Err(refused) = fate.is_sent {
        world.tell_trace(&campaign, || "a post did not get through".to_owned());
        drop(tell.send(refused));
        return;
    }
    if !fate.arrives {
        world.tell_trace(&campaign, || "a post was lost on its way".to_owned());
        return stay_silent(request, tell).await;
    }
    receive(world, request, sending, false);
    if fate.is_doubled {
        let (world, request) = (Arc::clone(world), request.clone());
        let again = Arc::clone(&world);
        world.spawn(async move {
            sleep(Duration::from_millis(150)).await;
            receive(&again, &request, sending, true);
        });
    }
    sleep(Duration::from_millis(fate.think_ms)).await;
    let post_id = header(request, "idempotency-key").to_owned();
    let post = (campaign.as_str(), post_id.as_str());
    let answer = decide(world, post, sending, rates, fate.answer);
    match fate.answer {
        AnswerFate::Silent => return stay_silent(request, tell).await,
        AnswerFate::Breaks => return drop(tell.send(lost(WireFailure::Broken, true))),
        AnswerFate::Late => sleep_until(request.deadline + Duration::from_millis(5)).await,
        AnswerFate::Comes | AnswerFate::Nonsense(_) => {}
    }
    drop(tell.send(answer));
}

/// A post arrives.
fn receive(world: &Arc<World>, request: &WireRequest, sending: Sending, is_double: bool) {
    let campaign = campaign_of(request);
    let post_id = header(request, "idempotency-key").to_owned();
    let receipts = world.market.at(&campaign, |booth| {
        let page = booth.book.entry(post_id.clone()).or_default();
        page.receipts += 1;
        page.sendings += u32::from(!is_double);
        page.receipts
    });
    world.received((&campaign, &post_id), sending, receipts);
}

/// The buyer makes up its mind, once, and says so as it does.
fn decide(
    world: &Arc<World>,
    (campaign, post_id): (&str, &str),
    sending: Sending,
    rates: Rates,
    fate: AnswerFate,
) -> Answer {
    let (is_new, is_taken, answer) = world.market.at(campaign, |booth| {
        let Booth { plan, book, dice } = booth;
        let page = book.get_mut(post_id).expect("it was received");
        let is_new = page.is_taken.is_none();
        let is_repeat = page.sendings > 1;
        // By its contract, what it cannot say clearly means that it did not take the lead.
        let must_refuse = plan.unmatched_is_refusal && matches!(fate, AnswerFate::Nonsense(_));
        let takes = dice.permille(plan.accepts) && !must_refuse;
        let is_taken = *page.is_taken.get_or_insert(takes);
        let is_clear = plan.unmatched_is_refusal && is_taken;
        let answer = match fate {
            AnswerFate::Nonsense(kind) if !is_clear => nonsense(kind, is_taken, is_repeat),
            _ if is_repeat && dice.permille(rates.says_duplicate) => {
                reply(409, json!({"result": "rejected", "reason": "duplicate"}))
            }
            _ if is_taken => reply(200, json!({"result": "accepted", "buyer_lead_id": post_id})),
            _ => reply(200, json!({"result": "rejected", "reason": "filtered"})),
        };
        (is_new, is_taken, answer)
    });
    if is_new {
        world.booked((campaign, post_id), sending, is_taken);
    }
    answer
}

fn nonsense(kind: u64, is_taken: bool, is_repeat: bool) -> Answer {
    match kind {
        0 => reply(500, Json::Null),
        1 => reply(200, json!({"ok": true})),
        2 => reply(302, Json::Null),
        3 => Err(WireError { failure: WireFailure::Oversized, sent: true, status: Some(200) }),
        _ if is_taken || is_repeat => reply(503, json!("try later")),
        _ => reply(422, json!("no")),
    }
}

async fn carry_inquiry(world: &Arc<World>, request: &WireRequest, tell: oneshot::Sender<Answer>) {
    let (campaign, rates) = (campaign_of(request), world.rates());
    let post_id = request.url.split("post_id=").nth(1).unwrap_or_default().to_owned();
    let (think_ms, fails) = world.market.at(&campaign, |booth| {
        (booth.dice.between(1, 200), booth.dice.permille(rates.answer_lost))
    });
    sleep(Duration::from_millis(think_ms)).await;
    let known = world.market.page(&campaign, &post_id).and_then(|page| page.is_taken);
    let answer = match known {
        _ if fails => reply(500, Json::Null),
        Some(true) => reply(200, json!({"result": "accepted", "buyer_lead_id": post_id})),
        Some(false) => reply(200, json!({"result": "rejected"})),
        None => reply(404, json!({"result": "not_found"})),
    };
    world.tell_trace(&campaign, || format!("says of {post_id}: {known:?}"));
    drop(tell.send(answer));
}
