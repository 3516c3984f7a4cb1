//! However a profile puts lists into lists, a request is made in so many steps or not at all.

use std::sync::Arc;

use super::super::{RENDER_STEPS_MAX, RenderRefused};
use crate::domain::lead::{Fields, Value};
use crate::domain::pii::Pii;
use crate::integration::phase::Phase;
use crate::integration::tests::sample::{Sample, sample};

/// The sample with a list of so many items.
fn with(items: usize) -> Sample {
    let mut sample = sample(&[]);
    let mut driver = Fields::new();
    driver.push(Arc::from("name"), Value::Text("Ada".to_owned()));
    let mut fields = Fields::new();
    fields.push(Arc::from("drivers"), Value::List(vec![driver; items]));
    sample.lead.fields = Pii::new(fields);
    sample
}

/// A field that goes through the list for each item of the list, and so on, `depth` times.
fn nested(depth: usize, inner: &str) -> String {
    (0..depth).fold(inner.to_owned(), |inner, level| {
        format!("{{ each = \"drivers\", fields = {{ \"a{level}_{{n}}\" = {inner} }} }}")
    })
}

fn bodies(field: &str) -> Vec<String> {
    let heads = [
        "body = \"json\"",
        "body = \"form\"",
        "body = \"form\"\nnesting = \"brackets\"",
        "body = \"xml\"\nwrap = \"r\"",
        "body = \"soap\"\nwrap = \"r\"",
        "body = \"query\"",
    ];
    let body =
        |head: &&str| format!("[post.request]\n{head}\n[post.request.fields]\nx = {field}\n");
    let mut bodies: Vec<String> = heads.iter().map(body).collect();
    for format in ["json\"", "form\"", "xml\", wrap = \"r\""] {
        bodies.push(format!(
            "[post.request]\nbody = \"json\"\n[post.request.fields]\n\
             d = {{ document = \"{format}, fields = {{ x = {field} }}, hash = \"md5\" }}\n"
        ));
    }
    bodies.push(format!("[post.request]\nbody = \"none\"\n[post.request.query]\nx = {field}\n"));
    bodies
}

#[test]
fn lists_in_lists_that_write_nothing_end() {
    let nothing = "{ from = \"item.no\" }";
    for profile in bodies(&nested(9, nothing)) {
        let refused = with(60).render(&profile, Phase::Post).err();
        assert_eq!(refused, Some(RenderRefused::TooLarge), "{profile}");
        let rendered = with(2).render(&profile, Phase::Post);
        assert!(rendered.is_ok(), "{:?}: {profile}", rendered.err());
    }
    // A condition that never holds is asked as often.
    let unwanted = "{ value = 1, when = { all = [{ from = \"item.name\", is = \"no\" }] } }";
    let profile = format!(
        "[post.request]\nbody = \"json\"\n[post.request.fields]\nx = {}\n",
        nested(9, unwanted)
    );
    assert_eq!(with(60).render(&profile, Phase::Post).err(), Some(RenderRefused::TooLarge));
}

#[test]
fn what_is_made_and_not_written_counts_too() {
    let long = "x".repeat(20_000);
    let makers = [
        format!("{{ text = \"{long}\", hash = \"md5\" }}"),
        format!("{{ text = \"{long}{{item.name}}\", max_chars = 1 }}"),
        format!("{{ first = [{{ text = \"{long}\", hash = \"md5\" }}] }}"),
        "{ template = '{% for a in range(3000) %}{% endfor %}x' }".to_owned(),
        "{ document = \"json\", fields = { w = { whole = \"lead\" } }, hash = \"md5\" }".to_owned(),
    ];
    for maker in makers {
        let profile = format!(
            "[post.request]\nbody = \"json\"\n[post.request.fields]\nx = {}\n",
            nested(2, &maker)
        );
        let refused = with(100).render(&profile, Phase::Post).err();
        assert_eq!(refused, Some(RenderRefused::TooLarge), "{:.200}", profile);
        assert!(with(1).render(&profile, Phase::Post).is_ok(), "{:.200}", profile);
    }
}

#[test]
fn a_text_or_a_url_that_repeats_a_value_ends_where_it_is_too_long() {
    let mut sample = with(1);
    let mut fields = Fields::new();
    fields.push(Arc::from("zip"), Value::Text("x".repeat(10_000)));
    sample.lead.fields = Pii::new(fields);
    let text = "{zip}".repeat(10_000);
    for profile in [
        format!("body = \"json\"\nfields = {{ a = {{ text = \"{text}\", hash = \"md5\" }} }}"),
        format!("body = \"none\"\nurl = \"{{url}}/{text}\""),
    ] {
        let refused = sample.render(&format!("[post.request]\n{profile}\n"), Phase::Post).err();
        assert_eq!(refused, Some(RenderRefused::TooLarge), "{profile:.60}");
    }
}

#[test]
fn a_large_request_is_well_within_its_steps() {
    let field = |number: usize| format!("f{number} = {{ from = \"item.name\", case = \"upper\" }}");
    let fields: Vec<String> = (0..100).map(field).collect();
    let profile = format!(
        "[post.request]\nbody = \"json\"\n[post.request.fields]\n\
         x = {{ each = \"drivers\", fields = {{ {} }} }}\n",
        fields.join(", ")
    );
    let rendered = with(100).render(&profile, Phase::Post).unwrap_or_else(|why| panic!("{why}"));
    assert!(rendered.body.len() > 100_000 && RENDER_STEPS_MAX == 100_000);
}
