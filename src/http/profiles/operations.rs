//! How the routes of profiles are described.

use serde_json::json;

use super::Rollback;
use super::view::{ProfilePutView, ProfileRow, ProfileView, TestView, VersionRow};
use crate::domain::profile::ProfileFiles;
use crate::http::error::Code;
use crate::http::objects::conditional;
use crate::http::openapi::{Operation, Parameter, Tag};
use crate::http::paging::List;

fn operation(id: &'static str, summary: &'static str) -> Operation {
    Operation::new(Tag::Profiles, id, summary).fails(&[Code::NotFound])
}

fn change(operation: Operation) -> Operation {
    operation.fails(&[
        Code::InvalidRequest,
        Code::InvalidRegistry,
        Code::Overloaded,
        Code::RegistryChanged,
        Code::RecordsUnavailable,
    ])
}

pub(in crate::http) fn list_operation() -> Operation {
    let archived = json!({"type": "boolean", "default": false});
    let slug = json!({"type": "string"});
    Operation::new(Tag::Profiles, "listProfiles", "Profiles")
        .says(
            "A buyer's own. An operator gets everybody's, and those that come with the program. By \
             name, without their texts.",
        )
        .lists()
        .takes(Parameter::query("archived", archived, "Those that are archived, instead."))
        .takes(Parameter::query("buyer_id", slug, "Only those that are this buyer's own."))
        .answers::<List<ProfileRow>>(200, "The profiles, by name.")
}

pub(in crate::http) fn show_operation() -> Operation {
    operation("getProfile", "A profile")
        .says("With its texts.")
        .answers::<ProfileView<'static>>(200, "The profile, with its tag if it was described.")
}

pub(in crate::http) fn put_operation() -> Operation {
    change(conditional(operation("putProfile", "Make or change a profile")))
        .says(
            "It is refused whole, with every fault at its line and column; campaigns go on with the \
             version that they have. A buyer's own begin with its slug and `--`, send to the \
             campaign's endpoints alone, and are used by its campaigns alone. A profile by which leads \
             are sold must pass its cases, and they must show how the buyer accepts and refuses.",
        )
        .body::<ProfileFiles>()
        .answers::<ProfilePutView<'static>>(200, "What became of the profile.")
        .with_header("etag", "The profile's tag.")
        .answers::<ProfilePutView<'static>>(201, "The profile is new.")
        .with_header("etag", "The profile's tag.")
}

pub(in crate::http) fn archive_operation() -> Operation {
    change(conditional(operation("archiveProfile", "Archive a profile")))
        .says("A profile that a campaign in use needs stays. Putting it again brings it back.")
        .answers_nothing(204, "It is archived.")
}

pub(in crate::http) fn test_operation() -> Operation {
    operation("testProfile", "Try a profile")
        .says(
            "Runs its recorded cases and tells what differs; nothing is sent. Requests are shown with \
             the names of secrets in their places.",
        )
        .answers::<TestView<'static>>(200, "What was found.")
        .fails(&[Code::InvalidRequest, Code::Overloaded])
}

pub(in crate::http) fn versions_operation() -> Operation {
    operation("listProfileVersions", "The versions of a profile")
        .lists()
        .says("By the registry's versions that brought them, newest first.")
        .answers::<List<VersionRow>>(200, "The versions, newest first.")
        .fails(&[Code::RecordsUnavailable])
}

pub(in crate::http) fn rollback_operation() -> Operation {
    change(operation("rollbackProfile", "Go back to an earlier version of a profile"))
        .says("The profile becomes what it was at a version of the registry.")
        .body::<Rollback>()
        .answers::<ProfilePutView<'static>>(200, "What became of the profile.")
}
