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
