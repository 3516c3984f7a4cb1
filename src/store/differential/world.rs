//! A small world of leads, buyers and claims, in which random operations meet often: a few ids, and
//! arguments that mostly fit the state of the lead as it is.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;

use super::command::Command;
use super::dice::Dice;
use crate::domain::auction::{Account, Closing, HoldId, LeadView, RankEntry, Seat, StoredAnswer};
use crate::domain::disposition::Disposition;
use crate::domain::ids::{BidId, LeadId, Partition, PostId};
use crate::domain::money::Money;
use crate::domain::post::Verdict;
use crate::domain::time::plus_ms;
use crate::ports::AuctionStore;
use crate::ports::auction_store::{
    CapCharge, Create, Credit, CreditKind, Decide, Effect, Hold, Intent, NodeId, Offer, Outcome,
    Take, Unresolved,
};

const LEADS: u128 = 6;
const PARTITIONS: [Partition; 2] = [Partition(3), Partition(60)];
const CAMPAIGNS: [&str; 6] = ["beta-tx", "beta-fl", "bravo-tx", "gamma-tx", "delta-tx", "delta-ca"];
const BUYERS: [&str; 2] = ["beta", "gamma"];
const LEASE_MS: u64 = 5_000;
const OFFER_MS: i64 = 20_000;
const DAY_MS: i64 = 86_400_000;
const MANY: usize = 1_000;

/// The names of one episode.
pub(super) struct World {
    seed: u64,
    episode: u64,
    began: Timestamp,
}

/// A store's time.
pub(super) async fn time_of(store: &dyn AuctionStore) -> Timestamp {
    let reply = store.read(LeadId::new(PARTITIONS[0], 0)).await;
    reply.expect("the model answers").now
}

fn slug<T: std::str::FromStr>(text: &str) -> T
where
    T::Err: std::fmt::Debug,
{
    text.parse().expect("the world's names are slugs")
}

fn money(amount: i64) -> Money {
    Money::from_ten_thousandths(amount).expect("the world's amounts are small")
}

fn answer(disposition: Disposition, variant: usize) -> Closing {
    let body = Bytes::from(format!("{{\"{}\":{variant}}}", disposition.as_str()));
    Closing { disposition, answer: StoredAnswer { status: 200, body } }
}

fn entry(campaign: &str, at: Timestamp) -> RankEntry {
    let buyer = campaign.split('-').next().unwrap_or(campaign);
    RankEntry {
        campaign: slug(campaign),
        buyer: slug(buyer),
        // Beta and bravo are one house; delta has none.
        legal_entity: if buyer == "delta" {
            String::new()
        } else {
            format!("{} é;|", &buyer[..1])
        },
        bid_id: BidId::new(7),
        price: money(250_000),
        valid_until: plus_ms(at, 60_000),
        terms: Bytes::from_static(&[0, 255, b'\n', b' ']),
    }
}

impl World {
    pub(super) fn new(seed: u64, episode: u64, now: Timestamp) -> Self {
        Self { seed, episode, began: now }
    }

    /// The next operation, made up from the dice and the model's state.
    pub(super) async fn next(&self, model: &dyn AuctionStore, dice: &mut Dice) -> Command {
        if dice.one_in(12) {
            return Command::Wait(dice.below(8_000) as u64 + 1);
        }
        match dice.below(100) {
            0..60 => self.on_lead(model, dice).await,
            60..85 => self.on_account(model, dice).await,
            85..92 => self.on_claim(dice),
            _ => self.on_outbox(model, dice).await,
        }
    }

    fn lead_id(&self, number: u128) -> LeadId {
        let minted = u128::try_from(self.began.as_millisecond()).unwrap_or_default();
        let partition = PARTITIONS[(number % 2) as usize];
        let episode = u128::from(self.seed ^ self.episode);
        LeadId::new(partition, minted << 80 | 7 << 76 | (episode & 0xffff_ffff) << 8 | number)
    }

    fn any_lead(&self, dice: &mut Dice) -> LeadId {
        self.lead_id(dice.below(LEADS as usize) as u128)
    }

    fn post_id(lead_id: LeadId, seat: u8, campaign: &str) -> PostId {
        let text =
            campaign.bytes().fold(u128::from(seat), |sum, byte| sum * 257 + u128::from(byte));
        PostId::new(lead_id.partition(), text ^ (lead_id.bits() << 32))
    }

    fn effects(&self, dice: &mut Dice) -> Vec<Effect> {
        let all = [
            Effect::Record(Bytes::from(vec![0, 1, 255, dice.below(256) as u8])),
            Effect::Void { account: self.account(0), hold: self.hold_id(0, 1, CAMPAIGNS[0]) },
            Effect::Credit {
                account: self.account(2),
                op_id: format!("payout-{}", dice.below(9)),
                kind: CreditKind::Payout,
                amount: money(5),
            },
        ];
        all[..dice.below(all.len() + 1)].to_vec()
    }

    fn closing(dice: &mut Dice) -> Closing {
        let dispositions = [
            Disposition::Sold,
            Disposition::Unsold,
            Disposition::Refused,
            Disposition::Unresolved,
            Disposition::Expired,
            Disposition::Pending,
        ];
        let weighted = if dice.one_in(3) { &dispositions[..] } else { &dispositions[..2] };
        answer(dice.of(weighted), dice.below(2))
    }

    fn create(&self, lead_id: LeadId, dice: &mut Dice) -> Create {
        let key = dice.below(LEADS as usize) as u8;
        let mut key_digest = [key; 32];
        key_digest[..8].copy_from_slice(&self.episode.to_be_bytes());
        // A key belongs to its lead's partition.
        key_digest[31] = lead_id.partition().0 as u8;
        Create {
            key_digest,
            key_ttl_ms: 30_000,
            lead_id,
            vendor: slug("acme"),
            fingerprint: [dice.below(2) as u8; 32],
            sealed: dice.of(&[Bytes::new(), Bytes::from_static(&[0, 1, 2, 255])]),
            plan: Bytes::from_static(b"plan \0 |;:"),
            registry_version: 7,
            seats: dice.of(&[1, 2, 2, 3]),
            node: NodeId(dice.below(2) as u128),
            lease_ms: LEASE_MS,
            closing: dice.one_in(12).then(|| Self::closing(dice)),
            effects: self.effects(dice),
        }
    }

    async fn on_lead(&self, model: &dyn AuctionStore, dice: &mut Dice) -> Command {
        let lead_id = self.any_lead(dice);
        let view = model.read(lead_id).await.expect("the model answers").lead;
        let Some(view) = view.filter(|_| !dice.one_in(15)) else {
            return Command::Create(self.create(lead_id, dice));
        };
        let fence = if dice.one_in(8) { dice.below(4) as u64 } else { view.fence };
        match dice.below(34) {
            0 => Command::Read(lead_id),
            1 => Command::SealedLead(lead_id),
            2 => Command::SealedPost(Self::post_id(lead_id, 1, CAMPAIGNS[dice.below(3)])),
            3 => Command::Due(lead_id.partition(), dice.of(&[1, MANY])),
            4..7 => Command::Claim(lead_id, NodeId(dice.below(2) as u128), LEASE_MS),
            7 => Command::Renew(lead_id, fence, dice.of(&[0, LEASE_MS])),
            8..11 => self.decide(&view, fence, dice),
            11 => self.offer(&view, fence, dice),
            12..14 => self.take(lead_id, dice),
            14 => {
                let end = if dice.one_in(5) {
                    Self::closing(dice)
                } else {
                    answer(Disposition::Expired, 0)
                };
                Command::ExpireOffer(lead_id, end, self.effects(dice))
            }
            15..21 => Self::intent(&view, fence, dice),
            21..28 => self.outcome(&view, dice),
            28 => Command::Finish(lead_id, fence, Self::closing(dice), self.effects(dice)),
            29..31 => self.unresolved(&view, dice),
            31 => Command::Postpone(lead_id, fence, plus_ms(self.began, dice.below(90_000) as i64)),
            _ => {
                let id = format!("fact {}", dice.below(3));
                Command::Append(lead_id, id, Bytes::from(vec![b':', dice.below(256) as u8]))
            }
        }
    }

    fn rank(&self, dice: &mut Dice) -> Vec<RankEntry> {
        let first = dice.below(3);
        let last = first + dice.below(CAMPAIGNS.len() - first + 1);
        CAMPAIGNS[first..last].iter().map(|campaign| entry(campaign, self.began)).collect()
    }

    fn decide(&self, view: &Arc<LeadView>, fence: u64, dice: &mut Dice) -> Command {
        let round = if dice.one_in(4) { dice.below(4) as u16 } else { view.rounds + 1 };
        let rank = match round {
            1 if dice.one_in(2) => view.rank.clone(),
            _ => self.rank(dice),
        };
        let effects = self.effects(dice);
        Command::Decide(Decide { lead_id: view.lead_id, fence, round, rank, effects })
    }

    fn offer(&self, view: &Arc<LeadView>, fence: u64, dice: &mut Dice) -> Command {
        let rank = if dice.one_in(2) { self.rank(dice) } else { view.rank.clone() };
        Command::Offer(Offer {
            lead_id: view.lead_id,
            fence,
            rank,
            offers: Bytes::from_static(b"offers \0"),
            expires_at: plus_ms(self.began, OFFER_MS * dice.of(&[1, 3])),
            effects: self.effects(dice),
        })
    }

    fn take(&self, lead_id: LeadId, dice: &mut Dice) -> Command {
        Command::Take(Take {
            lead_id,
            fingerprint: [dice.of(&[1, 1, 255]); 32],
            sealed: Bytes::from(vec![b'c', dice.of(&[0, 0, 1])]),
            offer_ids: Bytes::from_static(b"off_1"),
            node: NodeId(dice.below(2) as u128),
            lease_ms: LEASE_MS,
            effects: self.effects(dice),
        })
    }

    /// A seat, and the candidate tried last there.
    fn seat(view: &LeadView, dice: &mut Dice) -> (u8, Option<u16>) {
        let number = dice.below(view.seats.len() + 1) as u8;
        let number = if number == 0 && !dice.one_in(10) { 1 } else { number };
        let seat = usize::from(number).checked_sub(1).and_then(|index| view.seats.get(index));
        (number, seat.and_then(Seat::last).map(|tried| tried.k))
    }

    fn intent(view: &LeadView, fence: u64, dice: &mut Dice) -> Command {
        let (seat, last) = Self::seat(view, dice);
        let next = last.map_or(0, |k| k + 1);
        let k = if dice.one_in(4) { dice.below(6) as u16 } else { next };
        let ranked = view.rank.get(usize::from(k)).filter(|_| !dice.one_in(15));
        let campaign = ranked.map_or(CAMPAIGNS[5], |entry| entry.campaign.as_str());
        Command::Intent(Intent {
            lead_id: view.lead_id,
            fence,
            seat,
            k,
            campaign: slug(campaign),
            post_id: Self::post_id(view.lead_id, seat, campaign),
            sealed_post: Bytes::from(vec![b'p', 0, dice.below(256) as u8]),
            lease_ms: LEASE_MS,
        })
    }

    fn outcome(&self, view: &LeadView, dice: &mut Dice) -> Command {
        let (seat, last) = Self::seat(view, dice);
        let k = last.filter(|_| !dice.one_in(8)).unwrap_or(dice.below(4) as u16);
        let verdicts = [
            Verdict::Accepted,
            Verdict::Rejected,
            Verdict::Rejected,
            Verdict::NotSent,
            Verdict::Unknown,
            Verdict::Unknown,
            Verdict::GivenUp,
        ];
        let due_at = plus_ms(self.began, dice.below(60_000) as i64);
        Command::Outcome(Outcome {
            lead_id: view.lead_id,
            seat,
            k,
            verdict: dice.of(&verdicts),
            fence: dice.one_in(3).then(|| view.fence + dice.below(2) as u64),
            due_at: dice.one_in(2).then_some(due_at),
            closing: dice.one_in(3).then(|| Self::closing(dice)),
            effects: self.effects(dice),
            late_record: vec![Bytes::from_static(b"late"); dice.below(3)],
        })
    }

    fn unresolved(&self, view: &LeadView, dice: &mut Dice) -> Command {
        let (seat, last) = Self::seat(view, dice);
        Command::Unresolved(Unresolved {
            lead_id: view.lead_id,
            seat,
            k: last.filter(|_| !dice.one_in(6)).unwrap_or(0),
            closing: dice.one_in(2).then(|| answer(Disposition::Unresolved, dice.below(2))),
            effects: self.effects(dice),
        })
    }

    /// Accounts change with episodes too: two buyers and a vendor.
    fn account(&self, number: usize) -> Account {
        let name = |of: &str| format!("{of}-{}", self.episode % 50);
        match BUYERS.get(number) {
            Some(buyer) => Account::Buyer(slug(&name(buyer))),
            None => Account::Vendor(slug(&name("acme"))),
        }
    }

    fn hold_id(&self, lead: u128, seat: u8, campaign: &str) -> HoldId {
        HoldId { lead_id: self.lead_id(lead), seat, campaign: slug(campaign) }
    }

    fn caps(&self, dice: &mut Dice) -> Vec<CapCharge> {
        let charge = |rule: &str, counter: &str, limit, add, ends_at| CapCharge {
            rule: rule.to_owned(),
            counter: format!("{counter}|é {}", self.episode),
            limit,
            add,
            ends_at,
        };
        let ends_at = Some(plus_ms(self.began, 3 * DAY_MS));
        let all = [
            charge("cap:day", "leads", 4, 1, ends_at),
            charge("cap:total", "spend", 60, dice.below(30) as i64, None),
        ];
        all[..dice.below(all.len() + 1)].to_vec()
    }

    async fn on_account(&self, model: &dyn AuctionStore, dice: &mut Dice) -> Command {
        let account = self.account(dice.below(3));
        let campaign = dice.of(&CAMPAIGNS[..2]);
        let hold = self.hold_id(dice.below(4) as u128, dice.of(&[1, 2]), campaign);
        let amount = money(dice.of(&[0, 5, 10, 20]));
        match dice.below(20) {
            0..7 => {
                let credit_limit = dice.of(&[None, Some(money(0)), Some(money(30))]);
                let caps = self.caps(dice);
                Command::Hold(Hold { account, hold, amount, credit_limit, caps })
            }
            7..10 => Command::Capture(account, hold, amount),
            10..12 => Command::Void(account, hold),
            12..14 => {
                let kinds = [CreditKind::Deposit, CreditKind::Payout, CreditKind::Adjustment];
                let amounts = [40, 40, 7, -50, Money::MAX.ten_thousandths()];
                let op_id = format!("op {{x}} {}-{}", self.episode, dice.below(4));
                let amount = money(dice.of(&amounts));
                Command::Credit(Credit { account, op_id, kind: dice.of(&kinds), amount })
            }
            14 => Command::Balance(account),
            15 => {
                let counter = |name: &str| format!("{name}|é {}", self.episode);
                Command::CapUsed(account, vec![counter("spend"), counter("none"), counter("leads")])
            }
            16 => {
                let until = plus_ms(self.began, dice.below(60_000) as i64);
                Command::OpenHolds(account, until, dice.of(&[0, 0, 1, 2]), dice.of(&[1, MANY]))
            }
            17..19 => Command::JournalRead(account, dice.of(&[1, MANY])),
            _ => {
                let entries = model.journal_read(account.clone(), MANY).await.unwrap_or_default();
                let last = entries.last().map_or(0, |entry| entry.sequence);
                Command::JournalAck(account, dice.of(&[0, 1, last, last + 5]))
            }
        }
    }

    fn on_claim(&self, dice: &mut Dice) -> Command {
        let mut digest = [dice.below(3) as u8; 32];
        digest[..8].copy_from_slice(&self.episode.to_be_bytes());
        let lead_id = self.any_lead(dice);
        if dice.one_in(4) {
            return Command::FreeDuplicate(digest, lead_id);
        }
        Command::ClaimDuplicate(digest, lead_id, dice.of(&[20_000, 600_000]))
    }

    async fn on_outbox(&self, model: &dyn AuctionStore, dice: &mut Dice) -> Command {
        let partition = dice.of(&PARTITIONS);
        let entries = model.outbox_read(partition, 0, MANY).await.unwrap_or_default();
        if dice.one_in(2) {
            let middle = entries.get(entries.len() / 2).map_or(0, |entry| entry.id);
            let after = dice.of(&[0, middle, u64::MAX]);
            return Command::OutboxRead(partition, after, dice.of(&[1, 20, MANY]));
        }
        let done = entries.iter().map(|entry| entry.id).filter(|_| !dice.one_in(4)).collect();
        Command::OutboxAck(partition, done)
    }
}
