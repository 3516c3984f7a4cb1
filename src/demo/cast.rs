//! Who plays in the demo: buyers of every temper, and the exchange directory that describes them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::json;

use super::stub_buyer::{OnPost, Reply, ReplyBody, Script, Seen, StubBuyer};
use crate::ports::Clock;
use crate::registry::exchange_files::SourceFile;

/// The demo's vendor.
pub const VENDOR: &str = "demo-vendor";
/// The verticals whose leads the demo sells.
pub const VERTICALS: [&str; 3] = ["final_expense", "auto_insurance", "solar"];
/// The ping round of the demo, in milliseconds: short, so that a demo does not take long.
pub const PING_ROUND_MS: u64 = 800;
/// The time of one post in the demo, in milliseconds.
pub const POST_MS: u64 = 1_500;
/// The exchange's share in the demo.
const MARGIN_PERCENT: &str = "12.5";
/// The lowest price in the demo.
const FLOOR: &str = "6.00";

/// One buyer of the demo.
struct Role {
    id: &'static str,
    name: &'static str,
    /// The `price` of its campaigns.
    price: &'static str,
    /// What its post means when it is repeated.
    post_semantics: &'static str,
    script: Script,
}

/// A running cast.
pub struct Cast {
    /// The buyers by their slug.
    pub buyers: BTreeMap<&'static str, StubBuyer>,
}

impl Cast {
    /// Starts every buyer on a free port of this machine.
    ///
    /// # Errors
    /// Those of binding sockets.
    pub async fn start(clock: &Arc<dyn Clock>) -> std::io::Result<Self> {
        let mut buyers = BTreeMap::new();
        for role in roles() {
            let listen = SocketAddr::from(([127, 0, 0, 1], 0));
            let buyer = StubBuyer::start(listen, role.script, Arc::clone(clock)).await?;
            buyers.insert(role.id, buyer);
        }
        Ok(Self { buyers })
    }

    /// The exchange directory of the cast.
    #[must_use]
    pub fn exchange_files(&self) -> Vec<SourceFile> {
        let vendor = "name = \"Demo Vendor\"\ntime_zone = \"America/New_York\"\n".to_owned();
        let file = |path, text| SourceFile { path, text };
        let mut files = vec![file(format!("vendors/{VENDOR}.toml"), vendor)];
        for vertical in VERTICALS {
            let tree = format!("margin_percent = \"{MARGIN_PERCENT}\"\nfloor = \"{FLOOR}\"\n");
            files.push(file(format!("trees/{vertical}.toml"), tree));
        }
        for role in roles() {
            if let Some(buyer) = self.buyers.get(role.id) {
                files.push(file(format!("buyers/{}.toml", role.id), buyer_file(&role, buyer)));
            }
        }
        files
    }
}

fn buyer_file(role: &Role, buyer: &StubBuyer) -> String {
    let mut file = format!("name = \"{}\"\ntime_zone = \"America/Chicago\"\n", role.name);
    for vertical in VERTICALS {
        let is_fixed = role.price.contains("fixed");
        let ping_url = format!("ping_url = \"{}\"\n", buyer.url("ping"));
        file.push_str(&format!(
            "\n[[campaign]]\nid = \"{id}-{slug}\"\nvertical = \"{vertical}\"\n{ping_url}\
             post_url = \"{post}\"\nstatus_url = \"{status}\"\nprice = {price}\n\
             post_semantics = \"{semantics}\"\n",
            id = role.id,
            slug = vertical.replace('_', "-"),
            ping_url = if is_fixed { "" } else { &ping_url },
            post = buyer.url("post"),
            status = buyer.url("status"),
            price = role.price,
            semantics = role.post_semantics,
        ));
    }
    file
}

/// A price between `low` and `low + span - 1` whole units that depends on the ping only.
fn varied(seen: &Seen, low: u32, span: u32) -> u32 {
    let id = seen.header("webhook-id");
    let sum = id.bytes().fold(7_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
    low + sum % span
}

fn bids(low: u32, span: u32, after_ms: u64) -> Script {
    Script {
        on_ping: Arc::new(move |seen| {
            Reply::bid(&format!("{}.50", varied(seen, low, span))).after_ms(after_ms)
        }),
        on_post: OnPost::Accept,
    }
}

fn roles() -> Vec<Role> {
    let role =
        |id, name, price, script| Role { id, name, price, post_semantics: "idempotent", script };
    let shared = json!({"bid": {"price": "39.00", "seats": "shared", "max_shared": 3}});
    let malformed = Reply {
        after: Duration::from_millis(15),
        status: 200,
        headers: vec![("content-type", "text/html".to_owned())],
        body: ReplyBody::Whole(Bytes::from_static(b"<html>We are down for maintenance</html>")),
    };
    vec![
        role("fast", "Fast Mutual", "{ bid = { max_bid = \"40.00\" } }", bids(14, 18, 10)),
        role("steady", "Steady Life", "{ bid = { max_bid = \"32.00\" } }", bids(12, 16, 60)),
        role("slow", "Slow & Careful", "{ bid = { max_bid = \"38.00\" } }", bids(18, 16, 450)),
        role(
            "silent",
            "Silent Partners",
            "{ bid = { max_bid = \"35.00\" } }",
            Script::always(Reply::silence()),
        ),
        role("late", "Late but High", "{ bid = {} }", {
            Script::always(Reply::bid("95.00").after_ms(PING_ROUND_MS + 400))
        }),
        role(
            "picky",
            "Picky Posts",
            "{ bid = { max_bid = \"40.00\" } }",
            bids(20, 14, 25).on_post(OnPost::Answer(Reply::rejected("duplicate"))),
        ),
        role(
            "garbled",
            "Garbled Replies",
            "{ bid = { max_bid = \"40.00\" } }",
            Script::always(malformed),
        ),
        role(
            "greedy",
            "Above Its Ceiling",
            "{ bid = { max_bid = \"30.00\" } }",
            Script::always(Reply::bid("44.00").after_ms(20)),
        ),
        role(
            "sharing",
            "Sharing Only",
            "{ bid = { max_bid = \"40.00\" } }",
            Script::always(Reply::json(&shared).after_ms(20)),
        ),
        role(
            "forgetful",
            "Forgets to Answer",
            "{ bid = { max_bid = \"36.00\" } }",
            bids(10, 22, 35).on_post(OnPost::AcceptButAnswer(Reply::silence(), 1)),
        ),
        role("standing", "Standing Order", "{ fixed = \"9.00\" }", bids(9, 1, 0)),
    ]
}
