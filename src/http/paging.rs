//! Lists: `?limit` and `?after`, and the body `{"data": [...], "next": cursor or null}`.

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

impl Page {
    /// Reads the request's query.
    ///
    /// # Errors
    /// [`Code::MalformedRequest`] for a limit out of range and for what is not known here: a filter
    /// that does nothing must not look like one that found everything.
    pub fn of(request: &HttpRequest) -> Result<Self, ApiError> {
        Self::parse(request.query_string())
    }

    fn parse(query: &str) -> Result<Self, ApiError> {
        let mut page = Self { limit: LIMIT_DEFAULT, after: None };
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "limit" => page.limit = parse_limit(&value)?,
                "after" => page.after = Some(value.into_owned()),
                _ => return Err(malformed("This list knows the parameters limit and after.")),
            }
        }
        Ok(page)
    }

    /// The page's rows of `all`, which is in the order of `id`.
    pub fn cut<T>(self, all: impl Iterator<Item = T>, id: impl Fn(&T) -> String) -> List<T> {
        let is_later = |row: &T| self.after.as_ref().is_none_or(|after| id(row) > *after);
        let mut rows = all.filter(is_later);
        let data: Vec<T> = rows.by_ref().take(self.limit).collect();
        let has_more = rows.next().is_some();
        let next = data.last().filter(|_| has_more).map(id);
        List { data, next }
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
