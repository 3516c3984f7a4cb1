//! `gavel buyer try`: a test lead sent to a live endpoint by a profile.
//!
//! The lead is that of a case and is a test in any case. The calls go through the same client as an
//! auction's, so an address that an auction would refuse is refused here too.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use bytes::Bytes;
use tokio::time::Instant;

use super::commands::Environment;
use crate::cli::buyer::folder::{ProfileFolder, vertical_of};
use crate::cli::buyer::{Findings, Try, show};
use crate::domain::limits::Limits;
use crate::domain::reply::RawReply;
use crate::domain::slug::{BuyerId, CampaignId};
use crate::flow::rehearsal::stage;
use crate::integration::cases::{Case, Session, Setting};
use crate::integration::reply::HttpReply;
use crate::integration::{Phase, Profile};
use crate::ports::buyer_wire::{
    BuyerWire, CallClass, Callee, WireError, WireOutcome, WireReply, WireRequest,
};
use crate::wire::{BuyerClient, WireSettings};

/// Whom the calls count for.
const NAME: &str = "try";

/// Sends what `order` asks for.
pub(super) async fn try_buyer(order: &Try, environment: &Environment) -> anyhow::Result<Findings> {
    let folder = ProfileFolder::read(&order.folder)?;
    let Ok(profile) = folder.compile() else {
        bail!("{} has faults; `gavel buyer lint` tells them", folder.file().display());
    };
    let case = case_of(order, &folder, environment)?;
    let verticals = folder.verticals(order.verticals.as_deref())?;
    let vertical = vertical_of(&verticals, &case.vertical).map_err(anyhow::Error::msg)?;
    let staged = stage(&profile, &case, vertical);
    let staged = staged.map_err(|faults| anyhow::anyhow!(faults.join("\n")))?;
    let setting = Setting::new(&profile, &case, &staged);
    let settings =
        WireSettings { allow_networks: order.allow_networks.clone(), ..WireSettings::default() };
    let wire = BuyerClient::new(&settings)?;
    let mut trial = Trial {
        wire: &wire,
        profile: &profile,
        session: setting.session(),
        timeout: Duration::from_millis(order.timeout_ms),
        text: String::new(),
    };
    let failure = trial.run(order.post).await;
    Ok(Findings { text: trial.text, failure })
}

/// The case, as a test, with what the order says of its campaign.
fn case_of(order: &Try, folder: &ProfileFolder, environment: &Environment) -> anyhow::Result<Case> {
    let name = Path::new(&order.case).file_name().unwrap_or_default().to_string_lossy();
    let mut case = folder.case(&name).map_err(anyhow::Error::msg)?;
    case.test = true;
    case.campaign.urls.extend(order.urls.iter().cloned());
    case.campaign.settings.extend(order.settings.iter().cloned());
    for (name, variable) in &order.secrets {
        let found = environment.iter().find(|(known, _)| known == variable);
        let (_, text) = found.with_context(|| format!("the variable {variable} is not set"))?;
        case.campaign.secrets.insert(name.clone(), text.clone());
    }
    Ok(case)
}

struct Trial<'t> {
    wire: &'t BuyerClient,
    profile: &'t Profile,
    session: Session<'t>,
    timeout: Duration,
    text: String,
}

impl Trial<'_> {
    /// Makes the calls in the order of a sale; tells why it ended early, if it did.
    async fn run(&mut self, posts: bool) -> Option<String> {
        let calls: Vec<Phase> = self.profile.phases().collect();
        for call in [Phase::Login, Phase::Preping, Phase::Ping, Phase::Post] {
            if !calls.contains(&call) {
                continue;
            }
            if call == Phase::Post && !posts {
                self.text.push_str("the post was not sent: give --post to send it\n");
                break;
            }
            match self.call(call).await {
                Ok(Some(next)) if calls.contains(&next) => {
                    if let Err(why) = self.call(next).await {
                        return Some(why);
                    }
                }
                Ok(_) => {}
                Err(why) => return Some(why),
            }
        }
        None
    }

    /// Makes one call; gives the call that the answer asks for.
    async fn call(&mut self, call: Phase) -> Result<Option<Phase>, String> {
        let request = match self.session.request(call) {
            Ok(request) => request,
            Err(refused) => return Err(format!("the {call} is not sent: {refused}")),
        };
        self.text.push_str(&format!("== {call}: sent\n{}\n", show::request(&request)));
        let sent = WireRequest {
            callee: Callee::Campaign {
                buyer: BuyerId::parse(NAME).expect("a word is a slug"),
                campaign: CampaignId::parse(NAME).expect("a word is a slug"),
            },
            class: if call == Phase::Ping { CallClass::Ping } else { CallClass::Post },
            method: request.method.to_owned(),
            url: request.url,
            headers: request.headers,
            body: Bytes::from(request.body),
            deadline: Instant::now() + self.timeout,
            reply_bytes_max: Limits::default().post_reply_bytes_max,
        };
        let WireOutcome { result, elapsed_us } = self.wire.call(sent).await;
        let reply = match result {
            Ok(reply) => reply,
            Err(WireError { failure, sent, .. }) => {
                let fate = if sent { "it may have arrived" } else { "nothing was sent" };
                return Err(format!("no answer to the {call}: {}; {fate}", failure.as_str()));
            }
        };
        self.text.push_str(&format!("== {call}: received after {} ms\n", elapsed_us / 1_000));
        self.text.push_str(&shown(&reply));
        self.read(call, &reply)
    }

    fn read(&mut self, call: Phase, reply: &WireReply) -> Result<Option<Phase>, String> {
        let read = HttpReply {
            raw: RawReply {
                status: reply.status,
                content_encoding: reply.header("content-encoding"),
                body: &reply.body,
            },
            headers: &reply.headers,
        };
        let Some(means) = self.session.read(call, &read) else {
            self.text.push_str(&format!("\nthe profile does not read answers to a {call}\n"));
            return Ok(None);
        };
        self.text.push_str(&format!("\n== {call}: means\n{}\n", show::meaning(&means)));
        let word = |name: &str| means.get(name).and_then(|value| value.as_str());
        let asked = word("next_step").unwrap_or_default();
        let next = self.profile.phases().find(|phase| phase.as_str() == asked);
        if next.is_some() {
            return Ok(next);
        }
        let is_good = means.contains_key("bids")
            || matches!(word("outcome"), Some("accepted" | "token" | "taken"));
        match is_good {
            true => Ok(None),
            false => Err(format!("the {call} was not accepted")),
        }
    }
}

fn shown(reply: &WireReply) -> String {
    let headers = reply.headers.iter().map(|(name, value)| format!("{name}: {value}\n"));
    let headers: String = headers.collect();
    format!("{}\n{headers}\n{}\n", reply.status, String::from_utf8_lossy(&reply.body))
}
