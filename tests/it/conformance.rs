//! The API against its own description: schemathesis calls a running exchange with all that the
//! document allows and much that it does not, and reports server errors and whatever the document
//! does not say.

use std::path::Path;
use std::process::Command;

use gavel::demo::stub_buyer::{Reply, Script};
use tempfile::TempDir;

use crate::support::{Installation, buyer, exchange, key_id, lead, text};

/// Requests for each operation in each phase that draws them.
const EXAMPLES: &str = "10";

/// It tries wrong keys by the hundred, to see that none is let in; being told to wait is another test.
const GUESSING: [(&str, &str); 2] =
    [("failures_per_address_max", "1000000"), ("failures_per_key_max", "1000000")];

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs schemathesis: ./check installs it and runs this"]
async fn the_server_answers_what_its_document_says() {
    let program = std::env::var("GAVEL_SCHEMATHESIS").expect("GAVEL_SCHEMATHESIS is its path");
    let life_co = buyer(Script::always(Reply::bid("8.00"))).await;
    let gavel = Installation::start(&GUESSING).await;
    gavel.apply(&exchange(&[("life-co", &life_co, "")], ""));
    let vendor = gavel.key("vendor", "acme", &[]);
    let buyer_key = gavel.key("buyer", "life-co", &[]);
    let operator = gavel.operator_key();
    let sold = gavel.post_json("/v1/leads", &vendor, &lead(1)).await;
    assert_eq!(sold.text("/disposition"), "sold", "{sold:?}");

    // It keeps notes where it is started, so it is started elsewhere.
    let folder = TempDir::new().unwrap();
    for name in ["schemathesis.toml", "hooks.py"] {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/conformance").join(name);
        std::fs::copy(from, folder.path().join(name)).unwrap();
    }
    let kept = [
        "acme",
        "life-co",
        "life-co-fe",
        "final_expense",
        key_id(&vendor),
        key_id(&buyer_key),
        key_id(&operator),
    ];
    let output = Command::new(program)
        .args(["--config-file", "schemathesis.toml", "run", "--max-examples", EXAMPLES])
        .arg(gavel.url("/openapi.json"))
        .current_dir(folder.path())
        .env("GAVEL_VENDOR_KEY", &vendor)
        .env("GAVEL_BUYER_KEY", &buyer_key)
        .env("GAVEL_OPERATOR_KEY", &operator)
        .env("GAVEL_KEPT", kept.join(","))
        .output()
        .unwrap();
    let report = format!("{}\n{}", text(&output.stdout), text(&output.stderr));
    println!("{report}");
    assert!(output.status.success(), "{report}");
    // It has really been let in, by each of its keys.
    let mine = gavel.get(&format!("/v1/leads/{}", sold.text("/lead_id")), &vendor).await;
    assert_eq!(mine.status, 200);
}
