//! Who asks for something to be done to an object.

use crate::domain::slug::{BuyerId, CampaignId, ProfileId};

/// An object, and who asks for something to be done to it.
#[derive(Debug)]
pub struct Order<'a, I> {
    /// The object.
    pub id: &'a I,
    /// The buyer who asks; `None` = an operator.
    pub buyer: Option<&'a BuyerId>,
    /// Who it is for the audit: a key id.
    pub actor: &'a str,
}

impl<I> Clone for Order<'_, I> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<I> Copy for Order<'_, I> {}

/// A campaign, and who asks for something to be done to it.
pub type CampaignOrder<'a> = Order<'a, CampaignId>;
/// A profile, and who asks for something to be done to it.
pub type ProfileOrder<'a> = Order<'a, ProfileId>;
