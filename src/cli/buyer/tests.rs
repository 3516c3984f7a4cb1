use clap::Parser;

use super::*;
use crate::cli::{Cli, Command};

/// The folders of profiles that come with the program.
const BUYERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/buyers");

fn parse(line: &str) -> Buyer {
    match Cli::try_parse_from(line.split(' ')).unwrap().command {
        Command::Buyer(order) => order,
        other => panic!("{other:?}"),
    }
}

fn carried_out(line: &str) -> Findings {
    carry_out(&parse(line)).unwrap().unwrap()
}

#[test]
fn every_shipped_profile_passes_its_cases() {
    let found = carried_out(&format!("gavel buyer test {BUYERS}"));
    assert_eq!(found.failure, None, "{}", found.text);
    let passed = found.text.lines().filter(|line| line.ends_with("case(s) passed")).count();
    assert!(passed >= 14, "{}", found.text);
}

#[test]
fn no_shipped_profile_has_a_fault() {
    let found = carried_out(&format!("gavel buyer lint {BUYERS}"));
    assert_eq!(found.failure, None, "{}", found.text);
    assert!(found.text.contains(" 0 error(s)"), "{}", found.text);
}

#[test]
fn every_shipped_profile_shows_how_it_accepts_refuses_and_meets_what_is_broken() {
    for folder in folder::find(&[BUYERS.into()]).unwrap() {
        let name = folder.name();
        for kind in ["accept.json", "refuse.json", "broken.json"] {
            let case = folder.case(kind).unwrap_or_else(|why| panic!("{name}: {why}"));
            assert!(case.source.len() > 5, "{name}: {kind} has no source");
        }
        let accept = folder.case("accept.json").unwrap();
        assert!(accept.steps.iter().all(|step| step.reply.is_some()), "{name}");
        assert!(accept.steps.iter().any(|step| step.request.is_some()), "{name}");
    }
}

#[test]
fn every_shipped_case_cites_its_source_and_says_what_was_assumed() {
    let mut cases = 0;
    for folder in folder::find(&[BUYERS.into()]).unwrap() {
        let listed = std::fs::read_dir(PathBuf::from(BUYERS).join(folder.name()).join("cases"));
        for file in listed.unwrap() {
            let file = file.unwrap().file_name().into_string().unwrap();
            let case = folder.case(&file).unwrap_or_else(|why| panic!("{file}: {why}"));
            let place = format!("{}/{file}", folder.name());
            assert!(case.source.len() > 5, "{place} cites no source");
            let says = |text: &String| text.trim().len() > 4;
            assert!(
                !case.assumed.is_empty() && case.assumed.iter().all(says),
                "{place} does not say what was assumed, or what is taken literally"
            );
            cases += 1;
        }
    }
    assert!(cases >= 66, "{cases} cases");
}

/// A copy of a shipped profile that may be spoilt.
fn copied(name: &str) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    let (from, to) = (PathBuf::from(BUYERS).join(name), root.path().join(name));
    std::fs::create_dir_all(to.join("cases")).unwrap();
    for file in ["profile.toml", "cases/accept.json", "cases/refuse.json"] {
        std::fs::copy(from.join(file), to.join(file)).unwrap();
    }
    root
}

fn changed(path: &std::path::Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{text}");
    std::fs::write(path, text.replace(from, to)).unwrap();
}

#[test]
fn a_case_that_does_not_hold_is_a_failure_with_both_sides() {
    let root = copied("clientsupport");
    let folder = root.path().join("clientsupport");
    changed(&folder.join("profile.toml"), "lastname = ", "surname = ");
    let found = carried_out(&format!("gavel buyer test {}", root.path().display()));
    assert_eq!(found.failure.as_deref(), Some("1 profile(s), 2 case(s), 1 failure(s)"));
    assert!(!found.text.contains("no case shows"), "{}", found.text);
    assert!(found.text.contains("accept.json: steps.0.request.form"), "{}", found.text);
    assert!(found.text.contains("    lastname="), "{}", found.text);
    assert!(found.text.contains("    surname="), "{}", found.text);
}

#[test]
fn a_profile_without_a_refusal_among_its_cases_is_a_failure() {
    let root = copied("clientsupport");
    std::fs::remove_file(root.path().join("clientsupport/cases/refuse.json")).unwrap();
    let found = carried_out(&format!("gavel buyer test {}", root.path().display()));
    assert!(found.failure.is_some());
    assert!(found.text.ends_with("no case shows how the buyer refuses a post\n"), "{}", found.text);
}

#[test]
fn lint_names_file_line_and_what_to_write() {
    let root = copied("clientsupport");
    let folder = root.path().join("clientsupport");
    changed(&folder.join("profile.toml"), "zip = \"zip\"", "zip = \"zipp\"");
    let found = carried_out(&format!("gavel buyer lint {}", folder.display()));
    assert_eq!(found.failure.as_deref(), Some("1 profile(s), 1 error(s), 0 warning(s)"));
    let told = "leads of `home_improvement` have no `zipp`; did you mean `zip`? [home_improvement]";
    assert!(found.text.contains(told), "{}", found.text);
    assert!(
        found.text.contains("profile.toml:20:7: error: post.request.fields.zip"),
        "{}",
        found.text
    );
}

#[test]
fn a_folder_of_another_name_than_its_profile_is_a_fault() {
    let root = copied("clientsupport");
    std::fs::rename(root.path().join("clientsupport"), root.path().join("other")).unwrap();
    let found = carried_out(&format!("gavel buyer lint {}", root.path().display()));
    assert!(found.text.contains("the folder is called `other`"), "{}", found.text);
    let failed = |line: &str| carry_out(&parse(line)).unwrap_err().to_string();
    let told =
        failed(&format!("gavel buyer render {}/other --vertical solar", root.path().display()));
    assert!(told.ends_with("has 1 fault(s); `gavel buyer lint` tells them"), "{told}");
    assert!(failed("gavel buyer lint /nowhere").starts_with("/nowhere: "));
}

#[test]
fn render_shows_the_bytes_of_a_call() {
    let shown = |line: &str| carried_out(&format!("gavel buyer render {BUYERS}/{line}")).text;
    let text = shown("clientsupport --vertical home_improvement");
    assert!(
        text.starts_with("== post\nPOST https://buyer.example/post\ncontent-type: application/x-www-form-urlencoded\n\ncampaign=campaign&firstname=Margaret&"),
        "{text}"
    );
    let text = shown("turbo-debt --case accept.json --call ping");
    assert!(text.starts_with("== ping\n") && !text.contains("== post"), "{text}");
    assert!(text.contains("-- the answer means\nbids: [{\"price\":\"55.00\""), "{text}");
}

#[test]
fn fields_tells_what_leads_of_a_vertical_have() {
    let text = carried_out("gavel buyer fields auto_insurance").text;
    let line = |name: &str| {
        let found = text.lines().find(|line| line.trim_start().split(' ').next() == Some(name));
        let words = found.unwrap_or_else(|| panic!("{name}\n{text}")).split_whitespace();
        words.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(
        line("phone"),
        "phone phone required contact never; with disclosures `phone_area`, `phone_md5`, `phone_sha1`, `phone_sha256`"
    );
    assert_eq!(line("zip"), "zip zip required quasi as `zip3`, or with the disclosure `zip`");
    assert!(
        line("vehicles.year").contains("as `year_bucket`, or with the disclosure `vehicles`"),
        "{text}"
    );
    assert!(line("drivers.gender").contains("male"), "{text}");
    assert!(text.ends_with("of the consent there has to be: text, given_at\n"), "{text}");
    let told = carry_out(&parse("gavel buyer fields payday")).unwrap_err().to_string();
    assert!(
        told.starts_with("there is no vertical `payday`; there is: aca_health, auto"),
        "{told}"
    );
}

#[test]
fn an_operators_own_verticals_are_found_where_they_are_said_to_be() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().display();
    let profile = "profile = \"p\"\n[post.request]\nbody = \"json\"\nfields = { foo = \"foo\" }\n[post.reply]\n\
        rules = [{ when = { http_status = 200 }, outcome = \"accept\" }, { outcome = \"refuse\" }]\n";
    std::fs::create_dir_all(root.path().join("p")).unwrap();
    std::fs::create_dir_all(root.path().join("own")).unwrap();
    std::fs::write(root.path().join("p/profile.toml"), profile).unwrap();
    let vertical = "id = \"payday\"\nname = \"Payday\"\n[[field]]\nname = \"foo\"\ntype = \"text\"\nmax = 9\n\
        [[field]]\nname = \"zip\"\ntype = \"zip\"\nrequired = true\n";
    std::fs::write(root.path().join("own/payday.toml"), vertical).unwrap();
    let found = carried_out(&format!("gavel buyer lint {dir}/p"));
    assert!(
        found.text.contains("p/profile.toml: warning: not held against any vertical"),
        "{}",
        found.text
    );
    assert!(found.text.ends_with("1 profile(s), 0 error(s), 1 warning(s)\n"), "{}", found.text);
    let strict = carried_out(&format!("gavel buyer lint {dir}/p --strict"));
    assert!(strict.failure.is_some());
    let told =
        carry_out(&parse(&format!("gavel buyer lint {dir}/p --vertical payday"))).unwrap_err();
    assert!(told.to_string().starts_with("there is no vertical `payday`; there is: "), "{told}");
    let found =
        carried_out(&format!("gavel buyer lint {dir}/p --vertical payday --verticals {dir}/own"));
    assert_eq!(found.text, "1 profile(s), 0 error(s), 0 warning(s)\n");
    let line = format!("gavel buyer render {dir}/p --vertical payday --verticals {dir}/own");
    let told = carry_out(&parse(&line)).unwrap_err().to_string();
    assert!(told.contains("give the field an `example`"), "{told}");
    let text = carried_out(&format!("gavel buyer fields payday --verticals {dir}/own")).text;
    assert!(text.starts_with("payday: Payday\n"), "{text}");
    std::fs::create_dir_all(root.path().join("p/cases")).unwrap();
    std::fs::write(root.path().join("p/cases/broken.json"), "{\n \"about\": 1 }").unwrap();
    let found = carried_out(&format!("gavel buyer lint {dir}/p"));
    assert!(found.text.contains("cases/broken.json:2:"), "{}", found.text);
    assert_eq!(found.failure.as_deref(), Some("1 profile(s), 1 error(s), 1 warning(s)"));
}
