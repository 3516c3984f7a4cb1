//! Holds, captures, voids and credits against the simplest thing that could be right: a list of
//! what happened, from which every figure is counted anew (invariants 7, 8, 9 and 14).

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{Stand, run};
use crate::domain::auction::{Account, HoldId};
use crate::domain::ids::{LeadId, Partition};
use crate::domain::money::Money;
use crate::ports::AuctionStore;
use crate::ports::auction_store::{
    AccountView, CapCharge, Captured, Credit, CreditKind, Credited, Held, Hold, Voided,
};

const CREDIT_LIMIT: i64 = 20;
const LEADS_CAP: i64 = 3;
const SPEND_CAP: i64 = 40;

#[derive(Debug, Clone)]
enum Step {
    Hold { account: u8, number: u8 },
    Capture { account: u8, number: u8, less: i64 },
    Void { account: u8, number: u8 },
    Credit { account: u8, op: u8, amount: i64 },
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let (account, number) = (0..2_u8, 0..8_u8);
    let step = prop_oneof![
        5 => (account.clone(), number.clone())
            .prop_map(|(account, number)| Step::Hold { account, number }),
        3 => (account.clone(), number.clone(), 0..2_i64)
            .prop_map(|(account, number, less)| Step::Capture { account, number, less }),
        2 => (account.clone(), number).prop_map(|(account, number)| Step::Void { account, number }),
        2 => (account, 0..4_u8, 1..40_i64)
            .prop_map(|(account, op, amount)| Step::Credit { account, op, amount }),
        1 => Just(Step::Restart),
    ];
    prop::collection::vec(step, 1..60)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Held,
    Captured,
    Voided,
}

/// One account's history.
#[derive(Debug, Default)]
struct Reference {
    holds: BTreeMap<u8, End>,
    /// Captured amounts; whether a hold stood behind them.
    captures: BTreeMap<u8, (i64, bool)>,
    credits: BTreeMap<u8, i64>,
    journal: Vec<i64>,
    had_unheld: bool,
}

/// What hold `number` asks for.
fn price(number: u8) -> i64 {
    5 + i64::from(number) * 3
}

impl Reference {
    fn sum(&self, end: End) -> i64 {
        self.holds.iter().filter(|(_, is)| **is == end).map(|(number, _)| price(*number)).sum()
    }

    fn count(&self, end: End) -> i64 {
        self.holds.values().filter(|is| **is == end).count() as i64
    }

    fn view(&self) -> AccountView {
        let posted = self.captures.values().map(|(amount, _)| amount).sum();
        let deposited = self.credits.values().sum();
        AccountView {
            deposited: money(deposited),
            posted: money(posted),
            held: money(self.sum(End::Held)),
        }
    }

    /// Room taken from the leads cap and the spend cap: by open holds and by captured ones.
    fn caps(&self) -> [i64; 2] {
        let captured = |number: &u8| self.captures.get(number).is_some_and(|(_, held)| *held);
        let charged = |number: &u8| self.holds[number] == End::Held || captured(number);
        let numbers: Vec<u8> =
            self.holds.keys().copied().filter(|number| charged(number)).collect();
        [numbers.len() as i64, numbers.iter().map(|number| price(*number)).sum()]
    }

    fn hold(&mut self, number: u8) -> Held {
        match self.holds.get(&number) {
            Some(End::Held) => return Held::Held,
            Some(End::Captured) => return Held::Captured,
            Some(End::Voided) => return Held::Voided,
            None => {}
        }
        let view = self.view();
        let owed = view.posted.ten_thousandths() + view.held.ten_thousandths() + price(number);
        if owed > view.deposited.ten_thousandths() + CREDIT_LIMIT {
            return Held::Refused("balance".to_owned());
        }
        let [leads, spend] = self.caps();
        if leads + 1 > LEADS_CAP {
            return Held::Refused("cap:day".to_owned());
        }
        if spend + price(number) > SPEND_CAP {
            return Held::Refused("cap:week".to_owned());
        }
        self.holds.insert(number, End::Held);
        Held::Held
    }

    fn capture(&mut self, number: u8, amount: i64) -> Captured {
        let captured = match self.holds.get(&number) {
            Some(End::Captured) => return Captured::Already,
            Some(End::Held) => Captured::Done { was_held: true },
            Some(End::Voided) => Captured::AfterVoid,
            None => Captured::Done { was_held: false },
        };
        let was_held = captured == Captured::Done { was_held: true };
        self.had_unheld |= !was_held;
        self.holds.insert(number, End::Captured);
        self.captures.insert(number, (amount, was_held));
        self.journal.push(-amount);
        captured
    }

    fn void(&mut self, number: u8) -> Voided {
        match self.holds.get(&number) {
            Some(End::Captured) => return Voided::Captured,
            Some(End::Voided) => return Voided::Already,
            Some(End::Held) | None => {}
        }
        self.holds.insert(number, End::Voided);
        Voided::Done
    }

    fn credit(&mut self, op: u8, amount: i64) -> Credited {
        if let Some(before) = self.credits.get(&op) {
            return if *before == amount { Credited::Already } else { Credited::Mismatch };
        }
        self.credits.insert(op, amount);
        self.journal.push(amount);
        Credited::Done
    }
}

fn money(amount: i64) -> Money {
    Money::from_ten_thousandths(amount).unwrap()
}

fn account(number: u8) -> Account {
    Account::Buyer(["beta", "gamma"][usize::from(number)].parse().unwrap())
}

fn hold_id(number: u8) -> HoldId {
    let lead_id = LeadId::new(Partition(1), 1 << 90 | u128::from(number));
    HoldId { lead_id, seat: 1, campaign: "c".parse().unwrap() }
}

fn hold(of: u8, number: u8) -> Hold {
    let cap = |rule: &str, counter: &str, limit, add| CapCharge {
        rule: rule.to_owned(),
        counter: counter.to_owned(),
        limit,
        add,
        ends_at: None,
    };
    Hold {
        account: account(of),
        hold: hold_id(number),
        amount: money(price(number)),
        credit_limit: Some(money(CREDIT_LIMIT)),
        caps: vec![
            cap("cap:day", "leads", LEADS_CAP, 1),
            cap("cap:week", "spend", SPEND_CAP, price(number)),
        ],
    }
}

async fn apply(stand: &mut Stand, reference: &mut [Reference; 2], step: &Step) {
    let store = &stand.store;
    match *step {
        Step::Hold { account, number } => {
            let expected = reference[usize::from(account)].hold(number);
            let reply = store.hold(hold(account, number)).await.unwrap();
            assert_eq!(reply.reply, expected);
        }
        Step::Capture { account: of, number, less } => {
            let amount = price(number) - less;
            let expected = reference[usize::from(of)].capture(number, amount);
            let capture = store.capture(account(of), hold_id(number), money(amount));
            assert_eq!(capture.await.unwrap().reply, expected);
        }
        Step::Void { account: of, number } => {
            let expected = reference[usize::from(of)].void(number);
            let reply = store.void(account(of), hold_id(number)).await.unwrap();
            assert_eq!(reply.reply, expected);
        }
        Step::Credit { account: of, op, amount } => {
            let expected = reference[usize::from(of)].credit(op, amount);
            let credit = Credit {
                account: account(of),
                op_id: format!("op-{op}"),
                kind: CreditKind::Deposit,
                amount: money(amount),
            };
            assert_eq!(store.credit(credit).await.unwrap().reply, expected);
        }
        Step::Restart => stand.restart(),
    }
}

async fn compare(stand: &Stand, of: u8, reference: &Reference) {
    let store = &stand.store;
    let view = store.balance(account(of)).await.unwrap().account;
    assert_eq!(view, reference.view());
    let counters = vec!["leads".to_owned(), "spend".to_owned()];
    let caps = store.cap_used(account(of), counters).await.unwrap();
    assert_eq!(caps, reference.caps());
    assert!(caps[0] <= LEADS_CAP && caps[1] <= SPEND_CAP, "invariant 8");
    if !reference.had_unheld {
        let owed = view.posted.ten_thousandths() + view.held.ten_thousandths();
        assert!(view.deposited.ten_thousandths() + CREDIT_LIMIT >= owed, "invariant 7");
    }
    let until = super::super::beginning();
    let open = store.open_holds(account(of), until, 0, 100).await.unwrap();
    assert_eq!(open.len() as i64, reference.count(End::Held));
    let journal = store.journal_read(account(of), 1_000).await.unwrap();
    let sequences: Vec<u64> = journal.iter().map(|entry| entry.sequence).collect();
    assert_eq!(sequences, (1..=reference.journal.len() as u64).collect::<Vec<_>>(), "no gap");
    let amounts: Vec<i64> = journal.iter().map(|entry| entry.amount.ten_thousandths()).collect();
    assert_eq!(amounts, reference.journal);
    let balance = view.deposited.ten_thousandths() - view.posted.ten_thousandths();
    assert_eq!(amounts.iter().sum::<i64>(), balance, "invariant 14: the journal is the balance");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn money_and_caps_follow_the_reference(steps in steps()) {
        run(async {
            let mut stand = Stand::new();
            let mut reference = [Reference::default(), Reference::default()];
            for step in &steps {
                apply(&mut stand, &mut reference, step).await;
                for (of, reference) in (0..).zip(&reference) {
                    compare(&stand, of, reference).await;
                }
                let rows = stand.engine.dump();
                apply(&mut stand, &mut reference, step).await;
                prop_assert_eq!(stand.engine.dump(), rows, "a repeat changes nothing: {:?}", step);
            }
            Ok(())
        })?;
    }
}
