//! The store of the world: the pure model with a log that loses what it has not promised yet.
//!
//! An operation travels to the store, is applied, waits until it is durable, and its reply travels
//! back. All but the last happens outside the node that asked: it may be dead or frozen meanwhile.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt as _;
use gavel::domain::auction::{Account, Closing, HoldId};
use gavel::domain::ids::{LeadId, Partition, PostId};
use gavel::domain::money::Money;
use gavel::faults::planted;
use gavel::ports::AuctionStore;
use gavel::ports::auction_store::{
    AccountReply, Captured, Claimed, Create, Created, Credit, Credited, Decide, Decided, Due,
    DuplicateClaim, Effect, Expired, Fenced, Finished, Held, Hold, Intended, Intent, JournalEntry,
    LeadReply, NodeId, Offer, OutboxEntry, Outcome, Recorded, SealedPost, StoreError, StoreFuture,
    Take, Taken, Unresolved, Voided,
};
use gavel::store::embedded::{EmbeddedSettings, ModelStore};
use jiff::Timestamp;
use tokio::sync::{Notify, oneshot};
use tokio::time::sleep;

use crate::check::deed::{Deed, Done};
use crate::clock::SimClock;
use crate::dice::Dice;
use crate::world::{Sender, World};

/// Operations that become durable together, or are lost together.
struct Batch {
    fate: Mutex<Option<bool>>,
    decided: Notify,
}

impl Batch {
    fn new() -> Arc<Self> {
        Arc::new(Self { fate: Mutex::new(None), decided: Notify::new() })
    }

    fn decide(&self, is_durable: bool) {
        *self.fate.lock().unwrap_or_else(PoisonError::into_inner) = Some(is_durable);
        self.decided.notify_waiters();
    }

    async fn fate(&self) -> bool {
        loop {
            let decided = self.decided.notified();
            if let Some(fate) = *self.fate.lock().unwrap_or_else(PoisonError::into_inner) {
                return fate;
            }
            decided.await;
        }
    }
}

struct Log {
    batch: Arc<Batch>,
    is_committing: bool,
    /// What was done since the last commit, for the checker.
    done: Vec<Done>,
    dice: Dice,
}

/// The store itself.
pub struct Warehouse {
    pub model: Arc<ModelStore>,
    pub clock: Arc<SimClock>,
    log: Mutex<Log>,
    is_down: AtomicBool,
}

/// What goes wrong with one operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mishap {
    None,
    Refused,
    ReplyLost,
    DoneLate,
}

impl Warehouse {
    pub fn new(partitions: u16, clock: Arc<SimClock>, dice: Dice) -> Self {
        let settings =
            EmbeddedSettings { partitions, free_bytes_min: 0, ..EmbeddedSettings::default() };
        let model = ModelStore::model(settings, clock.clone()).expect("the settings are in range");
        let log = Log { batch: Batch::new(), is_committing: false, done: Vec::new(), dice };
        Self { model, clock, log: Mutex::new(log), is_down: AtomicBool::new(false) }
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the store away, with everything it has not promised.
    pub fn fall(&self, owners_live: bool) {
        self.is_down.store(true, Ordering::Relaxed);
        let lost = {
            let mut log = self.log();
            log.done.clear();
            log.is_committing = false;
            std::mem::replace(&mut log.batch, Batch::new())
        };
        lost.decide(false);
        self.model.restart(owners_live).expect("what was committed can be read");
    }

    pub fn rise(&self) {
        self.is_down.store(false, Ordering::Relaxed);
    }

    fn commit(&self, world: &World, batch: &Arc<Batch>) {
        let done = {
            let mut log = self.log();
            if !Arc::ptr_eq(&log.batch, batch) {
                return;
            }
            log.batch = Batch::new();
            log.is_committing = false;
            self.model.commit().expect("the model has no disk that could fail");
            std::mem::take(&mut log.done)
        };
        for done in done {
            world.saw(done);
        }
        batch.decide(true);
    }
}

/// One node's way to the store.
pub struct SimStore {
    pub world: Arc<World>,
    pub sender: Sender,
}

impl SimStore {
    /// Asks for one operation. `deed` says what of it the checker looks at.
    fn ask<T: Send + 'static>(
        &self,
        name: &'static str,
        apply: impl for<'m> FnOnce(&'m ModelStore) -> StoreFuture<'m, T> + Send + 'static,
        deed: impl FnOnce(&T) -> Option<(Timestamp, Deed)> + Send + 'static,
    ) -> StoreFuture<'_, T> {
        async move {
            let (tell, told) = oneshot::channel();
            let world = Arc::clone(&self.world);
            let sender = self.sender.clone();
            world.pass(&sender, name, "before").await;
            let work = async move {
                let reply = carry_out(&world, &sender, name, (apply, deed)).await;
                // A node that is dead or does not wait any more hears nothing.
                drop(tell.send(reply));
            };
            self.world.spawn(work);
            let reply = told.await;
            self.world.pass(&self.sender, name, "after").await;
            let gone = || StoreError::Unavailable("the store went away".to_owned());
            reply.unwrap_or_else(|_| Err(gone()))
        }
        .boxed()
    }

    fn look<T: Send + 'static>(
        &self,
        name: &'static str,
        apply: impl for<'m> FnOnce(&'m ModelStore) -> StoreFuture<'m, T> + Send + 'static,
    ) -> StoreFuture<'_, T> {
        self.ask(name, apply, |_| None)
    }
}

async fn carry_out<T: Send + 'static>(
    world: &Arc<World>,
    sender: &Sender,
    name: &'static str,
    (apply, deed): (
        impl for<'m> FnOnce(&'m ModelStore) -> StoreFuture<'m, T> + Send + 'static,
        impl FnOnce(&T) -> Option<(Timestamp, Deed)> + Send + 'static,
    ),
) -> Result<T, StoreError> {
    let unavailable = |why: &str| Err(StoreError::Unavailable(why.to_owned()));
    let (mishap, there_ms, back_ms) = draw(world);
    sleep(Duration::from_millis(there_ms)).await;
    if mishap == Mishap::Refused {
        world.note(sender, || format!("{name}: refused by the store"));
        return unavailable("refused");
    }
    if mishap == Mishap::DoneLate {
        let (world, sender) = (Arc::clone(world), sender.clone());
        let late_ms = {
            let dice = &mut world.store.log().dice;
            let most_ms = *dice.pick(&[1_000, 4_000, 15_000]);
            dice.between(1, most_ms)
        };
        world.note(&sender, || format!("{name}: no reply, and done {late_ms} ms later"));
        let again = Arc::clone(&world);
        world.spawn(async move {
            sleep(Duration::from_millis(late_ms)).await;
            drop(apply_now(&again, &sender, name, (apply, deed)));
        });
        return unavailable("no reply in time");
    }
    let (reply, batch) = apply_now(world, sender, name, (apply, deed));
    let Some(batch) = batch else { return reply };
    if !planted("reply_before_durable") && !batch.fate().await {
        return unavailable("the store fell before it was durable");
    }
    sleep(Duration::from_millis(back_ms)).await;
    if mishap == Mishap::ReplyLost {
        world.note(sender, || format!("{name}: done, reply lost"));
        return unavailable("the reply was lost");
    }
    reply
}

fn draw(world: &World) -> (Mishap, u64, u64) {
    let rates = world.rates();
    let mut log = world.store.log();
    let dice = &mut log.dice;
    let mishap = match dice.below(1_000) {
        at if at < rates.store_refuses => Mishap::Refused,
        at if at < rates.store_refuses + rates.store_loses_reply => Mishap::ReplyLost,
        at if at < rates.store_refuses + rates.store_loses_reply + rates.store_does_late => {
            Mishap::DoneLate
        }
        _ => Mishap::None,
    };
    let slow_ms = if dice.permille(rates.store_slow) { dice.below(2_500) } else { 0 };
    (mishap, dice.below(3), dice.below(3) + slow_ms)
}

/// Applies an operation; gives with its reply the batch it is in.
fn apply_now<T: Send + 'static>(
    world: &Arc<World>,
    sender: &Sender,
    name: &'static str,
    (apply, deed): (
        impl for<'m> FnOnce(&'m ModelStore) -> StoreFuture<'m, T>,
        impl FnOnce(&T) -> Option<(Timestamp, Deed)>,
    ),
) -> (Result<T, StoreError>, Option<Arc<Batch>>) {
    let store = &world.store;
    if store.is_down.load(Ordering::Relaxed) {
        world.note(sender, || format!("{name}: the store is down"));
        return (Err(StoreError::Unavailable("down".to_owned())), None);
    }
    let reply = apply(&store.model).now_or_never().expect("the model answers at once");
    if let Err(error) = &reply {
        world.note(sender, || format!("{name}: {error}"));
    }
    let mut log = store.log();
    if let Ok(reply) = &reply
        && let Some((at, deed)) = deed(reply)
    {
        log.done.push(Done { at, sender: sender.clone(), name, deed });
    }
    let batch = Arc::clone(&log.batch);
    if !log.is_committing {
        log.is_committing = true;
        let wait_ms = log.dice.below(4);
        let (world, batch) = (Arc::clone(world), Arc::clone(&batch));
        let again = Arc::clone(&world);
        world.spawn(async move {
            sleep(Duration::from_millis(wait_ms)).await;
            again.store.commit(&again, &batch);
        });
    }
    (reply, Some(batch))
}

impl AuctionStore for SimStore {
    fn partitions(&self) -> u16 {
        self.world.store.model.partitions()
    }

    fn durability(&self) -> &'static str {
        "simulated"
    }

    fn create(&self, create: Create) -> StoreFuture<'_, LeadReply<Created>> {
        let asked = create.clone();
        self.ask(
            "create",
            move |model| model.create(create),
            move |said| {
                Some((said.now, Deed::Create(Box::new(asked), said.reply, said.lead.clone())))
            },
        )
    }

    fn read(&self, lead_id: LeadId) -> StoreFuture<'_, LeadReply<()>> {
        self.ask(
            "read",
            move |model| model.read(lead_id),
            move |said| Some((said.now, Deed::Read(lead_id, said.lead.clone()))),
        )
    }

    fn sealed_lead(&self, lead_id: LeadId) -> StoreFuture<'_, Option<Bytes>> {
        self.look("sealed_lead", move |model| model.sealed_lead(lead_id))
    }

    fn sealed_post(&self, post_id: PostId) -> StoreFuture<'_, Option<SealedPost>> {
        self.look("sealed_post", move |model| model.sealed_post(post_id))
    }

    fn due(&self, partition: Partition, limit: usize) -> StoreFuture<'_, Vec<Due>> {
        self.look("due", move |model| model.due(partition, limit))
    }

    fn outbox_read(
        &self,
        partition: Partition,
        after: u64,
        limit: usize,
    ) -> StoreFuture<'_, Vec<OutboxEntry>> {
        self.look("outbox_read", move |model| model.outbox_read(partition, after, limit))
    }

    fn outbox_ack(&self, partition: Partition, ids: Vec<u64>) -> StoreFuture<'_, ()> {
        let world = Arc::clone(&self.world);
        self.look("outbox_ack", move |model| {
            world.before_ack(model, partition, &ids);
            model.outbox_ack(partition, ids)
        })
    }

    fn claim(
        &self,
        lead_id: LeadId,
        node: NodeId,
        lease_ms: u64,
    ) -> StoreFuture<'_, LeadReply<Claimed>> {
        self.ask(
            "claim",
            move |model| model.claim(lead_id, node, lease_ms),
            move |said| Some((said.now, Deed::Claim(lead_id, said.reply, said.lead.clone()))),
        )
    }

    fn renew(
        &self,
        lead_id: LeadId,
        fence: u64,
        lease_ms: u64,
    ) -> StoreFuture<'_, LeadReply<Fenced<()>>> {
        self.ask(
            "renew",
            move |model| model.renew(lead_id, fence, lease_ms),
            move |said| {
                let is_fenced = said.reply == Fenced::Fenced;
                Some((said.now, Deed::Renew(lead_id, fence, is_fenced, said.lead.clone())))
            },
        )
    }

    fn decide(&self, decide: Decide) -> StoreFuture<'_, LeadReply<Fenced<Decided>>> {
        let asked = decide.clone();
        self.ask(
            "decide",
            move |model| model.decide(decide),
            move |said| {
                Some((said.now, Deed::Decide(Box::new(asked), said.reply, said.lead.clone())))
            },
        )
    }

    fn offer(&self, offer: Offer) -> StoreFuture<'_, LeadReply<Fenced<Decided>>> {
        let asked = offer.clone();
        self.ask(
            "offer",
            move |model| model.offer(offer),
            move |said| {
                Some((said.now, Deed::Offer(Box::new(asked), said.reply, said.lead.clone())))
            },
        )
    }

    fn take(&self, take: Take) -> StoreFuture<'_, LeadReply<Taken>> {
        let lead_id = take.lead_id;
        self.ask(
            "take",
            move |model| model.take(take),
            move |said| Some((said.now, Deed::Take(lead_id, said.reply, said.lead.clone()))),
        )
    }

    fn expire_offer(
        &self,
        lead_id: LeadId,
        closing: Closing,
        effects: Vec<Effect>,
    ) -> StoreFuture<'_, LeadReply<Expired>> {
        self.ask(
            "expire_offer",
            move |model| model.expire_offer(lead_id, closing, effects),
            move |said| Some((said.now, Deed::Expire(lead_id, said.reply, said.lead.clone()))),
        )
    }

    fn intent(&self, intent: Intent) -> StoreFuture<'_, LeadReply<Fenced<Intended>>> {
        let asked = intent.clone();
        self.ask(
            "intent",
            move |model| model.intent(intent),
            move |said| {
                Some((said.now, Deed::Intent(Box::new(asked), said.reply, said.lead.clone())))
            },
        )
    }

    fn outcome(&self, outcome: Outcome) -> StoreFuture<'_, LeadReply<Recorded>> {
        let asked = outcome.clone();
        self.ask(
            "outcome",
            move |model| model.outcome(outcome),
            move |said| {
                Some((said.now, Deed::Outcome(Box::new(asked), said.reply, said.lead.clone())))
            },
        )
    }

    fn finish(
        &self,
        lead_id: LeadId,
        fence: u64,
        closing: Closing,
        effects: Vec<Effect>,
    ) -> StoreFuture<'_, LeadReply<Fenced<Finished>>> {
        self.ask(
            "finish",
            move |model| model.finish(lead_id, fence, closing, effects),
            move |said| {
                Some((said.now, Deed::Finish(lead_id, fence, said.reply, said.lead.clone())))
            },
        )
    }

    fn unresolved(&self, outcome: Unresolved) -> StoreFuture<'_, LeadReply<Finished>> {
        let lead_id = outcome.lead_id;
        self.ask(
            "unresolved",
            move |model| model.unresolved(outcome),
            move |said| Some((said.now, Deed::Unresolved(lead_id, said.reply, said.lead.clone()))),
        )
    }

    fn postpone(
        &self,
        lead_id: LeadId,
        fence: u64,
        due_at: Timestamp,
    ) -> StoreFuture<'_, LeadReply<Fenced<()>>> {
        self.ask(
            "postpone",
            move |model| model.postpone(lead_id, fence, due_at),
            move |said| {
                let is_fenced = said.reply == Fenced::Fenced;
                Some((said.now, Deed::Renew(lead_id, fence, is_fenced, said.lead.clone())))
            },
        )
    }

    fn append(
        &self,
        lead_id: LeadId,
        fact_id: String,
        fact: Bytes,
        effects: Vec<Effect>,
    ) -> StoreFuture<'_, LeadReply<bool>> {
        self.ask(
            "append",
            move |model| model.append(lead_id, fact_id, fact, effects),
            move |said| Some((said.now, Deed::Append(lead_id, said.lead.clone()))),
        )
    }

    fn hold(&self, hold: Hold) -> StoreFuture<'_, AccountReply<Held>> {
        let asked = hold.clone();
        self.ask(
            "hold",
            move |model| model.hold(hold),
            move |said| {
                Some((said.now, Deed::Hold(Box::new(asked), said.reply.clone(), said.account)))
            },
        )
    }

    fn capture(
        &self,
        account: Account,
        hold: HoldId,
        amount: Money,
    ) -> StoreFuture<'_, AccountReply<Captured>> {
        let asked = (account.clone(), hold.clone());
        self.ask(
            "capture",
            move |model| model.capture(account, hold, amount),
            move |said| {
                let (account, hold) = asked;
                let deed =
                    Deed::Capture { account, hold, amount, reply: said.reply, view: said.account };
                Some((said.now, deed))
            },
        )
    }

    fn void(&self, account: Account, hold: HoldId) -> StoreFuture<'_, AccountReply<Voided>> {
        let asked = (account.clone(), hold.clone());
        self.ask(
            "void",
            move |model| model.void(account, hold),
            move |said| {
                let (account, hold) = asked;
                Some((said.now, Deed::Void(account, hold, said.reply, said.account)))
            },
        )
    }

    fn credit(&self, credit: Credit) -> StoreFuture<'_, AccountReply<Credited>> {
        let asked = credit.clone();
        self.ask(
            "credit",
            move |model| model.credit(credit),
            move |said| Some((said.now, Deed::Credit(asked, said.reply, said.account))),
        )
    }

    fn balance(&self, account: Account) -> StoreFuture<'_, AccountReply<()>> {
        self.look("balance", move |model| model.balance(account))
    }

    fn cap_used(&self, account: Account, counters: Vec<String>) -> StoreFuture<'_, Vec<i64>> {
        self.look("cap_used", move |model| model.cap_used(account, counters))
    }

    fn open_holds(
        &self,
        account: Account,
        until: Timestamp,
        skip: usize,
        limit: usize,
    ) -> StoreFuture<'_, Vec<HoldId>> {
        self.look("open_holds", move |model| model.open_holds(account, until, skip, limit))
    }

    fn journal_accounts(&self) -> StoreFuture<'_, Vec<Account>> {
        self.look("journal_accounts", |model| model.journal_accounts())
    }

    fn journal_read(&self, account: Account, limit: usize) -> StoreFuture<'_, Vec<JournalEntry>> {
        self.look("journal_read", move |model| model.journal_read(account, limit))
    }

    fn journal_ack(&self, account: Account, sequence: u64) -> StoreFuture<'_, ()> {
        let asked = account.clone();
        self.ask(
            "journal_ack",
            move |model| model.journal_ack(account, sequence),
            move |()| Some((Timestamp::MIN, Deed::JournalAck(asked, sequence))),
        )
    }

    fn claim_duplicate(
        &self,
        digest: [u8; 32],
        lead_id: LeadId,
        window_ms: u64,
    ) -> StoreFuture<'_, DuplicateClaim> {
        self.ask(
            "claim_duplicate",
            move |model| model.claim_duplicate(digest, lead_id, window_ms),
            move |said| Some((Timestamp::MIN, Deed::ClaimDuplicate(digest, lead_id, *said))),
        )
    }

    fn free_duplicate(&self, digest: [u8; 32], lead_id: LeadId) -> StoreFuture<'_, ()> {
        self.ask(
            "free_duplicate",
            move |model| model.free_duplicate(digest, lead_id),
            move |()| Some((Timestamp::MIN, Deed::FreeDuplicate(digest, lead_id))),
        )
    }
}
