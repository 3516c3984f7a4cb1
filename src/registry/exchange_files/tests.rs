use super::*;
use crate::domain::address::AddressPolicy;
use crate::domain::campaign::{
    Campaign, Cap, CapWindow, OnUnknown, OnUnmatched, PostSemantics, Price, Verification,
};
use crate::domain::decimal::Decimal;
use crate::domain::filter::{Filter, Operand, Test};
use crate::domain::money::{Money, Percent};
use crate::domain::slug::{BuyerId, VendorId, VerticalId};
use crate::registry::compile;
use crate::registry::objects::RegistryObjects;
use crate::registry::plan::plan;

const BUYER: &str = r#"name = "Acme Life"
legal_name = "Acme Life LLC"
time_zone = "America/Chicago"
credit_limit = "500.00"

[[campaign]]
id = "acme-tx"
vertical = "final_expense"
profile = "native"
ping_url = "https://bids.acme.example/ping"
post_url = "https://bids.acme.example/post"
status_url = "https://bids.acme.example/status"
secret_file = "secrets/acme-tx"
verification = "operator"
price = { bid = { max_bid = "40.00" } }
filter = { all = [{ field = "state", in = ["TX", "FL"] }, { field = "age", between = [50, 80] }, { not = { field = "tobacco", eq = true } }] }
caps = [{ per = "day", leads = 10 }, { per = "total", leads = 100, spend = "500.00" }]
disclosures = ["zip", "age"]
post_semantics = "idempotent"
on_unmatched = "unknown"
on_unknown = { resell_after_s = 900 }

[[campaign]]
id = "acme-rest"
vertical = "final_expense"
post_url = "https://bids.acme.example/post"
secret_env = "ACME_REST_SECRET"
price = { fixed = "12.00" }
"#;

const VERTICAL: &str = r#"id = "pets"
name = "Pet insurance"
[[field]]
name = "species"
type = "enum"
values = ["cat", "dog"]
pii = "none"
"#;

fn file(path: &str, text: &str) -> SourceFile {
    SourceFile { path: path.to_owned(), text: text.to_owned() }
}

fn exchange() -> Vec<SourceFile> {
    vec![
        file("buyers/acme.toml", BUYER),
        file("trees/final_expense.toml", "margin_percent = \"12.5\"\nfloor = \"5.00\"\n"),
        file("vendors/best.toml", "name = \"Best Leads\"\ntime_zone = \"UTC\"\nfloor = \"2\"\n"),
        file("verticals/pets.toml", VERTICAL),
    ]
}

fn parsed(files: &[SourceFile]) -> ExchangeFiles {
    parse(files).unwrap_or_else(|faults| panic!("{faults:?}"))
}

#[test]
fn a_buyers_file_holds_the_buyer_and_its_campaigns() {
    let bundle = parsed(&exchange()).bundle;
    let buyer = &bundle.buyers[&BuyerId::parse("acme").unwrap()];
    assert_eq!(buyer.legal_entity(), "Acme Life LLC");
    assert_eq!(buyer.time_zone.name(), "America/Chicago");
    assert_eq!(buyer.credit_limit, Some(Money::parse("500").unwrap()));
    let text = |text: &str| Operand::Text(text.to_owned());
    let number = |text: &str| Operand::Number(Decimal::parse(text).unwrap());
    let leaf = |field: &str, test: Test| Filter::Leaf { field: field.to_owned(), test };
    let url = |path: &str| format!("https://bids.acme.example/{path}");
    let expect = Campaign {
        buyer_id: BuyerId::parse("acme").unwrap(),
        vertical: VerticalId::parse("final_expense").unwrap(),
        profile: "native".to_owned(),
        profile_settings: BTreeMap::new(),
        profile_secrets: BTreeSet::new(),
        ping_url: Some(url("ping")),
        post_url: Some(url("post")),
        status_url: Some(url("status")),
        verification: Verification::Operator,
        price: Price::Bid { max_bid: Some(Money::parse("40").unwrap()) },
        filter: Some(Filter::All(vec![
            leaf("state", Test::In(vec![text("TX"), text("FL")])),
            leaf("age", Test::Between(number("50"), number("80"))),
            Filter::Not(Box::new(leaf("tobacco", Test::Eq(Operand::Boolean(true))))),
        ])),
        caps: vec![
            Cap { per: CapWindow::Day, leads: Some(10), spend: None },
            Cap {
                per: CapWindow::Total,
                leads: Some(100),
                spend: Some(Money::parse("500").unwrap()),
            },
        ],
        disclosures: vec!["zip".to_owned(), "age".to_owned()],
        post_semantics: PostSemantics::Idempotent,
        on_unmatched: OnUnmatched::Unknown,
        on_unknown: OnUnknown::ResellAfterS(900),
        post_ms: None,
    };
    assert_eq!(bundle.campaigns[&CampaignId::parse("acme-tx").unwrap()], expect);
    let rest = &bundle.campaigns[&CampaignId::parse("acme-rest").unwrap()];
    assert_eq!(rest.price, Price::Fixed(Money::parse("12").unwrap()));
    assert_eq!(bundle.campaigns.len(), 2);
}

#[test]
fn vendors_trees_and_verticals_are_one_file_each() {
    let bundle = parsed(&exchange()).bundle;
    assert_eq!(bundle.vendors[&VendorId::parse("best").unwrap()].name, "Best Leads");
    let tree = &bundle.trees[&VerticalId::parse("final_expense").unwrap()];
    assert_eq!(tree.margin_percent, Percent::parse("12.5").unwrap());
    assert_eq!(bundle.verticals[&VerticalId::parse("pets").unwrap()].fields[0].name, "species");
}

#[test]
fn a_secret_is_named_with_its_place_and_not_read() {
    let refs = parsed(&exchange()).secret_refs;
    let expect = |campaign: &str, source: SecretSource, line: usize, column: usize| SecretRef {
        campaign: CampaignId::parse(campaign).unwrap(),
        profile_secret: None,
        source,
        path: "buyers/acme.toml".to_owned(),
        line,
        column,
    };
    let file = SecretSource::File("secrets/acme-tx".to_owned());
    let environment = SecretSource::Environment("ACME_REST_SECRET".to_owned());
    assert_eq!(refs, [expect("acme-tx", file, 13, 15), expect("acme-rest", environment, 27, 14)]);
    assert_eq!(refs[0].fault("no such file").to_string(), "buyers/acme.toml:13:15: no such file");
}

#[test]
fn what_is_read_from_files_compiles_and_survives_the_way_to_the_server() {
    let bundle = parsed(&exchange()).bundle;
    let sent = serde_json::to_string(&bundle).unwrap();
    let received: Bundle = serde_json::from_str(&sent).unwrap();
    let planned = plan(&RegistryObjects::default(), &BTreeMap::new(), &received, false);
    let surroundings = compile::Surroundings::new("USD", AddressPolicy::default());
    assert_eq!(compile::check(&planned.next, &surroundings), []);
    assert_eq!(planned.plan.summary(), "6 created");
}

/// The faults of an exchange whose buyer's file has `from` replaced by `to`.
fn faults_of(from: &str, to: &str) -> Vec<String> {
    assert!(BUYER.contains(from), "{from}");
    let files = [file("buyers/acme.toml", &BUYER.replacen(from, to, 1))];
    let faults = parse(&files).err().unwrap_or_default();
    faults.iter().map(ToString::to_string).collect()
}

#[test]
fn a_fault_is_told_with_file_line_and_column() {
    let check = |from: &str, to: &str, expect: &[&str]| {
        let faults = faults_of(from, to);
        let fit = |(fault, expect): (&String, &&str)| fault.starts_with(*expect);
        assert!(
            faults.len() == expect.len() && faults.iter().zip(expect).all(fit),
            "{to}: {faults:#?}"
        );
    };
    check("\"500.00\"\n\n", "\"500.00\n\n", &["buyers/acme.toml:4:"]);
    check("legal_name", "legel_name", &["buyers/acme.toml:2:1: unknown field `legel_name`"]);
    check("name = \"Acme Life\"\n", "", &["buyers/acme.toml:1:1: missing field `name`"]);
    check("Chicago", "Chikago", &["buyers/acme.toml:3:13: `America/Chikago` is not a time zone"]);
    check("vertical", "virtual", &["buyers/acme.toml:8:1: unknown field `virtual`"]);
    check("id = \"acme-tx\"\n", "", &["buyers/acme.toml:6:1: a campaign needs an `id`"]);
    check("acme-tx", "Acme TX", &["buyers/acme.toml:7:6: `Acme TX` is not a slug"]);
    check(
        "acme-rest",
        "acme-tx",
        &["buyers/acme.toml:24:6: the campaign `acme-tx` is described in buyers/acme.toml already"],
    );
    check("\"secrets/acme-tx\"", "7", &["buyers/acme.toml:13:15: `secret_file` is a text"]);
    check(
        "secret_file",
        "secret_env = \"A\"\nsecret_file",
        &["buyers/acme.toml:14:15: the secret comes from"],
    );
    check(
        "profile = \"native\"",
        "buyer_id = \"acme\"",
        &["buyers/acme.toml:9:12: the file's name says whose campaign it is"],
    );
    check(
        "max_bid = \"40.00\"",
        "max = \"40.00\"",
        &["buyers/acme.toml:15:19: unexpected keys in table: max, available keys: max_bid"],
    );
    check("\"40.00\"", "40.00", &["buyers/acme.toml:15:29: invalid type: floating point"]);
    check("in = [", "inn = [", &["buyers/acme.toml:16:38: unknown field `inn`"]);
    check("[50, 80]", "[50]", &["buyers/acme.toml:16:"]);
    check("post_url", "post", &["buyers/acme.toml:11:1: unknown field `post`"]);
    check(
        "[[campaign]]\nid = \"acme-tx\"",
        "[campaign]\nid = \"acme-tx\"",
        &["buyers/acme.toml:23:"],
    );
}

#[test]
fn one_fault_hides_no_other() {
    let text = BUYER.replace("time_zone", "time_zome").replace("price", "prize");
    let files = [
        file("buyers/acme.toml", &text),
        file("buyers/Other.toml", BUYER),
        file("notes/readme.toml", ""),
        file("vendors/best.toml", "name = 7"),
        file("vendors/deep/best.toml", ""),
        file("vendors/best.json", ""),
        file("verticals/dogs.toml", VERTICAL),
        file("verticals/pets.toml", "id = "),
    ];
    let faults: Vec<_> = parse(&files).err().unwrap_or_default();
    let places: Vec<_> = faults
        .iter()
        .map(|fault| format!("{}:{}:{}", fault.path, fault.line, fault.column))
        .collect();
    assert_eq!(
        places,
        [
            "buyers/acme.toml:3:1",
            "buyers/acme.toml:15:1",
            "buyers/acme.toml:28:1",
            "buyers/Other.toml:1:1",
            "notes/readme.toml:1:1",
            "vendors/best.toml:1:8",
            "vendors/deep/best.toml:1:1",
            "vendors/best.json:1:1",
            "verticals/dogs.toml:1:1",
            "verticals/pets.toml:1:6",
        ]
    );
}

#[test]
fn the_size_of_a_file_is_limited() {
    let text = format!("name = \"Best\" #{}", " ".repeat(FILE_BYTES_MAX));
    let faults = parse(&[file("vendors/best.toml", &text)]).err().unwrap();
    assert_eq!(faults[0].detail, "longer than 1048576 bytes");
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in "[a-z\\[\\]{}=\"',#. \n0-9]{0,80}") {
        for folder in FOLDERS {
            let _ = parse(&[file(&format!("{folder}/some.toml"), &text)]);
        }
    }
}
