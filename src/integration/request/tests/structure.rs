//! Nesting, lists, and XML.

use super::super::super::phase::Phase;
use super::check_faults;
use crate::integration::tests::sample::sample;

fn check_body(profile: &str, expect: &str) {
    assert_eq!(sample(&[]).body(profile, Phase::Post), expect, "{profile}");
}

#[test]
fn capability_07_objects_nest_and_names_with_dots_are_names() {
    check_body(
        "[post.request]\nbody = \"json\"\nwrap = \"Request\"\n[post.request.fields]\n\"Lead.Zip\" = \"zip\"\n\
         [post.request.fields.metaData.fields]\npolicy.fields = { own = \"own_or_rent\" }\n",
        r#"{"Request":{"Lead.Zip":"07001","metaData":{"policy":{"own":"own"}}}}"#,
    );
    check_body(
        "[post.request]\nbody = \"form\"\nnesting = \"brackets\"\n[post.request.fields]\n\"Lead.Zip\" = \"zip\"\n\
         lead.fields = { name = { fields = { first = \"first_name\" } }, state = \"state\" }\n",
        "Lead.Zip=07001&lead%5Bname%5D%5Bfirst%5D=Ada&lead%5Bstate%5D=TX",
    );
    check_body(
        "[post.request]\nbody = \"form\"\nnesting = \"dots\"\n[post.request.fields]\n\
         lead.fields = { name.fields = { first = \"first_name\" }, state = \"state\" }\n",
        "lead.name.first=Ada&lead.state=TX",
    );
}

#[test]
fn capability_07_xml_has_namespaces_attributes_order_and_empty_elements() {
    check_body(
        "[post.request]\nbody = \"xml\"\nwrap = [\"g:Request\", \"g:Lead\"]\n[post.request.attributes]\n\
         xmlns = { value = \"urn:d\" }\n\"xmlns:g\" = { value = \"urn:g\" }\n\
         \"xmlns:xsi\" = { value = \"http://www.w3.org/2001/XMLSchema-instance\" }\n\
         \"xsi:schemaLocation\" = { value = \"urn:g lead.xsd\" }\n[post.request.fields]\n\
         Zip = \"zip\"\nAge = \"age\"\nCity = { from = \"city\", missing = \"empty\" }\n\
         State = { from = \"state\", attributes = { code = \"state\", none = \"city\" } }\n\
         Person = { attributes = { type = { value = \"<main>\" } }, fields = { First = \"first_name\" } }\n\
         Empty = { fields = { Middle = \"middle_name\" }, missing = \"empty\" }\n",
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><g:Request xmlns=\"urn:d\" xmlns:g=\"urn:g\" \
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" \
         xsi:schemaLocation=\"urn:g lead.xsd\"><g:Lead><Zip>07001</Zip><Age>69</Age><City/>\
         <State code=\"TX\">TX</State><Person type=\"&lt;main&gt;\"><First>Ada</First></Person>\
         <Empty><Middle/></Empty></g:Lead></g:Request>",
    );
}

#[test]
fn capability_08_arrays_of_objects_and_of_values() {
    check_body(
        "[post.request]\nbody = \"json\"\n[post.request.fields]\n\
         driverCount = { from = \"drivers\", count = true }\n\
         drivers = { each = \"drivers\", fields = { n = \"number\", sex = { from = \"item.gender\", map = { female = \"F\", male = \"M\" } }, born = { from = \"item.born\", date = \"YYYYMMDD\" } } }\n\
         makes = { each = \"vehicles\", from = \"item.make\" }\n\
         first = \"vehicles.1.make\"\nthird = \"vehicles.3.make\"\n\
         accidents = { each = \"drivers\", at_most = 1, from = \"item.accidents\" }\n\
         women = { each = \"drivers\", when = { from = \"item.gender\", is = \"female\" }, from = \"item.name\" }\n\
         none = { each = \"incidents\", from = \"item.x\", missing = \"empty\" }\n",
        "{\"driverCount\":2,\"drivers\":[{\"n\":1,\"sex\":\"F\",\"born\":\"19570302\"},\
         {\"n\":2,\"sex\":\"M\",\"born\":\"19901231\"}],\"makes\":[\"Toyota\",\"Ford & Sons\"],\
         \"first\":\"Toyota\",\"accidents\":[1],\"women\":[\"Ada\"],\"none\":[]}",
    );
}

#[test]
fn capability_08_numbered_names_for_each_driver() {
    let fields = "[post.request.fields]\n\"driver{n}\" = { each = \"drivers\", value = \"1\" }\n\
         [post.request.fields.drivers]\neach = \"drivers\"\nflat = true\n\
         fields = { \"driver{n}_gender\" = \"item.gender\", \"d{i}_born\" = { from = \"item.born\", date = \"YYYY\" } }\n";
    check_body(
        &format!("[post.request]\nbody = \"form\"\n{fields}"),
        "driver1=1&driver2=1&driver1_gender=female&d0_born=1957&driver2_gender=male&d1_born=1990",
    );
    check_body(
        &format!("[post.request]\nbody = \"json\"\n{fields}"),
        "{\"driver1\":\"1\",\"driver2\":\"1\",\"driver1_gender\":\"female\",\"d0_born\":\"1957\",\
         \"driver2_gender\":\"male\",\"d1_born\":\"1990\"}",
    );
}

#[test]
fn capability_08_xml_elements_repeat_or_are_numbered() {
    check_body(
        "[post.request]\nbody = \"xml\"\nwrap = \"Quote\"\ndeclaration = false\n\
         [post.request.fields.Drivers.fields.Driver]\neach = \"drivers\"\nattributes = { id = \"number\" }\n\
         fields = { Gender = \"item.gender\" }\n[post.request.fields.\"Vehicle{i}\"]\neach = \"vehicles\"\n\
         fields = { Make = \"item.make\" }\n",
        "<Quote><Drivers><Driver id=\"1\"><Gender>female</Gender></Driver><Driver id=\"2\">\
         <Gender>male</Gender></Driver></Drivers><Vehicle0><Make>Toyota</Make></Vehicle0>\
         <Vehicle1><Make>Ford &amp; Sons</Make></Vehicle1></Quote>",
    );
}

#[test]
fn a_ping_shows_items_as_redaction_leaves_them() {
    let profile = "[ping.request]\nbody = \"json\"\n[ping.request.fields]\n\
        drivers = { each = \"drivers\", fields = { sex = \"item.gender\", year = \"item.born_year\", born = \"item.born\", name = \"item.name\" } }\n";
    assert_eq!(
        sample(&[]).body(profile, Phase::Ping),
        r#"{"drivers":[{"sex":"female","year":1957},{"sex":"male","year":1990}]}"#
    );
}

#[test]
fn a_ping_renders_nothing_of_the_lead_but_what_redaction_left_whatever_its_mapping_names() {
    let names = [
        "first_name",
        "last_name",
        "phone",
        "email",
        "ssn",
        "zip",
        "date_of_birth",
        "age",
        "drivers.1.name",
        "drivers.1.born",
        "consent.ip",
        "consent.trustedform_cert_url",
    ];
    let fields: String =
        names.iter().enumerate().map(|(at, name)| format!("f{at} = \"{name}\"\n")).collect();
    let profile = format!("[ping.request]\nbody = \"json\"\n[ping.request.fields]\n{fields}");
    assert_eq!(sample(&[]).body(&profile, Phase::Ping), "{}");
    let disclosed = sample(&["zip", "age", "ip", "phone", "email"]);
    assert_eq!(
        disclosed.body(&profile, Phase::Ping),
        r#"{"f5":"07001","f7":69,"f10":"203.0.113.9"}"#
    );
}

const FIXED_LIST: &str = "[post.request.fields.questions]\nitems = [\n\
    { fields = { question = { value = \"Own or rent?\" }, answer = \"own_or_rent\" } },\n\
    { when = \"nothing\", fields = { question = { value = \"Heir?\" }, answer = \"nothing\" } },\n\
    { fields = { question = { value = \"Miles & more?\" }, answer = \"miles\" } },\n]\n";

#[test]
fn capability_08_a_list_may_have_items_that_the_profile_writes_one_by_one() {
    let of = |head: &str, fields: &str| format!("[post.request]\n{head}\n{fields}");
    let sample = sample(&[]);
    assert_eq!(
        sample.body(&of("body = \"json\"", FIXED_LIST), Phase::Post),
        r#"{"questions":[{"question":"Own or rent?","answer":"own"},{"question":"Miles & more?","answer":12000}]}"#
    );
    let xml = "body = \"xml\"\nwrap = \"R\"\ndeclaration = false";
    assert_eq!(
        sample.body(&of(xml, FIXED_LIST), Phase::Post),
        "<R><questions><question>Own or rent?</question><answer>own</answer></questions>\
         <questions><question>Miles &amp; more?</question><answer>12000</answer></questions></R>"
    );
    let brackets = "body = \"form\"\nnesting = \"brackets\"";
    assert_eq!(
        sample.body(&of(brackets, FIXED_LIST), Phase::Post),
        "questions%5B0%5D%5Bquestion%5D=Own+or+rent%3F&questions%5B0%5D%5Banswer%5D=own\
         &questions%5B1%5D%5Bquestion%5D=Miles+%26+more%3F&questions%5B1%5D%5Banswer%5D=12000"
    );
    let values = "[post.request.fields]\nids = { items = [\"zip\", { value = 7 }, \"nothing\"] }\n\
        none = { items = [\"nothing\"] }\nempty = { items = [\"nothing\"], missing = \"empty\" }\n\
        \"n{n}\" = { items = [\"nothing\", \"zip\", \"state\"], when = \"test\" }\n";
    assert_eq!(
        sample.body(&of("body = \"json\"", values), Phase::Post),
        r#"{"ids":["07001",7],"empty":[""],"n1":"07001","n2":"TX"}"#
    );
    assert_eq!(
        sample.body(&of("body = \"form\"", values), Phase::Post),
        "ids=07001&ids=7&empty=&n1=07001&n2=TX"
    );
}

#[test]
fn a_fixed_list_that_cannot_be_written_is_refused() {
    let of = |items: &str| {
        format!("[post.request]\nbody = \"json\"\nfields = {{ a = {{ items = {items} }} }}\n")
    };
    check_faults(&of("[]"), &["there are 1 to 100 items"]);
    check_faults(&of("\"zip\""), &["a text stands where a list"]);
    check_faults(
        &of("[{ each = \"drivers\", from = \"item.name\" }]"),
        &["an item is a value, or an object with a place of its own"],
    );
    check_faults(
        &of("[{ flat = true, fields = { b = \"zip\" } }]"),
        &["an item is a value, or an object with a place of its own"],
    );
    check_faults(
        &format!("[post.request]\nbody = \"form\"\n{FIXED_LIST}"),
        &[
            "`question` would be there twice",
            "`answer` would be there twice",
            "`question` would be there twice",
            "`answer` would be there twice",
        ],
    );
}

#[test]
fn a_post_may_have_the_whole_lead_under_one_name_and_a_ping_never() {
    let of = |call: &str, head: &str| {
        format!(
            "[{call}.request]\n{head}\n[{call}.request.fields]\nlead = {{ whole = \"lead\" }}\n"
        )
    };
    let sample = sample(&[]);
    let body = sample.body(&of("post", "body = \"json\""), Phase::Post);
    let whole: serde_json::Value = serde_json::from_str(&body).unwrap();
    let mut expect = sample.lead.fields.expose().to_json();
    // In a buyer's format a number is a number, however the exchange writes it.
    expect["score"] = serde_json::json!(12.5);
    assert_eq!(whole["lead"], expect);
    let xml = sample.body(&of("post", "body = \"xml\"\nwrap = \"R\""), Phase::Post);
    let document = roxmltree::Document::parse(&xml).unwrap();
    let makes = document.descendants().filter(|node| node.has_tag_name("make"));
    let makes: Vec<_> = makes.filter_map(|node| node.text()).collect();
    assert_eq!(makes, ["Toyota", "Ford & Sons"]);
    let form = sample.body(&of("post", "body = \"form\"\nnesting = \"dots\""), Phase::Post);
    assert!(form.contains("lead.first_name=Ada&"), "{form}");
    assert!(form.contains("&lead.drivers.1.gender=male&"), "{form}");
    check_faults(
        &of("ping", "body = \"json\""),
        &["a ping request never has the whole lead; name the fields that it needs"],
    );
    check_faults(&of("post", "body = \"form\""), &["a flat form has no place for a whole lead"]);
    check_faults(
        "[post.request]\nbody = \"json\"\nfields = { a = { whole = \"consent\" } }\n",
        &["`consent` has no meaning here"],
    );
}

#[test]
fn capabilities_12_and_15_traces_of_contact_data_stand_in_a_ping_by_their_disclosures() {
    let profile = "[ping.request]\nbody = \"json\"\n[ping.request.fields]\n\
        domain = \"email_domain\"\narea = \"phone_area\"\nhash = \"phone_md5\"\n\
        words = \"consent.text\"\nbrowser = \"consent.user_agent\"\n";
    assert_eq!(sample(&[]).body(profile, Phase::Ping), "{}");
    let all = ["email_domain", "phone_area", "phone_md5", "consent_text", "consent_user_agent"];
    assert_eq!(
        sample(&all).body(profile, Phase::Ping),
        r#"{"domain":"example.com","area":"214","hash":"2f36c44497dee69ff00d54ba1efc14f8","words":"I agree","browser":"Mozilla/5.0"}"#
    );
    let post =
        format!("{profile}[post.request]\ninclude = \"ping\"\nfields = {{ n = \"first_name\" }}\n");
    assert_eq!(
        sample(&["email_domain"]).body(&post, Phase::Post),
        r#"{"domain":"example.com","words":"I agree","browser":"Mozilla/5.0","n":"Ada"}"#
    );
}

#[test]
fn names_that_xml_cannot_have_or_that_come_twice_are_refused() {
    check_faults(
        "[post.request]\nbody = \"xml\"\nwrap = \"a:Root\"\n[post.request.fields]\n\"1st\" = \"zip\"\n\
         \"b:x\" = \"zip\"\n\"xmlns\" = \"zip\"\nok = { from = \"zip\", attributes = { \"c:d\" = \"zip\", \"e f\" = \"zip\" } }\n",
        &[
            "`1st` is no name in XML",
            "`a` is bound to no namespace",
            "`b` is bound to no namespace; add the attribute `xmlns:b`",
            "`xmlns` cannot name an element",
            "`c` is bound to no namespace",
            "`e f` is no name in XML",
        ],
    );
    check_faults(
        "[post.request]\nbody = \"xml\"\n[post.request.fields]\nx = \"zip\"\n",
        &["an XML document has a root element; write wrap = \"Root\""],
    );
    check_faults(
        "[post.request]\nbody = \"json\"\n[post.request.fields]\nx = \"zip\"\n\
         y = { flat = true, fields = { x = \"zip\" } }\nz = { flat = true, each = \"drivers\", fields = { w = \"item.name\" } }\n\
         v = { from = \"zip\", attributes = { a = \"zip\" } }\n",
        &[
            "`x` would be there twice",
            "put {n} (from 1) or {i} (from 0)",
            "only XML has attributes",
        ],
    );
}
