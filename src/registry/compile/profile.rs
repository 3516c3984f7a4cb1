//! Profiles, and what a campaign must give for the one it speaks through.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Compiler, Noting, own_profile};
use crate::domain::campaign::{Campaign, PostSemantics, Price, Verification};
use crate::domain::disclosure::{AGE, BIRTH_DATE, ContactTrace};
use crate::domain::object::ObjectKind;
use crate::domain::profile::{CASE_BYTES_MAX, CASES_MAX, PROFILE_NAMES_MAX, ProfileFiles};
use crate::domain::slug::{BuyerId, ProfileId};
use crate::domain::standing::Endpoints;
use crate::domain::vertical::{Exposure, Field, PiiClass};
use crate::integration::inbound::{Inbound, is_inbound, shipped};
use crate::integration::{Fault, Phase, Profile, SecretText, Severity};
use crate::registry::fault::FaultRule;
use crate::registry::profile::{CampaignProfile, Need, ProfileMemo};
use crate::registry::vertical::CompiledVertical;

impl Compiler<'_> {
    /// Compiles the profiles that were described; they go before those that come with the program.
    pub(super) fn profiles(&mut self) {
        for (id, stored) in &self.objects.profiles {
            let Some(files) = stored.as_live() else { continue };
            let mut noting =
                Noting { kind: ObjectKind::Profile, id: id.as_str(), faults: &mut self.faults };
            if is_inbound(&files.text) {
                match inbound(id, files, &mut noting) {
                    Some(profile) => drop(self.inbound.insert(id.clone(), Arc::new(profile))),
                    None => drop(self.inbound.remove(id)),
                }
                continue;
            }
            match compile((id, files), &self.surroundings.memo, &mut noting) {
                Some(profile) => {
                    own_profile::check(id, (files, &profile), self.objects, &mut noting);
                    drop(self.profiles.insert(id.clone(), profile));
                }
                // Its campaigns are not blamed for a profile that cannot be read.
                None => drop(self.profiles.remove(id)),
            }
        }
    }

    /// The buyer whose own a profile is.
    pub(super) fn owner_of_profile(&self, id: &str) -> Option<&BuyerId> {
        self.objects.profiles.get(id)?.as_live()?.buyer_id.as_ref()
    }

    /// Whether the profile is there but cannot be used.
    pub(super) fn is_broken_profile(&self, id: &str) -> bool {
        !self.profiles.contains_key(id)
            && !self.inbound.contains_key(id)
            && self.objects.profiles.get(id).is_some_and(|stored| !stored.is_archived)
    }
}

/// The profile of these files; `None` if anything is wrong with them.
fn compile(
    (id, files): (&ProfileId, &ProfileFiles),
    memo: &ProfileMemo,
    noting: &mut Noting<'_>,
) -> Option<Arc<Profile>> {
    let profile = kept(memo.compile(id, &files.text), noting)?;
    check_files(id, (profile.name(), files), noting);
    Some(profile)
}

/// The inbound profile of these files; `None` if anything is wrong with them.
fn inbound(id: &ProfileId, files: &ProfileFiles, noting: &mut Noting<'_>) -> Option<Inbound> {
    if files.buyer_id.is_some() {
        let detail = "the profile of a vendor is no buyer's own";
        noting.fault("buyer_id", FaultRule::InvalidProfile, detail);
    }
    let profile = kept(Inbound::compile(&files.text, &shipped), noting)?;
    check_files(id, (profile.name(), files), noting);
    Some(profile)
}

/// What was compiled; `None` and a note of each fault if it could not be.
fn kept<T>(compiled: Result<T, Vec<Fault>>, noting: &mut Noting<'_>) -> Option<T> {
    let note = |fault: &Fault| {
        let hint = fault.hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
        let (line, column) = (fault.line, fault.column);
        let detail = format!("profile.toml:{line}:{column}: {}{hint}", fault.message);
        noting.fault(&fault.at, FaultRule::InvalidProfile, detail);
    };
    let note_all = |faults: Vec<Fault>| {
        faults.iter().filter(|fault| fault.severity == Severity::Error).for_each(note);
    };
    compiled.map_err(note_all).ok()
}

fn check_files(id: &ProfileId, (name, files): (&str, &ProfileFiles), noting: &mut Noting<'_>) {
    if name != id.as_str() {
        let detail = format!("the profile calls itself `{name}`");
        noting.fault("profile", FaultRule::OtherId, detail);
    }
    if files.cases.len() > CASES_MAX || files.cases.values().any(|case| case.len() > CASE_BYTES_MAX)
    {
        let detail = format!("a profile has at most {CASES_MAX} cases of {CASE_BYTES_MAX} bytes");
        noting.fault("cases", FaultRule::OutOfRange, detail);
    }
}

/// What a campaign is held against.
pub(super) struct Fitting<'a> {
    pub(super) campaign: &'a Campaign,
    pub(super) endpoints: &'a Endpoints,
    pub(super) profile: &'a Profile,
    pub(super) vertical: Option<&'a CompiledVertical>,
    /// The buyer whose own the profile is.
    pub(super) owner: Option<&'a BuyerId>,
}

impl Fitting<'_> {
    /// Notes everything that the campaign lacks for its profile.
    pub(super) fn check(&self, noting: &mut Noting<'_>) {
        self.check_owner(noting);
        self.check_names(noting);
        self.check_calls(noting);
        let Some(vertical) = self.vertical else { return };
        let faults = self.profile.lint(vertical.vertical(), &self.campaign.disclosures);
        for fault in faults.iter().filter(|fault| fault.severity == Severity::Error) {
            let hint = fault.hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
            let name = self.profile.name();
            let (line, column) = (fault.line, fault.column);
            let detail = format!("{name}/profile.toml:{line}:{column}: {}{hint}", fault.message);
            noting.fault("profile", FaultRule::ProfileUnfit, detail);
        }
    }

    fn check_owner(&self, noting: &mut Noting<'_>) {
        let Some(owner) = self.owner else { return };
        if *owner != self.campaign.buyer_id {
            let detail = format!("the profile is buyer {owner}'s own");
            noting.fault("profile", FaultRule::OtherBuyer, detail);
        }
        for (field, url) in self.endpoints.named().filter(|(_, url)| !own_profile::has_path(url)) {
            let detail = format!(
                "the campaign speaks through its buyer's own profile, and `{url}` has no path that \
                 it could continue; write `{url}/`"
            );
            noting.fault(field, FaultRule::InvalidUrl, detail);
        }
    }

    fn check_names(&self, noting: &mut Noting<'_>) {
        if let Err(faults) = self.profile.complete_settings(&self.campaign.profile_settings) {
            for detail in faults {
                noting.fault("profile_settings", FaultRule::ProfileUnfit, detail);
            }
        }
        let (profile, given) = (self.profile.name(), &self.campaign.profile_secrets);
        let needed = self.profile.secrets();
        for name in needed.iter().filter(|name| !given.contains(*name)) {
            let detail = format!(
                "the profile `{profile}` needs the secret `{name}`: give \
                 profile_secrets.{name} = {{ secret_env = \"..\" }} or {{ secret_file = \"..\" }}"
            );
            noting.fault("profile_secrets", FaultRule::ProfileUnfit, detail);
        }
        for name in given.iter().filter(|name| !needed.contains(name)) {
            let detail = format!("the profile `{profile}` has no secret `{name}`");
            noting.fault("profile_secrets", FaultRule::ProfileUnfit, detail);
        }
    }

    fn check_calls(&self, noting: &mut Noting<'_>) {
        let Campaign { price, post_semantics, verification, .. } = self.campaign;
        let Endpoints { ping_url, post_url, status_url } = self.endpoints;
        let is_queryable = *post_semantics == PostSemantics::Queryable;
        let bids = matches!(price, Price::Bid { .. });
        let is_posted = !(bids && self.profile.is_for_calls());
        let calls = [
            (Phase::Ping, "ping_url", ping_url, bids),
            (Phase::Post, "post_url", post_url, is_posted),
            (Phase::Status, "status_url", status_url, is_queryable),
        ];
        for (phase, field, url, _) in calls.into_iter().filter(|(.., is_needed)| *is_needed) {
            let Some(uses) = self.profile.uses(phase) else {
                let profile = self.profile.name();
                let detail = format!("the campaign needs a {phase}, and `{profile}` has none");
                noting.fault("profile", FaultRule::ProfileUnfit, detail);
                continue;
            };
            let is_vouched_for = *verification == Verification::Operator;
            if uses.url && url.is_none() && is_vouched_for {
                let profile = self.profile.name();
                let detail = format!("the profile `{profile}` leaves the {field} to the campaign");
                noting.fault(field, FaultRule::UrlMissing, detail);
            }
        }
        self.check_login(noting);
        // No campaign has a URL of its own for these.
        for phase in [Phase::LoserNotice, Phase::Completion] {
            if self.profile.uses(phase).is_some_and(|uses| uses.url) {
                let detail = format!("the {phase} of the profile has no `url` of its own");
                noting.fault("profile", FaultRule::ProfileUnfit, detail);
            }
        }
    }
}

impl Fitting<'_> {
    /// Notes that a login which goes where the leads go has nowhere to go.
    fn check_login(&self, noting: &mut Noting<'_>) {
        let needs_url = self.profile.uses(Phase::Login).is_some_and(|uses| uses.url);
        let is_vouched_for = self.campaign.verification == Verification::Operator;
        let Endpoints { ping_url, post_url, .. } = self.endpoints;
        if needs_url && is_vouched_for && post_url.is_none() && ping_url.is_none() {
            let profile = self.profile.name();
            let detail = format!(
                "the login of the profile `{profile}` goes to the campaign's post_url, or to its \
                 ping_url where there is no post"
            );
            noting.fault("post_url", FaultRule::UrlMissing, detail);
        }
    }
}

/// Notes what is given for a profile by a campaign that has none, and what is too much.
pub(super) fn check_given(campaign: &Campaign, noting: &mut Noting<'_>) {
    let given = [
        ("profile_settings", campaign.profile_settings.len()),
        ("profile_secrets", campaign.profile_secrets.len()),
    ];
    for (field, count) in given {
        if count > PROFILE_NAMES_MAX {
            let detail = format!("there are at most {PROFILE_NAMES_MAX}");
            noting.fault(field, FaultRule::OutOfRange, detail);
        }
        if campaign.is_native() && count > 0 {
            let detail = "the native format takes none; name the profile they are for";
            noting.fault(field, FaultRule::ProfileUnfit, detail);
        }
    }
}

/// What a campaign speaks through, from a profile that suits it.
pub(super) fn campaign_profile(
    campaign: &Campaign,
    profile: &Arc<Profile>,
    secrets: BTreeMap<String, SecretText>,
    vertical: &CompiledVertical,
) -> CampaignProfile {
    let needs = |phase: Phase| {
        let required = profile.uses(phase).map(|uses| &uses.required);
        required.into_iter().flatten().filter_map(|name| need(name, vertical)).collect()
    };
    let ping_needs = match campaign.price {
        Price::Bid { .. } => needs(Phase::Ping),
        Price::Fixed(_) => Vec::new(),
    };
    CampaignProfile {
        profile: Arc::clone(profile),
        settings: profile.complete_settings(&campaign.profile_settings).unwrap_or_default(),
        secrets,
        ping_needs,
        post_needs: needs(Phase::Post),
    }
}

/// What a lead of `vertical` needs to have a value named `name`, which may be the coarse form of a
/// field.
fn need(name: &str, vertical: &CompiledVertical) -> Option<Need> {
    let fields = vertical.fields();
    let rule = format!("profile:{name}");
    let of = |places: Vec<usize>| {
        let is_contact = |place: &usize| {
            fields.as_slice().get(*place).is_some_and(|known| known.field.pii == PiiClass::Contact)
        };
        let is_contact = places.iter().all(is_contact);
        (!places.is_empty()).then_some(Need { rule, places, is_contact })
    };
    if name == AGE {
        let places = [AGE, BIRTH_DATE].into_iter().filter_map(|name| Some(fields.find(name)?.0));
        return of(places.collect());
    }
    if let Some((place, _)) = fields.find(name) {
        return of(vec![place]);
    }
    if let Some((traced, _)) = ContactTrace::find(vertical.vertical(), name) {
        return of(fields.find(&traced.name).map(|(place, _)| place).into_iter().collect());
    }
    let coarse = fields.as_slice().iter().enumerate();
    let coarse = coarse.filter(|(_, known)| is_coarse_form(name, &known.field));
    of(coarse.map(|(place, _)| place).collect())
}

/// Whether a ping calls the coarse form of the field so.
fn is_coarse_form(name: &str, field: &Field) -> bool {
    match field.exposure {
        Exposure::Zip3 => name == "zip3",
        Exposure::AgeBand => name == "age_band",
        Exposure::Year => name.strip_suffix("_year") == Some(&field.name),
        Exposure::Bucket => name.strip_suffix("_bucket") == Some(&field.name),
        Exposure::AsIs | Exposure::Never => false,
    }
}
