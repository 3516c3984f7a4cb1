//! From a compiled request and what it may see to bytes.

use std::collections::BTreeMap;

use super::super::input::Seen;
use super::super::reference;
use super::document::{self, FormWriter, RENDERED_BYTES_MAX, XmlWriter};
use super::effort::Effort;
use super::node::{Content, Document, Node, Value};
use super::refused::RenderRefused;
use super::scope::Scope;
use super::url::URL_BYTES_MAX;
use super::{Body, Method, Request, Soap, SoapVersion, TemplateKind};

/// A request complete to the byte, but for the headers that say who sends it. It may hold a whole
/// lead: no `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct RenderedRequest {
    /// The HTTP method.
    pub method: &'static str,
    /// The absolute URL.
    pub url: String,
    /// Names (lower case) and values, in order; without authorization and signature, which are made
    /// anew for each attempt.
    pub headers: Vec<(String, String)>,
    /// The body, empty for none.
    pub body: Vec<u8>,
    /// Whether the exchange's own signature and deadline stand in its headers.
    pub signs: bool,
}

impl Request {
    /// Renders the request.
    ///
    /// # Errors
    /// If something required is missing, or does not fit where it stands.
    pub(in crate::integration) fn render(
        &self,
        seen: &Seen<'_>,
    ) -> Result<RenderedRequest, RenderRefused> {
        let references = references(seen);
        let effort = Effort::default();
        let scope = scope(seen, &references, &effort);
        self.check_one_of(&scope)?;
        let mut url = self.url.render(&scope)?;
        for query in self.query.iter().chain(self.body_in_query()) {
            append_query(&mut url, query, &scope)?;
        }
        if url.len() > URL_BYTES_MAX {
            return Err(RenderRefused::TooLarge);
        }
        let mut headers = Vec::with_capacity(self.headers.len() + 4);
        if let Some(content_type) = self.content_type() {
            headers.push(("content-type".to_owned(), content_type));
        }
        if let Body::Soap(Soap { version: SoapVersion::One, action, .. }) = &self.body {
            let action = action.as_deref().unwrap_or_default();
            headers.push(("soapaction".to_owned(), format!("\"{action}\"")));
        }
        for header in &self.headers {
            if let Some(value) = header.value.make(&scope, &header.name)? {
                header_value(&header.name, value.as_text())?;
                headers.push((header.name.clone(), value.as_text().to_owned()));
            }
        }
        let body = self.body(&scope)?;
        if body.len() > RENDERED_BYTES_MAX {
            return Err(RenderRefused::TooLarge);
        }
        Ok(RenderedRequest {
            method: self.method(),
            url,
            headers,
            body: body.into_bytes(),
            signs: self.signs,
        })
    }

    /// The headers that say who sends the request, for one attempt.
    ///
    /// # Errors
    /// If a secret or a token is missing.
    pub(in crate::integration) fn authorization(
        &self,
        seen: &Seen<'_>,
    ) -> Result<Option<(String, String)>, RenderRefused> {
        let references = references(seen);
        let effort = Effort::default();
        let scope = scope(seen, &references, &effort);
        self.auth.as_ref().map(|auth| auth.header(&scope)).transpose()
    }

    const fn body_in_query(&self) -> Option<&Document> {
        match &self.body {
            Body::Query(document) => Some(document),
            _ => None,
        }
    }

    const fn method(&self) -> &'static str {
        match (&self.method, &self.body) {
            (Some(Method::Get), _) | (None, Body::Query(_) | Body::None) => "GET",
            (Some(Method::Put), _) => "PUT",
            (Some(Method::Patch), _) => "PATCH",
            (Some(Method::Post), _) | (None, _) => "POST",
        }
    }

    fn content_type(&self) -> Option<String> {
        if matches!(self.body, Body::None | Body::Query(_)) {
            return None;
        }
        if self.content_type.is_some() {
            return self.content_type.clone();
        }
        let usual = match &self.body {
            Body::Soap(Soap { version: SoapVersion::One, .. }) => "text/xml; charset=utf-8",
            Body::Soap(Soap { version: SoapVersion::Two, action, .. }) => {
                let action = action.as_ref().map(|action| format!("; action=\"{action}\""));
                let action = action.unwrap_or_default();
                return Some(format!("application/soap+xml; charset=utf-8{action}"));
            }
            Body::Document(document) => match document.format {
                super::node::Format::Json => "application/json",
                super::node::Format::Xml => "application/xml; charset=utf-8",
                super::node::Format::Form => "application/x-www-form-urlencoded",
            },
            Body::Template { kind, .. } => match kind {
                TemplateKind::Json => "application/json",
                TemplateKind::Xml => "application/xml; charset=utf-8",
                TemplateKind::Form => "application/x-www-form-urlencoded",
                TemplateKind::Text => "text/plain; charset=utf-8",
            },
            Body::Text(_) => "text/plain; charset=utf-8",
            Body::None | Body::Query(_) => return None,
        };
        Some(usual.to_owned())
    }

    fn body(&self, scope: &Scope<'_>) -> Result<String, RenderRefused> {
        match &self.body {
            Body::None | Body::Query(_) => Ok(String::new()),
            Body::Document(document) => document::text(document, scope),
            Body::Soap(soap) => soap.text(scope),
            Body::Text(value) => {
                let made = value.make(scope, "body")?;
                Ok(made.map(|made| made.as_text().to_owned()).unwrap_or_default())
            }
            Body::Template { template, .. } => template.render(scope),
        }
    }

    /// The value of a field that stands directly in the body, in the query or in an object there.
    pub(super) fn value_named(&self, name: &str) -> Option<&Value> {
        let query = self.query.iter().flat_map(|query| &query.nodes);
        let mut open: Vec<&Node> = query.chain(self.body.nodes()).collect();
        while let Some(node) = open.pop() {
            match &node.content {
                Content::Value(value) if node.name.text == name => return Some(value),
                Content::Object(object) => open.extend(&object.nodes),
                _ => {}
            }
        }
        None
    }

    fn check_one_of(&self, scope: &Scope<'_>) -> Result<(), RenderRefused> {
        for names in &self.one_of {
            let mut any = false;
            for value in names.iter().filter_map(|name| self.value_named(name)) {
                any |= value.make(scope, "")?.is_some_and(|made| !made.as_text().is_empty());
            }
            if !any {
                return Err(RenderRefused::NoneOf { names: names.clone() });
            }
        }
        Ok(())
    }
}

impl Soap {
    fn text(&self, scope: &Scope<'_>) -> Result<String, RenderRefused> {
        let namespace = match self.version {
            SoapVersion::One => "http://schemas.xmlsoap.org/soap/envelope/",
            SoapVersion::Two => "http://www.w3.org/2003/05/soap-envelope",
        };
        let mut out = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\
             <soap:Envelope xmlns:soap=\"{namespace}\"><soap:Body>"
        );
        document::write(&self.document, scope, &mut XmlWriter::new(&mut out))?;
        out.push_str("</soap:Body></soap:Envelope>");
        Ok(out)
    }
}

const fn scope<'a>(
    seen: &'a Seen<'a>,
    references: &'a BTreeMap<String, String>,
    effort: &'a Effort,
) -> Scope<'a> {
    Scope { seen, references, effort, item: None, position: 0 }
}

fn references(seen: &Seen<'_>) -> BTreeMap<String, String> {
    let reference = seen.bid.and_then(|bid| bid.reference);
    reference.map(reference::unpack).unwrap_or_default()
}

fn append_query(
    url: &mut String,
    query: &Document,
    scope: &Scope<'_>,
) -> Result<(), RenderRefused> {
    let length = url.len();
    match url.find('?') {
        None => url.push('?'),
        Some(at) if at + 1 == url.len() || url.ends_with('&') => {}
        Some(_) => url.push('&'),
    }
    let start = url.len();
    document::write(query, scope, &mut FormWriter::new(url, query.nesting))?;
    if url.len() == start {
        url.truncate(length);
    }
    Ok(())
}

/// Refuses what cannot stand in a header: all but visible characters, spaces and tabs.
pub(super) fn header_value(name: &str, value: &str) -> Result<(), RenderRefused> {
    let is_clean = |byte: u8| byte == b'\t' || byte == b' ' || byte.is_ascii_graphic();
    if value.len() <= 4_096 && value.bytes().all(is_clean) && value.trim() == value {
        return Ok(());
    }
    Err(RenderRefused::Header { name: name.to_owned() })
}
