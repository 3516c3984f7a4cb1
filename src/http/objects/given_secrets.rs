//! The secrets that a campaign gives for its profile: in the body of its `PUT` as texts by their names,
//! and nowhere else. What is kept of a campaign, shown of it and told of its faults has the names alone.

use std::borrow::Cow;
use std::collections::BTreeMap;

use actix_web::web::Bytes;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value as Json};

use crate::domain::campaign::Campaign;
use crate::domain::profile::PROFILE_SECRET_BYTES_MAX;
use crate::http::body::Body;
use crate::http::error::{ApiError, Code, Fault, FaultCode};
use crate::registry::profile::{InvalidProfileSecret, ProfileSecret};

/// The field that has them.
const FIELD: &str = "profile_secrets";

/// Secrets by their names.
pub(super) type GivenSecrets = BTreeMap<String, ProfileSecret>;

/// A campaign as it is put, with the secrets it gives.
pub(super) struct CampaignPut;

impl JsonSchema for CampaignPut {
    fn schema_name() -> Cow<'static, str> {
        "CampaignPut".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = Campaign::json_schema(generator);
        let names = json_schema!({
            "type": "array",
            "description": "The names alone, of secrets that were given before.",
            "items": {"type": "string"},
        });
        let texts = json_schema!({
            "type": "object",
            "description": "The secrets by their names; null keeps the one that was given before.",
            "additionalProperties": {
                "type": ["string", "null"],
                "minLength": 1,
                "maxLength": PROFILE_SECRET_BYTES_MAX,
                "writeOnly": true,
            },
        });
        let both = json_schema!({
            "description": "What it gives its profile to say who sends. Secrets are kept sealed and never shown.",
            "oneOf": [names, texts],
        });
        if let Some(Json::Object(properties)) = schema.get_mut("properties") {
            properties.insert(FIELD.to_owned(), both.to_value());
        }
        schema
    }
}

/// Takes the secrets out of the body of a campaign and leaves their names in it. A body that is read
/// as it stands comes back as it is.
///
/// # Errors
/// [`Code::InvalidRequest`] with every text that can be no secret; none of them is told.
pub(super) fn take(body: Body) -> Result<(Body, GivenSecrets), ApiError> {
    let fields = serde_json::from_slice::<Map<String, Json>>(&body.bytes);
    let (Ok(mut fields), mut secrets) = (fields, GivenSecrets::new()) else {
        return Ok((body, GivenSecrets::new()));
    };
    let mut faults = Vec::new();
    let given = match fields.get(FIELD) {
        Some(Json::Object(given)) => given,
        // Their names alone, or nothing.
        None | Some(Json::Null | Json::Array(_)) => return Ok((body, secrets)),
        Some(_) => {
            let message = "the names of secrets, or an object of their texts";
            faults.push(Fault::at(&format!("/{FIELD}"), FaultCode::Invalid, message.to_owned()));
            return Err(no_secrets(faults));
        }
    };
    for (name, text) in given {
        let secret = match text {
            Json::Null => continue,
            Json::String(text) => ProfileSecret::parse(text),
            _ => Err(InvalidProfileSecret),
        };
        match secret {
            Ok(secret) => drop(secrets.insert(name.clone(), secret)),
            Err(invalid) => {
                let name = name.replace('~', "~0").replace('/', "~1");
                let pointer = format!("/{FIELD}/{name}");
                faults.push(Fault::at(&pointer, FaultCode::Invalid, invalid.to_string()));
            }
        }
    }
    if !faults.is_empty() {
        return Err(no_secrets(faults));
    }
    let names = given.keys().cloned().map(Json::String).collect();
    fields.insert(FIELD.to_owned(), Json::Array(names));
    let bytes = serde_json::to_vec(&fields).expect("JSON that was read is written again");
    Ok((Body { bytes: Bytes::from(bytes), ..body }, secrets))
}

fn no_secrets(faults: Vec<Fault>) -> ApiError {
    ApiError::new(Code::InvalidRequest, "A secret of the profile is none.").with_faults(faults)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intake::ContentKind;

    /// The names and texts of secrets.
    type Texts = Vec<(String, String)>;

    fn taken(json: &str) -> Result<(Json, Texts), Vec<String>> {
        let bytes = Bytes::copy_from_slice(json.as_bytes());
        match take(Body { kind: ContentKind::Json, bytes }) {
            Ok((body, secrets)) => {
                let body = serde_json::from_slice(&body.bytes).unwrap_or_default();
                let text =
                    |(name, secret): (String, ProfileSecret)| (name, secret.text().to_owned());
                Ok((body, secrets.into_iter().map(text).collect()))
            }
            Err(error) => {
                let told = error.faults().iter();
                Err(told.map(|fault| format!("{} {}", fault.pointer, fault.detail)).collect())
            }
        }
    }

    #[test]
    fn secrets_are_taken_out_of_a_body_and_their_names_stay() {
        let check = |json: &str, body: &str, secrets: &[(&str, &str)]| {
            let own = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
            let secrets = secrets.iter().map(own).collect();
            assert_eq!(taken(json), Ok((serde_json::from_str(body).unwrap(), secrets)), "{json}");
        };
        check(
            r#"{"a":1,"profile_secrets":{"key":"k-1","user":null}}"#,
            r#"{"a":1,"profile_secrets":["key","user"]}"#,
            &[("key", "k-1")],
        );
        let names = r#"{"profile_secrets":["key"]}"#;
        check(names, names, &[]);
        check("{}", "{}", &[]);
        check("[1]", "[1]", &[]);
        check("nothing", "null", &[]);
    }

    #[test]
    fn what_can_be_no_secret_is_named_and_not_repeated() {
        let faults = taken(r#"{"profile_secrets":{"key":"two\nlines","b/c":7,"d":""}}"#);
        let faults = faults.expect_err("it was taken");
        let places: Vec<&str> = faults.iter().filter_map(|fault| fault.split(' ').next()).collect();
        assert_eq!(places, ["/profile_secrets/b~1c", "/profile_secrets/d", "/profile_secrets/key"]);
        assert!(!faults.concat().contains("lines"), "{faults:?}");
        let faults = taken(r#"{"profile_secrets":"hunter2"}"#).expect_err("it was taken");
        assert_eq!(faults, ["/profile_secrets the names of secrets, or an object of their texts"]);
    }
}
