//! How the routes of registry objects are described.

use serde_json::json;

use super::given_secrets::CampaignPut;
use super::view::ObjectPutView;
use super::{BuyerView, CampaignView, TreeView, VendorView};
use crate::domain::buyer::Buyer;
use crate::domain::tree::Tree;
use crate::domain::vendor::Vendor;
use crate::http::error::Code;
use crate::http::openapi::{Operation, Parameter, Tag};
use crate::http::paging::List;

const PUT: &str = "Unknown fields are refused, and every fault is named by its place. What only \
                   answers tell may be sent back and is not looked at.";
const PUT_CAMPAIGN: &str = "Unknown fields are refused, and every fault is named by its place. What only answers tell may \
     be sent back and is not looked at. Without `verification` a new campaign is proved by \
     challenge and a known one stays as it was. Without endpoints it is a draft until its buyer \
     registers them. A new campaign's secret is shown this once. The secrets of its profile are in \
     `profile_secrets` by their names, and are never shown: answers have the names.";

fn put(id: &'static str, summary: &'static str) -> Operation {
    conditional(Operation::new(Tag::Registry, id, summary).says(PUT))
        .answers::<ObjectPutView<'static>>(200, "What became of the object.")
        .with_header("etag", "The object's tag.")
        .answers::<ObjectPutView<'static>>(201, "The object is new.")
        .with_header("etag", "The object's tag.")
        .fails(&[
            Code::NotFound,
            Code::InvalidRequest,
            Code::InvalidRegistry,
            Code::RegistryChanged,
            Code::RecordsUnavailable,
        ])
}

fn archive(id: &'static str, summary: &'static str) -> Operation {
    conditional(Operation::new(Tag::Registry, id, summary))
        .says(
            "It takes no part any more and stays in the records; putting it again brings it back.",
        )
        .answers_nothing(204, "It is archived.")
        .fails(&[
            Code::NotFound,
            Code::InvalidRegistry,
            Code::RegistryChanged,
            Code::RecordsUnavailable,
        ])
}

/// A change that may hang on a condition.
pub(in crate::http) fn conditional(operation: Operation) -> Operation {
    let text = || json!({"type": "string"});
    let if_match = "Only if the object still has this tag; `*`: only if there is one.";
    let if_none_match = "`*`: only if there is no such object yet.";
    operation
        .takes(Parameter::header("If-Match", text(), if_match))
        .takes(Parameter::header("If-None-Match", text(), if_none_match))
        .fails(&[Code::MalformedRequest, Code::PreconditionFailed])
}

fn show(id: &'static str, summary: &'static str) -> Operation {
    Operation::new(Tag::Registry, id, summary)
        .says("The fields of the file, and what is known beside.")
        .fails(&[Code::NotFound])
}

fn list(id: &'static str, summary: &'static str) -> Operation {
    let archived = json!({"type": "boolean", "default": false});
    Operation::new(Tag::Registry, id, summary)
        .says("Those in use, by id.")
        .lists()
        .takes(Parameter::query("archived", archived, "Those that are archived, instead."))
}

const ONE: &str = "The object, with its tag.";
const MANY: &str = "The objects, by id.";

pub(in crate::http) fn put_vendor_operation() -> Operation {
    put("putVendor", "Make or change a vendor").body::<Vendor>()
}
pub(in crate::http) fn show_vendor_operation() -> Operation {
    show("getVendor", "A vendor").answers::<VendorView<'static>>(200, ONE)
}
pub(in crate::http) fn list_vendors_operation() -> Operation {
    list("listVendors", "Vendors").answers::<List<VendorView<'static>>>(200, MANY)
}
pub(in crate::http) fn archive_vendor_operation() -> Operation {
    archive("archiveVendor", "Archive a vendor")
}
pub(in crate::http) fn put_buyer_operation() -> Operation {
    put("putBuyer", "Make or change a buyer").body::<Buyer>()
}
pub(in crate::http) fn show_buyer_operation() -> Operation {
    show("getBuyer", "A buyer").answers::<BuyerView<'static>>(200, ONE)
}
pub(in crate::http) fn list_buyers_operation() -> Operation {
    list("listBuyers", "Buyers").answers::<List<BuyerView<'static>>>(200, MANY)
}
pub(in crate::http) fn archive_buyer_operation() -> Operation {
    archive("archiveBuyer", "Archive a buyer")
}
pub(in crate::http) fn put_campaign_operation() -> Operation {
    put("putCampaign", "Make or change a campaign").says(PUT_CAMPAIGN).body::<CampaignPut>()
}
pub(in crate::http) fn show_campaign_operation() -> Operation {
    show("getCampaign", "A campaign").answers::<CampaignView<'static>>(200, ONE)
}
pub(in crate::http) fn list_campaigns_operation() -> Operation {
    let slug = || json!({"type": "string"});
    let states = json!({"type": "string",
                        "enum": ["draft", "pending_verification", "active", "paused", "archived"]});
    list("listCampaigns", "Campaigns")
        .says("A buyer gets its own.")
        .takes(Parameter::query("buyer_id", slug(), "Only this buyer's."))
        .takes(Parameter::query("state", states, "Only those in this state."))
        .takes(Parameter::query("vertical", slug(), "Only those that buy this."))
        .answers::<List<CampaignView<'static>>>(200, MANY)
}
pub(in crate::http) fn archive_campaign_operation() -> Operation {
    archive("archiveCampaign", "Archive a campaign")
}
pub(in crate::http) fn put_tree_operation() -> Operation {
    put("putTree", "Make or change a tree").body::<Tree>()
}
pub(in crate::http) fn show_tree_operation() -> Operation {
    show("getTree", "A tree").answers::<TreeView<'static>>(200, ONE)
}
pub(in crate::http) fn list_trees_operation() -> Operation {
    list("listTrees", "Trees").answers::<List<TreeView<'static>>>(200, MANY)
}
pub(in crate::http) fn archive_tree_operation() -> Operation {
    archive("archiveTree", "Archive a tree")
}
