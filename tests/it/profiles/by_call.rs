//! Buyers that take a call in place of a post, by the profile that comes with the program.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::stub::{Said, Stub};
use super::{FORM, exchange_with, files_of, submit};
use crate::support::{Answer, Installation, lead, until};

const PATH: &str = "/v1/production/rtb-7.json";

/// A buyer that bids 21.75 for a call, for so many seconds; without a number where its price is
/// `none`.
async fn caller(life_s: u32) -> Stub {
    let stub = Stub::start(move |_, price| {
        let number = if price == "none" { "" } else { r#","phoneNumber":"+18005550100""# };
        Said::json(format!(
            r#"{{"bidId":"RTB9","bidAmount":21.75,"expireInSeconds":{life_s}{number}}}"#
        ))
    });
    let stub = stub.await;
    stub.set_price("21.75");
    stub
}

/// One that bids 12.00 for the lead and takes its post.
async fn poster() -> Stub {
    let stub = Stub::start(|seen, price| match seen.path.as_str() {
        "/ping" => (FORM.ping)(price),
        _ => (FORM.post)(),
    });
    let stub = stub.await;
    stub.set_price("12.00");
    stub
}

fn files(caller: &Stub, poster: &Stub) -> Vec<(String, String)> {
    let buyer = format!(
        "name = \"Caller\"\n[[campaign]]\nid = \"caller-fe\"\nvertical = \"final_expense\"\n\
         profile = \"ringba-rtb\"\nprofile_secrets.rtb_id = {{ secret_file = \"secrets/caller\" }}\n\
         disclosures = [\"age\", \"zip\"]\nping_url = \"{}\"\nprice = {{ bid = {{}} }}\n",
        caller.base
    );
    let mut files = files_of("form-co", FORM.profile, FORM.cases(), poster);
    files.push(("buyers/caller.toml".to_owned(), buyer));
    files.push(("secrets/caller".to_owned(), "rtb-7\n".to_owned()));
    let mut files = exchange_with(files);
    let (_, acme) = files.iter_mut().find(|(name, _)| name == "vendors/acme.toml").unwrap();
    acme.push_str("takes_calls = true\n");
    files
}

async fn posted(gavel: &Installation, buyer: &str) -> String {
    gavel.settled_balance(buyer).await["posted"].as_str().unwrap().to_owned()
}

fn told(answer: &Answer) -> [String; 3] {
    ["/disposition", "/payout", "/sales/0/phone_number"].map(|at| answer.text(at))
}

#[tokio::test]
async fn a_lead_is_sold_to_a_buyer_that_takes_the_call_and_nothing_is_posted() {
    let gavel = Installation::start(&[]).await;
    let (caller, poster) = (caller(300).await, poster().await);
    gavel.apply(&files(&caller, &poster));
    let key = gavel.key("vendor", "acme", &[]);
    let answer = submit(&gavel, &key, 1).await;
    assert_eq!(told(&answer), ["sold", "21.75", "+18005550100"], "{answer:?}");
    assert_eq!(caller.paths(), [PATH], "the bid is all that was asked for");
    assert!(poster.seen("/post").is_empty());
    let record = gavel.record(&answer.text("/lead_id")).await;
    let post = &record["posts"][0];
    assert_eq!((&post["buyer_id"], &post["outcome"]), (&json!("caller"), &json!("accepted")));
    let attempts = post["attempts"].as_array().unwrap().iter();
    let results: Vec<_> =
        attempts.map(|attempt| (&attempt["result"], &attempt["http_status"])).collect();
    assert_eq!(results, [(&json!("accepted:by_call"), &json!(null))]);
    assert_eq!(posted(&gavel, "caller").await, "21.75");

    // A bid without a number sells nothing: nobody could be called.
    caller.set_price("none");
    let answer = submit(&gavel, &key, 2).await;
    assert_eq!(
        (answer.text("/disposition"), answer.text("/payout")),
        ("sold".into(), "12.00".into())
    );
    let record = gavel.record(&answer.text("/lead_id")).await;
    let candidates = record["candidates"].as_array().unwrap().iter();
    let ping = candidates.filter(|candidate| candidate["buyer_id"] == "caller");
    let ping: Vec<_> = ping
        .map(|candidate| (&candidate["ping"]["reason"], &candidate["ping"]["detail"]))
        .collect();
    assert_eq!(ping, [(&json!("malformed"), &json!("phone_number"))]);
}

#[tokio::test]
async fn a_lead_of_a_vendor_that_connects_no_calls_is_not_offered_for_one() {
    let gavel = Installation::start(&[]).await;
    let (caller, poster) = (caller(300).await, poster().await);
    gavel.apply(&files(&caller, &poster));
    let key = gavel.key("vendor", "other", &[]);
    let answer = submit(&gavel, &key, 1).await;
    assert_eq!(told(&answer), ["sold", "12.00", ""], "{answer:?}");
    assert_eq!((caller.paths().len(), poster.seen("/post").len()), (0, 1));
    let record = gavel.record(&answer.text("/lead_id")).await;
    let candidates = record["candidates"].as_array().unwrap();
    let excluded = candidates.iter().find(|candidate| candidate["buyer_id"] == "caller").unwrap();
    let told = (&excluded["verdict"], &excluded["rule"]);
    assert_eq!(told, (&json!("excluded"), &json!("calls_not_taken")), "{excluded}");
    assert_eq!(posted(&gavel, "caller").await, "0.00");
}

#[tokio::test]
async fn a_sale_by_call_that_a_crash_cut_off_stands_as_long_as_its_bid_and_not_longer() {
    let check = async |point: &str, life_s: u32, expect: [&str; 3]| {
        let mut gavel = Installation::start(&[]).await;
        let (caller, poster) = (caller(life_s).await, poster().await);
        gavel.apply(&files(&caller, &poster));
        let key = gavel.key("vendor", "acme", &[]);
        assert_eq!(gavel.stop(), Some(0));
        gavel.serve_with(&[("GAVEL_FAULT_CRASH_AT", point)]).await;
        let headers = [("content-type", "application/json"), ("idempotency-key", "the-same")];
        let send = async |gavel: &Installation| {
            let body = lead(1).to_string();
            gavel.try_request("POST /v1/leads", &key, &headers, body).await.ok()
        };
        assert_eq!(send(&gavel).await.map(|answer| answer.status), None, "{point}");
        until("it dies where it was told to", async || gavel.has_died().then_some(())).await;
        // The bid came before.
        let died = Instant::now();
        if expect[2].is_empty() {
            let life = Duration::from_secs(life_s.into());
            until("the bid is over", async || (died.elapsed() > life).then_some(())).await;
        }
        gavel.serve().await;
        let answer = until("there is an answer", async || {
            send(&gavel).await.filter(|answer| answer.status == 200)
        });
        let answer = answer.await;
        assert_eq!(told(&answer), expect, "{point}: {answer:?}");
        let is_by_call = !expect[2].is_empty();
        assert_eq!(poster.seen("/post").len(), usize::from(!is_by_call), "{point}");
        let paid = if is_by_call { ["21.75", "0.00"] } else { ["0.00", "12.00"] };
        for (buyer, paid) in ["caller", "form-co"].iter().zip(paid) {
            assert_eq!(posted(&gavel, buyer).await, paid, "{point}: {buyer}");
        }
        assert!(gavel.metrics().await.contains("gavel_conflicts_total 0"), "{point}");
    };
    let sold = ["sold", "21.75", "+18005550100"];
    check("W4:after:1", 300, sold).await;
    check("W5:before:1", 300, sold).await;
    check("W5:after:1", 300, sold).await;
    check("W4:after:1", 5, ["sold", "12.00", ""]).await;
}
