//! The endpoints of events in a snapshot: with their secrets, by id and by owner.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::compile::Surroundings;
use super::objects::Stored;
use crate::domain::address::UrlRefused;
use crate::domain::event::{Endpoint, EndpointState, EventType};
use crate::domain::ids::EndpointId;
use crate::domain::key::Role;
use crate::domain::party::Party;
use crate::signing::SigningKeys;

/// One endpoint, ready to be told of events.
pub struct CompiledEndpoint {
    /// Its id.
    pub id: EndpointId,
    /// The endpoint as it was described.
    pub endpoint: Endpoint,
    /// What its events are signed with.
    pub secrets: SigningKeys,
}

/// All endpoints in use.
#[derive(Default)]
pub struct EndpointTable {
    by_id: BTreeMap<EndpointId, Arc<CompiledEndpoint>>,
    by_owner: BTreeMap<Party, Vec<Arc<CompiledEndpoint>>>,
}

/// What is wrong with an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EndpointFault {
    /// The URL may not be used.
    #[error(transparent)]
    Url(#[from] UrlRefused),
    /// There are no types.
    #[error("an endpoint hears of at least one type of event")]
    NoTypes,
    /// A type that its owner may not hear of.
    #[error("{} is not for a {}", .0.as_str(), .1.as_str())]
    NotForOwner(EventType, Role),
}

/// Checks a new or changed endpoint.
///
/// # Errors
/// The first [`EndpointFault`].
pub fn check(endpoint: &Endpoint, surroundings: &Surroundings) -> Result<(), EndpointFault> {
    surroundings.addresses.check_url(&endpoint.url)?;
    if endpoint.types.is_empty() {
        return Err(EndpointFault::NoTypes);
    }
    let role = role_of(&endpoint.owner);
    match endpoint.types.iter().find(|event_type| !event_type.is_for(role)) {
        Some(other) => Err(EndpointFault::NotForOwner(*other, role)),
        None => Ok(()),
    }
}

/// What a party is to the exchange.
#[must_use]
pub const fn role_of(party: &Party) -> Role {
    match party {
        Party::Vendor(_) => Role::Vendor,
        Party::Buyer(_) => Role::Buyer,
    }
}

impl EndpointTable {
    /// The endpoints in use, each with its secrets. One without secrets could sign nothing and is
    /// left out, and so is one whose owner is not in use (`is_in_use`): it comes back with its owner.
    pub(super) fn new(
        endpoints: &BTreeMap<EndpointId, Stored<Endpoint>>,
        mut secrets: BTreeMap<EndpointId, SigningKeys>,
        is_in_use: impl Fn(&Party) -> bool,
    ) -> Self {
        let mut table = Self::default();
        for (id, stored) in endpoints {
            let endpoint = stored.as_live().filter(|endpoint| is_in_use(&endpoint.owner));
            let (Some(endpoint), Some(secrets)) = (endpoint, secrets.remove(id)) else { continue };
            let endpoint = endpoint.clone();
            let owner = endpoint.owner.clone();
            let compiled = Arc::new(CompiledEndpoint { id: *id, endpoint, secrets });
            table.by_owner.entry(owner).or_default().push(Arc::clone(&compiled));
            table.by_id.insert(*id, compiled);
        }
        table
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// One of them.
    #[must_use]
    pub fn get(&self, id: EndpointId) -> Option<&Arc<CompiledEndpoint>> {
        self.by_id.get(&id)
    }

    /// All of them, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<CompiledEndpoint>> {
        self.by_id.values()
    }

    /// Those of one owner, by id.
    #[must_use]
    pub fn of(&self, owner: &Party) -> &[Arc<CompiledEndpoint>] {
        self.by_owner.get(owner).map_or(&[], Vec::as_slice)
    }

    /// Those that hear of something now, by id.
    pub fn active(&self) -> impl Iterator<Item = &Arc<CompiledEndpoint>> {
        self.iter().filter(|known| known.endpoint.state == EndpointState::Active)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signing::SigningSecret;

    #[test]
    fn the_endpoints_of_an_owner_that_is_not_in_use_are_not_there() {
        let owners = [
            Party::Vendor("acme".parse().unwrap()),
            Party::Buyer("acme".parse().unwrap()),
            Party::Vendor("other".parse().unwrap()),
        ];
        let endpoint = |owner: &Party| Endpoint {
            owner: owner.clone(),
            url: "https://hooks.acme.example/a".to_owned(),
            types: [EventType::EndpointDisabled].into(),
            state: EndpointState::Active,
            disabled_reason: None,
            was_proved: true,
            created_at: jiff::Timestamp::UNIX_EPOCH,
        };
        let ids = [1, 2, 3].map(EndpointId::new);
        let stored = |owner: &Party| Stored { value: endpoint(owner), is_archived: false };
        let endpoints: BTreeMap<_, _> = ids.into_iter().zip(owners.iter().map(stored)).collect();
        let keys = || SigningKeys::of(&SigningSecret::mint([1; 32]));
        let secrets = ids.into_iter().map(|id| (id, keys())).collect();
        let table = EndpointTable::new(&endpoints, secrets, |owner| *owner != owners[0]);
        let known: Vec<EndpointId> = table.active().map(|known| known.id).collect();
        assert_eq!(known, ids[1..]);
        assert!(table.of(&owners[0]).is_empty() && table.get(ids[0]).is_none());
        assert_eq!(table.of(&owners[1]).len(), 1, "a buyer of the same name is somebody else");
    }
}
