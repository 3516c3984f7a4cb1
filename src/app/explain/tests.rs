use serde_json::{Value, json};

use super::*;
use crate::domain::address::AddressPolicy;
use crate::registry::compile::{Surroundings, compile};
use crate::registry::exchange_files::{SourceFile, parse};
use crate::registry::objects::{OpenedSecrets, RegistryObjects, Stored};
use crate::signing::{SigningKeys, SigningSecret};

const NOW: &str = "2026-11-24T12:00:00Z";

fn snapshot() -> Snapshot {
    let buyer = "name = \"Acme\"\nlegal_name = \"Acme LLC\"\ntime_zone = \"America/Chicago\"\n\
                 [[campaign]]\nid = \"acme-tx\"\nvertical = \"final_expense\"\nprofile = \"native\"\n\
                 post_url = \"https://acme.example/post\"\nprice = { fixed = \"12.00\" }\n\
                 filter = { all = [{ field = \"state\", in = [\"TX\"] }, \
                 { not = { field = \"tobacco\", eq = true } }] }\n\
                 [[campaign]]\nid = \"acme-all\"\nvertical = \"final_expense\"\nprofile = \"native\"\n\
                 post_url = \"https://acme.example/post\"\nprice = { fixed = \"9.00\" }\n";
    let vendor =
        "name = \"Leadco\"\ntime_zone = \"UTC\"\nmargin_percent = \"20\"\nfloor = \"8.00\"\n";
    let files = [("buyers/acme.toml", buyer), ("vendors/leadco.toml", vendor)];
    let files = files.map(|(path, text)| SourceFile { path: path.into(), text: text.into() });
    let bundle = parse(&files).unwrap_or_else(|faults| panic!("{faults:?}")).bundle;
    let mut objects = RegistryObjects::default();
    let mut secrets = OpenedSecrets::default();
    for (id, buyer) in bundle.buyers {
        objects.buyers.insert(id, Stored::live(buyer));
    }
    for (id, vendor) in bundle.vendors {
        objects.vendors.insert(id, Stored::live(vendor));
    }
    for (id, campaign) in bundle.campaigns {
        secrets.campaigns.insert(id.clone(), SigningKeys::of(&SigningSecret::mint([1; 32])));
        objects.campaigns.insert(id, Stored::live(campaign));
    }
    let surroundings = Surroundings::new("USD", AddressPolicy::default());
    compile(4, &objects, secrets, &surroundings).unwrap_or_else(|faults| panic!("{faults:?}"))
}

fn lead() -> Value {
    json!({
        "vertical": "final_expense",
        "lead": {
            "first_name": "Margaret", "last_name": "Ellison", "phone": "(214) 555-0112",
            "state": "TX", "zip": "75201", "date_of_birth": "1957-03-02", "tobacco": true,
            "shoe_size": 9,
        },
        "consent": {"text": "I agree."},
    })
}

fn explain_lead(lead: &Value, vendor: Option<&str>) -> anyhow::Result<String> {
    let snapshot = snapshot();
    let now = NOW.parse().unwrap();
    let submission = read_lead(lead.to_string().as_bytes(), &snapshot, &Limits::default(), now)?;
    let vendor = vendor.map(|vendor| VendorId::parse(vendor).unwrap());
    Ok(explained(submission, &snapshot, vendor, (now, None)))
}

#[test]
fn every_campaign_is_explained_down_to_the_node_that_decides() {
    let text = explain_lead(&lead(), Some("leadco")).unwrap();
    insta::assert_snapshot!(text, @r"
    final_expense from leadco, registry 4
    lowest price that can win: 10.00
    warning: /lead/shoe_size: there is no such field; it was left aside
    refused as consent_missing: consent.given_at is not there
    nobody would be asked; with the consent, 1 of 2 campaigns

    acme-all of acme: yes

    acme-tx of acme: no, filter:tobacco
      - all
        + state in TX
        - not
          + tobacco eq true

    caps, balances and breakers are not looked at: no server was asked
    ");
}

#[test]
fn what_keeps_a_campaign_from_buying_now_is_told_beside_its_rules() {
    let account = |balance: &str, limit: Option<&str>| -> AccountRow {
        let row = json!({"balance": balance, "held": "1.00", "credit_limit": limit});
        serde_json::from_value(row).unwrap()
    };
    let breaker = |call: &str, state: &str, forced: Value| -> BreakerRow {
        let row =
            json!({"campaign_id": "acme-all", "call": call, "state": state, "forced": forced});
        serde_json::from_value(row).unwrap()
    };
    let told = |breakers: Vec<BreakerRow>, account: AccountRow| {
        let acme = BuyerId::parse("acme").unwrap();
        let standings = Standings { breakers, accounts: [(acme, account)].into() };
        let snapshot = snapshot();
        let now = NOW.parse().unwrap();
        let mut lead = lead();
        lead["consent"]["given_at"] = json!("2026-11-24T11:00:00Z");
        let body = lead.to_string();
        let submission = read_lead(body.as_bytes(), &snapshot, &Limits::default(), now).unwrap();
        let vendor = Some(VendorId::parse("leadco").unwrap());
        let text = explained(submission, &snapshot, vendor, (now, Some(&standings)));
        let all = text.split("\n\n").find(|part| part.starts_with("acme-all")).unwrap().to_owned();
        (text.contains("1 of 2 campaigns would be asked, room permitting"), all)
    };
    let closed = || vec![breaker("ping", "closed", json!(null))];
    let yes = (true, "acme-all of acme: yes".to_owned());
    assert_eq!(told(closed(), account("0.00", None)), yes, "without a limit there is always room");
    assert_eq!(told(closed(), account("10.00", Some("1.00"))), yes);
    let short = told(closed(), account("9.99", Some("1.00"))).1;
    assert_eq!(
        short,
        "acme-all of acme: yes by its rules, but not now\n  now: the account of acme has room for 9.99"
    );
    let forced = vec![breaker("post", "open", json!({"state": "open"}))];
    assert_eq!(
        told(forced, account("0.00", None)).1,
        "acme-all of acme: yes by its rules, but not now\n  now: its posts are not sent: the breaker \
         is open, by an operator's order"
    );
}

#[test]
fn no_value_of_the_lead_is_printed() {
    let text = explain_lead(&lead(), None).unwrap();
    for value in ["Margaret", "Ellison", "555", "75201", "1957"] {
        assert!(!text.contains(value), "{value} in {text}");
    }
}

#[test]
fn a_lead_that_cannot_be_read_is_told_with_every_fault() {
    let mut lead = lead();
    lead["lead"]["zip"] = json!("1");
    lead["lead"]["date_of_birth"] = json!("yesterday");
    let error = explain_lead(&lead, None).unwrap_err().to_string();
    assert_eq!(error.lines().count(), 3, "{error}");
    assert!(error.contains("\n  /lead/zip: ") && error.contains("\n  /lead/date_of_birth: "));
}
