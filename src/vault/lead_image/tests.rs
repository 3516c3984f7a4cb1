use super::*;
use crate::domain::decimal::Decimal;
use crate::domain::lead::Value;
use crate::vault::tests::{day, lead_id, text_of, vault_in};

fn fields() -> Fields {
    let mut inner = Fields::new();
    inner.push("make".into(), Value::Text("Ford".to_owned()));
    let mut fields = Fields::new();
    fields.push("first_name".into(), Value::Text("Jane \"J\" Roe\u{1F600}".to_owned()));
    fields.push("age".into(), Value::Integer(-7));
    fields.push("ratio".into(), Value::Decimal(Decimal::parse("12.5").unwrap()));
    fields.push("income".into(), Value::Money(Money::parse("1012.5").unwrap()));
    fields.push("tobacco".into(), Value::Boolean(false));
    fields.push("date_of_birth".into(), Value::Date(day("1957-03-02")));
    fields.push("vehicles".into(), Value::List(vec![inner, Fields::new()]));
    fields
}

fn consent() -> Consent {
    Consent {
        text: Some("I agree".to_owned()),
        given_at: Some("2026-11-23T14:00:00.123456Z".parse().unwrap()),
        ip: Some("2001:db8::7".parse().unwrap()),
        page_url: None,
        trustedform_cert_url: Some("https://cert.trustedform.com/abc".to_owned()),
        jornaya_lead_id: None,
        sellers: vec!["Acme Life".to_owned()],
        user_agent: Some("Mozilla/5.0".to_owned()),
    }
}

fn lead() -> Lead {
    Lead {
        id: lead_id(),
        vendor: VendorId::parse("acme").unwrap(),
        vertical: VerticalId::parse("final_expense").unwrap(),
        fields: Pii::new(fields()),
        consent: Pii::new(consent()),
        source: Source { sub_id: Some("fb-1".to_owned()), click_id: None },
        submitted_at: None,
        floor: Money::parse("10").unwrap(),
        received_at: "2026-11-23T14:00:01.000002Z".parse().unwrap(),
        test: true,
    }
}

#[test]
fn a_lead_opens_as_it_was_sealed() {
    let directory = tempfile::tempdir().unwrap();
    let vault = vault_in(directory.path(), 1);
    let sealed = vault.seal_whole_lead(&lead(), day("2026-11-23")).unwrap();
    let opened = vault.open_whole_lead(lead_id(), sealed.as_bytes()).unwrap();
    assert_eq!(opened.fields.expose(), &fields());
    assert_eq!(opened.consent.expose(), &consent());
    let rest = |lead: &Lead| {
        let Lead { id, vendor, vertical, source, submitted_at, .. } = lead.clone();
        let names = format!("{id} {vendor} {vertical} {source:?} {submitted_at:?}");
        format!("{names} {:?} {} {}", lead.floor, lead.received_at, lead.test)
    };
    assert_eq!(rest(&opened), rest(&lead()));
}

#[test]
fn bytes_that_are_not_this_lead_are_refused_without_being_quoted() {
    let directory = tempfile::tempdir().unwrap();
    let vault = vault_in(directory.path(), 1);
    let today = day("2026-11-23");
    let other = Lead { id: LeadId::new(lead_id().partition(), 1), ..lead() };
    let other = serde_json::to_vec(&LeadImage::of(&other)).unwrap();
    for bytes in [b"CANARY".as_slice(), b"{\"id\":\"CANARY\"}", b"", &other] {
        let sealed = vault.seal_lead(lead_id(), today, bytes).unwrap();
        let opened = vault.open_whole_lead(lead_id(), sealed.as_bytes());
        assert_eq!(text_of(opened), "the opened bytes are not a lead");
    }
}
