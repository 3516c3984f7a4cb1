//! All the cases of a profile: whether they pass, and whether they show enough for leads to be sold.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::stage;
use crate::domain::slug::VerticalId;
use crate::integration::cases::{Case, CaseReport, Evidence, InvalidCase, Setting};
use crate::integration::{Phase, Profile, RenderedRequest};
use crate::registry::vertical::CompiledVertical;

/// The longest body that is shown of one request, in bytes.
const SHOWN_BODY_BYTES_MAX: usize = 16 * 1024;

/// What cases are run with.
#[derive(Clone, Copy)]
pub struct Stage<'a> {
    /// Where verticals are found.
    pub vertical: &'a dyn Fn(&VerticalId) -> Option<Arc<CompiledVertical>>,
    /// Cases that are left when this says so are not run.
    pub is_over: &'a dyn Fn() -> bool,
    /// Whether requests are to be shown.
    pub shows_requests: bool,
}

/// What became of the cases of a profile.
pub struct Rehearsal {
    /// The cases, by name.
    pub cases: Vec<RehearsedCase>,
    /// What no case shows and one has to before leads are sold by the profile.
    pub missing: Vec<String>,
}

/// What became of one case.
pub struct RehearsedCase {
    /// Its name, without the ending of its file.
    pub name: String,
    /// What it shows, in its own words; empty if it cannot be read.
    pub about: String,
    /// What came of it.
    pub report: Result<CaseReport, Unrehearsed>,
    /// Its calls as they are shown, if they are.
    pub shown: Vec<Shown>,
}

/// One call of a case as it is shown.
pub struct Shown {
    /// Which call.
    pub call: Phase,
    /// The request, or why none is sent.
    pub request: Result<ShownRequest, &'static str>,
}

/// A request with the names of secrets in their places.
pub struct ShownRequest {
    /// The method.
    pub method: &'static str,
    /// The URL.
    pub url: String,
    /// Its headers.
    pub headers: Vec<(String, String)>,
    /// Its body, cut at some length.
    pub body: String,
    /// Whether the exchange would sign it.
    pub is_signed: bool,
}

/// Why a case was not run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unrehearsed {
    /// It cannot be read.
    Invalid(InvalidCase),
    /// Its vertical is not there.
    UnknownVertical(VerticalId),
    /// The vertical refuses its lead: one sentence for each fault.
    InvalidLead(Vec<String>),
    /// The time for all cases was over.
    OutOfTime,
}

impl fmt::Display for Unrehearsed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(invalid) => invalid.fmt(out),
            Self::UnknownVertical(id) => write!(out, "there is no vertical `{id}`"),
            Self::InvalidLead(faults) => out.write_str(&faults.join("; ")),
            Self::OutOfTime => out.write_str("the time for all cases was over"),
        }
    }
}

impl RehearsedCase {
    /// Whether everything was as the case has it.
    #[must_use]
    pub fn has_passed(&self) -> bool {
        self.report.as_ref().is_ok_and(|report| report.differences().next().is_none())
    }
}

impl Rehearsal {
    /// Runs the `cases` of a profile, texts by name.
    #[must_use]
    pub fn run(profile: &Profile, cases: &BTreeMap<String, String>, stage: Stage<'_>) -> Self {
        let mut evidence = Evidence::default();
        let one = |(name, text): (&String, &String)| {
            let name = name.clone();
            let (about, shown) = (String::new(), Vec::new());
            if (stage.is_over)() {
                return RehearsedCase { name, about, report: Err(Unrehearsed::OutOfTime), shown };
            }
            let case = match Case::parse(text) {
                Ok(case) => case,
                Err(invalid) => {
                    let report = Err(Unrehearsed::Invalid(invalid));
                    return RehearsedCase { name, about, report, shown };
                }
            };
            let (report, shown) = match rehearsed(profile, &case, stage) {
                Ok((report, shown)) => (Ok(report), shown),
                Err(unrehearsed) => (Err(unrehearsed), shown),
            };
            if let Ok(report) = &report {
                evidence.add(&report.evidence);
            }
            RehearsedCase { name, about: case.about, report, shown }
        };
        let cases = cases.iter().map(one).collect();
        Self { cases, missing: evidence.missing(profile) }
    }

    /// Whether every case passed.
    #[must_use]
    pub fn has_passed(&self) -> bool {
        self.cases.iter().all(RehearsedCase::has_passed)
    }

    /// Whether leads may be sold by the profile: every case passed, and together they show enough.
    #[must_use]
    pub fn is_proof(&self) -> bool {
        self.has_passed() && self.missing.is_empty()
    }
}

fn rehearsed(
    profile: &Profile,
    case: &Case,
    with: Stage<'_>,
) -> Result<(CaseReport, Vec<Shown>), Unrehearsed> {
    let unknown = || Unrehearsed::UnknownVertical(case.vertical.clone());
    let vertical = (with.vertical)(&case.vertical).ok_or_else(unknown)?;
    let staged = stage(profile, case, &vertical).map_err(Unrehearsed::InvalidLead)?;
    let setting = Setting::new(profile, case, &staged);
    let report = setting.run();
    if !with.shows_requests {
        return Ok((report, Vec::new()));
    }
    let shown = setting.without_secrets().run().steps.into_iter().map(|step| Shown {
        call: step.call,
        request: step.request.map(shown_request).map_err(|refused| refused.as_str()),
    });
    Ok((report, shown.collect()))
}

fn shown_request(request: RenderedRequest) -> ShownRequest {
    let RenderedRequest { method, url, headers, mut body, signs } = request;
    body.truncate(SHOWN_BODY_BYTES_MAX);
    let body = String::from_utf8_lossy(&body).into_owned();
    ShownRequest { method, url, headers, body, is_signed: signs }
}
