//! Tokens of logins: kept until they end, got anew when one is refused, by one call at a time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::{
    Call, Captured, LOGIN, LOGIN_TOKEN, NotMade, ProfileCalls, Speaker, http_reply, length_of,
};
use crate::domain::slug::CampaignId;
use crate::integration::reply::{Life, TokenFailure};
use crate::integration::{Phase, SecretText};

/// How long a token holds whose life the buyer does not say.
const LIFE_DEFAULT: Duration = Duration::from_secs(600);
/// How long before its end a token is not used any more.
const LIFE_MARGIN: Duration = Duration::from_secs(5);
/// How long nobody tries again after a login failed.
const PAUSE: Duration = Duration::from_secs(2);
/// How long one login may take.
const LOGIN_TIME_MAX: Duration = Duration::from_secs(10);

/// The tokens of all campaigns.
#[derive(Default)]
pub(crate) struct Tokens {
    entries: Mutex<BTreeMap<CampaignId, Arc<Entry>>>,
}

/// The token of one campaign.
#[derive(Default)]
struct Entry {
    kept: Mutex<Option<Kept>>,
    /// Held by who logs in.
    turn: tokio::sync::Mutex<()>,
    failed_at: Mutex<Option<Instant>>,
}

struct Kept {
    /// The token and what else the login brought.
    brought: Captured,
    /// With which it was got: others mean another account.
    secrets: BTreeMap<String, SecretText>,
    ends_at: Instant,
}

impl Entry {
    fn valid(&self, speaker: Speaker<'_>) -> Option<Captured> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = kept.as_ref()?;
        let holds = Instant::now() + LIFE_MARGIN < kept.ends_at;
        (holds && kept.secrets == speaker.profile.secrets).then(|| kept.brought.clone())
    }

    fn has_just_failed(&self) -> bool {
        let failed_at = *self.failed_at.lock().unwrap_or_else(PoisonError::into_inner);
        failed_at.is_some_and(|failed_at| Instant::now() < failed_at + PAUSE)
    }

    fn fail(&self) {
        let now = Some(Instant::now());
        *self.failed_at.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }
}

impl Tokens {
    fn entry(&self, id: &CampaignId) -> Arc<Entry> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        match entries.get(id) {
            Some(entry) => Arc::clone(entry),
            None => Arc::clone(entries.entry(id.clone()).or_default()),
        }
    }
}

impl ProfileCalls {
    /// The token that is at hand, under its name; nothing if there is none, or none is needed.
    pub(super) fn token_at_hand(&self, speaker: Speaker<'_>) -> Option<Captured> {
        self.tokens.entry(&speaker.campaign.id).valid(speaker)
    }

    /// A token for the next call: the one at hand, or a new one. `refused` was not taken by the buyer.
    pub(super) async fn token(
        &self,
        speaker: Speaker<'_>,
        refused: Option<&str>,
        deadline: Instant,
    ) -> Result<Captured, NotMade> {
        let entry = self.tokens.entry(&speaker.campaign.id);
        let _turn = entry.turn.lock().await;
        // Whoever had its turn before may have got one.
        let is_other = |brought: &Captured| brought.get(LOGIN_TOKEN).map(String::as_str) != refused;
        if let Some(brought) = entry.valid(speaker).filter(is_other) {
            return Ok(brought);
        }
        if entry.has_just_failed() {
            return Err("login");
        }
        let (brought, life) = self.log_in(speaker, deadline).await.inspect_err(|_| entry.fail())?;
        let life = life.map(|life| length_of(life, self.clock.now()));
        let kept = Kept {
            brought: brought.clone(),
            secrets: speaker.profile.secrets.clone(),
            ends_at: Instant::now() + life.unwrap_or(LIFE_DEFAULT),
        };
        *entry.kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(kept);
        Ok(brought)
    }

    /// What a login brings, and how long it holds if the buyer says so.
    async fn log_in(
        &self,
        speaker: Speaker<'_>,
        deadline: Instant,
    ) -> Result<(Captured, Option<Life>), NotMade> {
        let (captured, request_id) = (Captured::new(), self.request_id());
        let deadline = deadline.min(Instant::now() + LOGIN_TIME_MAX);
        let (phase, request_id) = (Phase::Login, &*request_id);
        let call = Call { phase, request_id, captured: &captured, deadline };
        let profile = &speaker.profile.profile;
        let request = self.request(speaker, call, |frame| profile.render_login(&frame))?;
        let came = self.wire.call(request).await;
        let reader = profile.reply(Phase::Login);
        let token = match (&came.result, reader) {
            (Ok(reply), Some(reader)) => reader.read_token(&http_reply(reply)).map(|token| {
                let mut brought = token.told.captured(LOGIN);
                brought.insert(LOGIN_TOKEN.to_owned(), (*token.text).clone());
                (brought, token.life)
            }),
            _ => Err(TokenFailure::Unclear),
        };
        token.map_err(|failure| {
            let reason = match failure {
                TokenFailure::Refused => "refused",
                TokenFailure::Unclear => "unclear",
            };
            tracing::warn!(campaign = %speaker.campaign.id, reason, "login.failed");
            "login"
        })
    }
}
