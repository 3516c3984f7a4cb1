//! What every in-flight store must do, as checks that run against any of them.
//!
//! A check gets an empty store from a [`StoreFactory`] and knows nothing but the contract in
//! `ports::auction_store`. A check that fails panics with what it expected.

mod accounts;
mod fixtures;
mod leads;
mod offers;
mod outbox;
mod restarts;
mod seats;

use std::sync::Arc;

use futures::future::BoxFuture;

use crate::ports::AuctionStore;

/// Makes stores for the checks. One check at a time uses a factory.
pub trait StoreFactory: Send + Sync {
    /// A new, empty store.
    fn fresh(&self) -> BoxFuture<'_, Arc<dyn AuctionStore>>;

    /// The same data after the store's process died without a word and was started again; all
    /// leases of the old process are over by the time this returns.
    fn restart(&self, store: Arc<dyn AuctionStore>) -> BoxFuture<'_, Arc<dyn AuctionStore>>;

    /// Lets `ms` milliseconds pass by the store's clock.
    fn advance(&self, ms: u64) -> BoxFuture<'_, ()>;
}

/// Runs every check.
pub async fn check_all(factory: &dyn StoreFactory) {
    check_leads(factory).await;
    check_offers(factory).await;
    check_seats(factory).await;
    check_accounts(factory).await;
    check_outbox(factory).await;
    check_restarts(factory).await;
}

/// Keys, leases, fences, rankings, the end of a lead, facts, duplicate claims.
pub async fn check_leads(factory: &dyn StoreFactory) {
    leads::a_new_lead_is_ours_and_shows_what_was_given(factory).await;
    leads::a_key_stands_for_its_first_body(factory).await;
    leads::a_key_is_free_again_after_its_time(factory).await;
    leads::a_lead_may_be_closed_at_once(factory).await;
    leads::a_running_lease_keeps_others_out(factory).await;
    leads::a_lease_that_is_over_can_be_taken_under_a_higher_fence(factory).await;
    leads::an_old_owner_changes_nothing(factory).await;
    leads::a_lease_handed_back_is_due_at_once(factory).await;
    leads::the_first_ranking_of_a_round_holds(factory).await;
    leads::rounds_run_on(factory).await;
    leads::a_lead_ends_once(factory).await;
    leads::facts_are_appended_once_after_the_end(factory).await;
    leads::a_consumer_is_claimed_by_one_lead(factory).await;
    leads::an_orphaned_claim_is_free_after_a_minute(factory).await;
    leads::a_freed_claim_can_be_taken(factory).await;
    leads::a_claim_that_its_lead_needs_is_not_freed(factory).await;
    leads::a_claim_that_is_renewed_ends_when_it_did(factory).await;
    leads::arguments_beyond_a_limit_are_refused(factory).await;
}

/// The vendor's ping and post.
pub async fn check_offers(factory: &dyn StoreFactory) {
    offers::an_offered_lead_waits_without_an_owner(factory).await;
    offers::an_offer_is_taken_once(factory).await;
    offers::an_offer_ends_by_the_stores_time(factory).await;
    offers::a_taken_offer_does_not_expire(factory).await;
    offers::nothing_but_an_offer_can_be_taken(factory).await;
}

/// Intents and outcomes.
pub async fn check_seats(factory: &dyn StoreFactory) {
    seats::a_post_may_leave_only_after_its_intent(factory).await;
    seats::an_intent_repeated_by_its_owner_keeps_the_first_post(factory).await;
    seats::a_new_owner_cannot_repeat_an_intent(factory).await;
    seats::only_the_owner_can_say_that_nothing_left(factory).await;
    seats::candidates_are_tried_in_order(factory).await;
    seats::no_buyer_or_legal_entity_gets_two_seats(factory).await;
    seats::an_unknown_post_locks_its_seat(factory).await;
    seats::an_unknown_post_is_due_when_it_was_asked_to_be(factory).await;
    seats::the_first_definite_verdict_counts(factory).await;
    seats::a_given_up_post_frees_the_seat_and_a_late_accept_is_a_conflict(factory).await;
    seats::a_late_verdict_on_a_closed_lead_is_kept_once(factory).await;
    seats::a_definite_verdict_erases_the_sealed_post(factory).await;
    seats::a_closing_verdict_ends_the_lead(factory).await;
    seats::a_closing_that_does_not_fit_leaves_the_lead_open(factory).await;
    seats::a_lead_with_a_locked_seat_cannot_be_finished(factory).await;
    seats::a_post_stays_unresolved_only_from_unknown(factory).await;
}

/// Holds, captures, voids, credits, caps and journals.
pub async fn check_accounts(factory: &dyn StoreFactory) {
    accounts::a_hold_needs_money(factory).await;
    accounts::a_hold_without_a_credit_limit_needs_none(factory).await;
    accounts::a_capture_debits_once(factory).await;
    accounts::a_capture_without_its_hold_still_debits(factory).await;
    accounts::a_void_gives_back_once(factory).await;
    accounts::a_void_before_its_hold_forbids_it(factory).await;
    accounts::a_capture_after_a_void_debits_and_says_so(factory).await;
    accounts::a_hold_refused_by_a_cap_changes_nothing(factory).await;
    accounts::a_cap_of_one_is_sold_once_under_a_hundred_holds(factory).await;
    accounts::holds_are_found_by_age_and_never_end_by_the_clock(factory).await;
    accounts::a_credit_happens_once_per_operation(factory).await;
    accounts::journals_have_no_gaps_and_are_trimmed(factory).await;
    accounts::impossible_amounts_are_refused(factory).await;
}

/// The outbox.
pub async fn check_outbox(factory: &dyn StoreFactory) {
    outbox::effects_wait_until_they_are_acknowledged(factory).await;
    outbox::effects_of_a_verdict_that_does_not_count_are_not_written(factory).await;
    outbox::a_leads_entries_are_numbered_in_order(factory).await;
}

/// What a restart must not lose.
pub async fn check_restarts(factory: &dyn StoreFactory) {
    restarts::a_sale_survives_a_restart_after_every_step(factory).await;
    restarts::an_offer_survives_restarts(factory).await;
    restarts::a_restart_ends_leases_and_lists_leads_as_due(factory).await;
    restarts::outbox_ids_are_never_given_twice(factory).await;
}
