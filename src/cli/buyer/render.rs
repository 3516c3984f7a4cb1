//! `gavel buyer render`

use super::folder::{ProfileFolder, vertical_of};
use super::show;
use super::{BuyerError, Findings, Render};
use crate::flow::rehearsal::stage;
use crate::integration::cases::{Case, Setting};
use crate::integration::{Phase, Profile, RenderRefused, RenderedRequest};

/// Shows the requests of a profile, or of one of its cases with what the replies mean.
pub(super) fn render(order: &Render) -> Result<Findings, BuyerError> {
    let folder = ProfileFolder::read(&order.folder)?;
    let profile = folder.compile().map_err(|faults| BuyerError::Faulty {
        folder: folder.path.clone(),
        faults: faults.len(),
    })?;
    let case = match &order.case {
        Some(name) => folder.case(name).map_err(BuyerError::Asked)?,
        None => case_of(&folder, &profile, order)?,
    };
    let verticals = folder.verticals(order.verticals.as_deref())?;
    let vertical = vertical_of(&verticals, &case.vertical).map_err(BuyerError::Asked)?;
    let staged = stage(&profile, &case, vertical);
    let staged = staged.map_err(|faults| BuyerError::Asked(faults.join("\n")))?;
    let setting = Setting::new(&profile, &case, &staged);
    let mut text = String::new();
    if order.case.is_none() {
        for call in profile.phases().filter(|call| order.call.is_none_or(|only| only == *call)) {
            shown(call, &setting.render(call), &mut text);
        }
    } else {
        for step in setting.run().steps {
            if order.call.is_some_and(|only| only != step.call) {
                continue;
            }
            shown(step.call, &step.request, &mut text);
            if let Some(means) = &step.means {
                text.push_str(&format!("-- the answer means\n{}\n", show::meaning(means)));
            }
        }
    }
    if text.is_empty() {
        return Err(BuyerError::Asked("there is no such call".to_owned()));
    }
    Ok(Findings { text, failure: None })
}

/// A case of nothing but a vertical: the one asked for, or that of the first case.
fn case_of(folder: &ProfileFolder, profile: &Profile, order: &Render) -> Result<Case, BuyerError> {
    let of_cases = || {
        let mut cases = folder.cases.iter().filter_map(|(_, text)| Case::parse(text).ok());
        cases.next().map(|case| case.vertical)
    };
    let vertical = order.vertical.clone().or_else(of_cases);
    let nothing = || BuyerError::Asked("say which vertical: --vertical solar".to_owned());
    let vertical = vertical.ok_or_else(nothing)?;
    let call = profile.phases().next().map_or("post", Phase::as_str);
    let text = format!(
        "{{\"about\": \"\", \"vertical\": \"{vertical}\", \"steps\": [{{\"call\": \"{call}\"}}]}}"
    );
    Case::parse(&text).map_err(|invalid| BuyerError::Asked(invalid.to_string()))
}

fn shown(call: Phase, request: &Result<RenderedRequest, RenderRefused>, text: &mut String) {
    text.push_str(&format!("== {call}\n"));
    match request {
        Ok(request) => text.push_str(&show::request(request)),
        Err(refused) => text.push_str(&format!("not sent, {}: {refused}\n", refused.as_str())),
    }
    text.push('\n');
}
