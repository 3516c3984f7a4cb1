//! How a request says who sends it.
//!
//! These headers are made for each attempt, and are no part of what is kept of a request: a token
//! may have been renewed between two of them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::super::section::Section;
use super::node::Value;
use super::parse::Parser;
use super::refused::RenderRefused;
use super::render::header_value;
use super::scope::Scope;

/// A way to say who sends a request.
#[derive(Debug, Clone)]
pub(super) enum Auth {
    Basic {
        user: Box<Value>,
        password: Box<Value>,
    },
    /// A scheme and a token: `Bearer x`, `Token x`.
    Scheme {
        scheme: &'static str,
        token: Value,
    },
    /// A header of its own.
    Header {
        name: String,
        value: Value,
    },
}

#[derive(Clone, Copy)]
enum Kind {
    Basic,
    Bearer,
    Token,
    Header,
}

impl Auth {
    /// The values it is made from.
    pub(super) fn values(&self) -> Vec<&Value> {
        match self {
            Self::Basic { user, password } => vec![user, password],
            Self::Scheme { token, .. } => vec![token],
            Self::Header { value, .. } => vec![value],
        }
    }

    /// The header for one attempt.
    ///
    /// # Errors
    /// If a secret or a token is missing, or cannot stand in a header.
    pub(super) fn header(&self, scope: &Scope<'_>) -> Result<(String, String), RenderRefused> {
        let (name, value) = match self {
            Self::Basic { user, password } => {
                let (user, password) = (text(user, scope)?, text(password, scope)?);
                if user.contains(':') {
                    return Err(RenderRefused::Header { name: "authorization".to_owned() });
                }
                let encoded = STANDARD.encode(format!("{user}:{password}"));
                ("authorization", format!("Basic {encoded}"))
            }
            Self::Scheme { scheme, token } => {
                ("authorization", format!("{scheme} {}", text(token, scope)?))
            }
            Self::Header { name, value } => (name.as_str(), text(value, scope)?),
        };
        header_value(name, &value)?;
        Ok((name.to_owned(), value))
    }
}

fn text(value: &Value, scope: &Scope<'_>) -> Result<String, RenderRefused> {
    let made = value.make(scope, "authorization")?;
    let made = made.map(|made| made.as_text().to_owned()).filter(|made| !made.is_empty());
    made.ok_or_else(|| RenderRefused::NotSet { name: "the request's authorization".to_owned() })
}

impl Parser<'_, '_> {
    /// Reads `[.. auth]`.
    pub(super) fn auth(&mut self, mut section: Section<'_>) -> Option<Auth> {
        let kinds = [
            ("basic", Kind::Basic),
            ("bearer", Kind::Bearer),
            ("token", Kind::Token),
            ("header", Kind::Header),
        ];
        let kind = section.word("kind", &kinds, self.faults);
        let Some(kind) = kind else {
            let hint = "write kind = \"basic\", \"bearer\", \"token\" or \"header\"";
            self.faults.error_with(section.place(), "nothing says what kind it is", hint);
            return None;
        };
        let auth = match kind.value {
            Kind::Basic => {
                let user = self.part(&mut section, "user");
                let password = self.part(&mut section, "password");
                user.zip(password).map(|(user, password)| Auth::Basic {
                    user: Box::new(user),
                    password: Box::new(password),
                })
            }
            Kind::Bearer => {
                let token = self.part(&mut section, "token");
                token.map(|token| Auth::Scheme { scheme: "Bearer", token })
            }
            Kind::Token => {
                let token = self.part(&mut section, "token");
                token.map(|token| Auth::Scheme { scheme: "Token", token })
            }
            Kind::Header => {
                let name = section.text("header", self.faults);
                let value = self.part(&mut section, "token");
                name.zip(value).map(|(name, value)| Auth::Header {
                    name: name.value.to_ascii_lowercase(),
                    value,
                })
            }
        };
        if let Some(Auth::Header { name, .. }) = &auth
            && !super::read::is_header_allowed(name)
        {
            self.faults.error(section.place(), format!("`{name}` cannot be the header"));
        }
        section.finish(self.faults);
        auth
    }

    fn part(&mut self, section: &mut Section<'_>, key: &'static str) -> Option<Value> {
        match section.take(key) {
            Some(entry) => self.value(entry),
            None => {
                let message = format!("`{key}` is missing");
                let hint = format!("write {key} = \"secret.{key}\"");
                self.faults.error_with(section.place(), message, hint);
                None
            }
        }
    }
}
