use clap::CommandFactory;

use super::*;

fn parse(line: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(line.split(' '))
}

#[track_caller]
fn check_refused(line: &str, expect: &str) {
    let error = parse(line).expect_err("should be refused").to_string();
    assert!(error.contains(expect), "{error}");
}

#[test]
fn the_definition_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn the_configuration_may_stand_before_and_after_the_command() {
    let file = |line| parse(line).unwrap().config;
    assert_eq!(file("gavel serve"), PathBuf::from("gavel.toml"));
    assert_eq!(file("gavel serve --config a.toml"), PathBuf::from("a.toml"));
    assert_eq!(file("gavel --config a.toml key list"), PathBuf::from("a.toml"));
    assert_eq!(file("gavel key list --config a.toml"), PathBuf::from("a.toml"));
}

#[test]
fn init_lays_out_the_present_folder_unless_told_otherwise() {
    let init = |line| match parse(line).unwrap().command {
        Command::Init(init) => init,
        other => panic!("{other:?}"),
    };
    assert_eq!(init("gavel init"), Init { folder: ".".into(), local: false, data: None });
    let data = Some("y".into());
    assert_eq!(
        init("gavel init x --local --data y"),
        Init { folder: "x".into(), local: true, data }
    );
}

fn key_create(line: &str) -> KeyCreate {
    match parse(line).unwrap().command {
        Command::Ask(Ask::Key(Key::Create(create))) => create,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_key_is_for_somebody() {
    let key = key_create("gavel key create --role vendor --owner acme --test --strict");
    assert_eq!((key.role, key.owner()), (Role::Vendor, "acme"));
    assert!(key.test && key.strict && !key.require_signature);
    assert_eq!(key_create("gavel key create --role operator").owner(), "exchange");
    let ends = key_create("gavel key create --role operator --expires-at 2027-01-01T00:00:00Z");
    assert_eq!(ends.expires_at, Some("2027-01-01T00:00:00Z".parse().unwrap()));
    check_refused("gavel key create --role vendor", "--owner <ID>");
    check_refused("gavel key create --role boss --owner a", "vendor, buyer or operator");
    check_refused("gavel key revoke short", "8 letters and digits");
}

#[test]
fn a_credit_has_an_exact_amount_and_an_operation() {
    let credit = |line| match parse(line).unwrap().command {
        Command::Ask(Ask::Credit(credit)) => credit,
        other => panic!("{other:?}"),
    };
    let deposit = credit("gavel credit acme 500.00 --op op-1 --note first");
    assert_eq!(deposit.amount, Money::parse("500").unwrap());
    assert_eq!((deposit.op_id.as_str(), deposit.kind.as_str()), ("op-1", "deposit"));
    let back = credit("gavel credit acme -12.5 --op op-2 --kind adjustment");
    assert_eq!(back.amount.to_string(), "-12.50");
    check_refused("gavel credit acme 500.00", "--op <ID>");
    check_refused("gavel credit acme 1e3 --op x", "not a plain decimal amount");
    check_refused("gavel credit acme 0.00001 --op x", "more than 4 decimals");
    check_refused("gavel credit acme 5 --op a/b", "letters, digits");
    check_refused("gavel credit ACME 5 --op x", "is not a slug");
}

#[test]
fn auctions_are_listed_twenty_at_a_time() {
    let list = |line| match parse(line).unwrap().command {
        Command::Ask(Ask::Auction(Auction::List(list))) => list,
        other => panic!("{other:?}"),
    };
    let (vendor, disposition, vertical, since) = (None, None, None, None);
    let newest = AuctionList { limit: 20, vendor, disposition, vertical, since };
    assert_eq!(list("gavel auction list"), newest);
    let narrow = "gavel auction list --disposition unsold --vertical solar \
                  --since 2026-11-24T00:00:00Z";
    let expect = AuctionList {
        disposition: Some(Disposition::Unsold),
        vertical: Some(VerticalId::parse("solar").unwrap()),
        since: Some("2026-11-24T00:00:00Z".parse().unwrap()),
        ..newest
    };
    assert_eq!(list(narrow), expect);
    check_refused("gavel auction list --disposition lost", "it is pending, offered, sold");
    check_refused("gavel auction list --since yesterday", "it is a time such as");
    check_refused("gavel auction list --limit 0", "0 is not in 1..=1000");
}
