//! `gavel buyer new`: a first profile from what was recorded.
//!
//! What a name and a value give away is written as a source; everything else is written as the
//! constant that was recorded, with a mark to look at. What looks like a secret is declared as one,
//! and its text is not written. Nobody is to use the profile as it comes out: it saves the typing.

mod guess;
mod recorded;
mod write;

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::folder::{ProfileFolder, read_text};
use super::{BuyerError, Findings, New};
use crate::domain::slug::VerticalId;
use crate::flow::rehearsal::rehearse;
use crate::integration::cases::{CASE_BYTES_MAX, Case};
use crate::integration::{Phase, Profile};
use crate::registry::compile::shipped_verticals;
use crate::registry::vertical::CompiledVertical;
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
    let vertical = vertical_of(&order.vertical)?;
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
    let profile = write::profile(&name, &calls, vertical.vertical());
    let case = case_of(&calls, &order.vertical);
    put(&order.folder.join("profile.toml"), &profile)?;
    put(&order.folder.join("cases").join(CASE), &pretty(&case))?;
    let mut text = format!("wrote {}\n", order.folder.display());
    text.push_str(&completed(&order.folder, &case, &vertical)?);
    Ok(Findings { text, failure: None })
}

fn vertical_of(id: &VerticalId) -> Result<Arc<CompiledVertical>, BuyerError> {
    let mut verticals = shipped_verticals();
    let known: Vec<String> = verticals.keys().map(ToString::to_string).collect();
    let unknown = || format!("there is no vertical `{id}`; there is: {}", known.join(", "));
    verticals.remove(id).ok_or_else(|| BuyerError::Asked(unknown()))
}

fn case_of(calls: &[Recorded], vertical: &VerticalId) -> Json {
    let steps = calls.iter().map(|recorded| {
        let mut step = json!({"call": recorded.call.as_str()});
        if let Some(reply) = &recorded.reply {
            step["reply"] = json!({"status": reply.status, "body": reply.body});
        }
        step
    });
    json!({
        "about": "What was recorded.",
        "source": "a recorded request and its reply",
        "vertical": vertical,
        "steps": steps.collect::<Vec<Json>>(),
    })
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
    if let Ok(parsed) = Case::parse(&case.to_string())
        && let Ok(report) = rehearse(&profile, &parsed, vertical)
    {
        for (at, step) in report.steps.into_iter().enumerate() {
            if let Some(means) = step.means {
                filled["steps"][at]["means"] = Json::Object(means);
            }
        }
    }
    put(&folder.join("cases").join(CASE), &pretty(&filled))?;
    Ok("look at every line marked with `# ?`, then run `gavel buyer lint` and `gavel buyer test`\n"
        .to_owned())
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
