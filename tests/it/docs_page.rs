//! The page of the API in a real browser, which reaches this exchange and nothing else.

use std::process::Command;

use tempfile::TempDir;

use crate::support::{Installation, text};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium: ./check installs it and runs this"]
async fn a_browser_draws_the_page_of_the_api_under_its_policy() {
    let gavel = Installation::start(&[]).await;
    let profile = TempDir::new().unwrap();
    let output = Command::new("chromium")
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"])
        .args(["--disable-background-networking", "--enable-logging=stderr"])
        // Time of the page, not of the clock: as long as something loads, it stands still.
        .args(["--virtual-time-budget=20000", "--dump-dom"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(gavel.url("/docs"))
        .output()
        .expect("chromium starts");
    let (page, log) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{log}");
    for drawn in ["Submit a lead", "Read how an auction came to its end", "/v1/leads", "Authorize"]
    {
        assert!(page.contains(drawn), "no `{drawn}`:\n{log}\n{page:.4000}");
    }
    for fault in ["Content Security Policy", "Refused to", "Uncaught", "CONSOLE"] {
        let line = log.lines().find(|line| line.contains(fault));
        assert_eq!(line, None, "the page says");
    }
}
