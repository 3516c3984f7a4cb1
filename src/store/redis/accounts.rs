//! Operations on accounts, their journals, duplicate claims and the outbox.

use std::collections::{BTreeSet, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream;
use jiff::Timestamp;
use redis::Value;
use tokio::time::Instant;

use super::RedisStore;
use super::keys;
use super::rows::{decode, span_argument};
use super::script::Operation;
use super::view::{array_of, bytes_of, corrupt, number, optional_bytes_of, text_of, time_in};
use crate::domain::auction::{Account, HoldId};
use crate::domain::ids::{LeadId, Partition};
use crate::domain::money::Money;
use crate::ports::auction_store::{
    AccountReply, AccountView, CapCharge, Captured, Credit, CreditKind, Credited, DuplicateClaim,
    Held, Hold, JournalEntry, OutboxEntry, StoreError, Voided,
};
use crate::store::limits;

type Result<T> = std::result::Result<T, StoreError>;

/// Pause between two looks at the journals of all accounts, for what another node left.
const JOURNALS_PAUSE: Duration = Duration::from_secs(2);
/// Journals looked at side by side.
const JOURNALS_AT_ONCE: usize = 64;
/// The largest whole number that scripts count exactly.
const EXACT_MAX: i64 = (1 << 53) - 1;

/// What this process knows of accounts' journals.
#[derive(Default)]
pub(super) struct Journals {
    /// Accounts known to stand in the index of accounts.
    indexed: HashSet<Account>,
    /// Accounts whose journal may have entries.
    waiting: BTreeSet<Account>,
    /// When all accounts were looked at last.
    looked_at: Option<Instant>,
}

fn locked(journals: &Mutex<Journals>) -> MutexGuard<'_, Journals> {
    journals.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a script on an account replies.
fn account_reply<T>(value: Value, read: impl FnOnce(&str) -> Option<T>) -> Result<AccountReply<T>> {
    let mut parts = array_of(value)?.into_iter();
    let mut next = || parts.next().ok_or_else(|| corrupt("a reply"));
    let (now, code) = (time_in(next()?)?, text_of(next()?)?);
    if let Some(limit) = code.strip_prefix("limit ") {
        return Err(StoreError::Limit(limit.to_owned()));
    }
    let account = AccountView {
        deposited: money_of(next()?)?,
        posted: money_of(next()?)?,
        held: money_of(next()?)?,
    };
    let reply = read(&code).ok_or_else(|| corrupt("a reply"))?;
    Ok(AccountReply { now, account, reply })
}

fn money_of(value: Value) -> Result<Money> {
    Money::from_ten_thousandths(number(&text_of(value)?)?).ok_or_else(|| corrupt("an amount"))
}

fn money_argument(amount: Money) -> Vec<u8> {
    amount.ten_thousandths().to_string().into_bytes()
}

fn refuse_negative(what: &str, amount: Money) -> Result<()> {
    if amount < Money::ZERO {
        return Err(StoreError::Limit(format!("a negative {what}")));
    }
    Ok(())
}

fn check_caps(caps: &[CapCharge]) -> Result<()> {
    limits::within("caps", caps.len(), limits::CAPS_MAX)?;
    let mut counters = BTreeSet::new();
    for cap in caps {
        limits::text("cap rule", &cap.rule)?;
        limits::text("cap counter", &cap.counter)?;
        if !(0..=EXACT_MAX).contains(&cap.add) {
            return Err(StoreError::Limit("a cap charge is negative or too large".to_owned()));
        }
        if !counters.insert(&cap.counter) {
            return Err(StoreError::Limit("a counter is charged twice by one hold".to_owned()));
        }
    }
    Ok(())
}

fn cap_arguments(cap: CapCharge) -> [Vec<u8>; 5] {
    let ends_at = cap.ends_at.map(|at| at.as_millisecond().to_string());
    [
        cap.rule.into_bytes(),
        cap.counter.into_bytes(),
        cap.limit.clamp(-EXACT_MAX, EXACT_MAX).to_string().into_bytes(),
        cap.add.to_string().into_bytes(),
        ends_at.unwrap_or_else(|| "-".to_owned()).into_bytes(),
    ]
}

fn hold_keys(account: &Account, hold: &HoldId, last: &str) -> [String; 6] {
    [
        keys::account(account, "acct"),
        keys::account(account, "caps"),
        keys::account(account, "open"),
        keys::account(account, "age"),
        keys::ended_holds(account, hold),
        keys::account(account, last),
    ]
}

impl RedisStore {
    pub(super) async fn take_hold(&self, hold: Hold) -> Result<AccountReply<Held>> {
        refuse_negative("hold", hold.amount)?;
        check_caps(&hold.caps)?;
        let keys = hold_keys(&hold.account, &hold.hold, "ends");
        let mut arguments = vec![
            keys::hold_text(&hold.hold).into_bytes(),
            money_argument(hold.amount),
            hold.credit_limit.map(money_argument).unwrap_or_default(),
        ];
        arguments.extend(hold.caps.into_iter().flat_map(cap_arguments));
        let reply = self.run(Operation::Hold, &keys, arguments).await?;
        account_reply(reply, |code| match code {
            "held" => Some(Held::Held),
            "captured" => Some(Held::Captured),
            "voided" => Some(Held::Voided),
            refused => Some(Held::Refused(refused.strip_prefix("refused ")?.to_owned())),
        })
    }

    pub(super) async fn capture_hold(
        &self,
        account: Account,
        hold: HoldId,
        amount: Money,
    ) -> Result<AccountReply<Captured>> {
        refuse_negative("capture", amount)?;
        self.expect_journal(&account).await?;
        let arguments = vec![money_argument(amount)];
        let keys = hold_keys(&account, &hold, "jrn");
        let reply = self.settle(Operation::Capture, &keys, &hold, arguments).await?;
        let reply = account_reply(reply, |code| match code {
            "done" => Some(Captured::Done { was_held: true }),
            "unheld" => Some(Captured::Done { was_held: false }),
            "already" => Some(Captured::Already),
            "voided" => Some(Captured::AfterVoid),
            _ => None,
        });
        self.note_journal(account);
        reply
    }

    pub(super) async fn void_hold(
        &self,
        account: Account,
        hold: HoldId,
    ) -> Result<AccountReply<Voided>> {
        let keys = hold_keys(&account, &hold, "jrn");
        let reply = self.settle(Operation::Void, &keys[..5], &hold, Vec::new()).await?;
        account_reply(reply, |code| match code {
            "done" => Some(Voided::Done),
            "already" => Some(Voided::Already),
            "captured" => Some(Voided::Captured),
            _ => None,
        })
    }

    async fn settle(
        &self,
        operation: Operation,
        keys: &[String],
        hold: &HoldId,
        further: Vec<Vec<u8>>,
    ) -> Result<Value> {
        let kept_ms = self.settings.settled_ms().to_string().into_bytes();
        let mut arguments = vec![keys::hold_text(hold).into_bytes(), kept_ms];
        arguments.extend(further);
        self.run(operation, keys, arguments).await
    }

    pub(super) async fn credit_account(&self, credit: Credit) -> Result<AccountReply<Credited>> {
        let Credit { account, op_id, kind, amount } = credit;
        limits::text("operation id", &op_id)?;
        self.expect_journal(&account).await?;
        let kept_ms = match kind {
            CreditKind::Payout => self.settings.settled_ms(),
            CreditKind::Deposit | CreditKind::Adjustment | CreditKind::Return => {
                self.settings.operations_ms()
            }
        };
        let keys = [
            keys::account(&account, "acct"),
            keys::account(&account, "jrn"),
            keys::operation(&account, &op_id),
        ];
        let arguments = vec![
            kind.as_str().as_bytes().to_vec(),
            money_argument(amount),
            op_id.into_bytes(),
            kept_ms.to_string().into_bytes(),
        ];
        let reply = self.run(Operation::Credit, &keys, arguments).await?;
        let reply = account_reply(reply, |code| match code {
            "done" => Some(Credited::Done),
            "already" => Some(Credited::Already),
            "mismatch" => Some(Credited::Mismatch),
            "out_of_range" => Some(Credited::OutOfRange),
            _ => None,
        });
        self.note_journal(account);
        reply
    }

    pub(super) async fn read_balance(&self, account: Account) -> Result<AccountReply<()>> {
        let keys = [keys::account(&account, "acct")];
        account_reply(self.run(Operation::Balance, &keys, Vec::new()).await?, |_| Some(()))
    }

    pub(super) async fn read_cap_used(
        &self,
        account: Account,
        counters: Vec<String>,
    ) -> Result<Vec<i64>> {
        limits::within("counters", counters.len(), limits::READ_MAX)?;
        if counters.is_empty() {
            return Ok(Vec::new());
        }
        let mut command = redis::cmd("HMGET");
        command.arg(keys::account(&account, "caps")).arg(counters);
        let caps = array_of(self.command(&command).await?)?;
        caps.into_iter().map(|cap| cap_taken(optional_bytes_of(cap)?)).collect()
    }

    pub(super) async fn read_open_holds(
        &self,
        account: Account,
        until: Timestamp,
        skip: usize,
        limit: usize,
    ) -> Result<Vec<HoldId>> {
        let mut command = redis::cmd("ZRANGEBYSCORE");
        let limit = limit.min(limits::READ_MAX);
        command.arg(keys::account(&account, "age")).arg("-inf").arg(until.as_millisecond());
        command.arg("LIMIT").arg(skip).arg(limit);
        let holds = array_of(self.command(&command).await?)?;
        let parse = |hold| keys::parse_hold(&text_of(hold)?).ok_or_else(|| corrupt("a hold"));
        holds.into_iter().map(parse).collect()
    }

    /// Puts an account into the index of accounts before its journal is written for the first time
    /// by this process: so that any node finds the entries.
    async fn expect_journal(&self, account: &Account) -> Result<()> {
        if locked(&self.journals).indexed.contains(account) {
            return Ok(());
        }
        let arguments = vec![keys::account_text(account).into_bytes()];
        self.run(Operation::IndexAccount, &[keys::ACCOUNTS.to_owned()], arguments).await?;
        locked(&self.journals).indexed.insert(account.clone());
        Ok(())
    }

    fn note_journal(&self, account: Account) {
        locked(&self.journals).waiting.insert(account);
    }

    /// The accounts this process wrote to, and now and then all that have something waiting.
    pub(super) async fn read_journal_accounts(&self) -> Result<Vec<Account>> {
        let is_fresh = |at: Instant| at.elapsed() < JOURNALS_PAUSE;
        if !locked(&self.journals).looked_at.is_some_and(is_fresh) {
            self.look_at_journals().await?;
        }
        Ok(locked(&self.journals).waiting.iter().cloned().collect())
    }

    async fn look_at_journals(&self) -> Result<()> {
        let looks_at = Instant::now();
        let mut command = redis::cmd("SMEMBERS");
        command.arg(keys::ACCOUNTS);
        let accounts = match self.command(&command).await? {
            Value::Set(values) | Value::Array(values) => values,
            _ => return Err(corrupt("the index of accounts")),
        };
        let account = |text| {
            keys::parse_account(&text_of(text)?).ok_or_else(|| corrupt("the index of accounts"))
        };
        let accounts: Vec<Account> = accounts.into_iter().map(account).collect::<Result<_>>()?;
        let mut lengths = stream::iter(accounts)
            .map(|account| async move {
                let mut command = redis::cmd("XLEN");
                command.arg(keys::account(&account, "jrn"));
                (self.command(&command).await, account)
            })
            .buffer_unordered(JOURNALS_AT_ONCE);
        while let Some((length, account)) = lengths.next().await {
            if length? != Value::Int(0) {
                self.note_journal(account);
            }
        }
        locked(&self.journals).looked_at = Some(looks_at);
        Ok(())
    }

    pub(super) async fn read_journal(
        &self,
        account: Account,
        limit: usize,
    ) -> Result<Vec<JournalEntry>> {
        let key = keys::account(&account, "jrn");
        // Whoever adds an entry from now on says so again.
        locked(&self.journals).waiting.remove(&account);
        let entries = self.read_stream(&key, 0, limit, journal_entry).await;
        if !entries.as_ref().is_ok_and(Vec::is_empty) {
            self.note_journal(account);
        }
        entries
    }

    pub(super) async fn ack_journal(&self, account: Account, sequence: u64) -> Result<()> {
        let key = keys::account(&account, "jrn");
        let mut command = redis::cmd("XTRIM");
        let least = format!("0-{}", sequence.saturating_add(1));
        command.arg(&key).arg("MINID").arg("=").arg(least);
        // Whether more has come meanwhile is seen by whoever reads next: until then it waits.
        self.command(&command).await.map(drop)
    }

    async fn read_stream<T>(
        &self,
        key: &str,
        after: u64,
        limit: usize,
        read: fn(u64, Vec<Value>) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut command = redis::cmd("XRANGE");
        command.arg(key).arg(format!("(0-{after}")).arg("+");
        command.arg("COUNT").arg(limit.min(limits::READ_MAX));
        let entries = array_of(self.command(&command).await?)?;
        let entry = |entry| {
            let mut parts = array_of(entry)?.into_iter();
            let (Some(id), Some(fields)) = (parts.next(), parts.next()) else {
                return Err(corrupt("a stream's entry"));
            };
            let id = text_of(id)?;
            let id = id.strip_prefix("0-").ok_or_else(|| corrupt("a stream's entry"))?;
            let values = array_of(fields)?.into_iter().skip(1).step_by(2).collect();
            read(number(id)?, values)
        };
        entries.into_iter().map(entry).collect()
    }

    pub(super) async fn read_outbox(
        &self,
        partition: Partition,
        after: u64,
        limit: usize,
    ) -> Result<Vec<OutboxEntry>> {
        self.check_partition(partition)?;
        self.read_stream(&keys::outbox(partition), after, limit, outbox_entry).await
    }

    pub(super) async fn ack_outbox(&self, partition: Partition, ids: Vec<u64>) -> Result<()> {
        self.check_partition(partition)?;
        if ids.is_empty() {
            return Ok(());
        }
        let mut command = redis::cmd("XDEL");
        command.arg(keys::outbox(partition));
        for id in ids {
            command.arg(format!("0-{id}"));
        }
        self.command(&command).await.map(drop)
    }

    /// Claims a consumer. Whether an old claim's lead exists is asked in the lead's slot.
    pub(super) async fn claim_consumer(
        &self,
        digest: [u8; 32],
        lead_id: LeadId,
        window_ms: u64,
    ) -> Result<DuplicateClaim> {
        self.check_partition(lead_id.partition())?;
        let mut orphan = None;
        loop {
            let claim = self.try_claim(&digest, lead_id, window_ms, orphan).await?;
            if claim.is_doubtful && self.is_orphan(&claim).await? {
                orphan = Some(claim.lead_id);
                continue;
            }
            let is_ours = claim.lead_id == lead_id;
            return Ok(match is_ours {
                true => DuplicateClaim::Claimed,
                false => DuplicateClaim::Taken(claim.lead_id),
            });
        }
    }

    async fn try_claim(
        &self,
        digest: &[u8; 32],
        lead_id: LeadId,
        window_ms: u64,
        orphan: Option<LeadId>,
    ) -> Result<Claim> {
        let arguments = vec![
            lead_id.to_string().into_bytes(),
            span_argument(window_ms),
            orphan.map(|lead_id| lead_id.to_string().into_bytes()).unwrap_or_default(),
        ];
        let keys = [keys::duplicate(digest)];
        let reply = self.run(Operation::ClaimDuplicate, &keys, arguments).await?;
        let mut parts = array_of(reply)?.into_iter();
        let mut next = || parts.next().ok_or_else(|| corrupt("a claim"));
        let (now, code, lead) = (time_in(next()?)?, text_of(next()?)?, text_of(next()?)?);
        let lead_id = LeadId::parse(&lead).map_err(|_| corrupt("a claim"))?;
        Ok(Claim { now, lead_id, is_doubtful: code == "doubtful" })
    }

    /// Whether a claim's lead was never taken in. Of a lead older than the closed leads that are
    /// kept nobody can tell, so its claim stands.
    async fn is_orphan(&self, claim: &Claim) -> Result<bool> {
        let age_ms = claim.now.as_millisecond() - claim.lead_id.minted_ms();
        if age_ms >= self.settings.closed_ms() {
            return Ok(false);
        }
        let mut command = redis::cmd("EXISTS");
        command.arg(keys::lead(claim.lead_id));
        Ok(self.command(&command).await? == Value::Int(0))
    }

    /// The lead and its claim are in two slots: looks at both, and then takes away only the claim
    /// that it saw.
    pub(super) async fn free_consumer(&self, digest: [u8; 32], lead_id: LeadId) -> Result<()> {
        let keys = [keys::duplicate(&digest)];
        let mut command = redis::cmd("GET");
        command.arg(&keys[0]);
        let Some(claim) = optional_bytes_of(self.command(&command).await?)? else { return Ok(()) };
        let name = lead_id.to_string().into_bytes();
        if claim.split(|byte| *byte == b' ').next() != Some(&*name) {
            return Ok(());
        }
        let lead = self.read_lead(lead_id).await?.lead;
        if lead.is_some_and(|lead| !lead.has_ended_unsold()) {
            return Ok(());
        }
        self.run(Operation::FreeDuplicate, &keys, vec![claim]).await.map(drop)
    }
}

/// What stands of a claim.
struct Claim {
    now: Timestamp,
    lead_id: LeadId,
    /// Whether it is so old that its lead must be there by now.
    is_doubtful: bool,
}

/// Used and held of `<used> <held> <end>`.
fn cap_taken(cap: Option<Vec<u8>>) -> Result<i64> {
    let Some(cap) = cap else { return Ok(0) };
    let text = String::from_utf8(cap).map_err(|_| corrupt("a cap"))?;
    let mut words = text.split(' ');
    let mut next = || number::<i64>(words.next().unwrap_or_default());
    Ok(next()?.saturating_add(next()?))
}

fn journal_entry(sequence: u64, values: Vec<Value>) -> Result<JournalEntry> {
    let mut values = values.into_iter();
    let mut next = || values.next().ok_or_else(|| corrupt("a journal's entry"));
    Ok(JournalEntry {
        sequence,
        at: time_in(next()?)?,
        kind: text_of(next()?)?,
        op_id: text_of(next()?)?,
        amount: money_of(next()?)?,
        is_unheld: text_of(next()?)? == "1",
    })
}

fn outbox_entry(id: u64, values: Vec<Value>) -> Result<OutboxEntry> {
    let mut values = values.into_iter();
    let mut next = || values.next().ok_or_else(|| corrupt("an outbox entry"));
    let lead: [u8; 18] = bytes_of(next()?)?.try_into().map_err(|_| corrupt("an outbox entry"))?;
    Ok(OutboxEntry {
        id,
        lead_id: LeadId::from_bytes(lead),
        sequence: number(&text_of(next()?)?)?,
        effect: decode("an outbox entry", &bytes_of(next()?)?)?,
    })
}
