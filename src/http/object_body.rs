//! The bodies of administrative routes: read whole, with every fault named by its place.
//!
//! A reader of the type stops at its first fault. Here each faulty field is noted and taken out, and
//! the rest is read again; which fields must be there is in the type's schema.

use schemars::{JsonSchema, schema_for};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json};
use serde_path_to_error::{Path, Segment};

use super::body::Body;
use super::error::{ApiError, Code, FAULTS_MAX, Fault, FaultCode};

/// What is read of a kind of object.
pub(super) struct ObjectForm {
    /// Fields that answers add. They may come back in a body and say nothing there.
    pub told: &'static [&'static str],
}

impl ObjectForm {
    /// Reads a `T`; gives its fields by name too.
    ///
    /// # Errors
    /// As [`read`].
    pub fn read<T: DeserializeOwned + JsonSchema>(
        &self,
        body: &Body,
    ) -> Result<(T, Map<String, Json>), ApiError> {
        let mut fields = object(&body.bytes)?;
        fields.retain(|name, _| !self.told.contains(&name.as_str()));
        Ok((read_fields(&fields)?, fields))
    }
}

/// Reads a `T` that is an object.
///
/// # Errors
/// [`Code::MalformedBody`] when the body is no JSON, [`Code::InvalidRequest`] with every faulty field.
/// The parser's words are told: such bodies hold no consumer's data.
pub(super) fn read<T: DeserializeOwned + JsonSchema>(bytes: &[u8]) -> Result<T, ApiError> {
    // Most bodies have no fault; of the others the faults are looked for.
    let unexpected = match serde_json::from_slice(bytes) {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    match read_fields::<T>(&object(bytes)?) {
        Err(error) => Err(error),
        // What a map forgives, such as a key that comes twice.
        Ok(_) => {
            let detail = format!("The body is not as expected: {unexpected}.");
            Err(ApiError::new(Code::InvalidRequest, detail))
        }
    }
}

fn object(bytes: &[u8]) -> Result<Map<String, Json>, ApiError> {
    serde_json::from_slice(bytes).map_err(|error| {
        let code = if error.is_data() { Code::InvalidRequest } else { Code::MalformedBody };
        ApiError::new(code, format!("The body is not as expected: {error}."))
    })
}

fn read_fields<T: DeserializeOwned + JsonSchema>(
    fields: &Map<String, Json>,
) -> Result<T, ApiError> {
    if let Ok(object) = serde_json::from_value(Json::Object(fields.clone())) {
        return Ok(object);
    }
    let faults = faults::<T>(fields);
    let detail = match &*faults {
        [fault] => format!("The body is not as expected: {}.", fault.detail),
        faults => format!("The body has {} faults.", faults.len()),
    };
    Err(ApiError::new(Code::InvalidRequest, detail).with_faults(faults))
}

fn faults<T: DeserializeOwned + JsonSchema>(fields: &Map<String, Json>) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut rest = fields.clone();
    while faults.len() < FAULTS_MAX {
        let read = serde_path_to_error::deserialize::<_, T>(Json::Object(rest.clone()));
        let Err(error) = read else { break };
        let pointer = pointer_to(error.path());
        let at = error.path().iter().find_map(|segment| match segment {
            Segment::Map { key } => Some(key.clone()),
            _ => None,
        });
        let detail = error.into_inner().to_string();
        match at {
            Some(field) if rest.remove(&field).is_some() => faults.push(fault(pointer, detail)),
            // What is missing comes last; it may be a field that was taken out.
            _ if missing_in(&detail).is_some() => break,
            _ => {
                faults.push(fault(pointer, detail));
                return faults;
            }
        }
    }
    let schema = schema_for!(T).to_value();
    let required = schema["required"].as_array().into_iter().flatten().filter_map(Json::as_str);
    for name in required.filter(|name| !fields.contains_key(*name)) {
        faults.push(Fault::at(
            &format!("/{name}"),
            FaultCode::Required,
            format!("`{name}` is needed"),
        ));
    }
    faults
}

fn fault(mut pointer: String, detail: String) -> Fault {
    let code = if detail.starts_with("unknown field") {
        FaultCode::UnknownField
    } else if let Some(name) = missing_in(&detail) {
        pointer.push_str(&format!("/{name}"));
        FaultCode::Required
    } else {
        FaultCode::Invalid
    };
    // The reader's words for a choice that is none, or more than one.
    if detail.contains("expected map with a single key") {
        let detail = "it is exactly one of its forms, written as an object with that one key";
        return Fault::at(&pointer, code, detail);
    }
    Fault::at(&pointer, code, detail)
}

/// The field that a reader misses.
fn missing_in(detail: &str) -> Option<&str> {
    detail.strip_prefix("missing field `")?.split('`').next()
}

fn pointer_to(path: &Path) -> String {
    let mut pointer = String::new();
    for segment in path {
        match segment {
            Segment::Map { key } => {
                pointer.push('/');
                pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
            }
            Segment::Seq { index } => pointer.push_str(&format!("/{index}")),
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    pointer
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::campaign::Campaign;
    use crate::http::objects::CAMPAIGN;

    fn read(json: &str) -> Result<Campaign, Vec<(String, String)>> {
        let bytes = actix_web::web::Bytes::copy_from_slice(json.as_bytes());
        let body = Body { kind: crate::intake::ContentKind::Json, bytes };
        CAMPAIGN.read(&body).map(|(campaign, _)| campaign).map_err(|error| {
            let faults = error.faults().iter();
            faults.map(|fault| (fault.pointer.clone(), fault.code.to_string())).collect()
        })
    }

    fn faults(json: &str) -> Vec<(String, String)> {
        read(json).expect_err("it was taken")
    }

    #[test]
    fn every_faulty_field_is_named_at_once() {
        let named = |faults: &[(&str, &str)]| {
            let own = |(pointer, code): &(&str, &str)| ((*pointer).to_owned(), (*code).to_owned());
            faults.iter().map(own).collect::<Vec<_>>()
        };
        assert_eq!(
            faults(
                r#"{"buyer_id":"acme","vertical":"SOLAR","price":{"fixed":"x"},"color":"red",
                    "caps":[{"per":"day","leads":3},{"per":"moon"}],"post_ms":"soon"}"#
            ),
            named(&[
                ("/caps/1/per", "invalid"),
                ("/color", "unknown_field"),
                ("/post_ms", "invalid"),
                ("/price", "invalid"),
                ("/vertical", "invalid"),
            ])
        );
        assert_eq!(
            faults("{}"),
            named(&[("/buyer_id", "required"), ("/vertical", "required"), ("/price", "required")])
        );
        assert_eq!(
            faults(r#"{"buyer_id":7,"vertical":"solar"}"#),
            named(&[("/buyer_id", "invalid"), ("/price", "required")])
        );
    }

    #[test]
    fn what_is_missing_further_in_is_named_by_its_place() {
        let campaign =
            |more: &str| faults(&format!(r#"{{"buyer_id":"acme","vertical":"solar",{more}}}"#));
        let own = |pointer: &str, code: &str| vec![(pointer.to_owned(), code.to_owned())];
        let price = r#""price":{"fixed":"1.00"}"#;
        let caps = campaign(&format!(r#"{price},"caps":[{{"leads":3}}]"#));
        assert_eq!(caps, own("/caps/0/per", "required"));
        for price in ["{}", r#"{"bid":{},"fixed":"1.00"}"#] {
            let wrong = campaign(&format!(r#""price":{price}"#));
            assert_eq!(wrong, own("/price", "invalid"), "{price}");
        }
    }

    #[test]
    fn what_an_answer_told_may_come_back() {
        let read = read(
            r#"{"id":"acme-tx","state":"active","archived":false,"paused_by":[],"endpoints":{},
                "buyer_id":"acme","vertical":"solar","price":{"fixed":"12.00"}}"#,
        );
        assert!(read.is_ok());
    }
}
