//! What a route does: the function that answers it, and what the API's document says of it.

use actix_web::web;

use super::super::openapi::Operation;
use super::super::{
    accounts, auctions, breakers, campaigns, docs, event_endpoints, health, inbound, keys, leads,
    lists, objects, openapi, outcomes, pings, posts, profiles, registry, specs,
};

/// What a route does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    SubmitLead,
    ListLeads,
    ReadLead,
    SubmitPing,
    SubmitPost,
    AskByProfile,
    CallByProfile,
    ListSpecs,
    ReadSpec,
    ListAuctions,
    ReadAuction,
    ResolvePost,
    ApplyRegistry,
    ListChanges,
    RollbackRegistry,
    ListVendors,
    ShowVendor,
    PutVendor,
    ArchiveVendor,
    ListBuyers,
    ShowBuyer,
    PutBuyer,
    ArchiveBuyer,
    ListCampaigns,
    ShowCampaign,
    PutCampaign,
    ArchiveCampaign,
    RegisterEndpoints,
    VerifyEndpoints,
    LimitCampaign,
    RotateSecret,
    PauseCampaign,
    ResumeCampaign,
    ActivateCampaign,
    ListTrees,
    ShowTree,
    PutTree,
    ArchiveTree,
    ListProfiles,
    ShowProfile,
    PutProfile,
    ArchiveProfile,
    TestProfile,
    ListProfileVersions,
    RollbackProfile,
    CreateKey,
    ListKeys,
    RevokeKey,
    CreditBuyer,
    ReadBalance,
    ReadLedger,
    ListBreakers,
    ReadBreakers,
    ForceBreaker,
    ReportOutcome,
    ListOutcomes,
    CreateEventEndpoint,
    ListEventEndpoints,
    ReadEventEndpoint,
    ChangeEventEndpoint,
    DeleteEventEndpoint,
    VerifyEventEndpoint,
    RotateEventEndpointSecret,
    ListEventAttempts,
    ResendEvent,
    ReadOpenApi,
    ReadDocs,
    ReadDocsFile,
    Live,
    Ready,
    Metrics,
}

impl Action {
    /// What it is to whoever reads the document of the API.
    pub(super) fn operation(self) -> Operation {
        (ANSWERS[self as usize].operation)()
    }

    /// What answers it.
    pub(super) fn handler(self) -> actix_web::Route {
        (ANSWERS[self as usize].handler)()
    }
}

/// What answers an action, and how it is described.
struct Answer {
    action: Action,
    handler: fn() -> actix_web::Route,
    operation: fn() -> Operation,
}

impl Answer {
    const fn of(
        action: Action,
        handler: fn() -> actix_web::Route,
        operation: fn() -> Operation,
    ) -> Self {
        Self { action, handler, operation }
    }
}

/// One for each action, in their order.
const ANSWERS: [Answer; 71] = [
    Answer::of(Action::SubmitLead, || web::to(leads::submit), leads::submit_operation),
    Answer::of(Action::ListLeads, || web::to(lists::leads), lists::leads_operation),
    Answer::of(Action::ReadLead, || web::to(leads::read), leads::read_operation),
    Answer::of(Action::SubmitPing, || web::to(pings::ping), pings::ping_operation),
    Answer::of(Action::SubmitPost, || web::to(pings::post), pings::post_operation),
    Answer::of(Action::AskByProfile, || web::to(inbound::call), inbound::ask_operation),
    Answer::of(Action::CallByProfile, || web::to(inbound::call), inbound::call_operation),
    Answer::of(Action::ListSpecs, || web::to(specs::list), specs::list_operation),
    Answer::of(Action::ReadSpec, || web::to(specs::read), specs::read_operation),
    Answer::of(Action::ListAuctions, || web::to(lists::auctions), lists::auctions_operation),
    Answer::of(Action::ReadAuction, || web::to(auctions::read), auctions::read_operation),
    Answer::of(Action::ResolvePost, || web::to(posts::resolve), posts::resolve_operation),
    Answer::of(Action::ApplyRegistry, || web::to(registry::apply), registry::apply_operation),
    Answer::of(Action::ListChanges, || web::to(registry::changes), registry::changes_operation),
    Answer::of(
        Action::RollbackRegistry,
        || web::to(registry::rollback),
        registry::rollback_operation,
    ),
    Answer::of(
        Action::ListVendors,
        || web::to(objects::list_vendors),
        objects::list_vendors_operation,
    ),
    Answer::of(
        Action::ShowVendor,
        || web::to(objects::show_vendor),
        objects::show_vendor_operation,
    ),
    Answer::of(Action::PutVendor, || web::to(objects::put_vendor), objects::put_vendor_operation),
    Answer::of(
        Action::ArchiveVendor,
        || web::to(objects::archive_vendor),
        objects::archive_vendor_operation,
    ),
    Answer::of(
        Action::ListBuyers,
        || web::to(objects::list_buyers),
        objects::list_buyers_operation,
    ),
    Answer::of(Action::ShowBuyer, || web::to(objects::show_buyer), objects::show_buyer_operation),
    Answer::of(Action::PutBuyer, || web::to(objects::put_buyer), objects::put_buyer_operation),
    Answer::of(
        Action::ArchiveBuyer,
        || web::to(objects::archive_buyer),
        objects::archive_buyer_operation,
    ),
    Answer::of(
        Action::ListCampaigns,
        || web::to(objects::list_campaigns),
        objects::list_campaigns_operation,
    ),
    Answer::of(
        Action::ShowCampaign,
        || web::to(objects::show_campaign),
        objects::show_campaign_operation,
    ),
    Answer::of(
        Action::PutCampaign,
        || web::to(objects::put_campaign),
        objects::put_campaign_operation,
    ),
    Answer::of(
        Action::ArchiveCampaign,
        || web::to(objects::archive_campaign),
        objects::archive_campaign_operation,
    ),
    Answer::of(
        Action::RegisterEndpoints,
        || web::to(campaigns::register),
        campaigns::register_operation,
    ),
    Answer::of(Action::VerifyEndpoints, || web::to(campaigns::verify), campaigns::verify_operation),
    Answer::of(Action::LimitCampaign, || web::to(campaigns::limit), campaigns::limit_operation),
    Answer::of(
        Action::RotateSecret,
        || web::to(campaigns::rotate_secret),
        campaigns::rotate_secret_operation,
    ),
    Answer::of(Action::PauseCampaign, || web::to(campaigns::pause), campaigns::pause_operation),
    Answer::of(Action::ResumeCampaign, || web::to(campaigns::resume), campaigns::resume_operation),
    Answer::of(
        Action::ActivateCampaign,
        || web::to(campaigns::activate),
        campaigns::activate_operation,
    ),
    Answer::of(Action::ListTrees, || web::to(objects::list_trees), objects::list_trees_operation),
    Answer::of(Action::ShowTree, || web::to(objects::show_tree), objects::show_tree_operation),
    Answer::of(Action::PutTree, || web::to(objects::put_tree), objects::put_tree_operation),
    Answer::of(
        Action::ArchiveTree,
        || web::to(objects::archive_tree),
        objects::archive_tree_operation,
    ),
    Answer::of(Action::ListProfiles, || web::to(profiles::list), profiles::list_operation),
    Answer::of(Action::ShowProfile, || web::to(profiles::show), profiles::show_operation),
    Answer::of(Action::PutProfile, || web::to(profiles::put), profiles::put_operation),
    Answer::of(Action::ArchiveProfile, || web::to(profiles::archive), profiles::archive_operation),
    Answer::of(Action::TestProfile, || web::to(profiles::test), profiles::test_operation),
    Answer::of(
        Action::ListProfileVersions,
        || web::to(profiles::versions),
        profiles::versions_operation,
    ),
    Answer::of(
        Action::RollbackProfile,
        || web::to(profiles::rollback),
        profiles::rollback_operation,
    ),
    Answer::of(Action::CreateKey, || web::to(keys::create), keys::create_operation),
    Answer::of(Action::ListKeys, || web::to(keys::list), keys::list_operation),
    Answer::of(Action::RevokeKey, || web::to(keys::revoke), keys::revoke_operation),
    Answer::of(Action::CreditBuyer, || web::to(accounts::credit), accounts::credit_operation),
    Answer::of(Action::ReadBalance, || web::to(accounts::balance), accounts::balance_operation),
    Answer::of(Action::ReadLedger, || web::to(accounts::ledger), accounts::ledger_operation),
    Answer::of(Action::ListBreakers, || web::to(breakers::list), breakers::list_operation),
    Answer::of(
        Action::ReadBreakers,
        || web::to(breakers::of_campaign),
        breakers::of_campaign_operation,
    ),
    Answer::of(Action::ForceBreaker, || web::to(breakers::force), breakers::force_operation),
    Answer::of(Action::ReportOutcome, || web::to(outcomes::report), outcomes::report_operation),
    Answer::of(Action::ListOutcomes, || web::to(outcomes::list), outcomes::list_operation),
    Answer::of(
        Action::CreateEventEndpoint,
        || web::to(event_endpoints::create),
        event_endpoints::create_operation,
    ),
    Answer::of(
        Action::ListEventEndpoints,
        || web::to(event_endpoints::list),
        event_endpoints::list_operation,
    ),
    Answer::of(
        Action::ReadEventEndpoint,
        || web::to(event_endpoints::read),
        event_endpoints::read_operation,
    ),
    Answer::of(
        Action::ChangeEventEndpoint,
        || web::to(event_endpoints::change),
        event_endpoints::change_operation,
    ),
    Answer::of(
        Action::DeleteEventEndpoint,
        || web::to(event_endpoints::delete),
        event_endpoints::delete_operation,
    ),
    Answer::of(
        Action::VerifyEventEndpoint,
        || web::to(event_endpoints::verify),
        event_endpoints::verify_operation,
    ),
    Answer::of(
        Action::RotateEventEndpointSecret,
        || web::to(event_endpoints::rotate_secret),
        event_endpoints::rotate_secret_operation,
    ),
    Answer::of(
        Action::ListEventAttempts,
        || web::to(event_endpoints::attempts),
        event_endpoints::attempts_operation,
    ),
    Answer::of(
        Action::ResendEvent,
        || web::to(event_endpoints::resend),
        event_endpoints::resend_operation,
    ),
    Answer::of(Action::ReadOpenApi, || web::to(openapi::read), openapi::read_operation),
    Answer::of(Action::ReadDocs, || web::to(docs::page), docs::page_operation),
    Answer::of(Action::ReadDocsFile, || web::to(docs::file), docs::file_operation),
    Answer::of(Action::Live, || web::to(health::live), health::live_operation),
    Answer::of(Action::Ready, || web::to(health::ready), health::ready_operation),
    Answer::of(Action::Metrics, || web::to(health::metrics), health::metrics_operation),
];

const _: () = {
    let mut at = 0;
    while at < ANSWERS.len() {
        assert!(ANSWERS[at].action as usize == at, "answers are in the order of actions");
        at += 1;
    }
};
