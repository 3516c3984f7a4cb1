//! Verticals as text: reading one from TOML, and the ones that come with the program.

use crate::domain::vertical::Vertical;

/// The longest file of a vertical, in bytes.
pub const VERTICAL_FILE_BYTES_MAX: usize = 256 * 1024;

/// Why a text is not a vertical.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {detail}")]
pub struct InvalidVerticalFile {
    /// Where, counted from 1; 1 if the parser names no place.
    pub line: usize,
    /// Where in the line, counted from 1 in characters; 1 if the parser names no place.
    pub column: usize,
    /// What is wrong.
    pub detail: String,
}

/// Reads one vertical from TOML. Whether it makes sense is for [`super::compile`] to say.
///
/// # Errors
/// [`InvalidVerticalFile`] with line and column: bad TOML, an unknown key, a wrong type, a text
/// above [`VERTICAL_FILE_BYTES_MAX`].
pub fn parse_toml(text: &str) -> Result<Vertical, InvalidVerticalFile> {
    if text.len() > VERTICAL_FILE_BYTES_MAX {
        let detail = format!("longer than {VERTICAL_FILE_BYTES_MAX} bytes");
        return Err(InvalidVerticalFile { line: 1, column: 1, detail });
    }
    toml::from_str(text).map_err(|error| {
        let start = error.span().map_or(0, |span| span.start);
        let before = text.get(..start).unwrap_or_default();
        InvalidVerticalFile {
            line: before.matches('\n').count() + 1,
            column: before.rsplit('\n').next().unwrap_or_default().chars().count() + 1,
            detail: error.message().to_owned(),
        }
    })
}

/// The verticals that come with the program, by slug, each with its file's text.
#[must_use]
pub const fn shipped() -> &'static [(&'static str, &'static str)] {
    &[
        ("aca_health", include_str!("../../../verticals/aca_health.toml")),
        ("auto_finance", include_str!("../../../verticals/auto_finance.toml")),
        ("auto_insurance", include_str!("../../../verticals/auto_insurance.toml")),
        ("debt_relief", include_str!("../../../verticals/debt_relief.toml")),
        ("final_expense", include_str!("../../../verticals/final_expense.toml")),
        ("home_improvement", include_str!("../../../verticals/home_improvement.toml")),
        ("home_insurance", include_str!("../../../verticals/home_insurance.toml")),
        ("medicare_supplement", include_str!("../../../verticals/medicare_supplement.toml")),
        ("solar", include_str!("../../../verticals/solar.toml")),
        ("term_life", include_str!("../../../verticals/term_life.toml")),
    ]
}
