#![expect(clippy::unwrap_used, reason = "a test may panic where it cannot go on")]
//! Samples of the long runs: each proof and each fuzzer, small enough for every change.

use std::process::Command;

use serde_json::Value as Json;

/// Runs `gavel-load` to its good end; gives the last line it printed.
fn run(arguments: &[&str]) -> Json {
    let output = Command::new(env!("CARGO_BIN_EXE_gavel-load")).args(arguments).output().unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}\n{stdout}\n{stderr}");
    serde_json::from_str(stdout.lines().last().unwrap()).unwrap()
}

/// Runs a proof that must pass, with so many faults at least.
fn prove(arguments: &[&str], faults_min: u64) {
    let verdict = run(&[&["prove"], arguments, &["--json"]].concat());
    assert_eq!((&verdict["proof"], &verdict["passed"]), (&arguments[0].into(), &true.into()));
    assert!(verdict["faults"].as_u64().unwrap() >= faults_min, "{verdict}");
    for name in ["lost", "sold_twice", "contradictions"] {
        assert_eq!(verdict[name], 0, "{name}");
    }
}

#[test]
fn a_hundred_posts_that_are_cut_off_are_sold_once_and_settled() {
    prove(&["cut", "--cuts", "100"], 100);
}

#[test]
fn a_sample_of_hostile_buyers_harms_nobody() {
    let sample = ["--every", "8", "--rounds", "1", "--ping-round-ms", "2500", "--late-ms", "5000"];
    prove(&[&["hostile"], &sample[..]].concat(), 90);
}

#[test]
fn three_nodes_that_are_killed_under_load_lose_and_double_nothing() {
    prove(&["kill", "--kills", "6", "--leads", "100", "--at-once", "12"], 6);
}

#[test]
fn one_submission_sent_a_hundred_times_across_a_kill_is_one_lead() {
    prove(&["retry", "--requests", "100", "--rounds", "1"], 1);
}

#[test]
fn the_last_lead_of_a_cap_and_the_last_money_are_sold_once_over_three_nodes() {
    prove(&["hot", "--leads", "60", "--rounds", "1"], 0);
}

#[test]
fn what_was_answered_survives_power_cuts_of_the_embedded_store() {
    prove(&["power", "--store", "embedded", "--cuts", "4"], 4);
}

#[test]
fn what_was_answered_survives_power_cuts_under_redis() {
    prove(&["power", "--store", "redis", "--cuts", "4"], 4);
}

#[cfg(feature = "faults")]
#[test]
fn nodes_that_are_frozen_before_a_post_sell_nothing_twice_and_report_every_conflict() {
    prove(&["freeze", "--freezes", "4", "--hasty"], 4);
}

#[cfg(feature = "faults")]
#[test]
fn clocks_that_are_stepped_lose_nothing_and_end_no_wait() {
    let few = ["--steps", "10", "--refused", "10", "--late-ms", "5000"];
    prove(&[&["clock"], &few[..]].concat(), 20);
}

#[test]
fn damaged_files_of_the_embedded_store_are_mended_or_refused() {
    prove(&["torn", "--mutations", "240", "--small"], 240);
}

#[test]
fn twenty_thousand_fuzzed_bodies_are_leads_or_lists_of_faults() {
    let report = run(&["fuzz", "intake", "--count", "20000"]);
    assert_eq!((&report["failures"], &report["cases"]), (&0.into(), &20_000.into()));
}

#[test]
fn twenty_thousand_fuzzed_replies_are_answers_or_reasons() {
    let report = run(&["fuzz", "replies", "--count", "20000"]);
    assert_eq!((&report["failures"], &report["cases"]), (&0.into(), &20_000.into()));
}

#[test]
fn twenty_thousand_fuzzed_replies_in_buyers_own_formats_are_outcomes() {
    let report = run(&["fuzz", "profiles", "--count", "20000"]);
    assert_eq!((&report["failures"], &report["cases"]), (&0.into(), &20_000.into()));
}

#[test]
fn twenty_thousand_fuzzed_requests_in_vendors_own_formats_are_bodies_or_refused() {
    let report = run(&["fuzz", "inbound", "--count", "20000"]);
    assert_eq!((&report["failures"], &report["cases"]), (&0.into(), &20_000.into()));
}

#[test]
fn twenty_thousand_random_profiles_make_faults_refusals_or_sound_requests() {
    let report = run(&["fuzz", "requests", "--count", "20000"]);
    assert_eq!((&report["failures"], &report["cases"]), (&0.into(), &20_000.into()));
}

#[test]
fn the_benchmark_measures_both_programs_and_compares_the_books() {
    let few = ["--buyers", "3", "--rate", "20", "--seconds", "1", "--rounds", "1", "--json"];
    let report = run(&[&["bench"], &few[..]].concat());
    assert_eq!(report["books_agree"], true, "{report}");
    for figure in ["leads_per_s", "cpu_per_ping_us", "added_p50_ms", "memory_per_1000_mib"] {
        assert!(report[figure]["ratio"].is_number(), "{figure}: {report}");
    }
}

#[test]
fn the_cost_of_pings_is_measured_in_every_format() {
    let output = Command::new(env!("CARGO_BIN_EXE_gavel-formats"))
        .args(["--rounds", "1", "--pings", "20", "--json"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let report: Json = serde_json::from_slice(&output.stdout).unwrap();
    let formats = report["formats"].as_array().unwrap();
    let names: Vec<_> = formats.iter().filter_map(|format| format["format"].as_str()).collect();
    assert_eq!(names, ["native", "native, signed, not read", "json", "form", "xml"]);
    for format in formats {
        assert!(format["allocations"].as_f64().unwrap() >= 1.0, "{format}");
    }
}
