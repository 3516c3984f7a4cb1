//! The least program that does the job: accept a lead, parse it, build and sign a ping for each
//! buyer, send them over kept connections with bare hyper, parse the bids, pick the best, post,
//! answer. No durability, no rules, no records. What the exchange costs is told as a multiple of it.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Context;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use gavel::domain::money::Money;
use gavel::ports::Clock;
use gavel::signing::{SigningKeys, SigningSecret, sign};
use gavel::system::SystemClock;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::net::TcpListener;
use tokio::runtime::Handle;

use crate::client::{Call, Client};

/// The largest lead that is read, in bytes.
const LEAD_BYTES_MAX: usize = 256 << 10;

#[derive(Debug, Clone, clap::Args)]
pub struct Arguments {
    /// Where the buyers listen.
    #[arg(long = "buyer")]
    buyers: Vec<SocketAddr>,
}

struct Buyer {
    client: Client,
    campaign_id: String,
    keys: SigningKeys,
}

struct Floor {
    buyers: Vec<Buyer>,
    number: AtomicU64,
}

/// A lead as far as somebody has to look into it.
#[derive(Deserialize)]
struct Lead<'a> {
    vertical: &'a str,
    #[serde(borrow)]
    lead: &'a RawValue,
    #[serde(borrow)]
    consent: &'a RawValue,
}

#[derive(Deserialize)]
struct Coarse<'a> {
    state: &'a str,
    zip: &'a str,
    gender: Option<&'a str>,
    tobacco: Option<bool>,
    coverage_amount: Option<i64>,
}

#[derive(Serialize)]
struct Ping<'a> {
    ping_id: &'a str,
    campaign_id: &'a str,
    #[serde(flatten)]
    shared: Shared<'a>,
}

/// What is the same in every buyer's ping.
#[derive(Clone, Copy, Serialize)]
struct Shared<'a> {
    vertical: &'a str,
    state: &'a str,
    zip3: &'a str,
    gender: Option<&'a str>,
    tobacco: Option<bool>,
    coverage_amount: Option<i64>,
    currency: &'a str,
    seats_max: u8,
}

#[derive(Deserialize)]
struct PingReply {
    bid: Option<Bid>,
}

#[derive(Deserialize)]
struct Bid {
    price: String,
    #[serde(rename = "ref")]
    reference: Option<String>,
}

#[derive(Serialize)]
struct Post<'a> {
    post_id: &'a str,
    lead_id: &'a str,
    ping_id: &'a str,
    #[serde(rename = "ref")]
    reference: Option<&'a str>,
    price: &'a str,
    lead: &'a RawValue,
    consent: &'a RawValue,
}

pub async fn run(arguments: Arguments) -> anyhow::Result<bool> {
    let mut buyers = Vec::new();
    for (index, address) in (0_u8..).zip(arguments.buyers) {
        let keys = SigningKeys::of(&SigningSecret::mint([index; 32]));
        let client = Client::new(address)?;
        buyers.push(Buyer { client, campaign_id: format!("buyer-{index}-fe"), keys });
    }
    let floor = Arc::new(Floor { buyers, number: AtomicU64::new(0) });
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", serde_json::to_string(&listener.local_addr()?)?);
    loop {
        let (socket, _) = listener.accept().await?;
        socket.set_nodelay(true)?;
        let floor = Arc::clone(&floor);
        Handle::current().spawn(async move {
            let service = service_fn(move |request| {
                let floor = Arc::clone(&floor);
                async move { Ok::<_, Infallible>(floor.answer(request).await) }
            });
            let connection = hyper::server::conn::http1::Builder::new();
            // A driver that went away needs no answer.
            drop(connection.serve_connection(TokioIo::new(socket), service).await);
        });
    }
}

impl Floor {
    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let body = Limited::new(request.into_body(), LEAD_BYTES_MAX).collect().await;
        let sold = match body {
            Ok(body) => self.sell(&body.to_bytes()).await,
            Err(error) => Err(anyhow::anyhow!("{error}")),
        };
        let (status, answer) = match sold {
            Ok(answer) => (200, answer),
            Err(error) => (500, serde_json::json!({"detail": error.to_string()}).to_string()),
        };
        let mut response = Response::new(Full::new(Bytes::from(answer)));
        *response.status_mut() = hyper::StatusCode::from_u16(status).unwrap_or_default();
        response
    }

    async fn sell(&self, body: &[u8]) -> anyhow::Result<String> {
        let lead: Lead<'_> = serde_json::from_slice(body)?;
        let coarse: Coarse<'_> = serde_json::from_str(lead.lead.get())?;
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let shared = Shared {
            vertical: lead.vertical,
            state: coarse.state,
            zip3: coarse.zip.get(..3).unwrap_or(coarse.zip),
            gender: coarse.gender,
            tobacco: coarse.tobacco,
            coverage_amount: coarse.coverage_amount,
            currency: "USD",
            seats_max: 1,
        };
        let mut asked: FuturesUnordered<_> = self
            .buyers
            .iter()
            .enumerate()
            .map(|(index, _)| self.ask(number, index, shared))
            .collect();
        let mut best: Option<(Money, usize, Bid)> = None;
        let mut bids = 0;
        while let Some(reply) = asked.next().await {
            let (index, bid) = reply?;
            let Some(bid) = bid else { continue };
            bids += 1;
            let price = Money::parse(&bid.price)?;
            if best.as_ref().is_none_or(|(known, ..)| price > *known) {
                best = Some((price, index, bid));
            }
        }
        drop(asked);
        let Some((price, index, bid)) = best else {
            return Ok(format!("{{\"disposition\":\"unsold\",\"lead_id\":\"lead_{number}\"}}"));
        };
        self.post(number, index, &bid, &lead).await?;
        Ok(format!(
            "{{\"lead_id\":\"lead_{number}\",\"disposition\":\"sold\",\"payout\":\"{price}\",\
             \"auction\":{{\"pinged\":{},\"bids\":{bids}}}}}",
            self.buyers.len()
        ))
    }

    async fn ask(
        &self,
        number: u64,
        index: usize,
        shared: Shared<'_>,
    ) -> anyhow::Result<(usize, Option<Bid>)> {
        let buyer = &self.buyers[index];
        let ping_id = format!("ping_{number:020}{index:06}");
        let ping = Ping { ping_id: &ping_id, campaign_id: &buyer.campaign_id, shared };
        let body = serde_json::to_vec(&ping)?;
        let reply = buyer.client.send(signed(buyer, "/ping", &ping_id, body)?).await?;
        let reply: PingReply = serde_json::from_slice(&reply.body)?;
        Ok((index, reply.bid))
    }

    async fn post(
        &self,
        number: u64,
        index: usize,
        bid: &Bid,
        lead: &Lead<'_>,
    ) -> anyhow::Result<()> {
        let buyer = &self.buyers[index];
        let post_id = format!("post_{number:020}{index:06}");
        let post = Post {
            post_id: &post_id,
            lead_id: &format!("lead_{number}"),
            ping_id: &format!("ping_{number:020}{index:06}"),
            reference: bid.reference.as_deref(),
            price: &bid.price,
            lead: lead.lead,
            consent: lead.consent,
        };
        let call = signed(buyer, "/post", &post_id, serde_json::to_vec(&post)?)?;
        let reply = buyer.client.send(call.with("idempotency-key", &post_id)).await?;
        anyhow::ensure!(reply.json()["result"] == "accepted", "the post was not accepted");
        Ok(())
    }
}

fn signed(buyer: &Buyer, path: &str, id: &str, body: Vec<u8>) -> anyhow::Result<Call> {
    let headers = sign(&buyer.keys, id, SystemClock.now().as_second(), &body)
        .ok()
        .context("the id cannot be signed")?;
    Ok(Call::post(path, body.into())
        .with("webhook-id", &headers.id)
        .with("webhook-timestamp", &headers.timestamp)
        .with("webhook-signature", &headers.signature)
        .with("gavel-deadline-ms", "2000"))
}
