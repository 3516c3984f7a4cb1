//! Vendors: one task for each lead, that asks, hangs up, asks again through another node, and
//! compares what it is told.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::join_all;
use gavel::domain::ids::LeadId;
use gavel::domain::lead::Submission;
use gavel::flow::sell::SellReply;
use gavel::flow::take::{OpenOffer, PostFrom, PostRefusal, PostReply, Posted, Standing};
use gavel::flow::{Exchange, exchange::FlowError};
use gavel::intake::sample::sample_at;
use gavel::intake::{
    Body, Contact, ContentKind, IntakeContext, IntakeLimits, Pinged, PostDocument, read,
};
use jiff::ToSpan as _;
use serde_json::{Value as Json, json};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::dice::Dice;
use crate::scenario::{LeadPlan, VERTICAL};
use crate::world::{VERTICALS, World};

/// How the answer to a ping says that there are offers.
const OFFERED: &str = r#""disposition":"offered""#;

/// What a vendor asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    Sale,
    Ping,
    Post {
        lead_id: LeadId,
    },
    Read {
        lead_id: LeadId,
    },
    /// Something else under the key of before.
    Reuse,
    /// Another vendor asks for the lead.
    Pry {
        lead_id: LeadId,
    },
}

/// What it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    Answer {
        lead_id: LeadId,
        body: String,
        is_replay: bool,
    },
    Pending {
        lead_id: LeadId,
    },
    KeyMismatch,
    /// There is no such lead.
    Nothing,
    Refused(PostRefusal),
    /// Nothing to be relied on: come again.
    Trouble(String),
}

impl Heard {
    fn is_final(&self) -> bool {
        matches!(self, Self::Answer { .. } | Self::Refused(_))
    }
}

impl From<SellReply> for Heard {
    fn from(reply: SellReply) -> Self {
        match reply {
            SellReply::Answer { lead_id, answer, is_replay } => {
                let body = String::from_utf8_lossy(&answer.body).into_owned();
                Self::Answer { lead_id, body, is_replay }
            }
            SellReply::Pending { lead_id } => Self::Pending { lead_id },
            SellReply::KeyMismatch => Self::KeyMismatch,
        }
    }
}

struct Vendor {
    world: Arc<World>,
    plan: Arc<LeadPlan>,
    body: Arc<Json>,
    dice: Dice,
}

/// Sells one lead of the scenario, to the end.
pub async fn sell(world: Arc<World>, plan: LeadPlan) {
    world.vendor_comes();
    sleep_until(world.began + Duration::from_millis(plan.at_ms)).await;
    let dice = Dice::new(world.scenario.seed).fork("vendor", plan.number as u64);
    let body = Arc::new(body_of(&world, &plan));
    let person = IDENTIFYING.iter().filter_map(|name| body["lead"][name].as_str());
    let person = person.map(str::to_owned);
    world.check(|checker| checker.keep_secret(person));
    let mut vendor = Vendor { world: Arc::clone(&world), plan: Arc::new(plan), body, dice };
    vendor.run().await;
    world.vendor_goes();
}

/// What no ping and no log may say of a consumer.
const IDENTIFYING: [&str; 6] =
    ["first_name", "last_name", "phone", "email", "address", "date_of_birth"];

/// A number as names may be written.
fn in_letters(number: u64) -> String {
    number.to_string().bytes().map(|digit| char::from(b'a' + (digit - b'0'))).collect()
}

fn body_of(world: &World, plan: &LeadPlan) -> Json {
    let vertical = VERTICALS.get(VERTICAL).expect("it comes with the program");
    let mut body = sample_at(vertical, plan.consumer + 1, world.scenario.began_at - 2.hours());
    // Two leads of one consumer are still two submissions.
    body["source"]["click_id"] = json!(format!("click-{}", plan.number));
    // Names that nothing else contains.
    body["lead"]["first_name"] = json!(format!("Wilhelmina {}", in_letters(plan.consumer)));
    body["lead"]["last_name"] = json!(format!("Quillfeather {}", in_letters(plan.consumer)));
    if plan.test {
        body["test"] = json!(true);
    }
    body
}

impl Vendor {
    async fn run(&mut self) {
        if !self.plan.pings_first {
            let sold = self.ask_until_final(Ask::Sale).await;
            self.ask_again(Ask::Sale).await;
            return self.ask_what_is_not_due(&sold).await;
        }
        let offered = self.ask_until_final(Ask::Ping).await;
        let Heard::Answer { lead_id, body, .. } = offered else { return };
        let is_offered = body.contains(OFFERED);
        if is_offered && self.dice.permille(800) {
            let patience_ms = self.world.scenario.limits.offer_ttl_ms * 5 / 4;
            let pause_ms = self.dice.below(patience_ms) * self.dice.below(3) / 2;
            sleep(Duration::from_millis(pause_ms)).await;
            self.ask_until_final(Ask::Post { lead_id }).await;
            self.ask_again(Ask::Post { lead_id }).await;
        }
        self.ask_again(Ask::Ping).await;
        self.ask_until_final(Ask::Read { lead_id }).await;
    }

    async fn ask_until_final(&mut self, ask: Ask) -> Heard {
        loop {
            let heard = self.ask_once(&ask).await;
            if let Some(heard) = heard {
                return heard;
            }
            let pause_ms = self.dice.between(20, 1_500);
            sleep(Duration::from_millis(pause_ms)).await;
        }
    }

    /// A vendor that has its answer may ask for it again.
    async fn ask_again(&mut self, ask: Ask) {
        for _ in 0..self.dice.below(3) {
            let pause_ms = self.dice.below(6_000);
            sleep(Duration::from_millis(pause_ms)).await;
            self.ask_once(&ask).await;
        }
    }

    /// Asks what nobody may be told.
    async fn ask_what_is_not_due(&mut self, sold: &Heard) {
        let Heard::Answer { lead_id, .. } = sold else { return };
        if self.dice.permille(150) {
            self.ask_once(&Ask::Pry { lead_id: *lead_id }).await;
        }
        if self.plan.key.is_some() && self.dice.permille(150) {
            self.ask_once(&Ask::Reuse).await;
        }
    }

    /// One request, or the same one twice at once; gives a final answer.
    async fn ask_once(&mut self, ask: &Ask) -> Option<Heard> {
        let rates = self.world.rates();
        let times = if self.dice.permille(rates.vendor_asks_twice) { 2 } else { 1 };
        let mut requests = Vec::new();
        for _ in 0..times {
            let node = self.dice.below(self.world.scenario.nodes as u64) as usize;
            let hangs_up = self.dice.permille(rates.vendor_hangs_up);
            let patience_ms = if hangs_up {
                self.dice.below(self.plan.wait_ms + 500)
            } else {
                self.plan.wait_ms + 30_000
            };
            requests.push(self.request(node, ask.clone(), Duration::from_millis(patience_ms)));
        }
        let mut end = None;
        for heard in join_all(requests).await.into_iter().flatten() {
            let is_offer = matches!(&heard, Heard::Answer { body, .. } if body.contains(OFFERED));
            let waits = is_offer && matches!(ask, Ask::Read { .. });
            if heard.is_final() && !waits {
                end = Some(heard);
            }
        }
        end
    }

    /// Asks a node; `None` when the vendor hung up, or the connection was gone.
    fn request(
        &self,
        node: usize,
        ask: Ask,
        patience: Duration,
    ) -> impl Future<Output = Option<Heard>> + use<> {
        let (world, plan, body) =
            (Arc::clone(&self.world), Arc::clone(&self.plan), Arc::clone(&self.body));
        async move {
            let (sender, exchange) = world.node(node)?;
            let began = world.check(|checker| checker.asks(&plan, &ask));
            let (tell, told) = oneshot::channel();
            let (asked, handled) = (ask.clone(), Arc::clone(&plan));
            let handler = async move {
                drop(tell.send(handle(&exchange, &handled, &body, asked).await));
            };
            world.spawn(sender.cell.hold(handler.boxed()));
            let heard = timeout(patience, told).await;
            let Ok(Ok(heard)) = heard else {
                let why = if heard.is_err() { "hangs up" } else { "is cut off" };
                world.step("vend", &format!("lead {} {why}", plan.number));
                return None;
            };
            world.check(|checker| checker.heard(&plan, &ask, &heard, began));
            Some(heard)
        }
    }
}

/// What a node does with a request: what its routes do.
async fn handle(exchange: &Arc<Exchange>, plan: &LeadPlan, body: &Json, ask: Ask) -> Heard {
    let wait = Duration::from_millis(plan.wait_ms);
    let vendor = plan.vendor.parse().expect("the scenario's vendors have slugs");
    let trouble = |error: FlowError| Heard::Trouble(error.to_string());
    match ask {
        Ask::Sale | Ask::Ping => {
            let contact = if ask == Ask::Ping { Contact::LeftAside } else { Contact::Required };
            let submission = submission(exchange, body, contact);
            let key = plan.key.clone();
            let reply = if ask == Ask::Ping {
                exchange.ping(&vendor, submission, key, wait).await
            } else {
                exchange.sell(&vendor, submission, key, wait).await
            };
            reply.map_or_else(trouble, Heard::from)
        }
        Ask::Read { lead_id } => match exchange.lead(Some(&vendor), lead_id).await {
            Ok(Some(reply)) => Heard::from(reply),
            Ok(None) => Heard::Nothing,
            Err(error) => trouble(error),
        },
        Ask::Reuse => {
            let mut body = body.clone();
            body["source"]["click_id"] = json!("another");
            let submission = submission(exchange, &body, Contact::Required);
            let reply = exchange.sell(&vendor, submission, plan.key.clone(), wait).await;
            reply.map_or_else(trouble, Heard::from)
        }
        Ask::Pry { lead_id } => {
            let others = ["vendor-a", "vendor-b"].into_iter().find(|other| *other != plan.vendor);
            let other = others.expect("there are two").parse().expect("they have slugs");
            match exchange.lead(Some(&other), lead_id).await {
                Ok(Some(reply)) => Heard::from(reply),
                Ok(None) => Heard::Nothing,
                Err(error) => trouble(error),
            }
        }
        Ask::Post { lead_id } => match post(exchange, plan, body, lead_id).await {
            Ok(PostReply::Sale(reply)) => Heard::from(reply),
            Ok(PostReply::Refused(refusal)) => Heard::Refused(refusal),
            Err(error) => trouble(error),
        },
    }
}

fn submission(exchange: &Exchange, body: &Json, contact: Contact) -> Submission {
    let snapshot = exchange.snapshot();
    let limits = IntakeLimits::from(exchange.limits());
    let context = IntakeContext {
        verticals: &|id| snapshot.verticals.get(id).cloned(),
        strict: false,
        is_test_key: false,
        contact,
        limits: &limits,
        now: exchange.clock().now(),
    };
    let bytes = body.to_string();
    let content = Body { content: ContentKind::Json, bytes: bytes.as_bytes() };
    read(content, &context)
        .unwrap_or_else(|invalid| panic!("the vendor's leads are valid: {:?}", invalid.errors))
}

async fn post(
    exchange: &Arc<Exchange>,
    plan: &LeadPlan,
    body: &Json,
    lead_id: LeadId,
) -> Result<PostReply, FlowError> {
    let wait = Duration::from_millis(plan.wait_ms);
    let limits = IntakeLimits::from(exchange.limits());
    let bytes = json!({
        "ping_id": lead_id.ping_id(),
        "lead": body["lead"],
        "consent": body["consent"],
    })
    .to_string();
    let content = Body { content: ContentKind::Json, bytes: bytes.as_bytes() };
    let document =
        PostDocument::parse(content, &limits).expect("the vendor's posts are well-formed");
    let from = PostFrom {
        vendor: plan.vendor.parse().expect("the scenario's vendors have slugs"),
        is_test_key: false,
        lead_id,
        fingerprint: exchange.vault().fingerprint(document.canonical()),
    };
    match exchange.ping_standing(&from, wait).await? {
        Standing::Told(reply) => Ok(PostReply::Sale(reply)),
        Standing::Refused(refusal) => Ok(PostReply::Refused(refusal)),
        Standing::Open(open) => {
            let posted = read_post(exchange, &document, &limits, &open);
            exchange.take_offer(&from, *open, posted, wait).await
        }
    }
}

fn read_post(
    exchange: &Exchange,
    document: &PostDocument,
    limits: &IntakeLimits,
    open: &OpenOffer,
) -> Posted {
    let context = IntakeContext {
        verticals: &|_| None,
        strict: false,
        is_test_key: open.lead.test,
        contact: Contact::Required,
        limits,
        now: exchange.clock().now(),
    };
    let pinged =
        Pinged { vertical: &open.vertical, fields: &open.lead.fields, consent: &open.lead.consent };
    let post = match document.read(&pinged, &context) {
        Ok(post) => post,
        Err(invalid) => panic!("the vendor's posts are valid: {:?}", invalid.errors),
    };
    Posted {
        fields: post.fields,
        consent: post.consent,
        is_consent_missing: !post.consent_missing.is_empty(),
        offer_ids: post.offer_ids,
        min_payout: post.min_payout,
        warnings: post.warnings,
    }
}

/// When the world should be quiet at the latest.
pub fn long_enough(world: &World) -> Instant {
    let limits = &world.scenario.limits;
    let window_ms = limits.unresolved_after_s * 1_000;
    let longest = window_ms + limits.auction_ms * 4 + limits.offer_ttl_ms + 400_000;
    world.began + Duration::from_millis(world.scenario.calm_at_ms + longest)
}
