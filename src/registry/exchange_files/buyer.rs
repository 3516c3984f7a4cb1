//! A buyer's file: the buyer, and its campaigns as `[[campaign]]`.

use super::document::{Document, Place, Table, Text, fault_at, place_of};
use super::{FileFault, Reading, SecretRef, SecretSource, SourceFile};
use crate::domain::slug::{BuyerId, CampaignId};

impl Reading {
    /// Reads the buyer and each campaign on its own, so that one fault hides no other.
    pub(super) fn buyer(&mut self, file: &SourceFile, stem: &str) {
        let Some(id) = self.slug::<crate::domain::slug::OfBuyer>(file, stem) else { return };
        let mut root = match Document::parse(file) {
            Ok(document) => document.root,
            Err(fault) => return self.faults.push(fault),
        };
        let campaigns = root.take_tables("campaign", file);
        match root.read(file) {
            Ok(buyer) => {
                self.files.bundle.buyers.insert(id.clone(), buyer);
            }
            Err(fault) => self.faults.push(fault),
        }
        match campaigns {
            Ok(campaigns) => {
                for table in campaigns {
                    if let Err(fault) = self.campaign(file, &id, table) {
                        self.faults.push(fault);
                    }
                }
            }
            Err(fault) => self.faults.push(fault),
        }
    }

    fn campaign(
        &mut self,
        file: &SourceFile,
        buyer: &BuyerId,
        mut table: Table<'_>,
    ) -> Result<(), FileFault> {
        let start = table.start();
        let missing = || fault_at(file, start, "a campaign needs an `id`");
        let Text { text, at } = table.take_text("id", file)?.ok_or_else(missing)?;
        let id = CampaignId::parse(&text).map_err(|error| fault_at(file, at, error.to_string()))?;
        if let Some(first) = self.campaign_places.get(&id) {
            let detail = format!(
                "the campaign `{id}` is described in {first} already; ids of campaigns are unique \
                 in the exchange"
            );
            return Err(fault_at(file, at, detail));
        }
        self.campaign_places.insert(id.clone(), file.path.clone());
        let source = secret_source(file, &mut table)?;
        if let Some(at) = table.put_text("buyer_id", buyer.to_string()) {
            let detail = "the file's name says whose campaign it is; leave out `buyer_id`";
            return Err(fault_at(file, at, detail));
        }
        let campaign = table.read(file)?;
        self.files.bundle.campaigns.insert(id.clone(), campaign);
        if let Some((source, at)) = source {
            let Place { line, column } = place_of(file, at);
            let path = file.path.clone();
            self.files.secret_refs.push(SecretRef { campaign: id, source, path, line, column });
        }
        Ok(())
    }
}

/// Takes the reference to the secret out of a campaign's table, with its offset.
fn secret_source(
    file: &SourceFile,
    table: &mut Table<'_>,
) -> Result<Option<(SecretSource, usize)>, FileFault> {
    let from_file = table.take_text("secret_file", file)?;
    let from_environment = table.take_text("secret_env", file)?;
    Ok(match (from_file, from_environment) {
        (None, None) => None,
        (Some(path), None) => Some((SecretSource::File(path.text), path.at)),
        (None, Some(name)) => Some((SecretSource::Environment(name.text), name.at)),
        (Some(path), Some(_)) => {
            let detail = "the secret comes from `secret_file` or from `secret_env`, not from both";
            return Err(fault_at(file, path.at, detail));
        }
    })
}
