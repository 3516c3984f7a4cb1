//! The body of a registry object: read whole, with every fault named by its place.
//!
//! A reader of the type stops at its first fault. Here each faulty field is noted, taken out (or
//! replaced by something sound if the type needs it), and the rest is read again.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json};
use serde_path_to_error::{Path, Segment};

use super::body::Body;
use super::error::{ApiError, Code, FAULTS_MAX, Fault};

/// What is read of a kind of object.
pub(super) struct ObjectForm {
    /// Fields that must be there, each with a JSON text of a sound value.
    pub required: &'static [(&'static str, &'static str)],
    /// Fields that answers add. They may come back in a body and say nothing there.
    pub told: &'static [&'static str],
}

impl ObjectForm {
    /// Reads a `T`; gives its fields by name too.
    ///
    /// # Errors
    /// [`Code::MalformedBody`] when the body is no JSON object, [`Code::InvalidRequest`] with every
    /// faulty field. The parser's words are told: such bodies hold no consumer's data.
    pub fn read<T: DeserializeOwned>(
        &self,
        body: &Body,
    ) -> Result<(T, Map<String, Json>), ApiError> {
        let mut fields: Map<String, Json> = body.parse()?;
        fields.retain(|name, _| !self.told.contains(&name.as_str()));
        if let Ok(object) = serde_json::from_value(Json::Object(fields.clone())) {
            return Ok((object, fields));
        }
        let faults = self.faults::<T>(fields);
        let detail = match &*faults {
            [fault] => format!("The body is not as expected: {}", fault.detail),
            faults => format!("The body has {} faults.", faults.len()),
        };
        Err(ApiError::new(Code::InvalidRequest, detail).with_faults(faults))
    }

    fn faults<T: DeserializeOwned>(&self, mut fields: Map<String, Json>) -> Vec<Fault> {
        let mut faults = Vec::new();
        while faults.len() < FAULTS_MAX {
            let read = serde_path_to_error::deserialize::<_, T>(Json::Object(fields.clone()));
            let Err(error) = read else { break };
            let pointer = pointer_to(error.path());
            let at = error.path().iter().find_map(|segment| match segment {
                Segment::Map { key } => Some(key.clone()),
                _ => None,
            });
            let detail = error.into_inner().to_string();
            match at {
                Some(field) => {
                    faults.push(Fault {
                        pointer,
                        code: code_of(&detail).into(),
                        detail: detail.into(),
                    });
                    fields.remove(&field);
                    self.mend(&mut fields, &field);
                }
                None => {
                    let missing = self.required.iter().map(|(name, _)| *name);
                    let Some(name) = missing.into_iter().find(|name| !fields.contains_key(*name))
                    else {
                        let code = code_of(&detail).into();
                        faults.push(Fault { pointer, code, detail: detail.into() });
                        break;
                    };
                    let pointer = format!("/{name}");
                    let detail = format!("`{name}` is needed");
                    faults.push(Fault { pointer, code: "required".into(), detail: detail.into() });
                    self.mend(&mut fields, name);
                }
            }
        }
        faults
    }

    /// Puts something sound where the type needs something.
    fn mend(&self, fields: &mut Map<String, Json>, name: &str) {
        if let Some((name, sound)) = self.required.iter().find(|(known, _)| *known == name) {
            let sound = serde_json::from_str(sound).expect("sound values are JSON");
            fields.insert((*name).to_owned(), sound);
        }
    }
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

fn code_of(detail: &str) -> &'static str {
    if detail.starts_with("unknown field") {
        "unknown_field"
    } else if detail.starts_with("missing field") {
        "required"
    } else {
        "invalid"
    }
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
    fn what_an_answer_told_may_come_back() {
        let read = read(
            r#"{"id":"acme-tx","state":"active","archived":false,"paused_by":[],"endpoints":{},
                "buyer_id":"acme","vertical":"solar","price":{"fixed":"12.00"}}"#,
        );
        assert!(read.is_ok());
    }
}
