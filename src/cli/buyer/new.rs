//! `gavel buyer new`: a first profile from what was recorded.
//!
//! What a name and a value give away is written as a source; everything else is written as the
//! constant that was recorded, with a mark to look at. What looks like a secret is declared as one,
//! and its text is not written. Nobody is to use the profile as it comes out: it saves the typing.

mod brought;
mod case;
mod guess;
mod places;
mod recorded;
mod write;

use std::path::Path;

use serde_json::{Value as Json, json};

use super::folder::{self, ProfileFolder, read_text};
use super::{BuyerError, Findings, New};
use crate::flow::rehearsal::rehearse;
use crate::integration::cases::{CASE_BYTES_MAX, Case};
use crate::integration::{Phase, Profile};
use crate::registry::vertical::CompiledVertical;
use brought::Brought;
use recorded::{RecordedReply, RecordedRequest};

/// The case that is written.
const CASE: &str = "recorded.json";

/// One recorded call.
struct Recorded {
    call: Phase,
    request: RecordedRequest,
    reply: Option<RecordedReply>,
}

/// Writes the folder.
pub(super) fn new(order: &New) -> Result<Findings, BuyerError> {
    let name = order.folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    if order.folder.exists() {
        return Err(BuyerError::Asked(format!("{} is there already", order.folder.display())));
    }
    let verticals = folder::verticals(order.verticals.as_deref())?;
    let vertical = folder::vertical_of(&verticals, &order.vertical).map_err(BuyerError::Asked)?;
    let mut calls = Vec::new();
    let files = [
        (Phase::Ping, &order.ping, &order.ping_reply),
        (Phase::Post, &order.post, &order.post_reply),
    ];
    for (call, request, reply) in files {
        let Some(request) = request else { continue };
        let request = RecordedRequest::read(&read_text(request, CASE_BYTES_MAX)?)
            .map_err(|why| BuyerError::Asked(format!("{}: {why}", request.display())))?;
        let reply = match reply {
            Some(path) => Some(RecordedReply::read(&read_text(path, CASE_BYTES_MAX)?)),
            None => None,
        };
        calls.push(Recorded { call, request, reply });
    }
    let call = |call: Phase| calls.iter().find(|recorded| recorded.call == call);
    let reply = call(Phase::Ping).and_then(|ping| ping.reply.as_ref());
    let post = call(Phase::Post).map(|post| &post.request);
    let fields = vertical.vertical();
    let brought = Brought::of(reply, post, fields);
    let profile = write::profile(&name, &calls, fields, &brought);
    let case = case::case(&calls, &order.vertical, fields, &brought);
    put(&order.folder.join("profile.toml"), &profile)?;
    put(&order.folder.join("cases").join(CASE), &pretty(&case))?;
    let mut text = format!("wrote {}\n", order.folder.display());
    text.push_str(&completed(&order.folder, &case, vertical)?);
    Ok(Findings { text, failure: None })
}

/// Reads the profile back, and puts what it makes of the replies into the case.
fn completed(
    folder: &Path,
    case: &Json,
    vertical: &CompiledVertical,
) -> Result<String, BuyerError> {
    let written = ProfileFolder::read(folder)?;
    let profile: Profile = match written.compile() {
        Ok(profile) => profile,
        Err(faults) => {
            let file = written.file();
            let lines = faults.iter().map(|fault| format!("{}:{fault}\n", file.display()));
            return Ok(lines.collect());
        }
    };
    let mut filled = case.clone();
    let mut told = String::new();
    let rehearsed = |case: &Json| {
        let parsed = Case::parse(&case.to_string()).map_err(|invalid| vec![invalid.to_string()])?;
        rehearse(&profile, &parsed, vertical)
    };
    let report = match rehearsed(&filled) {
        Ok(report) => Some(report),
        Err(faults) => {
            told.push_str("what was recorded makes no lead, so the case has another one:\n");
            faults.iter().for_each(|fault| told.push_str(&format!("  {fault}\n")));
            filled["lead"] = json!({});
            filled["consent"] = json!({});
            rehearsed(&filled).ok()
        }
    };
    for (at, step) in report.into_iter().flat_map(|report| report.steps).enumerate() {
        if let Some(means) = step.means {
            filled["steps"][at]["means"] = Json::Object(means);
        }
    }
    put(&folder.join("cases").join(CASE), &pretty(&filled))?;
    told.push_str(
        "look at every line marked with `# ?`, then run `gavel buyer lint` and `gavel buyer test`, \
         which tells where the requests are not yet as they were recorded\n",
    );
    Ok(told)
}

fn pretty(case: &Json) -> String {
    serde_json::to_string_pretty(case).unwrap_or_default() + "\n"
}

fn put(path: &Path, text: &str) -> Result<(), BuyerError> {
    let unwritable = |error| BuyerError::Unwritable { path: path.to_owned(), error };
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(unwritable)?;
    }
    std::fs::write(path, text).map_err(unwritable)
}

#[cfg(test)]
mod tests;
