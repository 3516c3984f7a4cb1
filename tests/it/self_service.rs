//! A new buyer's way from its key to its first lead, with the receivers of the documentation: real
//! programs in Python and Node, registered over the API of the real binary.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value as Json, json};

use crate::support::{Answer, Installation, exchange, lead, until};

/// A running receiver; it ends with the test.
struct Receiver {
    process: Child,
    url: String,
    secret_file: PathBuf,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Receiver {
    /// Starts `docs/samples/<file>` with `program` on a free port, without a secret yet.
    fn start(program: &str, file: &str, folder: &Path) -> Self {
        let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/samples").join(file);
        let secret_file = folder.join(format!("{program}.secret"));
        let mut process = Command::new(program)
            .arg(sample)
            .args(["--port", "0", "--secret-file"])
            .arg(&secret_file)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{program} is needed for this test: {error}"));
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("listening on ").expect(&line).to_owned();
        Self { process, url, secret_file }
    }

    fn learns(&self, secret: &str) {
        fs::write(&self.secret_file, secret).unwrap();
    }

    fn endpoints(&self) -> Json {
        let url = |path: &str| format!("{}/{path}", self.url);
        json!({"ping_url": url("ping"), "post_url": url("post"), "status_url": url("status")})
    }
}

/// An exchange with a vendor, a buyer without endpoints, and their keys.
struct Market {
    installation: Installation,
    vendor: String,
    buyer: String,
    leads: usize,
}

impl Market {
    async fn open() -> Self {
        let installation = Installation::start(&[]).await;
        installation.apply(&exchange(&[], "margin_percent = \"10\"\n"));
        let mut market =
            Self { installation, vendor: String::new(), buyer: String::new(), leads: 0 };
        let operator = market.installation.operator_key();
        let made =
            market.json("PUT /v1/buyers/sample", &operator, &json!({"name": "Sample Life"})).await;
        assert_eq!((made.status, made.text("/action")), (201, "create".to_owned()), "{made:?}");
        let campaign = json!({
            "buyer_id": "sample", "vertical": "final_expense", "price": {"bid": {}},
            "post_semantics": "idempotent",
        });
        let made = market.json("PUT /v1/campaigns/sample-fe", &operator, &campaign).await;
        assert_eq!((made.status, made.text("/state")), (201, "draft".to_owned()), "{made:?}");
        for (role, owner) in [("vendor", "acme"), ("buyer", "sample")] {
            let body = json!({"role": role, "owner": owner});
            let made = market.json("POST /v1/keys", &operator, &body).await;
            assert_eq!(made.status, 201, "{made:?}");
            let key = made.text("/key");
            if role == "vendor" { market.vendor = key } else { market.buyer = key }
        }
        market
    }

    async fn json(&self, line: &str, key: &str, body: &Json) -> Answer {
        let headers = [("content-type", "application/json")];
        self.installation.request(line, key, &headers, body.to_string()).await
    }

    /// What the buyer asks of its campaign, such as `PUT endpoints`.
    async fn buyer_asks(&self, line: &str, body: &Json) -> Answer {
        let (method, what) = line.split_once(' ').unwrap();
        let line = format!("{method} /v1/campaigns/sample-fe/{what}");
        let answer = self.json(&line, &self.buyer, body).await;
        assert_eq!(answer.status, 200, "{line}: {answer:?}");
        answer
    }

    async fn register(&self, receiver: &Receiver) -> Answer {
        self.buyer_asks("PUT endpoints", &receiver.endpoints()).await
    }

    /// Sells another lead, and says how that ended: the payout, or the reason.
    async fn sell(&mut self) -> String {
        self.leads += 1;
        let answer =
            self.installation.post_json("/v1/leads", &self.vendor, &lead(self.leads)).await;
        assert_eq!(answer.status, 200, "{answer:?}\n{}", self.installation.log());
        match &*answer.text("/disposition") {
            "sold" => answer.text("/payout"),
            _ => answer.text("/reason"),
        }
    }

    async fn state(&self) -> String {
        let path = "/v1/campaigns/sample-fe";
        self.installation.get(path, &self.buyer).await.text("/state")
    }
}

/// 24.50, less 10 percent.
const SOLD: &str = "22.05";

async fn a_new_buyer_sells_with(program: &str, file: &str) {
    let mut market = Market::open().await;
    let receiver = Receiver::start(program, file, market.installation.folder.path());

    // It has no secret yet, so it takes nothing, not even the challenge.
    let registered = market.register(&receiver).await;
    assert_eq!(registered.text("/state"), "pending_verification");
    let errors = registered.json()["errors"].clone();
    let named: Vec<_> = errors.as_array().unwrap().iter().map(|error| &error["pointer"]).collect();
    assert_eq!(named, ["/ping_url", "/post_url", "/status_url"]);
    assert_eq!(errors[0]["code"], "challenge_wrong_answer");
    let secret = registered.text("/secret");
    assert_eq!(market.sell().await, "no_eligible_buyer", "nothing goes to what is not proved");

    receiver.learns(&secret);
    let verified = market.buyer_asks("POST verify", &json!({})).await;
    assert_eq!(verified.json(), json!({"campaign_id": "sample-fe", "state": "active"}));
    assert_eq!(market.sell().await, SOLD);

    // The secret is replaced: for an hour the receiver may know either.
    let rotated = market.buyer_asks("POST rotate-secret", &json!({"overlap_s": 3600})).await;
    let newer = rotated.text("/secret");
    assert_ne!(newer, secret);
    assert_eq!(market.sell().await, SOLD, "the old secret is still good");
    receiver.learns(&newer);
    assert_eq!(market.sell().await, SOLD, "and so is the new one");
    let rotated = market.buyer_asks("POST rotate-secret", &json!({"overlap_s": 0})).await;
    assert_eq!(market.sell().await, "no_bid", "without an overlap the old one ends at once");
    receiver.learns(&rotated.text("/secret"));
    assert_eq!(market.sell().await, SOLD);

    market.buyer_asks("POST pause", &json!({})).await;
    assert_eq!(market.sell().await, "no_eligible_buyer");
    assert_eq!(market.buyer_asks("POST resume", &json!({})).await.text("/state"), "active");
    assert_eq!(market.sell().await, SOLD);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_buyer_sells_with_the_receiver_in_python() {
    a_new_buyer_sells_with("python3", "buyer.py").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_buyer_sells_with_the_receiver_in_node() {
    a_new_buyer_sells_with("node", "buyer.mjs").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_changes_gets_nothing_until_it_is_proved_and_outlives_an_apply() {
    let mut market = Market::open().await;
    let folder = market.installation.folder.path().to_owned();
    let old = Receiver::start("python3", "buyer.py", &folder);
    let secret = market.register(&old).await.text("/secret");
    old.learns(&secret);
    market.buyer_asks("POST verify", &json!({})).await;
    assert_eq!(market.sell().await, SOLD);

    let new = Receiver::start("node", "buyer.mjs", &folder);
    let moved = market.register(&new).await;
    assert_eq!(moved.text("/state"), "pending_verification");
    assert!(moved.json().get("secret").is_none(), "the secret was issued before: {moved:?}");
    assert_eq!(market.sell().await, "no_eligible_buyer");
    drop(old);
    new.learns(&secret);
    assert_eq!(market.buyer_asks("POST verify", &json!({})).await.text("/state"), "active");
    assert_eq!(market.sell().await, SOLD, "the old endpoint is gone");

    // The operator describes the campaign in a file that names no endpoints, and another price.
    market.buyer_asks("POST pause", &json!({})).await;
    let file = "name = \"Sample Life\"\n[[campaign]]\nid = \"sample-fe\"\n\
                vertical = \"final_expense\"\nverification = \"challenge\"\n\
                price = { bid = { max_bid = \"30.00\" } }\npost_semantics = \"idempotent\"\n";
    fs::create_dir_all(folder.join("exchange/buyers")).unwrap();
    fs::write(folder.join("exchange/buyers/sample.toml"), file).unwrap();
    let plan = market.installation.gavel_ok(&["apply", "exchange", "--plan"]);
    let kept = "price (set over the API and kept: ping_url, post_url, state, status_url)";
    assert!(plan.contains(kept), "{plan}");
    market.installation.gavel_ok(&["apply", "exchange"]);
    assert_eq!(market.state().await, "paused", "a pause outlives an apply");
    assert_eq!(market.buyer_asks("POST resume", &json!({})).await.text("/state"), "active");
    assert_eq!(market.sell().await, SOLD, "and so do endpoints");

    // Going back to before the file leaves what the buyer set, too.
    let operator = market.installation.operator_key();
    let changes = market.installation.get("/v1/registry/changes", &operator).await.json();
    let rows = changes["data"].as_array().unwrap();
    let applied =
        rows.iter().find(|row| row["summary"] == "apply: 1 updated (campaign sample-fe)").unwrap();
    let before = (applied["version"].as_i64().unwrap() - 1).to_string();
    let told = market.installation.gavel_ok(&["rollback", &before, "--plan"]);
    assert!(told.contains("update  campaign  sample-fe  price"), "{told}");
    market.installation.gavel_ok(&["rollback", &before]);
    assert_eq!(market.sell().await, SOLD);

    // A restart finds everything as it was.
    assert_eq!(market.installation.stop(), Some(0));
    market.installation.serve().await;
    until("the campaign is active", async || (market.state().await == "active").then_some(()))
        .await;
    assert_eq!(market.sell().await, SOLD);
}
