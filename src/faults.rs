//! Planted bugs: faults that somebody might have made, so that the simulator can be held to find them.
//!
//! Each stands where it would have been made, behind [`planted`]. Without the feature `faults`, which no
//! release has, `planted` is `false` and the compiler takes the bug out. A bug is planted for one
//! thread: other runs in the same process know nothing of it.

/// Every planted bug, with what is wrong.
pub const BUGS: [(&str, &str); 46] = [
    ("post_before_intent", "a post leaves before its intent is durable"),
    ("post_without_hold", "a post leaves without money and cap room being held"),
    ("timeout_is_refusal", "a post that timed out counts as refused"),
    ("retry_after_sending", "a post that may have arrived is sent again at once"),
    ("interrupted_is_not_sent", "a post that its owner left behind counts as not sent"),
    ("duplicate_is_refusal", "\"duplicate\" as the answer to our own repeat counts as refused"),
    ("repeat_not_sent_is_not_sent", "a repeat that did not leave counts as the post's fate"),
    ("repeat_differs", "a repeat has other bytes than the post"),
    ("not_found_at_once", "a buyer's \"not found\" is believed while it may still be working"),
    ("unresolved_too_soon", "an unknown post ends before its window does"),
    ("age_by_own_clock", "the age of a post is counted by the node's clock"),
    ("ranked_again", "whoever goes on with a ranked lead asks and ranks again"),
    ("late_bid_wins", "a bid that comes after its round is ranked"),
    ("hold_not_voided", "the hold of a candidate that refused is not given back"),
    ("hold_ends_by_clock", "an old hold is given back, whatever became of its post"),
    ("payout_forgotten", "the vendor is not paid for a sale"),
    ("replay_made_anew", "a repeat is answered with other bytes than were stored"),
    ("consumer_sold_twice", "a consumer that another lead has claimed is sold all the same"),
    ("acknowledged_before_done", "the outbox is acknowledged before its effects are done"),
    ("journal_cut_before_kept", "the journal is cut before the book has it"),
    ("answer_before_durable", "the vendor is told of a sale before it is durable"),
    ("intent_not_fenced", "an owner that lost the lead may still write an intent"),
    ("fence_not_checked", "an owner that lost the lead may still go on with it"),
    ("lease_not_checked", "a lead is taken over while its lease runs"),
    ("key_not_kept", "a repeat under the same key is a new lead"),
    ("offer_taken_late", "an offer is taken after it has ended"),
    ("captured_twice", "a capture that is repeated debits again"),
    ("credited_twice", "a credit that is repeated credits again"),
    ("cap_checked_not_charged", "a hold looks at its caps and does not charge them"),
    ("balance_not_checked", "a hold does not look at the balance"),
    ("void_without_tombstone", "a hold that comes after its own void is taken"),
    ("window_recomputed", "a hold that is given back frees the caps of today, not its own"),
    ("fingerprint_not_checked", "another body under a known key is taken for the same request"),
    ("foreign_lead_shown", "a vendor is shown another vendor's lead"),
    ("orphans_left", "leads that another node left behind are not taken up"),
    ("settles_own_only", "what another node left in the outbox is not settled"),
    ("reply_before_durable", "the store answers before what it did is durable"),
    ("ping_names_consumer", "a ping says who the consumer is"),
    ("credit_limit_forgotten", "a hold knows no limit of its buyer's credit"),
    ("not_sent_whoever_owns", "a post that did not leave counts although another owner's may have"),
    ("never_asked", "a buyer that can be asked what became of a post is not"),
    ("never_repeated", "a post whose answer is unknown is not sent again"),
    ("claim_not_exclusive", "a consumer that is claimed is claimed by another lead"),
    ("conflict_unwritten", "a buyer that took what was another's by then is not written down"),
    ("floor_forgotten", "a lead is sold below its floor"),
    ("claim_freed_in_use", "a claim that is given back late frees the consumer of a sold lead"),
];

#[cfg(feature = "faults")]
mod planting {
    use std::cell::Cell;

    thread_local! {
        static PLANTED: Cell<Option<&'static str>> = const { Cell::new(None) };
    }

    /// Plants a bug of [`BUGS`](super::BUGS) for this thread, or removes the one that is there.
    pub fn plant(bug: Option<&'static str>) {
        PLANTED.set(bug);
    }

    /// Whether this bug is planted.
    #[must_use]
    pub fn planted(bug: &str) -> bool {
        PLANTED.get() == Some(bug)
    }
}

#[cfg(feature = "faults")]
pub use planting::{plant, planted};

/// Whether this bug is planted: never, in a program that is meant to be used.
#[cfg(not(feature = "faults"))]
#[must_use]
pub const fn planted(_: &str) -> bool {
    false
}
