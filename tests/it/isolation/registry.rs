//! The rules of the routes of the registry, and objects that may be taken out of use.

use gavel::demo::stub_buyer::StubBuyer;
use serde_json::json;

use super::{Rule, Side, World, ids};
use crate::support::{Installation, buyer_file};

/// Files of objects that the exchange can do without.
pub fn spare_files(stub: &StubBuyer) -> Vec<(String, String)> {
    let mut files = Vec::new();
    for name in ["spare-a", "spare-b"] {
        files.push((format!("vendors/{name}.toml"), format!("name = \"{name}\"\n")));
        files.push((format!("buyers/{name}.toml"), format!("name = \"{name}\"\n")));
        files.push(buyer_file(&format!("{name}-seller"), stub, ""));
    }
    for vertical in ["solar", "auto_insurance"] {
        files.push((format!("trees/{vertical}.toml"), "floor = \"2.00\"\n".to_owned()));
    }
    files
}

/// The profiles that are the buyers' own.
const OWN: [&str; 2] = ["life-co--crm", "other-co--crm"];

/// Uploads a profile of each buyer's own; gives a version of the registry that has both.
pub async fn upload_profiles(gavel: &Installation, buyers: [&str; 2]) -> i64 {
    let mut version = 0;
    for (name, key) in OWN.into_iter().zip(buyers) {
        let text = format!(
            "profile = \"{name}\"\n[post.request]\nbody = \"json\"\nfields = {{ zip = \"zip\" }}\n\
             [post.reply]\nrules = [{{ when = {{ http_status = 200 }}, outcome = \"accept\" }}, {{ outcome = \"refuse\" }}]\n"
        );
        let headers = [("content-type", "application/json")];
        let body = json!({"text": text}).to_string();
        let put = gavel.request(&format!("PUT /v1/profiles/{name}"), key, &headers, body).await;
        assert_eq!(put.status, 201, "{put:?}");
        version = put.json()["version"].as_i64().unwrap();
    }
    version
}

/// The rule of a route of the registry, given as `METHOD path`.
pub fn rule(world: &World, name: &str) -> Option<Rule> {
    let plain = |own| Rule { ids: Vec::new(), body: json!({}), own };
    let with = |ids, own| Rule { ids, body: json!({}), own };
    let buyers = || ids("life-co", "other-co", "nobody");
    let campaigns = |own| with(ids("life-co-fe", "other-co-fe", "nobody"), own);
    let profiles = |own| with(ids(OWN[0], OWN[1], "nobody--crm"), own);
    let spare = || ids("spare-a", "spare-b", "nobody");
    // What is put need not exist before: its ids are all known here.
    let known = |a: &str, b: &str| -> Vec<(Side, String)> {
        vec![(Side::A, a.to_owned()), (Side::B, b.to_owned())]
    };
    Some(match name {
        "GET /v1/leads"
        | "GET /v1/auctions"
        | "GET /v1/registry/changes"
        | "GET /v1/vendors"
        | "GET /v1/buyers"
        | "GET /v1/campaigns"
        | "GET /v1/profiles"
        | "GET /v1/trees" => plain(200),
        "POST /v1/registry/rollback" => plain(422),
        "GET /v1/vendors/{vendor_id}" => with(ids("acme", "other", "nobody"), 200),
        "GET /v1/buyers/{buyer_id}" | "GET /v1/buyers/{buyer_id}/ledger" => with(buyers(), 200),
        "GET /v1/campaigns/{campaign_id}" => campaigns(200),
        "GET /v1/trees/{vertical}" => with(ids("solar", "final_expense", "nothing"), 200),
        "PUT /v1/vendors/{vendor_id}" | "PUT /v1/buyers/{buyer_id}" => {
            Rule { body: json!({"name": "Spare"}), ..with(known("spare-a", "spare-b"), 200) }
        }
        "PUT /v1/campaigns/{campaign_id}" => with(known("life-co-fe", "other-co-fe"), 422),
        "PUT /v1/trees/{vertical}" => {
            Rule { body: json!({"floor": "3.00"}), ..with(known("solar", "auto_insurance"), 200) }
        }
        "DELETE /v1/vendors/{vendor_id}" | "DELETE /v1/buyers/{buyer_id}" => with(spare(), 204),
        "DELETE /v1/campaigns/{campaign_id}" => {
            with(ids("spare-a-seller-fe", "spare-b-seller-fe", "nobody"), 204)
        }
        "DELETE /v1/trees/{vertical}" => with(ids("solar", "auto_insurance", "nothing"), 204),
        "GET /v1/profiles/{profile_id}"
        | "GET /v1/profiles/{profile_id}/versions"
        | "POST /v1/profiles/{profile_id}/test" => profiles(200),
        "PUT /v1/profiles/{profile_id}" => {
            Rule { body: json!({"text": ""}), ..with(known(OWN[0], OWN[1]), 422) }
        }
        "POST /v1/profiles/{profile_id}/rollback" => {
            Rule { body: json!({"version": world.profile_version}), ..profiles(200) }
        }
        "DELETE /v1/profiles/{profile_id}" => profiles(204),
        "PUT /v1/campaigns/{campaign_id}/endpoints" => {
            let stub = &world.buyers[0];
            let body = json!({"ping_url": stub.url("ping"), "post_url": stub.url("post")});
            Rule { body, ..campaigns(200) }
        }
        "PUT /v1/campaigns/{campaign_id}/limits" => {
            Rule { body: json!({"caps": []}), ..campaigns(200) }
        }
        "POST /v1/campaigns/{campaign_id}/verify"
        | "POST /v1/campaigns/{campaign_id}/rotate-secret"
        | "POST /v1/campaigns/{campaign_id}/pause"
        | "POST /v1/campaigns/{campaign_id}/resume"
        | "POST /v1/campaigns/{campaign_id}/activate" => campaigns(200),
        _ => return None,
    })
}
