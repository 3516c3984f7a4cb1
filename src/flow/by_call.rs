//! Buyers that take a call in place of a post: the bid names a number, and connecting the call to it
//! is the delivery.
//!
//! There are no bytes to send, so nothing of a buyer's says that it has the lead: the sale counts from
//! the candidate's turn, as long as its bid holds. The writes are those of any post, in their order.
//! Nobody has heard of such a sale before its outcome is written, so whoever goes on with the lead
//! after a stop decides it anew; and only the owner may write it (see `cascade::fence_of`).

use tokio::time::Instant;

use super::cascade::Turn;
use super::deliver::{Delivery, PostOrder};
use super::exchange::Exchange;
use super::news::News;
use super::plan::{Notes, PostTerms};
use super::run::{Run, Stop};
use crate::domain::post::{Acceptance, PostOutcome, Verdict};
use crate::domain::record::PostAttempt;

/// How records say of an attempt that the call is the delivery and nothing was sent.
const BY_CALL: &str = "accepted:by_call";

impl Turn {
    /// Whether the bid was for a call: fixed with the ranking, whatever becomes of the campaign.
    pub(super) fn is_by_call(&self) -> bool {
        PostTerms::from_bytes(&self.entry.terms).is_some_and(|terms| terms.by_call)
    }
}

impl Exchange {
    fn call_attempt(&self) -> PostAttempt {
        let (at, result) = (self.now(), BY_CALL.to_owned());
        PostAttempt { at, result, words: None, http_status: None, elapsed_ms: 0 }
    }

    /// A delivery of nothing: the buyer gets the call, if its bid still holds now that the intent is
    /// written. The store may have been long about it.
    pub(super) fn delivery_by_call(&self, run: &Run, order: &PostOrder<'_>) -> Delivery {
        let holds = run.store_now(self) < order.turn.entry.valid_until;
        if !holds || Instant::now() >= order.deadline {
            return Delivery::of(PostOutcome::NotSent { reason: "expired".to_owned() }, Vec::new());
        }
        let outcome = PostOutcome::Accepted(Acceptance::default());
        Delivery::of(outcome, vec![self.call_attempt()])
    }

    /// Settles a sale by call whose owner stopped before its outcome was written: it stands as long
    /// as the bid does, and is given up for the next candidate after that.
    pub(super) async fn settle_call(&self, run: &mut Run, turn: &Turn) -> Result<(), Stop> {
        let news = match run.store_now(self) < turn.entry.valid_until {
            true => News::accepted(Acceptance::default(), vec![self.call_attempt()]),
            false => News::of(Verdict::NotSent, "expired", Vec::new()),
        };
        self.record_verdict(run, turn, news).await?;
        self.go_on(run).await
    }
}
