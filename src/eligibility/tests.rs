use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::explain::{CampaignTrace, NodeTrace, explain};
use super::*;
use crate::domain::address::AddressPolicy;
use crate::domain::decimal::Decimal;
use crate::domain::filter::{Filter, Operand, Test};
use crate::domain::ids::{LeadId, Partition};
use crate::domain::lead::{Consent, Fields, Source, Value};
use crate::domain::money::Money;
use crate::domain::pii::Pii;
use crate::domain::slug::{BuyerId, ProfileId, VendorId, VerticalId};
use crate::domain::standing::{PausedBy, Standing};
use crate::domain::time::years_between;
use crate::registry::compile::{Surroundings, compile};
use crate::registry::objects::{OpenedSecrets, RegistryObjects, Stored};
use crate::signing::{SigningKeys, SigningSecret};

const VERTICAL: &str = r#"
    id = "test"
    name = "Test"
    [[field]]
    name = "city"
    type = "name"
    pii = "quasi"
    [[field]]
    name = "state"
    type = "state"
    pii = "quasi"
    [[field]]
    name = "zip"
    type = "zip"
    pii = "quasi"
    [[field]]
    name = "budget"
    type = "money"
    pii = "none"
    [[field]]
    name = "score"
    type = "decimal"
    pii = "none"
    [[field]]
    name = "children"
    type = "integer"
    pii = "none"
    [[field]]
    name = "tobacco"
    type = "boolean"
    pii = "sensitive"
    [[field]]
    name = "date_of_birth"
    type = "date"
    pii = "quasi"
    [[field]]
    name = "drivers"
    type = "list"
    pii = "none"
    item = [{ name = "licensed", type = "boolean", pii = "none" }]
"#;

fn today() -> Date {
    "2026-11-23".parse().unwrap()
}

fn lead(values: Vec<(&str, Value)>) -> Lead {
    let mut fields = Fields::new();
    for (name, value) in values {
        fields.push(Arc::from(name), value);
    }
    Lead {
        id: LeadId::new(Partition(0), 1),
        vendor: VendorId::parse("acme").unwrap(),
        vertical: VerticalId::parse("test").unwrap(),
        fields: Pii::new(fields),
        consent: Pii::new(Consent::default()),
        source: Source::default(),
        submitted_at: None,
        floor: Money::ZERO,
        received_at: "2026-11-23T12:00:00Z".parse().unwrap(),
        test: false,
    }
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

/// A person of 69 from Dallas.
fn usual_lead() -> Lead {
    lead(vec![
        ("city", text("Dallas")),
        ("state", text("TX")),
        ("zip", text("75201")),
        ("budget", Value::Money(Money::parse("60.00").unwrap())),
        ("tobacco", Value::Boolean(false)),
        ("date_of_birth", Value::Date("1957-03-02".parse().unwrap())),
        ("drivers", Value::List(vec![Fields::new(), Fields::new()])),
    ])
}

/// A registry with one buyer and campaigns of these filters and states.
fn snapshot(campaigns: Vec<(&str, Option<Filter>, CampaignState)>) -> Snapshot {
    let mut objects = RegistryObjects::default();
    let vertical = crate::registry::vertical::parse_toml(VERTICAL).unwrap();
    objects.verticals.insert(vertical.id.clone(), Stored::live(vertical));
    let buyer = serde_json::from_value(json!({"name": "Best"})).unwrap();
    objects.buyers.insert(BuyerId::parse("best").unwrap(), Stored::live(buyer));
    let mut secrets = OpenedSecrets::default();
    for (id, filter, state) in campaigns {
        let id = CampaignId::parse(id).unwrap();
        let campaign = json!({
            "buyer_id": "best",
            "vertical": "test",
            "post_url": (state != CampaignState::Draft).then_some("https://best.example/post"),
            "verification": "challenge",
            "price": {"fixed": "12.00"},
            "filter": filter,
        });
        let campaign = serde_json::from_value(campaign).unwrap();
        let is_archived = state == CampaignState::Archived;
        objects.campaigns.insert(id.clone(), Stored { value: campaign, is_archived });
        objects.standings.insert(id.clone(), standing_for(state));
        let keys = SigningKeys::of(&SigningSecret::mint([7; 32]));
        secrets.campaigns.insert(id, keys);
    }
    compiled(&objects, secrets)
}

fn compiled(objects: &RegistryObjects, secrets: OpenedSecrets) -> Snapshot {
    let surroundings = Surroundings {
        currency: "USD".to_owned(),
        addresses: AddressPolicy::default(),
        shipped: BTreeMap::new(),
        shipped_profiles: BTreeMap::new(),
        shipped_inbound: BTreeMap::new(),
        memo: crate::registry::profile::ProfileMemo::default(),
    };
    match compile(7, objects, secrets, &surroundings) {
        Ok(snapshot) => snapshot,
        Err(faults) => panic!("{faults:?}"),
    }
}

/// What puts a campaign, proved by challenge, into this state.
fn standing_for(state: CampaignState) -> Standing {
    let proved = matches!(state, CampaignState::Active | CampaignState::Paused);
    let url = "https://best.example/post".to_owned();
    Standing {
        proved: proved.then_some(url).into_iter().collect(),
        paused_by: (state == CampaignState::Paused)
            .then_some(PausedBy::Operator)
            .into_iter()
            .collect(),
        ..Standing::default()
    }
}

fn read(filter: Json) -> Filter {
    serde_json::from_value(filter).unwrap()
}

/// The rule by which the usual lead is excluded.
fn rule_of(filter: Json) -> Option<String> {
    let snapshot = snapshot(vec![("one", Some(read(filter)), CampaignState::Active)]);
    let considered = consider(&usual_lead(), &snapshot, today(), &BTreeMap::new());
    match &considered[0].verdict {
        Eligibility::Eligible => None,
        Eligibility::Excluded { rule } => Some(rule.clone()),
    }
}

#[test]
fn a_lead_that_passes_no_filter_is_excluded_by_the_first_field_that_fails() {
    let check = |filter: Json, expect: Option<&str>| {
        assert_eq!(rule_of(filter.clone()).as_deref(), expect, "{filter}");
    };
    let over_50 = || json!({"field": "age", "gte": 50});
    let over_70 = || json!({"field": "age", "gte": 70});
    let in_florida = || json!({"field": "state", "eq": "FL"});
    check(over_50(), None);
    check(over_70(), Some("filter:age"));
    check(json!({"all": [over_50(), in_florida(), over_70()]}), Some("filter:state"));
    check(json!({"all": []}), None);
    check(json!({"any": []}), Some("filter:any()"));
    check(json!({"any": [in_florida(), over_50()]}), None);
    check(json!({"any": [in_florida(), over_70()]}), Some("filter:any(age,state)"));
    check(json!({"any": [in_florida()]}), Some("filter:state"));
    check(json!({"not": over_50()}), Some("filter:age"));
    check(json!({"not": {"any": [over_50(), in_florida()]}}), Some("filter:not(age,state)"));
    check(json!({"not": {"all": [over_50(), in_florida()]}}), None);
    check(
        json!({"all": [{"all": [{"any": [over_70(), in_florida()]}]}]}),
        Some("filter:any(age,state)"),
    );
}

#[test]
fn values_are_compared_by_their_type() {
    let check = |filter: Json, expect: bool| {
        assert_eq!(rule_of(filter.clone()).is_none(), expect, "{filter}");
    };
    check(json!({"field": "city", "eq": "DALLAS"}), true);
    check(json!({"field": "city", "in": ["Austin", "dallas"]}), true);
    check(json!({"field": "zip", "between": ["75000", "75201"]}), true);
    check(json!({"field": "zip", "lt": "75201"}), false);
    check(json!({"field": "budget", "gt": 59.99}), true);
    check(json!({"field": "budget", "gt": "60.00"}), false);
    check(json!({"field": "tobacco", "ne": true}), true);
    check(json!({"field": "date_of_birth", "lt": "1957-03-03"}), true);
    check(json!({"field": "drivers_count", "eq": 2}), true);
    check(json!({"field": "drivers_count", "gt": 2}), false);
}

#[test]
fn a_value_that_is_not_there_passes_only_that_it_is_not() {
    let check = |filter: Json, expect: bool| {
        assert_eq!(rule_of(filter.clone()).is_none(), expect, "{filter}");
    };
    check(json!({"field": "children", "exists": false}), true);
    check(json!({"field": "children", "exists": true}), false);
    check(json!({"field": "children", "ne": 2}), false);
    check(json!({"field": "children", "not_in": [2]}), false);
    check(json!({"not": {"field": "children", "gt": 2}}), true);
}

#[test]
fn an_age_changes_on_the_birthday() {
    let filter = Some(read(json!({"field": "age", "gte": 70})));
    let snapshot = snapshot(vec![("one", filter, CampaignState::Active)]);
    let is_eligible = |day: &str| {
        let considered = consider(&usual_lead(), &snapshot, day.parse().unwrap(), &BTreeMap::new());
        considered[0].verdict == Eligibility::Eligible
    };
    assert!(!is_eligible("2027-03-01"));
    assert!(is_eligible("2027-03-02"));
}

#[test]
fn state_filter_and_room_are_asked_in_this_order_for_every_campaign_by_id() {
    let never = || Some(read(json!({"any": []})));
    let snapshot = snapshot(vec![
        ("f-full", None, CampaignState::Active),
        ("a-active", None, CampaignState::Active),
        ("b-draft", never(), CampaignState::Draft),
        ("c-paused", never(), CampaignState::Paused),
        ("d-unproved", never(), CampaignState::PendingVerification),
        ("e-filtered", never(), CampaignState::Active),
        ("g-archived", None, CampaignState::Archived),
    ]);
    let no_room: BTreeMap<_, _> = ["f-full", "e-filtered", "b-draft"]
        .into_iter()
        .map(|id| (CampaignId::parse(id).unwrap(), "cap:day".to_owned()))
        .collect();
    let verdicts: Vec<_> = consider(&usual_lead(), &snapshot, today(), &no_room)
        .into_iter()
        .map(|considered| (considered.campaign.id.to_string(), considered.verdict))
        .collect();
    let excluded = |rule: &str| Eligibility::Excluded { rule: rule.to_owned() };
    let expect = [
        ("a-active", Eligibility::Eligible),
        ("b-draft", excluded("campaign_state")),
        ("c-paused", excluded("campaign_state")),
        ("d-unproved", excluded("verification")),
        ("e-filtered", excluded("filter:any()")),
        ("f-full", excluded("cap:day")),
    ];
    assert_eq!(verdicts, expect.map(|(id, verdict)| (id.to_owned(), verdict)));
}

/// A registry with one campaign for calls, and the lead's vendor as it describes itself.
fn snapshot_for_calls(vendor: Json, filter: Json) -> Snapshot {
    const CALLS: &str = "profile = \"calls\"\n[ping.request]\nbody = \"none\"\n[ping.reply]\nrules = [\n\
        { when = { \"$.ok\" = true }, outcome = \"accept\" }, { outcome = \"refuse\" }]\n\
        bid = { price = \"$.price\", phone_number = \"$.number\" }\n";
    let mut objects = RegistryObjects::default();
    let vertical = crate::registry::vertical::parse_toml(VERTICAL).unwrap();
    objects.verticals.insert(vertical.id.clone(), Stored::live(vertical));
    let vendor = serde_json::from_value(vendor).unwrap();
    objects.vendors.insert(VendorId::parse("acme").unwrap(), Stored::live(vendor));
    let buyer = serde_json::from_value(json!({"name": "Best"})).unwrap();
    objects.buyers.insert(BuyerId::parse("best").unwrap(), Stored::live(buyer));
    let files = serde_json::from_value(json!({"text": CALLS})).unwrap();
    objects.profiles.insert(ProfileId::parse("calls").unwrap(), Stored::live(files));
    let campaign = json!({
        "buyer_id": "best", "vertical": "test", "profile": "calls", "filter": filter,
        "ping_url": "https://best.example/ping", "price": {"bid": {}},
    });
    let id = CampaignId::parse("caller").unwrap();
    let campaign = serde_json::from_value(campaign).unwrap();
    objects.campaigns.insert(id.clone(), Stored::live(campaign));
    let mut secrets = OpenedSecrets::default();
    secrets.campaigns.insert(id, SigningKeys::of(&SigningSecret::mint([7; 32])));
    compiled(&objects, secrets)
}

#[test]
fn a_campaign_for_calls_is_offered_leads_of_vendors_that_take_calls_alone() {
    let check = |vendor: Json, filter: Json, expect: Option<&str>| {
        let snapshot = snapshot_for_calls(vendor.clone(), filter);
        let no_room = BTreeMap::new();
        let considered = consider(&usual_lead(), &snapshot, today(), &no_room);
        let verdict = match expect {
            None => Eligibility::Eligible,
            Some(rule) => Eligibility::Excluded { rule: rule.to_owned() },
        };
        assert_eq!(considered[0].verdict, verdict, "{vendor}");
        let explained = explain(&usual_lead(), &snapshot, today(), &no_room);
        assert_eq!(explained.campaigns[0].rule.as_deref(), expect, "{vendor}");
    };
    let never = || json!({"any": []});
    check(json!({"name": "Acme"}), Json::Null, Some("calls_not_taken"));
    check(json!({"name": "Acme", "takes_calls": false}), never(), Some("calls_not_taken"));
    check(json!({"name": "Acme", "takes_calls": true}), Json::Null, None);
    check(json!({"name": "Acme", "takes_calls": true}), never(), Some("filter:any()"));
}

#[test]
fn a_lead_of_another_vertical_is_offered_to_nobody() {
    let snapshot = snapshot(vec![("one", None, CampaignState::Active)]);
    let mut lead = usual_lead();
    for vertical in ["solar", "nowhere"] {
        lead.vertical = VerticalId::parse(vertical).unwrap();
        assert!(consider(&lead, &snapshot, today(), &BTreeMap::new()).is_empty());
    }
}

#[test]
fn an_explanation_tells_the_truth_of_every_node_and_no_value_of_the_lead() {
    let filter = read(json!({"all": [
        {"field": "age", "between": [50, 80]},
        {"not": {"any": [{"field": "state", "in": ["FL", "CA"]}]}},
        {"field": "children", "gte": 1},
    ]}));
    let snapshot = snapshot(vec![("one", Some(filter), CampaignState::Active)]);
    let explanation = explain(&usual_lead(), &snapshot, today(), &BTreeMap::new());
    let node = |node: &str, holds: bool, nodes: Vec<NodeTrace>| NodeTrace {
        node: node.to_owned(),
        holds,
        nodes,
    };
    let expect = CampaignTrace {
        campaign_id: CampaignId::parse("one").unwrap(),
        buyer_id: BuyerId::parse("best").unwrap(),
        state: CampaignState::Active,
        is_eligible: false,
        rule: Some("filter:children".to_owned()),
        filter: Some(node(
            "all",
            false,
            vec![
                node("age between 50 and 80", true, vec![]),
                node(
                    "not",
                    true,
                    vec![node("any", false, vec![node("state in CA, FL", false, vec![])])],
                ),
                node("children gte 1", false, vec![]),
            ],
        )),
    };
    assert_eq!(explanation.registry_version, 7);
    assert_eq!(explanation.campaigns, [expect]);
    let text = serde_json::to_string(&explanation).unwrap();
    for value in ["Dallas", "75201", "1957", "TX"] {
        assert!(!text.contains(value), "{value} in {text}");
    }
}

/// What the filter says of the lead, worked out the plain way from filter and lead as written.
fn naive(filter: &Filter, lead: &Lead) -> bool {
    match filter {
        Filter::All(all) => all.iter().all(|filter| naive(filter, lead)),
        Filter::Any(any) => any.iter().any(|filter| naive(filter, lead)),
        Filter::Not(not) => !naive(not, lead),
        Filter::Leaf { field, test } => naive_leaf(field, test, lead),
    }
}

fn naive_leaf(field: &str, test: &Test, lead: &Lead) -> bool {
    let fields = lead.fields.expose();
    let value = match (field, fields.value("date_of_birth"), fields.value("drivers")) {
        ("age", Some(Value::Date(birth)), _) => {
            Some(Value::Integer(years_between(*birth, today())))
        }
        ("drivers_count", _, Some(Value::List(items))) => Some(Value::Integer(items.len() as i64)),
        (field, ..) => fields.value(field).cloned(),
    };
    if let Test::Exists(exists) = test {
        return value.is_some() == *exists;
    }
    let Some(value) = value else { return false };
    let order = |operand: &Operand| order_to(&value, operand);
    match test {
        Test::Eq(operand) => order(operand).is_eq(),
        Test::Ne(operand) => order(operand).is_ne(),
        Test::In(operands) => operands.iter().any(|operand| order(operand).is_eq()),
        Test::NotIn(operands) => operands.iter().all(|operand| order(operand).is_ne()),
        Test::Lt(operand) => order(operand).is_lt(),
        Test::Lte(operand) => order(operand).is_le(),
        Test::Gt(operand) => order(operand).is_gt(),
        Test::Gte(operand) => order(operand).is_ge(),
        Test::Between(low, high) => order(low).is_ge() && order(high).is_le(),
        Test::Exists(_) => unreachable!("answered before"),
    }
}

/// How `value` stands to `operand`.
fn order_to(value: &Value, operand: &Operand) -> std::cmp::Ordering {
    match (value, operand) {
        (Value::Text(value), Operand::Text(operand)) => {
            value.to_lowercase().cmp(&operand.to_lowercase())
        }
        (Value::Boolean(value), Operand::Boolean(operand)) => value.cmp(operand),
        (Value::Date(value), Operand::Text(operand)) => value.cmp(&operand.parse().unwrap()),
        (Value::Integer(value), Operand::Number(operand)) => {
            (value * 10_000).cmp(&operand.ten_thousandths())
        }
        (Value::Decimal(value), Operand::Number(operand)) => value.cmp(operand),
        (Value::Money(value), Operand::Number(operand)) => {
            value.ten_thousandths().cmp(&operand.ten_thousandths())
        }
        _ => panic!("an operand of another type"),
    }
}

/// Few values each, so that equal ones meet often.
fn operand(field: &'static str) -> BoxedStrategy<Operand> {
    let texts = |texts: &'static [&'static str]| {
        proptest::sample::select(texts).prop_map(|text| Operand::Text(text.to_owned())).boxed()
    };
    match field {
        "city" => texts(&["Dallas", "dallas", "AUSTIN", "Waco"]),
        "state" => texts(&["TX", "FL", "CA"]),
        "zip" => texts(&["75201", "75202", "02108"]),
        "date_of_birth" => texts(&["1957-03-02", "1980-12-31", "2000-02-29"]),
        "tobacco" => any::<bool>().prop_map(Operand::Boolean).boxed(),
        "budget" | "score" => (-2_i64..3)
            .prop_map(|half| Operand::Number(Decimal::parse(HALVES[(half + 2) as usize]).unwrap()))
            .boxed(),
        _ => (-1_i64..90)
            .prop_map(|number| Operand::Number(Decimal::from_integer(number).unwrap()))
            .boxed(),
    }
}

const HALVES: [&str; 5] = ["-1", "-0.5", "0", "0.5", "1"];

fn leaf() -> impl Strategy<Value = Filter> {
    const ORDERED: [&str; 7] =
        ["zip", "budget", "score", "children", "date_of_birth", "age", "drivers_count"];
    const UNORDERED: [&str; 2] = ["city", "state"];
    let any_test = proptest::sample::select(&ORDERED[..]).prop_flat_map(|field| {
        let tests = (0..9_u8, operand(field), operand(field), operand(field));
        tests.prop_map(move |(kind, a, b, c)| test(field, kind, [a, b, c]))
    });
    let equality = proptest::sample::select(&UNORDERED[..]).prop_flat_map(|field| {
        let tests = (0..4_u8, operand(field), operand(field), operand(field));
        tests.prop_map(move |(kind, a, b, c)| test(field, kind, [a, b, c]))
    });
    let truth = (0..2_u8, operand("tobacco"))
        .prop_map(|(kind, a)| test("tobacco", kind, [a.clone(), a.clone(), a]));
    let existence =
        (proptest::sample::select(&ORDERED[..]), any::<bool>()).prop_map(|(field, exists)| {
            Filter::Leaf { field: field.to_owned(), test: Test::Exists(exists) }
        });
    prop_oneof![4 => any_test, 2 => equality, 1 => truth, 1 => existence]
}

fn test(field: &str, kind: u8, [a, b, c]: [Operand; 3]) -> Filter {
    let test = match kind {
        0 => Test::Eq(a),
        1 => Test::Ne(a),
        2 => Test::In(vec![a, b, c]),
        3 => Test::NotIn(vec![a, b, c]),
        4 => Test::Lt(a),
        5 => Test::Lte(a),
        6 => Test::Gt(a),
        7 => Test::Gte(a),
        _ => {
            let is_reversed = match (&a, &b) {
                (Operand::Number(a), Operand::Number(b)) => a > b,
                (Operand::Text(a), Operand::Text(b)) => a > b,
                _ => false,
            };
            if is_reversed { Test::Between(b, a) } else { Test::Between(a, b) }
        }
    };
    Filter::Leaf { field: field.to_owned(), test }
}

fn filter() -> impl Strategy<Value = Filter> {
    leaf().prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Filter::All),
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Filter::Any),
            inner.prop_map(|filter| Filter::Not(Box::new(filter))),
        ]
    })
}

/// A value of the field, or none.
fn value(field: &'static str) -> impl Strategy<Value = Option<(&'static str, Value)>> {
    let value = match field {
        "drivers" => (0_usize..4).prop_map(|count| Value::List(vec![Fields::new(); count])).boxed(),
        field => operand(field).prop_map(move |operand| as_value(field, operand)).boxed(),
    };
    proptest::option::weighted(0.8, value.prop_map(move |value| (field, value)))
}

fn as_value(field: &str, operand: Operand) -> Value {
    match (field, operand) {
        ("date_of_birth", Operand::Text(text)) => Value::Date(text.parse().unwrap()),
        (_, Operand::Text(text)) => Value::Text(text),
        (_, Operand::Boolean(truth)) => Value::Boolean(truth),
        ("score", Operand::Number(number)) => Value::Decimal(number),
        ("budget", Operand::Number(number)) => {
            Value::Money(Money::from_ten_thousandths(number.ten_thousandths().abs()).unwrap())
        }
        (_, Operand::Number(number)) => Value::Integer(number.to_integer().unwrap()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_compiled_filter_says_what_a_plain_reading_of_it_says(
        filter in filter(),
        values in (
            (value("city"), value("state"), value("zip")),
            (value("budget"), value("score"), value("children")),
            (value("tobacco"), value("date_of_birth"), value("drivers")),
        ),
    ) {
        let ((a, b, c), (d, e, f), (g, h, i)) = values;
        let lead = lead([a, b, c, d, e, f, g, h, i].into_iter().flatten().collect());
        let expect = naive(&filter, &lead);
        let snapshot = snapshot(vec![("one", Some(filter), CampaignState::Active)]);
        let considered = consider(&lead, &snapshot, today(), &BTreeMap::new());
        let verdict = &considered[0].verdict;
        prop_assert_eq!(*verdict == Eligibility::Eligible, expect, "{:?}", verdict);
        let explained = explain(&lead, &snapshot, today(), &BTreeMap::new());
        prop_assert_eq!(explained.campaigns[0].filter.as_ref().unwrap().holds, expect);
    }
}
