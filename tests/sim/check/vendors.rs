//! Vendors: one answer for one request, durable before it is given, and true for ever.

use gavel::domain::ids::LeadId;
use gavel::flow::plan::{Notes as _, OfferNotes};
use serde_json::Value as Json;
use tokio::time::Instant;

use super::Checker;
use crate::scenario::LeadPlan;
use crate::vendor::{Ask, Heard};

/// What a vendor was told, once it was told the end.
pub struct Telling {
    pub lead_id: LeadId,
    pub body: String,
}

/// How things stood when a vendor asked.
#[derive(Debug, Clone, Copy)]
pub struct Began {
    had_answer: bool,
    had_taken: bool,
    at: Instant,
}

/// How long an answer may take beyond what the vendor waits, in milliseconds.
const ANSWER_MS: u64 = 1_000;

const fn kind(ask: &Ask) -> &'static str {
    match ask {
        Ask::Sale | Ask::Post { .. } => "sale",
        Ask::Ping => "ping",
        Ask::Read { .. } => "read",
        Ask::Reuse => "reuse",
        Ask::Pry { .. } => "pry",
    }
}

/// How an answer ended, for people.
fn gist(body: &str) -> String {
    let answer: Json = serde_json::from_str(body).unwrap_or(Json::Null);
    let text = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
    format!("{} {} {}", text("disposition"), text("reason"), text("payout"))
}

impl Checker {
    /// A vendor asks.
    pub fn asks(&mut self, plan: &LeadPlan, ask: &Ask) -> Began {
        let had_answer = self.told.contains_key(&(plan.number, kind(ask)));
        let lead = self.lead_of_plan.get(&plan.number).and_then(|lead| self.leads.get(lead));
        Began { had_answer, had_taken: lead.is_some_and(|file| file.is_taken), at: Instant::now() }
    }

    /// A vendor is told something.
    pub fn heard(&mut self, plan: &LeadPlan, ask: &Ask, heard: &Heard, began: Began) {
        let who = format!("vendor's lead {}, {}", plan.number, kind(ask));
        let waited_ms = u64::try_from(began.at.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.hold(!self.is_prompt || waited_ms <= plan.wait_ms + ANSWER_MS, || {
            format!("{who}: waited {waited_ms} ms, asked for {}", plan.wait_ms)
        });
        let refused = match ask {
            Ask::Reuse => Some(Heard::KeyMismatch),
            Ask::Pry { .. } => Some(Heard::Nothing),
            _ => None,
        };
        if let Some(refused) = refused.filter(|_| !matches!(heard, Heard::Trouble(_))) {
            self.said.push(("vend".to_owned(), format!("{who}: {heard:?}")));
            return self.hold(*heard == refused, || format!("{who}: told {heard:?}"));
        }
        match heard {
            Heard::Answer { lead_id, body, is_replay } => {
                let replay = if *is_replay { " again" } else { "" };
                self.said.push(("vend".to_owned(), format!("{who}: told{replay} {}", gist(body))));
                self.is_one_lead(plan, *lead_id);
                self.heard_answer(&who, ask, (*lead_id, body));
                let key = (plan.number, kind(ask));
                let before = self.told.get(&key).map(|told| told.body.clone());
                let is_same = before.as_ref().is_none_or(|before| before == body);
                self.hold(is_same || *kind(ask) == *"read", || {
                    format!("{who}: told {body}, before {before:?}")
                });
                self.told.insert(key, Telling { lead_id: *lead_id, body: body.clone() });
            }
            Heard::Pending { lead_id } => {
                self.said.push(("vend".to_owned(), format!("{who}: pending")));
                self.is_one_lead(plan, *lead_id);
                let is_known = self.leads.contains_key(lead_id);
                self.hold(is_known, || format!("{who}: pending, and not durable"));
                self.hold(!began.had_answer, || format!("{who}: pending after its answer"));
            }
            Heard::Nothing => self.found.push(format!("{who}: its lead is said not to be")),
            Heard::KeyMismatch => self.found.push(format!("{who}: its key is said to mismatch")),
            Heard::Refused(refusal) => {
                self.said.push(("vend".to_owned(), format!("{who}: refused, {refusal:?}")));
                self.hold(!began.had_taken, || {
                    format!("{who}: {refusal:?} after it took the offer")
                });
            }
            Heard::Trouble(why) => {
                self.said.push(("vend".to_owned(), format!("{who}: {why}")));
                self.hold(!why.contains("internal fault"), || format!("{who}: {why}"));
            }
        }
    }

    fn is_one_lead(&mut self, plan: &LeadPlan, lead_id: LeadId) {
        let first = *self.lead_of_plan.entry(plan.number).or_insert(lead_id);
        let number = plan.number;
        self.hold(first == lead_id, || {
            format!("vendor's lead {number} became two: {first}, {lead_id}")
        });
    }

    /// An answer is what the store holds, and holds durably.
    fn heard_answer(&mut self, who: &str, ask: &Ask, (lead_id, body): (LeadId, &str)) {
        let Some(file) = self.leads.get(&lead_id) else {
            return self.found.push(format!("{who}: answered, and not durable"));
        };
        let closing = file.view.closing.as_ref();
        let closing = closing.map(|end| String::from_utf8_lossy(&end.answer.body).into_owned());
        let offered = OfferNotes::from_bytes(&file.view.offers).map(|notes| notes.answer);
        let is_true = match ask {
            Ask::Sale | Ask::Post { .. } => closing.as_deref() == Some(body),
            Ask::Ping => offered.as_ref().or(closing.as_ref()).is_some_and(|known| known == body),
            Ask::Reuse | Ask::Pry { .. } => false,
            Ask::Read { .. } => {
                [&offered, &closing].into_iter().flatten().any(|known| known == body)
            }
        };
        self.hold(is_true, || {
            format!("{who}: told {body}, and the store has {closing:?}, offered {offered:?}")
        });
    }

    /// Keeps what no ping may say.
    pub fn keep_secret(&mut self, values: impl IntoIterator<Item = String>) {
        self.secrets.extend(values);
    }
}
