//! What a route does: the function that answers it, and what the API's document says of it.

use actix_web::web;

use super::super::openapi::Operation;
use super::super::{
    accounts, auctions, breakers, campaigns, docs, event_endpoints, health, inbound, keys, leads,
    lists, objects, openapi, outcomes, pings, posts, profiles, registry, specs,
};

/// Makes the list of actions, each with what answers it and with how it is described.
macro_rules! actions {
    ($($action:ident: $handler:path, $operation:path;)+) => {
        /// What a route does.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Action {
            $($action,)+
        }

        impl Action {
            /// What it is to whoever reads the document of the API.
            pub(super) fn operation(self) -> Operation {
                match self {
                    $(Self::$action => $operation(),)+
                }
            }

            /// What answers it.
            pub(super) fn handler(self) -> actix_web::Route {
                match self {
                    $(Self::$action => web::to($handler),)+
                }
            }
        }
    };
}

actions! {
    SubmitLead: leads::submit, leads::submit_operation;
    ListLeads: lists::leads, lists::leads_operation;
    ReadLead: leads::read, leads::read_operation;
    SubmitPing: pings::ping, pings::ping_operation;
    SubmitPost: pings::post, pings::post_operation;
    AskByProfile: inbound::call, inbound::ask_operation;
    CallByProfile: inbound::call, inbound::call_operation;
    ListSpecs: specs::list, specs::list_operation;
    ReadSpec: specs::read, specs::read_operation;
    ListAuctions: lists::auctions, lists::auctions_operation;
    ReadAuction: auctions::read, auctions::read_operation;
    ResolvePost: posts::resolve, posts::resolve_operation;
    ApplyRegistry: registry::apply, registry::apply_operation;
    ListChanges: registry::changes, registry::changes_operation;
    RollbackRegistry: registry::rollback, registry::rollback_operation;
    ListVendors: objects::list_vendors, objects::list_vendors_operation;
    ShowVendor: objects::show_vendor, objects::show_vendor_operation;
    PutVendor: objects::put_vendor, objects::put_vendor_operation;
    ArchiveVendor: objects::archive_vendor, objects::archive_vendor_operation;
    ListBuyers: objects::list_buyers, objects::list_buyers_operation;
    ShowBuyer: objects::show_buyer, objects::show_buyer_operation;
    PutBuyer: objects::put_buyer, objects::put_buyer_operation;
    ArchiveBuyer: objects::archive_buyer, objects::archive_buyer_operation;
    ListCampaigns: objects::list_campaigns, objects::list_campaigns_operation;
    ShowCampaign: objects::show_campaign, objects::show_campaign_operation;
    PutCampaign: objects::put_campaign, objects::put_campaign_operation;
    ArchiveCampaign: objects::archive_campaign, objects::archive_campaign_operation;
    RegisterEndpoints: campaigns::register, campaigns::register_operation;
    VerifyEndpoints: campaigns::verify, campaigns::verify_operation;
    LimitCampaign: campaigns::limit, campaigns::limit_operation;
    RotateSecret: campaigns::rotate_secret, campaigns::rotate_secret_operation;
    PauseCampaign: campaigns::pause, campaigns::pause_operation;
    ResumeCampaign: campaigns::resume, campaigns::resume_operation;
    ActivateCampaign: campaigns::activate, campaigns::activate_operation;
    ListTrees: objects::list_trees, objects::list_trees_operation;
    ShowTree: objects::show_tree, objects::show_tree_operation;
    PutTree: objects::put_tree, objects::put_tree_operation;
    ArchiveTree: objects::archive_tree, objects::archive_tree_operation;
    ListProfiles: profiles::list, profiles::list_operation;
    ShowProfile: profiles::show, profiles::show_operation;
    PutProfile: profiles::put, profiles::put_operation;
    ArchiveProfile: profiles::archive, profiles::archive_operation;
    TestProfile: profiles::test, profiles::test_operation;
    ListProfileVersions: profiles::versions, profiles::versions_operation;
    RollbackProfile: profiles::rollback, profiles::rollback_operation;
    CreateKey: keys::create, keys::create_operation;
    ListKeys: keys::list, keys::list_operation;
    RevokeKey: keys::revoke, keys::revoke_operation;
    CreditBuyer: accounts::credit, accounts::credit_operation;
    ReadBalance: accounts::balance, accounts::balance_operation;
    ReadLedger: accounts::ledger, accounts::ledger_operation;
    ListBreakers: breakers::list, breakers::list_operation;
    ReadBreakers: breakers::of_campaign, breakers::of_campaign_operation;
    ForceBreaker: breakers::force, breakers::force_operation;
    ReportOutcome: outcomes::report, outcomes::report_operation;
    ListOutcomes: outcomes::list, outcomes::list_operation;
    CreateEventEndpoint: event_endpoints::create, event_endpoints::create_operation;
    ListEventEndpoints: event_endpoints::list, event_endpoints::list_operation;
    ReadEventEndpoint: event_endpoints::read, event_endpoints::read_operation;
    ChangeEventEndpoint: event_endpoints::change, event_endpoints::change_operation;
    DeleteEventEndpoint: event_endpoints::delete, event_endpoints::delete_operation;
    VerifyEventEndpoint: event_endpoints::verify, event_endpoints::verify_operation;
    RotateEventEndpointSecret: event_endpoints::rotate_secret, event_endpoints::rotate_secret_operation;
    ListEventAttempts: event_endpoints::attempts, event_endpoints::attempts_operation;
    ResendEvent: event_endpoints::resend, event_endpoints::resend_operation;
    ReadOpenApi: openapi::read, openapi::read_operation;
    ReadDocs: docs::page, docs::page_operation;
    ReadDocsFile: docs::file, docs::file_operation;
    Live: health::live, health::live_operation;
    Ready: health::ready, health::ready_operation;
    Metrics: health::metrics, health::metrics_operation;
}
