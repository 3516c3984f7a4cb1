//! Stores to spoil, filled by the real code: leads at every step, money, keys, and what waits.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use bytes::Bytes;
use gavel::domain::auction::{Account, Closing, HoldId, RankEntry, StoredAnswer};
use gavel::domain::disposition::Disposition;
use gavel::domain::ids::{BidId, LeadId, Partition, PostId};
use gavel::domain::money::Money;
use gavel::domain::post::Verdict;
use gavel::domain::slug::{BuyerId, CampaignId, VendorId};
use gavel::domain::time::plus_ms;
use gavel::ports::AuctionStore;
use gavel::ports::auction_store::{
    CapCharge, Create, Credit, CreditKind, Decide, Effect, Hold, Intent, NodeId, Outcome,
};
use gavel::store::embedded::EmbeddedStore;
use gavel::system::FixedClock;
use jiff::Timestamp;
use rand::RngExt;
use rand::rngs::ChaCha8Rng;

use super::audit::{self, Found, State};

/// How many partitions the stores have.
pub const PARTITIONS: u16 = 4;
const LEASE_MS: u64 = 10_000;
const KEY_TTL_MS: u64 = 30 * 86_400_000;
const WINDOW_MS: u64 = 86_400_000;
/// The file that is written after each commit, and says how far it goes.
const MARK_FILE: &str = "acknowledged";
/// What a journal has behind its last commit, in bytes: less than the engine gives it, to be quicker.
const ZEROS: u64 = 200_000;
/// The account's counter.
const COUNTER: &str = "cap:day:2026-11-24";

/// When everything happens.
pub fn now() -> Timestamp {
    Timestamp::from_second(1_795_528_800).expect("in 2026")
}

/// How much is in a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// All in one journal.
    Small,
    /// So much that some rows have moved into tables.
    Middle,
    /// So much that there is more than one journal.
    Large,
}

impl Size {
    /// Leads, and bytes of each lead's plan and sealed data.
    const fn measures(self) -> (u32, usize) {
        match self {
            Self::Small => (40, 300),
            Self::Middle => (340, 54_000),
            Self::Large => (840, 54_000),
        }
    }
}

/// What was put into a store, to ask for it.
#[derive(Clone, Default)]
pub struct Ledger {
    pub leads: Vec<LeadId>,
    pub posts: Vec<PostId>,
    pub accounts: Vec<Account>,
    pub counters: Vec<String>,
    pub creates: Vec<Create>,
    pub credits: Vec<Credit>,
    pub holds: Vec<Hold>,
    pub duplicates: Vec<[u8; 32]>,
}

/// A filled store and what it says.
pub struct Reference {
    pub size: Size,
    pub ledger: Arc<Ledger>,
    /// What it says without its last commit, and with it.
    pub before: State,
    pub after: State,
    folder: PathBuf,
    /// The mark as it was before the last commit.
    mark_before: Vec<u8>,
}

impl Reference {
    /// Fills a store of this size in a folder below `parent`.
    pub fn make(size: Size, parent: &Path) -> anyhow::Result<Self> {
        let folder = parent.join(format!("reference-{size:?}"));
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        let mut filler = Filler { size, ledger: Ledger::default() };
        let store = open(&folder)?;
        runtime.block_on(filler.fill(&*store))?;
        store.close();
        drop(store);
        let ledger = Arc::new(filler.ledger);
        let before = said(&folder, &parent.join("before"), &ledger)?;
        let store = open(&folder)?;
        let mark_before = fs::read(folder.join(MARK_FILE))?;
        runtime.block_on(store.credit(deposit("last", 7)?))?;
        store.close();
        drop(store);
        let after = said(&folder, &parent.join("after"), &ledger)?;
        anyhow::ensure!(before != after, "the last commit changes nothing");
        Ok(Self { size, ledger, before, after, folder, mark_before })
    }

    /// Makes a copy in `target` as a stopped process leaves it; whether nobody was told of its last
    /// commit.
    pub fn copy(&self, target: &Path, random: &mut ChaCha8Rng) -> anyhow::Result<bool> {
        copy(&self.folder, target)?;
        if random.random_bool(0.5) {
            add_zeros(&target.join("engine"))?;
        }
        let untold = random.random_bool(0.3);
        if untold {
            fs::write(target.join(MARK_FILE), &self.mark_before)?;
        }
        Ok(untold)
    }
}

fn open(folder: &Path) -> anyhow::Result<Arc<EmbeddedStore>> {
    Ok(EmbeddedStore::open(audit::settings(folder), Arc::new(FixedClock::at(now())))?)
}

/// What a copy says, which is spent by asking.
fn said(folder: &Path, target: &Path, ledger: &Ledger) -> anyhow::Result<State> {
    copy(folder, target)?;
    let found = audit::open_and_read(target, ledger);
    fs::remove_dir_all(target)?;
    match found {
        Found::Read(state) => Ok(state),
        Found::Refused(why) | Found::Stopped(why) => anyhow::bail!("a good store: {why}"),
    }
}

/// Copies what is written in place; what is written once is shared.
fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            copy(&path, &target)?;
        } else if path.parent().is_some_and(|parent| parent.ends_with("tables")) {
            fs::hard_link(&path, &target)?;
        } else {
            fs::copy(&path, &target).with_context(|| path.display().to_string())?;
        }
    }
    Ok(())
}

fn add_zeros(engine: &Path) -> anyhow::Result<()> {
    for entry in fs::read_dir(engine)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "jnl") {
            let file = fs::File::options().write(true).open(&path)?;
            file.set_len(file.metadata()?.len() + ZEROS)?;
        }
    }
    Ok(())
}

fn buyer(slug: &str) -> anyhow::Result<Account> {
    Ok(Account::Buyer(BuyerId::parse(slug)?))
}

fn money(ten_thousandths: i64) -> anyhow::Result<Money> {
    Money::from_ten_thousandths(ten_thousandths).context("an amount")
}

fn deposit(op_id: &str, amount: i64) -> anyhow::Result<Credit> {
    let (account, amount) = (buyer("beta")?, money(amount)?);
    Ok(Credit { account, op_id: op_id.to_owned(), kind: CreditKind::Deposit, amount })
}

fn closing(disposition: Disposition) -> Closing {
    let body = Bytes::from(format!("{{\"disposition\":\"{}\"}}", disposition.as_str()));
    Closing { disposition, answer: StoredAnswer { status: 200, body } }
}

fn record(text: &'static str) -> Effect {
    Effect::Record(Bytes::from_static(text.as_bytes()))
}

struct Filler {
    size: Size,
    ledger: Ledger,
}

impl Filler {
    async fn fill(&mut self, store: &dyn AuctionStore) -> anyhow::Result<()> {
        let (leads, bytes) = self.size.measures();
        self.ledger.accounts =
            vec![buyer("beta")?, buyer("gamma")?, Account::Vendor(VendorId::parse("acme")?)];
        self.ledger.counters = vec![COUNTER.to_owned()];
        for number in 0..leads / 4 {
            let credit = deposit(&format!("deposit-{number}"), 1_000_000)?;
            store.credit(credit.clone()).await?;
            self.ledger.credits.push(credit);
        }
        for number in 0..leads {
            self.lead(store, number, bytes).await?;
        }
        Ok(())
    }

    /// Takes one lead in and some steps on: the number says how many.
    async fn lead(
        &mut self,
        store: &dyn AuctionStore,
        number: u32,
        bytes: usize,
    ) -> anyhow::Result<()> {
        let lead_id = lead_id(number);
        let create = create(lead_id, number, bytes)?;
        store.create(create.clone()).await?;
        self.ledger.leads.push(lead_id);
        if number.is_multiple_of(7) {
            self.ledger.creates.push(create);
        }
        let claim = digest(number, 3);
        store.claim_duplicate(claim, lead_id, WINDOW_MS).await?;
        self.ledger.duplicates.push(claim);
        let steps = number % 8;
        if steps == 0 {
            return Ok(());
        }
        let rank = vec![entry("beta-tx")?, entry("gamma-tx")?];
        let effects = vec![record("ranked")];
        store.decide(Decide { lead_id, fence: 1, round: 1, rank, effects }).await?;
        if steps == 1 {
            let end = closing(Disposition::Unsold);
            store.finish(lead_id, 1, end, vec![record("closed")]).await?;
            store.append(lead_id, "fact".to_owned(), Bytes::from_static(b"a fact"), vec![]).await?;
            return Ok(());
        }
        let hold = hold(lead_id)?;
        store.hold(hold.clone()).await?;
        self.ledger.holds.push(hold.clone());
        if steps == 2 {
            return Ok(());
        }
        let post_id = PostId::new(lead_id.partition(), u128::from(number) << 40 | 1);
        let intent = Intent {
            lead_id,
            fence: 1,
            seat: 1,
            k: 0,
            campaign: CampaignId::parse("beta-tx")?,
            post_id,
            sealed_post: Bytes::from(vec![(number % 251) as u8; 2_000]),
            lease_ms: LEASE_MS,
        };
        store.intent(intent).await?;
        self.ledger.posts.push(post_id);
        self.end(store, lead_id, hold, steps).await
    }

    /// What became of its post.
    async fn end(
        &self,
        store: &dyn AuctionStore,
        lead_id: LeadId,
        hold: Hold,
        steps: u32,
    ) -> anyhow::Result<()> {
        let verdict = match steps {
            3 => return Ok(()),
            4 => Verdict::Unknown,
            5 => Verdict::Rejected,
            _ => Verdict::Accepted,
        };
        let (account, amount) = (hold.account.clone(), hold.amount);
        let capture = Effect::Capture { account: account.clone(), hold: hold.hold.clone(), amount };
        let is_sold = verdict == Verdict::Accepted;
        let outcome = Outcome {
            fence: None,
            lead_id,
            seat: 1,
            k: 0,
            verdict,
            due_at: Some(plus_ms(now(), 60_000)),
            closing: is_sold.then(|| closing(Disposition::Sold)),
            effects: if is_sold { vec![capture, record("sold")] } else { vec![record("posted")] },
            late_record: Vec::new(),
        };
        store.outcome(outcome).await?;
        if steps == 5 {
            store.void(account, hold.hold).await?;
        } else if steps == 7 {
            store.capture(account, hold.hold, amount).await?;
            let partition = lead_id.partition();
            let waiting = store.outbox_read(partition, 0, 2).await?;
            store.outbox_ack(partition, waiting.iter().map(|entry| entry.id).collect()).await?;
        }
        Ok(())
    }
}

/// A lead that nobody took in.
pub fn stranger() -> LeadId {
    lead_id(u32::MAX)
}

fn lead_id(number: u32) -> LeadId {
    let minted = u128::try_from(now().as_millisecond()).expect("after 1970");
    let partition = Partition(u16::try_from(number % u32::from(PARTITIONS)).expect("a few"));
    LeadId::new(partition, minted << 80 | 7 << 76 | u128::from(number))
}

fn digest(number: u32, kind: u8) -> [u8; 32] {
    let mut digest = [kind; 32];
    digest[..4].copy_from_slice(&number.to_be_bytes());
    digest
}

fn create(lead_id: LeadId, number: u32, bytes: usize) -> anyhow::Result<Create> {
    // Bytes that do not repeat, lest damage go unnoticed.
    let filled = |kind: u8| -> Bytes {
        (0..bytes).map(|at| (at as u32 ^ number.wrapping_mul(31)) as u8 ^ kind).collect()
    };
    Ok(Create {
        key_digest: digest(number, 1),
        key_ttl_ms: KEY_TTL_MS,
        lead_id,
        vendor: VendorId::parse("acme")?,
        fingerprint: digest(number, 2),
        sealed: filled(1),
        plan: filled(2),
        registry_version: 7,
        seats: 1,
        node: NodeId(1),
        lease_ms: LEASE_MS,
        closing: None,
        effects: vec![record("received")],
    })
}

fn entry(campaign: &str) -> anyhow::Result<RankEntry> {
    let buyer = campaign.split('-').next().unwrap_or(campaign);
    Ok(RankEntry {
        campaign: CampaignId::parse(campaign)?,
        buyer: BuyerId::parse(buyer)?,
        legal_entity: buyer.to_owned(),
        bid_id: BidId::new(9),
        price: money(250_000)?,
        valid_until: plus_ms(now(), 60_000),
        terms: Bytes::from_static(b"terms"),
    })
}

fn hold(lead_id: LeadId) -> anyhow::Result<Hold> {
    let campaign = CampaignId::parse("beta-tx")?;
    let cap = CapCharge {
        rule: "cap:day".to_owned(),
        counter: COUNTER.to_owned(),
        limit: 1_000_000,
        add: 1,
        ends_at: None,
    };
    Ok(Hold {
        account: buyer("beta")?,
        hold: HoldId { lead_id, seat: 1, campaign },
        amount: money(250_000)?,
        credit_limit: None,
        caps: vec![cap],
    })
}
