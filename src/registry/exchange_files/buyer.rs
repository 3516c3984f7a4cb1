//! A buyer's file: the buyer, and its campaigns as `[[campaign]]`.

use super::document::{Document, Place, Table, Text, fault_at, place_of};
use super::{FileFault, Reading, SecretRef, SecretSource, SourceFile};
use crate::domain::campaign::Campaign;
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
        let profile_secrets = profile_secrets(file, &mut table)?;
        let mut campaign: Campaign = table.read(file)?;
        campaign.profile_secrets =
            profile_secrets.iter().map(|secret| secret.name.clone()).collect();
        self.files.bundle.campaigns.insert(id.clone(), campaign);
        let own = source.map(|(source, at)| (None, source, at));
        let others = profile_secrets.into_iter();
        let others = others.map(|Named { name, source, at }| (Some(name), source, at));
        for (profile_secret, source, at) in own.into_iter().chain(others) {
            let Place { line, column } = place_of(file, at);
            let (campaign, path) = (id.clone(), file.path.clone());
            let secret = SecretRef { campaign, profile_secret, source, path, line, column };
            self.files.secret_refs.push(secret);
        }
        Ok(())
    }
}

/// A secret of a campaign's profile: where it is, and where the file says so.
struct Named {
    name: String,
    source: SecretSource,
    at: usize,
}

/// Takes the references to the secrets of the campaign's profile out of its table.
fn profile_secrets(file: &SourceFile, table: &mut Table<'_>) -> Result<Vec<Named>, FileFault> {
    let mut secrets = Vec::new();
    for (name, mut table) in table.take_named_tables("profile_secrets", file)? {
        let start = table.start();
        let missing = || {
            let detail = format!(
                "`profile_secrets.{name}` says where the secret is: {{ secret_env = \"..\" }} or \
                 {{ secret_file = \"..\" }}"
            );
            fault_at(file, start, detail)
        };
        let (source, at) = secret_source(file, &mut table)?.ok_or_else(missing)?;
        if !table.is_empty() {
            return Err(missing());
        }
        secrets.push(Named { name, source, at });
    }
    Ok(secrets)
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
