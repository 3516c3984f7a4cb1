//! Columns of text, as wide as they must be.

/// Rows of cells under a common alignment.
pub(super) struct Table {
    /// One character a column: `l` left, `r` right.
    alignment: &'static str,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(super) const fn new(alignment: &'static str) -> Self {
        Self { alignment, rows: Vec::new() }
    }

    pub(super) fn row<const N: usize>(&mut self, cells: [String; N]) {
        debug_assert_eq!(N, self.alignment.len(), "a row has as many cells as there are columns");
        self.rows.push(cells.into());
    }

    /// The rows, cells padded to their column's width and two spaces apart.
    pub(super) fn lines(self) -> Vec<String> {
        let width_of = |column: usize| {
            self.rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.alignment.len()).map(width_of).collect();
        self.rows.iter().map(|row| self.line(row, &widths)).collect()
    }

    fn line(&self, row: &[String], widths: &[usize]) -> String {
        let columns = row.iter().zip(widths).zip(self.alignment.chars());
        let used = columns.filter(|((_, width), _)| **width > 0);
        let cells = used.map(|((cell, width), align)| match align {
            'l' => format!("{cell:<width$}"),
            _ => format!("{cell:>width$}"),
        });
        cells.collect::<Vec<_>>().join("  ")
    }
}

/// The first `width` characters of `line`, the last of them `…` where something is missing.
pub(super) fn cut(line: &str, width: usize) -> String {
    if line.chars().count() <= width {
        return line.to_owned();
    }
    line.chars().take(width - 1).chain(['…']).collect()
}

/// `text` without control characters: what buyers and people wrote must not steer a terminal.
pub(super) fn plain(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { '?' } else { letter }).collect()
}
