//! Tokens of logins: kept until they end, got anew when one is refused.
//!
//! A login runs as a task of its own, one at a time per account. Whoever needs its token waits for it
//! under a deadline of its own; a login that takes longer than that is no failure, and what it brings
//! is there for the next call.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::{
    Call, Captured, LOGIN, LOGIN_TOKEN, NotMade, ProfileCalls, Speaker, http_reply, length_of,
};
use crate::domain::slug::CampaignId;
use crate::integration::reply::{Life, TokenFailure};
use crate::integration::{Phase, Profile, SecretText};
use crate::ports::buyer_wire::{WireOutcome, WireRequest};

/// How long a token holds whose life the buyer does not say.
const LIFE_DEFAULT: Duration = Duration::from_secs(600);
/// How long before its end a token is not used any more.
const LIFE_MARGIN: Duration = Duration::from_secs(5);
/// How long nobody tries again after a login failed.
const PAUSE: Duration = Duration::from_secs(2);
/// How long one login may take, however long its askers wait for it.
const LOGIN_TIME_MAX: Duration = Duration::from_secs(10);
/// A login that failed.
const FAILED: NotMade = "login";
/// A login that was not over when the call had to be made.
const TOO_SLOW: NotMade = "login_timeout";

/// The token and what else a login brought, or why it brought nothing.
type Brought = Result<Captured, NotMade>;

/// The tokens of all campaigns.
#[derive(Default)]
pub(crate) struct Tokens {
    entries: Mutex<BTreeMap<CampaignId, Arc<Entry>>>,
}

/// The token of one account.
struct Entry {
    /// By what it logs in: another profile may ask elsewhere, and bring other things.
    profile: Arc<Profile>,
    /// Where, as far as that is the campaign's to say: a token is for nobody else.
    url: Option<String>,
    /// With which it logs in: others mean another account.
    secrets: BTreeMap<String, SecretText>,
    settings: BTreeMap<String, String>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    kept: Option<Kept>,
    /// The login that runs, and what it will bring.
    login: Option<watch::Receiver<Option<Brought>>>,
    failed_at: Option<Instant>,
}

struct Kept {
    brought: Captured,
    ends_at: Instant,
}

/// What somebody who needs a token gets at once.
enum Asked {
    /// The token at hand.
    AtHand(Captured),
    /// A login, which somebody else may have begun.
    Login(watch::Receiver<Option<Brought>>),
}

impl Entry {
    fn of(speaker: Speaker<'_>) -> Self {
        let known = speaker.profile;
        Self {
            profile: Arc::clone(&known.profile),
            url: speaker.url(Phase::Login).map(str::to_owned),
            secrets: known.secrets.clone(),
            settings: known.settings.clone(),
            state: Mutex::default(),
        }
    }

    fn is_of(&self, speaker: Speaker<'_>) -> bool {
        let known = speaker.profile;
        Arc::ptr_eq(&self.profile, &known.profile)
            && self.url.as_deref() == speaker.url(Phase::Login)
            && self.secrets == known.secrets
            && self.settings == known.settings
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of how the login went that ran.
    fn settle(&self, brought: Brought, life: Option<Duration>) -> Brought {
        let mut state = self.state();
        let now = Instant::now();
        match &brought {
            Ok(brought) => {
                let ends_at = now + life.unwrap_or(LIFE_DEFAULT);
                state.kept = Some(Kept { brought: brought.clone(), ends_at });
                state.failed_at = None;
            }
            Err(_) => state.failed_at = Some(now),
        }
        state.login = None;
        brought
    }
}

impl State {
    /// The token that is there, unless it is the one that was refused, which is forgotten.
    fn at_hand(&mut self, refused: Option<&str>) -> Option<Captured> {
        let token = |kept: &Kept| kept.brought.get(LOGIN_TOKEN).cloned();
        let is_good = |kept: &Kept| {
            let is_refused = refused.is_some() && token(kept).as_deref() == refused;
            !is_refused && Instant::now() + LIFE_MARGIN < kept.ends_at
        };
        self.kept = self.kept.take().filter(is_good);
        self.kept.as_ref().map(|kept| kept.brought.clone())
    }

    /// The login that runs; one whose task was cut off does not.
    fn running(&self) -> Option<watch::Receiver<Option<Brought>>> {
        self.login.clone().filter(|login| login.has_changed().is_ok())
    }

    fn has_just_failed(&self) -> bool {
        self.failed_at.is_some_and(|failed_at| Instant::now() < failed_at + PAUSE)
    }
}

impl Tokens {
    fn entry(&self, speaker: Speaker<'_>) -> Arc<Entry> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let id = &speaker.campaign.id;
        match entries.get(id).filter(|entry| entry.is_of(speaker)) {
            Some(entry) => Arc::clone(entry),
            None => {
                let entry = Arc::new(Entry::of(speaker));
                entries.insert(id.clone(), Arc::clone(&entry));
                entry
            }
        }
    }
}

impl ProfileCalls {
    /// A token for the next call: the one at hand, or what a login brings by the deadline. `refused`
    /// was not taken by the buyer.
    pub(super) async fn token(
        self: &Arc<Self>,
        speaker: Speaker<'_>,
        refused: Option<&str>,
        deadline: Instant,
    ) -> Brought {
        let mut login = match self.ask(speaker, refused)? {
            Asked::AtHand(brought) => return Ok(brought),
            Asked::Login(login) => login,
        };
        match timeout_at(deadline, login.wait_for(Option::is_some)).await {
            Ok(Ok(brought)) => brought.clone().unwrap_or(Err(FAILED)),
            Ok(Err(_)) => Err(FAILED),
            Err(_) => Err(TOO_SLOW),
        }
    }

    /// The token at hand, or the login that brings one: the one that runs, or else one that begins.
    fn ask(
        self: &Arc<Self>,
        speaker: Speaker<'_>,
        refused: Option<&str>,
    ) -> Result<Asked, NotMade> {
        let entry = self.tokens.entry(speaker);
        let mut state = entry.state();
        if let Some(brought) = state.at_hand(refused) {
            return Ok(Asked::AtHand(brought));
        }
        if let Some(login) = state.running() {
            return Ok(Asked::Login(login));
        }
        if state.has_just_failed() {
            return Err(FAILED);
        }
        let request = self.login_request(speaker)?;
        let (told, login) = watch::channel(None);
        state.login = Some(login.clone());
        drop(state);
        let (calls, profile) = (Arc::clone(self), Arc::clone(&speaker.profile.profile));
        let campaign = speaker.campaign.id.clone();
        self.tasks.spawn(&self.tracker, async move {
            let came = calls.wire.call(request).await;
            let (brought, life) = match token_in(&profile, &came) {
                Ok((brought, life)) => (Ok(brought), life),
                Err(reason) => {
                    tracing::warn!(%campaign, reason, "login.failed");
                    (Err(FAILED), None)
                }
            };
            let life = life.map(|life| length_of(life, calls.clock.now()));
            told.send_replace(Some(entry.settle(brought, life)));
        });
        Ok(Asked::Login(login))
    }

    fn login_request(&self, speaker: Speaker<'_>) -> Result<WireRequest, NotMade> {
        let (captured, request_id) = (Captured::new(), self.request_id());
        let deadline = Instant::now() + LOGIN_TIME_MAX;
        let (phase, request_id) = (Phase::Login, &*request_id);
        let call = Call { phase, request_id, captured: &captured, deadline };
        self.request(speaker, call, |frame| speaker.profile.profile.render_login(&frame))
    }
}

/// What a login brought, and how long it holds if the buyer says so; or why it brought nothing.
fn token_in(
    profile: &Profile,
    came: &WireOutcome,
) -> Result<(Captured, Option<Life>), &'static str> {
    let reply = came.result.as_ref().map_err(|error| error.failure.as_str())?;
    let reader = profile.reply(Phase::Login).ok_or("profile")?;
    let token = reader.read_token(&http_reply(reply)).map_err(|failure| match failure {
        TokenFailure::Refused => "refused",
        TokenFailure::Unclear => "unclear",
    })?;
    let mut brought = token.told.captured(LOGIN);
    brought.insert(LOGIN_TOKEN.to_owned(), (*token.text).clone());
    Ok((brought, token.life))
}
