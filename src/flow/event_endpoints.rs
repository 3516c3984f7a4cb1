//! Endpoints of events as their owners see them: registered, proved by a challenge, changed,
//! disabled, and asked for what became of their events.
//!
//! Nothing is sent to an endpoint before it has answered a challenge at the very URL it has, and
//! whoever wants a disabled one back proves it again.

use std::collections::BTreeSet;

use zeroize::Zeroizing;

use super::administer::AdminError;
use super::challenge::{ChallengeFailure, ChallengeOrder};
use super::exchange::{Exchange, FlowError};
use crate::domain::event::{DisabledReason, Endpoint, EndpointState, EventType};
use crate::domain::ids::{EndpointId, EventId};
use crate::domain::party::Party;
use crate::ports::buyer_wire::Callee;
use crate::ports::records::RecordsError;
use crate::ports::records::events::{AttemptKey, AttemptRow};

/// Who asks: a party for its own endpoints, or an operator (`None`) for anybody's.
pub type Asker = Option<Party>;

/// What an endpoint is to become; what is absent stays.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EndpointChange {
    /// Another URL, to be proved.
    pub url: Option<String>,
    /// Other types.
    pub types: Option<BTreeSet<EventType>>,
    /// Whether it is to hear of events: `true` proves it again.
    pub is_enabled: Option<bool>,
}

/// An endpoint after something was done to it.
pub struct EndpointReply {
    /// Its id.
    pub endpoint_id: EndpointId,
    /// As it stands now.
    pub endpoint: Endpoint,
    /// Why it did not pass its challenge, if it was challenged.
    pub failure: Option<ChallengeFailure>,
    /// Its new secret, if it got one; shown this once.
    pub secret: Option<Zeroizing<String>>,
}

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// There is no such endpoint or event, or it is somebody else's.
    #[error("there is no such endpoint or event")]
    Unknown,
    /// An operator has disabled it.
    #[error("the endpoint was disabled by an operator")]
    DisabledByOperator,
    /// It hears of nothing now.
    #[error("the endpoint is not active")]
    NotActive,
    /// The registry refuses.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// The records give no answer.
    #[error(transparent)]
    Records(#[from] RecordsError),
}

impl From<EndpointError> for FlowError {
    fn from(error: EndpointError) -> Self {
        match error {
            EndpointError::Records(error) | EndpointError::Admin(AdminError::Records(error)) => {
                Self::Records(error)
            }
            other => Self::Bug(other.to_string()),
        }
    }
}

impl Exchange {
    /// Registers an endpoint and challenges it.
    ///
    /// # Errors
    /// [`EndpointError::Admin`].
    pub async fn register_endpoint(
        &self,
        owner: Party,
        url: String,
        types: BTreeSet<EventType>,
        actor: &str,
    ) -> Result<EndpointReply, EndpointError> {
        let endpoint = Endpoint {
            owner,
            url,
            types,
            state: EndpointState::PendingVerification,
            disabled_reason: None,
            was_proved: false,
            created_at: self.now(),
        };
        let asker = Some(endpoint.owner.clone());
        let _turn = self.challenge_turn(asker.clone())?;
        let made = self.administration().create_endpoint(&endpoint, actor).await?;
        // It is registered, and its secret is shown this once: no failure may hide it.
        let reply = self.prove_changed(&asker, made.endpoint_id, endpoint, actor).await;
        Ok(EndpointReply { secret: Some(made.secret), ..reply })
    }

    /// Changes an endpoint; challenges it if it moved or is to be enabled.
    ///
    /// # Errors
    /// [`EndpointError`].
    pub async fn change_endpoint(
        &self,
        asker: &Asker,
        id: EndpointId,
        change: EndpointChange,
        actor: &str,
    ) -> Result<EndpointReply, EndpointError> {
        let before = self.own_endpoint(asker, id)?;
        let is_operator = asker.is_none();
        let by_operator = before.disabled_reason == Some(DisabledReason::Operator);
        if by_operator && !is_operator && change.is_enabled == Some(true) {
            return Err(EndpointError::DisabledByOperator);
        }
        let edit = |endpoint: &mut Endpoint| edit(endpoint, &change, is_operator);
        let mut expected = before;
        edit(&mut expected);
        let is_challenged = expected.state == EndpointState::PendingVerification;
        let _turn = self.challenge_turn(asker.clone().filter(|_| is_challenged))?;
        let after = self.administration().change_endpoint(id, actor, edit).await?;
        // One that somebody else has set to pending meanwhile is challenged by them.
        if is_challenged && after.state == EndpointState::PendingVerification {
            return Ok(self.prove_changed(asker, id, after, actor).await);
        }
        Ok(EndpointReply { endpoint_id: id, endpoint: after, failure: None, secret: None })
    }

    /// Challenges an endpoint again.
    ///
    /// # Errors
    /// [`EndpointError`].
    pub async fn verify_endpoint(
        &self,
        asker: &Asker,
        id: EndpointId,
        actor: &str,
    ) -> Result<EndpointReply, EndpointError> {
        let endpoint = self.own_endpoint(asker, id)?;
        if endpoint.disabled_reason == Some(DisabledReason::Operator) && asker.is_some() {
            return Err(EndpointError::DisabledByOperator);
        }
        let _turn = self.challenge_turn(asker.clone())?;
        self.prove_endpoint(asker, id, endpoint, actor).await
    }

    /// Gives an endpoint a new secret; the present one signs beside it for `overlap_s` seconds.
    ///
    /// # Errors
    /// [`EndpointError`].
    pub async fn rotate_endpoint(
        &self,
        asker: &Asker,
        id: EndpointId,
        overlap_s: u32,
        actor: &str,
    ) -> Result<Zeroizing<String>, EndpointError> {
        self.own_endpoint(asker, id)?;
        let rotated = self.administration().rotate_endpoint_secret(id, overlap_s, actor).await?;
        Ok(rotated.secret)
    }

    /// Takes an endpoint away; what waits for it is not sent any more.
    ///
    /// # Errors
    /// [`EndpointError`].
    pub async fn delete_endpoint(
        &self,
        asker: &Asker,
        id: EndpointId,
        actor: &str,
    ) -> Result<(), EndpointError> {
        Ok(self.administration().archive_endpoint(id, asker.as_ref(), actor).await?)
    }

    /// The attempts to tell an endpoint, newest first.
    ///
    /// # Errors
    /// [`EndpointError`].
    pub async fn endpoint_attempts(
        &self,
        asker: &Asker,
        id: EndpointId,
        limit: usize,
        after: Option<AttemptKey>,
    ) -> Result<Vec<AttemptRow>, EndpointError> {
        self.own_endpoint(asker, id)?;
        Ok(self.records.event_attempts(id, limit, after).await?)
    }

    /// Sends an event again, under its own id, from the head of the retry list.
    ///
    /// # Errors
    /// [`EndpointError`].
    pub async fn resend_event(&self, asker: &Asker, id: EventId) -> Result<(), EndpointError> {
        let event = self.records.event(id).await?.ok_or(EndpointError::Unknown)?;
        let endpoint = self.own_endpoint(asker, event.endpoint_id)?;
        if endpoint.state != EndpointState::Active {
            return Err(EndpointError::NotActive);
        }
        self.records.resend_event(id, self.now()).await?;
        self.events.wake([event.endpoint_id]);
        Ok(())
    }

    fn own_endpoint(&self, asker: &Asker, id: EndpointId) -> Result<Endpoint, EndpointError> {
        let snapshot = self.snapshot();
        let known = snapshot.endpoints.get(id).map(|known| known.endpoint.clone());
        let is_own =
            |endpoint: &Endpoint| asker.as_ref().is_none_or(|party| endpoint.owner == *party);
        known.filter(is_own).ok_or(EndpointError::Unknown)
    }

    /// Challenges an endpoint that was just written. It is so whatever happens now, and whoever asked
    /// is told; a failure of ours is a challenge that was not passed.
    async fn prove_changed(
        &self,
        asker: &Asker,
        id: EndpointId,
        endpoint: Endpoint,
        actor: &str,
    ) -> EndpointReply {
        match self.prove_endpoint(asker, id, endpoint.clone(), actor).await {
            Ok(reply) => reply,
            Err(error) => {
                tracing::error!(endpoint_id = %id, %error, "challenge.unfinished");
                let failure = Some(ChallengeFailure::Unfinished);
                EndpointReply { endpoint_id: id, endpoint, failure, secret: None }
            }
        }
    }

    /// Challenges an endpoint at its URL; it is active if it passes and has not moved meanwhile.
    async fn prove_endpoint(
        &self,
        asker: &Asker,
        id: EndpointId,
        endpoint: Endpoint,
        actor: &str,
    ) -> Result<EndpointReply, EndpointError> {
        let snapshot = self.snapshot();
        // Whoever changed it has refreshed the picture; it can only have been taken away.
        let known = snapshot.endpoints.get(id).ok_or(EndpointError::Unknown)?;
        let callee = Callee::Endpoint { id };
        let (url, keys) = (&*endpoint.url, &known.secrets);
        let order = ChallengeOrder { callee: &callee, field: "url", url, keys };
        let failure = self.challenge(order).await.err();
        if failure.is_some() {
            return Ok(EndpointReply { endpoint_id: id, endpoint, failure, secret: None });
        }
        // Before it is active, so that old failures do not disable it again.
        self.clear_endpoint_health(id).await?;
        let proved = endpoint.url.as_str();
        let enable = |endpoint: &mut Endpoint| {
            let is_new = endpoint.state != EndpointState::Active;
            // An operator may have disabled it while it was challenged.
            let is_kept_off =
                asker.is_some() && endpoint.disabled_reason == Some(DisabledReason::Operator);
            if !is_new || is_kept_off || endpoint.url != proved {
                return None;
            }
            endpoint.state = EndpointState::Active;
            endpoint.disabled_reason = None;
            endpoint.was_proved = true;
            Some("verified")
        };
        let endpoint = self.administration().change_endpoint(id, actor, enable).await?;
        self.events.wake([id]);
        Ok(EndpointReply { endpoint_id: id, endpoint, failure: None, secret: None })
    }
}

/// Carries a change out; says what it was.
fn edit(
    endpoint: &mut Endpoint,
    change: &EndpointChange,
    is_operator: bool,
) -> Option<&'static str> {
    let before = endpoint.clone();
    if let Some(types) = &change.types {
        endpoint.types.clone_from(types);
    }
    if let Some(url) = change.url.as_ref().filter(|url| **url != endpoint.url) {
        endpoint.url.clone_from(url);
        if endpoint.state == EndpointState::Active {
            endpoint.state = EndpointState::PendingVerification;
        }
    }
    let is_kept_off = !is_operator && endpoint.disabled_reason == Some(DisabledReason::Operator);
    match change.is_enabled {
        Some(false) if endpoint.disabled_reason != Some(DisabledReason::Operator) => {
            let who = if is_operator { DisabledReason::Operator } else { DisabledReason::Owner };
            endpoint.state = EndpointState::Disabled;
            endpoint.disabled_reason = Some(who);
        }
        Some(true) if endpoint.state == EndpointState::Disabled && !is_kept_off => {
            endpoint.state = EndpointState::PendingVerification;
            endpoint.disabled_reason = None;
        }
        _ => {}
    }
    (*endpoint != before).then_some("changed")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(state: EndpointState, disabled_reason: Option<DisabledReason>) -> Endpoint {
        Endpoint {
            owner: Party::Vendor("acme".parse().unwrap()),
            url: "https://hooks.acme.example/a".to_owned(),
            types: [EventType::LeadSold].into(),
            state,
            disabled_reason,
            was_proved: state == EndpointState::Active,
            created_at: jiff::Timestamp::UNIX_EPOCH,
        }
    }

    /// The state and reason after a change.
    fn after(
        before: (EndpointState, Option<DisabledReason>),
        change: &EndpointChange,
        is_operator: bool,
    ) -> (EndpointState, Option<DisabledReason>) {
        let mut changed = endpoint(before.0, before.1);
        edit(&mut changed, change, is_operator);
        (changed.state, changed.disabled_reason)
    }

    #[test]
    fn who_disables_an_endpoint_is_remembered_and_enabling_it_proves_it_anew() {
        use DisabledReason::{Gone, Operator, Owner};
        use EndpointState::{Active, Disabled, PendingVerification};
        let enable = |is_enabled| EndpointChange {
            is_enabled: Some(is_enabled),
            ..EndpointChange::default()
        };
        for (before, is_enabled, is_operator, expect) in [
            ((Active, None), false, false, (Disabled, Some(Owner))),
            ((Active, None), false, true, (Disabled, Some(Operator))),
            ((Disabled, Some(Owner)), false, true, (Disabled, Some(Operator))),
            ((Disabled, Some(Operator)), false, false, (Disabled, Some(Operator))),
            ((Disabled, Some(Operator)), true, false, (Disabled, Some(Operator))),
            ((Disabled, Some(Operator)), true, true, (PendingVerification, None)),
            ((Disabled, Some(Gone)), true, false, (PendingVerification, None)),
            ((Active, None), true, false, (Active, None)),
        ] {
            let found = after(before, &enable(is_enabled), is_operator);
            assert_eq!(found, expect, "{before:?} {is_enabled} {is_operator}");
        }
    }

    #[test]
    fn an_endpoint_that_moves_is_proved_anew_and_one_that_does_not_is_not() {
        let moved =
            |url: &str| EndpointChange { url: Some(url.to_owned()), ..EndpointChange::default() };
        let active = (EndpointState::Active, None);
        let same = after(active, &moved("https://hooks.acme.example/a"), false);
        assert_eq!(same, active);
        let other = after(active, &moved("https://hooks.acme.example/b"), false);
        assert_eq!(other, (EndpointState::PendingVerification, None));
        let types = EndpointChange {
            types: Some([EventType::LeadUnsold].into()),
            ..EndpointChange::default()
        };
        assert_eq!(after(active, &types, false), active);
    }
}
