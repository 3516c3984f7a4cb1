//! A whole lead as bytes, made and read inside the vault so that no one else takes its data out
//! of `Pii`.
//!
//! The bytes are JSON: a later program with more fields still reads leads that wait in the store.

use std::borrow::Cow;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{Sealed, Vault, VaultError};
use crate::domain::ids::LeadId;
use crate::domain::lead::{Consent, Fields, Lead, Source, Value};
use crate::domain::money::Money;
use crate::domain::pii::Pii;
use crate::domain::slug::{VendorId, VerticalId};

/// The fields of [`Lead`], its data exposed.
#[derive(Serialize, Deserialize)]
struct LeadImage<'a> {
    id: LeadId,
    vendor: Cow<'a, VendorId>,
    vertical: Cow<'a, VerticalId>,
    fields: Cow<'a, Fields>,
    consent: Cow<'a, Consent>,
    source: Cow<'a, Source>,
    submitted_at: Option<Timestamp>,
    floor: Money,
    received_at: Timestamp,
    test: bool,
}

impl<'a> LeadImage<'a> {
    fn of(lead: &'a Lead) -> Self {
        Self {
            id: lead.id,
            vendor: Cow::Borrowed(&lead.vendor),
            vertical: Cow::Borrowed(&lead.vertical),
            fields: Cow::Borrowed(lead.fields.expose()),
            consent: Cow::Borrowed(lead.consent.expose()),
            source: Cow::Borrowed(&lead.source),
            submitted_at: lead.submitted_at,
            floor: lead.floor,
            received_at: lead.received_at,
            test: lead.test,
        }
    }

    fn into_lead(self) -> Lead {
        Lead {
            id: self.id,
            vendor: self.vendor.into_owned(),
            vertical: self.vertical.into_owned(),
            fields: Pii::new(self.fields.into_owned()),
            consent: Pii::new(self.consent.into_owned()),
            source: self.source.into_owned(),
            submitted_at: self.submitted_at,
            floor: self.floor,
            received_at: self.received_at,
            test: self.test,
        }
    }
}

impl Vault {
    /// Seals a lead with all it holds, by [`Vault::seal_lead`].
    ///
    /// # Errors
    /// As [`Vault::seal_lead`].
    pub fn seal_whole_lead(&self, lead: &Lead, day: Date) -> Result<Sealed, VaultError> {
        let bytes = serde_json::to_vec(&LeadImage::of(lead))
            .expect("a lead's fields have texts as names, and its numbers are whole");
        self.seal_lead(lead.id, day, &Zeroizing::new(bytes))
    }

    /// Opens what [`Vault::seal_whole_lead`] sealed for this very lead.
    ///
    /// # Errors
    /// [`VaultError::NotALead`] when the bytes open and are something else; otherwise as
    /// [`Vault::open_lead`].
    pub fn open_whole_lead(&self, lead_id: LeadId, sealed: &[u8]) -> Result<Lead, VaultError> {
        let bytes = self.open_lead(lead_id, sealed)?;
        // The parser's own error could quote the data.
        let image: LeadImage<'_> =
            serde_json::from_slice(&bytes).map_err(|_| VaultError::NotALead)?;
        if image.id == lead_id { Ok(image.into_lead()) } else { Err(VaultError::NotALead) }
    }

    /// The keyed digest under which a lead's consumer is claimed within `scope`: of the normalized
    /// phone number. `None` for a lead without one.
    #[must_use]
    pub fn lead_duplicate_digest(&self, scope: &str, lead: &Lead) -> Option<[u8; 32]> {
        match lead.fields.expose().value("phone") {
            Some(Value::Text(phone)) => {
                Some(self.duplicate_digest(scope, &Pii::new(phone.as_str())))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
