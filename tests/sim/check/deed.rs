//! What the checker sees of the store: operations with their replies, once they are durable.

use std::sync::Arc;

use gavel::domain::auction::{Account, HoldId, LeadView};
use gavel::domain::ids::LeadId;
use gavel::domain::money::Money;
use gavel::ports::auction_store::{
    AccountView, Captured, Claimed, Create, Created, Credit, Credited, Decide, Decided,
    DuplicateClaim, Expired, Fenced, Finished, Held, Hold, Intended, Intent, Offer, Outcome,
    Recorded, Taken, Voided,
};
use jiff::Timestamp;

use crate::world::Sender;

pub type View = Option<Arc<LeadView>>;

/// One operation that is durable.
pub struct Done {
    /// By the store's time; the smallest one where a reply has none.
    pub at: Timestamp,
    pub sender: Sender,
    pub name: &'static str,
    pub deed: Deed,
}

pub enum Deed {
    Create(Box<Create>, Created, View),
    Read(LeadId, View),
    Claim(LeadId, Claimed, View),
    Renew(LeadId, u64, bool, View),
    Decide(Box<Decide>, Fenced<Decided>, View),
    Offer(Box<Offer>, Fenced<Decided>, View),
    Take(LeadId, Taken, View),
    Expire(LeadId, Expired, View),
    Intent(Box<Intent>, Fenced<Intended>, View),
    Outcome(Box<Outcome>, Recorded, View),
    Finish(LeadId, u64, Fenced<Finished>, View),
    Unresolved(LeadId, Finished, View),
    Append(LeadId, View),
    Hold(Box<Hold>, Held, AccountView),
    Capture { account: Account, hold: HoldId, amount: Money, reply: Captured, view: AccountView },
    Void(Account, HoldId, Voided, AccountView),
    Credit(Credit, Credited, AccountView),
    JournalAck(Account, u64),
    ClaimDuplicate([u8; 32], LeadId, DuplicateClaim),
    FreeDuplicate([u8; 32], LeadId),
}
