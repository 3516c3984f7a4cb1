//! Who asks for what to be done to which object of a buyer.

use super::auth::Principal;
use super::error::{ApiError, Code};
use super::objects::{buyer_of, refused, slug};
use crate::domain::key::KeyId;
use crate::domain::object::ObjectKind;
use crate::domain::slug::{BuyerId, Slug};
use crate::flow::administer::{AdminError, Order};

/// An object that a path names, and who asks for something to be done to it.
pub(super) struct Asked<K> {
    kind: ObjectKind,
    /// The object.
    pub(super) id: Slug<K>,
    buyer: Option<BuyerId>,
    key_id: KeyId,
}

impl<K> Asked<K> {
    pub(super) fn of(
        kind: ObjectKind,
        principal: &Principal,
        path: &str,
    ) -> Result<Self, ApiError> {
        let (buyer, key_id) = (buyer_of(principal)?, principal.key_id);
        Ok(Self { kind, id: slug(path)?, buyer, key_id })
    }

    pub(super) fn order(&self) -> Order<'_, Slug<K>> {
        Order { id: &self.id, buyer: self.buyer.as_ref(), actor: self.key_id.as_str() }
    }

    /// The answer to a change that was refused.
    pub(super) fn refused(&self, error: AdminError) -> ApiError {
        refused(error, (self.kind, self.id.as_str()), Code::InvalidRegistry)
    }
}
