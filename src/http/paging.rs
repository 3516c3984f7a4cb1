//! Lists: `?limit` and `?after`, and the body `{"data": [...], "next": cursor or null}`.

use std::collections::BTreeMap;

use actix_web::HttpRequest;
use schemars::JsonSchema;
use serde::Serialize;

use super::error::{ApiError, Code};

/// How many rows a list gives when nothing is said.
pub const LIMIT_DEFAULT: usize = 100;

/// The most rows one answer gives.
pub const LIMIT_MAX: usize = 1_000;

/// Which part of a list is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Page {
    /// The most rows, from 1 to [`LIMIT_MAX`].
    pub limit: usize,
    /// The cursor of the page before: the id of its last row.
    pub after: Option<String>,
}

/// One page of a list.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(super) struct List<T> {
    data: Vec<T>,
    next: Option<String>,
}

impl<T> List<T> {
    /// The first `limit` of `rows`, which go on where the page before ended.
    pub fn first(
        limit: usize,
        rows: impl Iterator<Item = T>,
        cursor: impl Fn(&T) -> String,
    ) -> Self {
        let mut rows = rows;
        let data: Vec<T> = rows.by_ref().take(limit).collect();
        let has_more = rows.next().is_some();
        let next = data.last().filter(|_| has_more).map(cursor);
        Self { data, next }
    }

    /// One page of a list that was cut elsewhere.
    pub const fn new(data: Vec<T>, next: Option<String>) -> Self {
        Self { data, next }
    }
}

impl Page {
    /// The version that the page before ended with, on pages of versions.
    ///
    /// # Errors
    /// [`Code::MalformedRequest`] for an `after` that is none.
    pub(super) fn before_version(&self) -> Result<Option<i64>, ApiError> {
        self.after.as_deref().map(str::parse).transpose().map_err(|_| {
            let detail = "after is a version: the next of the page before.";
            ApiError::new(Code::MalformedRequest, detail)
        })
    }

    /// Reads the request's query.
    ///
    /// # Errors
    /// [`Code::MalformedRequest`] for a limit out of range and for what is not known here: a filter
    /// that does nothing must not look like one that found everything.
    pub fn of(request: &HttpRequest) -> Result<Self, ApiError> {
        Self::parse(request.query_string())
    }

    /// Reads the request's query where a list has filters of these `names` too.
    ///
    /// # Errors
    /// As [`Page::of`], and for a filter that comes twice.
    pub fn filtered(
        request: &HttpRequest,
        names: &'static [&'static str],
    ) -> Result<(Self, Filters), ApiError> {
        Self::parse_filtered(request.query_string(), names)
    }

    fn parse(query: &str) -> Result<Self, ApiError> {
        Self::parse_filtered(query, &[]).map(|(page, _)| page)
    }

    fn parse_filtered(
        query: &str,
        names: &'static [&'static str],
    ) -> Result<(Self, Filters), ApiError> {
        let mut page = Self { limit: LIMIT_DEFAULT, after: None };
        let mut filters = Filters::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "limit" => page.limit = parse_limit(&value)?,
                "after" => page.after = Some(value.into_owned()),
                name => filters.note(names, name, value.into_owned())?,
            }
        }
        Ok((page, filters))
    }

    /// The page's rows of `all`, which is in the order of `id`.
    pub fn cut<T>(self, all: impl Iterator<Item = T>, id: impl Fn(&T) -> String) -> List<T> {
        let is_later = |row: &T| self.after.as_ref().is_none_or(|after| id(row) > *after);
        List::first(self.limit, all.filter(is_later), &id)
    }
}

/// What a list is to be limited to, beside its pages.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Filters(BTreeMap<&'static str, String>);

impl Filters {
    fn note(
        &mut self,
        names: &'static [&'static str],
        name: &str,
        value: String,
    ) -> Result<(), ApiError> {
        let Some(name) = names.iter().find(|known| **known == name) else {
            let known = ["limit", "after"].iter().chain(names).copied().collect::<Vec<_>>();
            let detail = format!("This list knows the parameters {}.", known.join(", "));
            return Err(ApiError::new(Code::MalformedRequest, detail));
        };
        match self.0.insert(name, value) {
            None => Ok(()),
            Some(_) => {
                let detail = format!("The parameter {name} comes twice.");
                Err(ApiError::new(Code::MalformedRequest, detail))
            }
        }
    }

    /// The value of a filter, read by `read`; `None` if it is not there.
    ///
    /// # Errors
    /// [`Code::MalformedRequest`] for a value that cannot be read.
    pub fn read<T>(
        &self,
        name: &'static str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, ApiError> {
        let Some(text) = self.0.get(name) else { return Ok(None) };
        let value = read(text).ok_or_else(|| {
            let detail = format!("The parameter {name} cannot be read.");
            ApiError::new(Code::MalformedRequest, detail)
        })?;
        Ok(Some(value))
    }
}

fn parse_limit(text: &str) -> Result<usize, ApiError> {
    let limit = text.parse().ok().filter(|limit| (1..=LIMIT_MAX).contains(limit));
    limit.ok_or_else(|| malformed("limit is a number from 1 to 1000."))
}

fn malformed(detail: &'static str) -> ApiError {
    ApiError::new(Code::MalformedRequest, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(limit: usize, after: Option<&str>) -> Page {
        Page { limit, after: after.map(str::to_owned) }
    }

    #[test]
    fn a_query_says_which_part_of_a_list_is_asked_for() {
        let cases = [
            ("", Some(page(100, None))),
            ("limit=1", Some(page(1, None))),
            ("limit=1000&after=a%2Db", Some(page(1_000, Some("a-b")))),
            ("limit=0", None),
            ("limit=1001", None),
            ("limit=ten", None),
            ("state=active", None),
        ];
        for (query, expect) in cases {
            assert_eq!(Page::parse(query).ok(), expect, "{query}");
        }
    }

    #[test]
    fn a_filter_that_is_not_known_or_comes_twice_is_refused() {
        let read = |query: &str| {
            let (_, filters) = Page::parse_filtered(query, &["state"]).ok()?;
            filters.read("state", |text| Some(text.to_owned())).ok()?
        };
        assert_eq!(read("limit=3&state=active"), Some("active".to_owned()));
        assert_eq!(read("limit=3"), None);
        for query in ["color=red", "state=a&state=b"] {
            assert!(Page::parse_filtered(query, &["state"]).is_err(), "{query}");
        }
        let (_, filters) = Page::parse_filtered("state=x", &["state"]).unwrap();
        assert!(filters.read("state", |text| text.parse::<u8>().ok()).is_err());
    }

    #[test]
    fn pages_follow_each_other_and_the_last_has_no_cursor() {
        let cut = |page: Page| page.cut(["a", "b", "c"].into_iter(), |row| (*row).to_owned());
        let list = |data: &[&'static str], next: Option<&str>| List {
            data: data.to_vec(),
            next: next.map(str::to_owned),
        };
        assert_eq!(cut(page(2, None)), list(&["a", "b"], Some("b")));
        assert_eq!(cut(page(2, Some("b"))), list(&["c"], None));
        assert_eq!(cut(page(3, None)), list(&["a", "b", "c"], None));
        assert_eq!(cut(page(3, Some("c"))), list(&[], None));
    }
}
