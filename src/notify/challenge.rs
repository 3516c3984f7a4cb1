//! The endpoint challenge: what an endpoint must say back to show that its owner runs it.
//!
//! The body is `{"type":"endpoint.challenge","challenge":"<32 random bytes, base64url>"}`; the answer
//! that counts is status 200 with `{"challenge":"<the same text>"}` and nothing else. An endpoint
//! that sends back whatever it gets does not pass: that would prove nothing about its owner.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::domain::reply::RawReply;

/// Random bytes in a challenge.
pub const CHALLENGE_BYTES: usize = 32;

/// What a challenge's body says it is.
const TYPE: &str = "endpoint.challenge";

/// One challenge, to be answered once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    text: String,
}

/// Why a reply does not answer a challenge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WrongEcho {
    /// The status is not 200.
    #[error("it answered with status {0} instead of 200")]
    Status(u16),
    /// The body is compressed although that was not asked for.
    #[error("it answered with a compressed body")]
    Compressed,
    /// The body is not a JSON object with `challenge` alone.
    #[error("its answer is not a JSON object with the text `challenge` and nothing else")]
    Malformed,
    /// The text is not the one that was sent.
    #[error("it answered with another challenge than the one that was sent")]
    OtherText,
}

#[derive(Serialize)]
struct Body<'a> {
    r#type: &'static str,
    challenge: &'a str,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Echo {
    challenge: String,
}

impl Challenge {
    /// A challenge of these random bytes.
    #[must_use]
    pub fn new(random: [u8; CHALLENGE_BYTES]) -> Self {
        Self { text: URL_SAFE_NO_PAD.encode(random) }
    }

    /// The body to be sent.
    #[must_use]
    pub fn body(&self) -> Vec<u8> {
        let body = Body { r#type: TYPE, challenge: &self.text };
        serde_json::to_vec(&body).expect("a struct of two texts always serializes")
    }

    /// Whether `reply` says the challenge back.
    ///
    /// # Errors
    /// [`WrongEcho`] with the first thing that is wrong about it.
    pub fn read(&self, reply: RawReply<'_>) -> Result<(), WrongEcho> {
        if reply.status != 200 {
            return Err(WrongEcho::Status(reply.status));
        }
        if reply.is_compressed() {
            return Err(WrongEcho::Compressed);
        }
        let echo: Echo = serde_json::from_slice(reply.body).map_err(|_| WrongEcho::Malformed)?;
        if echo.challenge == self.text { Ok(()) } else { Err(WrongEcho::OtherText) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 32 bytes of 0x07.
    const TEXT: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc";

    fn challenge() -> Challenge {
        Challenge::new([7; CHALLENGE_BYTES])
    }

    #[test]
    fn the_body_holds_the_random_bytes_as_base64url() {
        let body = format!(r#"{{"type":"endpoint.challenge","challenge":"{TEXT}"}}"#);
        assert_eq!(String::from_utf8(challenge().body()).unwrap(), body);
    }

    #[test]
    fn only_the_same_text_with_status_200_answers_a_challenge() {
        let check = |status: u16, body: &str, expect: Result<(), WrongEcho>| {
            let reply = RawReply { status, content_encoding: None, body: body.as_bytes() };
            assert_eq!(challenge().read(reply), expect, "{status} {body}");
        };
        let echo = format!(r#"{{"challenge":"{TEXT}"}}"#);
        check(200, &echo, Ok(()));
        check(200, &format!(" {{ \"challenge\" : \"{TEXT}\" }}\r\n"), Ok(()));
        for status in [201, 202, 204, 301, 404, 500] {
            check(status, &echo, Err(WrongEcho::Status(status)));
        }
        check(200, r#"{"challenge":"BwcH"}"#, Err(WrongEcho::OtherText));
        check(200, &format!(r#"{{"challenge":"{TEXT} "}}"#), Err(WrongEcho::OtherText));
        let reflected = String::from_utf8(challenge().body()).unwrap();
        for body in [
            "",
            "null",
            "{}",
            TEXT,
            &format!("\"{TEXT}\""),
            &format!("[{echo}]"),
            &format!("{echo}{echo}"),
            r#"{"challenge":7}"#,
            &format!(r#"{{"challenge":"{TEXT}","challenge":"{TEXT}"}}"#),
            &reflected,
        ] {
            check(200, body, Err(WrongEcho::Malformed));
        }
    }

    #[test]
    fn a_compressed_answer_is_not_read() {
        let echo = format!(r#"{{"challenge":"{TEXT}"}}"#);
        let check = |encoding: &str, expect: Result<(), WrongEcho>| {
            let content_encoding = Some(encoding);
            let reply = RawReply { status: 200, content_encoding, body: echo.as_bytes() };
            assert_eq!(challenge().read(reply), expect, "{encoding}");
        };
        check("identity", Ok(()));
        check("gzip", Err(WrongEcho::Compressed));
    }
}
