//! Where a database is: a URL whose password is never shown.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::Deserialize;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use url::Url;
use zeroize::Zeroizing;

/// What may stand behind the `?` of a URL; the driver would print anything else with its value.
const PARAMETERS: [&str; 4] = ["sslmode", "sslrootcert", "sslcert", "sslkey"];

/// `postgres://user:password@host:port/database`, for a socket with the folder as host
/// (`%2Frun%2Fpostgresql`).
///
/// Shown, in a log or an error, it is user, host, port and database. Without `sslmode` a server
/// elsewhere must prove who it is (`verify-full`).
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct PostgresUrl {
    text: Zeroizing<String>,
    shown: String,
    has_password: bool,
    ssl_mode: Option<PgSslModeName>,
    is_local: bool,
}

/// The driver's type has no equality.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PgSslModeName {
    Disable,
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

impl PgSslModeName {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "disable" => Self::Disable,
            "prefer" => Self::Prefer,
            "require" => Self::Require,
            "verify-ca" => Self::VerifyCa,
            "verify-full" => Self::VerifyFull,
            _ => return None,
        })
    }

    const fn of_driver(self) -> PgSslMode {
        match self {
            Self::Disable => PgSslMode::Disable,
            Self::Prefer => PgSslMode::Prefer,
            Self::Require => PgSslMode::Require,
            Self::VerifyCa => PgSslMode::VerifyCa,
            Self::VerifyFull => PgSslMode::VerifyFull,
        }
    }
}

/// Why a text is no URL of a database. It holds nothing of the text but names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PostgresUrlError {
    /// It is no URL, or one of something else.
    #[error("is not of the form postgres://user:password@host:port/database")]
    Form,
    /// A part that must be there is missing.
    #[error("names no {0}")]
    Missing(&'static str),
    /// A parameter that is not known.
    #[error("has a parameter that is none of sslmode, sslrootcert, sslcert, sslkey")]
    Parameter,
    /// `sslmode` is none.
    #[error("has an sslmode that is none of disable, prefer, require, verify-ca, verify-full")]
    SslMode,
}

impl PostgresUrl {
    /// Whether a password stands in it.
    #[must_use]
    pub const fn has_password(&self) -> bool {
        self.has_password
    }

    /// The driver's options; they hold the password and must not be shown.
    pub(super) fn options(&self) -> Result<PgConnectOptions, PostgresUrlError> {
        let options = PgConnectOptions::from_str(&self.text).map_err(|_| PostgresUrlError::Form)?;
        let usual = if self.is_local { PgSslModeName::Prefer } else { PgSslModeName::VerifyFull };
        Ok(options.ssl_mode(self.ssl_mode.unwrap_or(usual).of_driver()))
    }
}

impl FromStr for PostgresUrl {
    type Err = PostgresUrlError;

    fn from_str(text: &str) -> Result<Self, PostgresUrlError> {
        let text = Zeroizing::new(text.trim().to_owned());
        let url = Url::parse(&text).map_err(|_| PostgresUrlError::Form)?;
        if !["postgres", "postgresql"].contains(&url.scheme()) {
            return Err(PostgresUrlError::Form);
        }
        let host = url.host_str().filter(|host| !host.is_empty());
        let host = host.ok_or(PostgresUrlError::Missing("host"))?;
        if url.username().is_empty() {
            return Err(PostgresUrlError::Missing("user"));
        }
        let database = url.path().trim_start_matches('/');
        if database.is_empty() {
            return Err(PostgresUrlError::Missing("database"));
        }
        let mut ssl_mode = None;
        for (name, value) in url.query_pairs() {
            if !PARAMETERS.contains(&&*name) {
                return Err(PostgresUrlError::Parameter);
            }
            if name == "sslmode" {
                let mode = PgSslModeName::parse(&value).ok_or(PostgresUrlError::SslMode)?;
                ssl_mode = Some(mode);
            }
        }
        let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
        let shown = format!("{}@{host}{port}/{database}", url.username());
        let is_local = is_local(host);
        Ok(Self { shown, has_password: url.password().is_some(), ssl_mode, is_local, text })
    }
}

/// A socket's folder, or this machine.
fn is_local(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let is_loopback = |address: IpAddr| address.is_loopback();
    host.starts_with("%2F")
        || host.starts_with("%2f")
        || host == "localhost"
        || bare.parse().is_ok_and(is_loopback)
}

impl TryFrom<String> for PostgresUrl {
    type Error = PostgresUrlError;

    fn try_from(text: String) -> Result<Self, PostgresUrlError> {
        Zeroizing::new(text).parse()
    }
}

impl fmt::Display for PostgresUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.shown)
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "PostgresUrl({})", self.shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_shown_without_its_password() {
        let check = |text: &str, expect: &str| {
            let url: PostgresUrl = text.parse().unwrap();
            assert_eq!(url.to_string(), expect);
            assert_eq!(format!("{url:?}"), format!("PostgresUrl({expect})"));
            assert_eq!(url.has_password(), text.contains("s3cret"));
        };
        check("postgres://gavel:s3cret@db.example:5433/records", "gavel@db.example:5433/records");
        check("postgresql://gavel@127.0.0.1/records\n", "gavel@127.0.0.1/records");
        check("postgres://gavel:s3cret@[::1]/records?sslmode=require", "gavel@[::1]/records");
        check("postgres://gavel@%2Frun%2Fpostgresql/records", "gavel@%2Frun%2Fpostgresql/records");
    }

    #[test]
    fn what_is_wrong_is_said_without_the_text() {
        let check = |text: &str, expect: PostgresUrlError| {
            assert_eq!(text.parse::<PostgresUrl>(), Err(expect), "{text}");
            let read = toml::from_str::<toml::Table>(&format!("url = '{text}'")).unwrap();
            let read: Result<PostgresUrl, _> = read["url"].clone().try_into();
            assert!(!read.unwrap_err().to_string().contains("s3cret"));
        };
        check("gavel:s3cret@db.example/records", PostgresUrlError::Form);
        check("mysql://gavel:s3cret@db.example/records", PostgresUrlError::Form);
        check("", PostgresUrlError::Form);
        check("postgres:///records", PostgresUrlError::Missing("host"));
        check("postgres://db.example/s3cret", PostgresUrlError::Missing("user"));
        check("postgres://gavel:s3cret@db.example", PostgresUrlError::Missing("database"));
        let url = "postgres://gavel:s3cret@db.example/records?";
        check(&format!("{url}password=s3cret"), PostgresUrlError::Parameter);
        check(&format!("{url}sslmode=s3cret"), PostgresUrlError::SslMode);
    }

    #[test]
    fn a_server_elsewhere_must_prove_who_it_is_unless_the_url_says_otherwise() {
        let check = |text: &str, expect: &str| {
            let url: PostgresUrl = text.parse().unwrap();
            let mode = format!("{:?}", url.options().unwrap().get_ssl_mode());
            assert_eq!(mode, expect, "{text}");
        };
        check("postgres://gavel@db.example/records", "VerifyFull");
        check("postgres://gavel@10.0.0.7/records", "VerifyFull");
        check("postgres://gavel@db.example/records?sslmode=disable", "Disable");
        check("postgres://gavel@db.example/records?sslmode=require", "Require");
        check("postgres://gavel@localhost/records", "Prefer");
        check("postgres://gavel@127.0.0.9/records", "Prefer");
        check("postgres://gavel@[::1]/records", "Prefer");
        check("postgres://gavel@%2Frun%2Fpostgresql/records", "Prefer");
        check("postgres://gavel@localhost/records?sslmode=verify-full", "VerifyFull");
    }
}
