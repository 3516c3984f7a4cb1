//! Checks on money and caps.

use std::collections::BTreeSet;

use super::StoreFactory;
use super::fixtures::{Stand, account, cap, hold, hold_id, money, ok, refused, vendor};
use crate::domain::auction::Account;
use crate::domain::money::Money;
use crate::domain::time::plus_ms;
use crate::ports::auction_store::{
    AccountView, CapCharge, Captured, Credit, CreditKind, Credited, Held, Hold, JournalEntry,
    Voided,
};

fn view(deposited: i64, posted: i64, held: i64) -> AccountView {
    AccountView { deposited: money(deposited), posted: money(posted), held: money(held) }
}

fn deposit(op_id: &str, amount: i64) -> Credit {
    let (op_id, amount) = (op_id.to_owned(), money(amount));
    Credit { account: account(), op_id, kind: CreditKind::Deposit, amount }
}

async fn stand_with(factory: &dyn StoreFactory, deposited: i64) -> Stand<'_> {
    let stand = Stand::new(factory).await;
    let reply = ok(stand.store.credit(deposit("first", deposited))).await;
    assert_eq!((reply.reply, reply.account), (Credited::Done, view(deposited, 0, 0)));
    stand
}

impl Stand<'_> {
    async fn held(&self, hold: Hold) -> Held {
        ok(self.store.hold(hold)).await.reply
    }

    async fn captured(&self, number: u8, amount: i64) -> Captured {
        ok(self.store.capture(account(), hold_id(number), money(amount))).await.reply
    }

    async fn voided(&self, number: u8) -> Voided {
        ok(self.store.void(account(), hold_id(number))).await.reply
    }

    async fn balance(&self) -> AccountView {
        ok(self.store.balance(account())).await.account
    }

    async fn used(&self, counter: &str) -> i64 {
        ok(self.store.cap_used(account(), vec![counter.to_owned()])).await[0]
    }

    async fn journal(&self) -> Vec<JournalEntry> {
        ok(self.store.journal_read(account(), 1_000)).await
    }
}

fn no_money() -> Held {
    Held::Refused("balance".to_owned())
}

pub(super) async fn a_hold_needs_money(factory: &dyn StoreFactory) {
    let stand = stand_with(factory, 100).await;
    assert_eq!(stand.held(hold(1, 60)).await, Held::Held);
    assert_eq!(stand.held(hold(1, 60)).await, Held::Held, "a repeat");
    assert_eq!(stand.balance().await, view(100, 0, 60));
    assert_eq!(stand.held(hold(2, 41)).await, no_money());
    assert_eq!(stand.held(hold(2, 40)).await, Held::Held, "to the last ten-thousandth");
    assert_eq!(stand.held(hold(3, 1)).await, no_money());
    assert_eq!(stand.held(hold(3, 0)).await, Held::Held);
    let credit = Hold { credit_limit: Some(money(25)), ..hold(4, 25) };
    assert_eq!(stand.held(credit.clone()).await, Held::Held);
    assert_eq!(stand.held(Hold { hold: hold_id(5), ..credit }).await, no_money());
    assert_eq!(stand.balance().await, view(100, 0, 125));
    let other = Account::Vendor(vendor("acme"));
    assert_eq!(ok(stand.store.balance(other)).await.account, view(0, 0, 0));
}

pub(super) async fn a_hold_without_a_credit_limit_needs_none(factory: &dyn StoreFactory) {
    let stand = Stand::new(factory).await;
    let unlimited = |number, amount| Hold { credit_limit: None, ..hold(number, amount) };
    let all = Money::MAX.ten_thousandths();
    assert_eq!(stand.held(unlimited(1, all)).await, Held::Held);
    assert_eq!(stand.held(unlimited(2, 1)).await, no_money(), "beyond the largest amount");
    assert_eq!(stand.balance().await, view(0, 0, all));
}

pub(super) async fn a_capture_debits_once(factory: &dyn StoreFactory) {
    let stand = stand_with(factory, 100).await;
    stand.held(Hold { caps: vec![cap("day", 5)], ..hold(1, 60) }).await;
    refused(stand.store.capture(account(), hold_id(1), money(61))).await;
    assert_eq!(stand.captured(1, 50).await, Captured::Done { was_held: true });
    assert_eq!(stand.balance().await, view(100, 50, 0));
    assert_eq!(stand.used("day").await, 1, "what was held is used now");
    assert_eq!(stand.captured(1, 50).await, Captured::Already);
    assert_eq!(stand.voided(1).await, Voided::Captured);
    assert_eq!(stand.held(hold(1, 60)).await, Held::Captured);
    assert_eq!(stand.balance().await, view(100, 50, 0));
    assert_eq!(stand.used("day").await, 1);
}

pub(super) async fn a_capture_without_its_hold_still_debits(factory: &dyn StoreFactory) {
    let stand = stand_with(factory, 100).await;
    assert_eq!(stand.captured(1, 130).await, Captured::Done { was_held: false });
    assert_eq!(stand.captured(1, 130).await, Captured::Already);
    assert_eq!(stand.balance().await, view(100, 130, 0));
    let journal = stand.journal().await;
    assert_eq!((journal[1].amount, journal[1].is_unheld), (money(-130), true));
    assert_eq!(stand.held(hold(1, 10)).await, Held::Captured, "a hold that comes too late");
}

pub(super) async fn a_void_gives_back_once(factory: &dyn StoreFactory) {
    let stand = stand_with(factory, 100).await;
    stand.held(Hold { caps: vec![cap("day", 1)], ..hold(1, 60) }).await;
    assert_eq!(stand.voided(1).await, Voided::Done);
    assert_eq!(stand.voided(1).await, Voided::Already);
    assert_eq!(stand.balance().await, view(100, 0, 0));
    assert_eq!(stand.used("day").await, 0);
    assert_eq!(stand.held(hold(1, 60)).await, Held::Voided);
    let next = Hold { caps: vec![cap("day", 1)], ..hold(2, 100) };
    assert_eq!(stand.held(next).await, Held::Held, "money and room are free again");
}

pub(super) async fn a_void_before_its_hold_forbids_it(factory: &dyn StoreFactory) {
    let stand = stand_with(factory, 100).await;
    assert_eq!(stand.voided(1).await, Voided::Done);
    assert_eq!(stand.voided(1).await, Voided::Already);
    assert_eq!(stand.held(hold(1, 60)).await, Held::Voided);
    assert_eq!(stand.balance().await, view(100, 0, 0));
}

pub(super) async fn a_capture_after_a_void_debits_and_says_so(factory: &dyn StoreFactory) {
    let stand = stand_with(factory, 100).await;
    stand.held(hold(1, 60)).await;
    stand.voided(1).await;
    assert_eq!(stand.captured(1, 60).await, Captured::AfterVoid);
    assert_eq!(stand.captured(1, 60).await, Captured::Already);
    assert_eq!(stand.balance().await, view(100, 60, 0));
    assert!(stand.journal().await[1].is_unheld);
}

pub(super) async fn a_hold_refused_by_a_cap_changes_nothing(factory: &dyn StoreFactory) {
    let stand = stand_with(factory, 1_000).await;
    let spend = CapCharge { rule: "cap:week".to_owned(), add: 60, ..cap("week spend", 100) };
    let caps = vec![cap("day leads", 5), spend];
    assert_eq!(stand.held(Hold { caps: caps.clone(), ..hold(1, 60) }).await, Held::Held);
    let second = Hold { caps: caps.clone(), ..hold(2, 60) };
    assert_eq!(stand.held(second).await, Held::Refused("cap:week".to_owned()));
    assert_eq!(stand.balance().await, view(1_000, 0, 60));
    let counters = vec!["day leads".to_owned(), "week spend".to_owned(), "none".to_owned()];
    let used = ok(stand.store.cap_used(account(), counters)).await;
    assert_eq!(used, [1, 60, 0]);
    let mut next_window = caps;
    next_window[1].counter = "next week spend".to_owned();
    assert_eq!(stand.held(Hold { caps: next_window, ..hold(2, 60) }).await, Held::Held);
    stand.captured(1, 60).await;
    assert_eq!(stand.used("week spend").await, 60);
}

pub(super) async fn a_cap_of_one_is_sold_once_under_a_hundred_holds(factory: &dyn StoreFactory) {
    let stand = stand_with(factory, 1_000_000).await;
    let holds = (1..=100)
        .map(|number| stand.store.hold(Hold { caps: vec![cap("day", 1)], ..hold(number, 60) }));
    let replies = futures::future::join_all(holds).await;
    let replies: Vec<Held> =
        replies.into_iter().map(|reply| reply.expect("the store answers").reply).collect();
    let held = replies.iter().filter(|reply| **reply == Held::Held).count();
    let refused = Held::Refused("cap:day".to_owned());
    let full = replies.iter().filter(|reply| **reply == refused).count();
    assert_eq!((held, full), (1, 99));
    assert_eq!(stand.balance().await, view(1_000_000, 0, 60));
    assert_eq!(stand.used("day").await, 1);
}

pub(super) async fn holds_are_found_by_age_and_never_end_by_the_clock(factory: &dyn StoreFactory) {
    let stand = stand_with(factory, 1_000).await;
    stand.held(hold(2, 10)).await;
    factory.advance(1_000).await;
    stand.held(hold(1, 10)).await;
    stand.held(hold(3, 10)).await;
    let page = |until_ms, skip, limit| {
        stand.store.open_holds(account(), plus_ms(stand.began, until_ms), skip, limit)
    };
    let open = |until_ms, limit| page(until_ms, 0, limit);
    assert_eq!(ok(open(0, 10)).await, [hold_id(2)]);
    assert_eq!(ok(open(1_000, 2)).await, [hold_id(2), hold_id(1)]);
    assert_eq!(ok(page(0, 1, 10)).await, []);
    assert_eq!(ok(page(1_000, 1, 1)).await, [hold_id(1)]);
    assert_eq!(ok(page(1_000, 2, 10)).await, [hold_id(3)]);
    assert_eq!(ok(page(1_000, 3, 10)).await, []);
    factory.advance(40 * 86_400_000).await;
    stand.voided(1).await;
    stand.captured(2, 10).await;
    let all: BTreeSet<_> = ok(open(i64::MAX / 4, 10)).await.into_iter().collect();
    assert_eq!(all, BTreeSet::from([hold_id(3)]));
    assert_eq!(stand.balance().await, view(1_000, 10, 10));
}

pub(super) async fn a_credit_happens_once_per_operation(factory: &dyn StoreFactory) {
    let stand = stand_with(factory, 100).await;
    let credit = |credit| stand.store.credit(credit);
    assert_eq!(ok(credit(deposit("first", 100))).await.reply, Credited::Already);
    assert_eq!(ok(credit(deposit("first", 99))).await.reply, Credited::Mismatch);
    let other_kind = Credit { kind: CreditKind::Return, ..deposit("first", 100) };
    assert_eq!(ok(credit(other_kind)).await.reply, Credited::Mismatch);
    let most = deposit("most", Money::MAX.ten_thousandths());
    assert_eq!(ok(credit(most)).await.reply, Credited::OutOfRange);
    assert_eq!(stand.balance().await, view(100, 0, 0));
    let back = Credit { kind: CreditKind::Adjustment, ..deposit("back", -130) };
    let reply = ok(credit(back)).await;
    assert_eq!((reply.reply, reply.account), (Credited::Done, view(-30, 0, 0)));
    let vendor_account = Account::Vendor(vendor("acme"));
    let payout =
        Credit { account: vendor_account, kind: CreditKind::Payout, ..deposit("first", 7) };
    let reply = ok(credit(payout)).await;
    assert_eq!((reply.reply, reply.account), (Credited::Done, view(7, 0, 0)), "another account");
}

pub(super) async fn journals_have_no_gaps_and_are_trimmed(factory: &dyn StoreFactory) {
    let stand = stand_with(factory, 100).await;
    stand.held(hold(1, 60)).await;
    stand.captured(1, 60).await;
    let returned = Credit { kind: CreditKind::Return, ..deposit("return-1", 60) };
    ok(stand.store.credit(returned)).await;
    let journal = stand.journal().await;
    let capture_id = format!("{}:1:beta-tx", hold_id(1).lead_id);
    let at = journal[0].at;
    let entry = |sequence, kind: &str, op_id: &str, amount| JournalEntry {
        sequence,
        at,
        kind: kind.to_owned(),
        op_id: op_id.to_owned(),
        amount: money(amount),
        is_unheld: false,
    };
    let expected = [
        entry(1, "deposit", "first", 100),
        entry(2, "capture", &capture_id, -60),
        entry(3, "return", "return-1", 60),
    ];
    assert_eq!(journal, expected);
    assert_eq!(ok(stand.store.journal_accounts()).await, [account()]);
    ok(stand.store.journal_ack(account(), 2)).await;
    ok(stand.store.journal_ack(account(), 1)).await;
    assert_eq!(stand.journal().await, expected[2..]);
    ok(stand.store.journal_ack(account(), 1_000)).await;
    assert_eq!(stand.journal().await, []);
    assert_eq!(ok(stand.store.journal_accounts()).await, []);
    ok(stand.store.credit(deposit("next", 1))).await;
    assert_eq!(stand.journal().await, [entry(4, "deposit", "next", 1)]);
}

pub(super) async fn impossible_amounts_are_refused(factory: &dyn StoreFactory) {
    let stand = stand_with(factory, 100).await;
    refused(stand.store.hold(hold(1, -1))).await;
    refused(stand.store.capture(account(), hold_id(1), money(-1))).await;
    let negative = CapCharge { add: -1, ..cap("day", 5) };
    refused(stand.store.hold(Hold { caps: vec![negative], ..hold(1, 1) })).await;
    let twice = vec![cap("day", 5), cap("day", 5)];
    refused(stand.store.hold(Hold { caps: twice, ..hold(1, 1) })).await;
    refused(stand.store.credit(deposit("", 1))).await;
    stand.held(hold(1, 10)).await;
    refused(stand.store.hold(hold(1, 11))).await;
    assert_eq!(stand.balance().await, view(100, 0, 10));
}
