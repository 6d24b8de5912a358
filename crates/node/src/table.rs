//! Tables as text: aligned columns, numbers to the right.

use std::io::{self, Write};

use ron_accounting_ledger::text;

/// The side that the cells of a column are aligned to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Left,
    Right,
}

/// A table with a header line.
#[derive(Debug)]
pub(crate) struct Table {
    sides: Vec<Side>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(columns: impl IntoIterator<Item = (&'static str, Side)>) -> Self {
        let (header, sides) = columns.into_iter().map(|(name, side)| (name.to_owned(), side)).unzip();
        Self { sides, rows: vec![header] }
    }

    /// Adds a line. Hostile characters are escaped: clients choose labels, and terminals show them.
    pub(crate) fn push(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().map(|cell| text::visible(&cell).into_owned()).collect());
    }

    pub(crate) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut widths = vec![0; self.sides.len()];
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        for row in &self.rows {
            let mut line = String::new();
            for ((cell, &width), side) in row.iter().zip(&widths).zip(&self.sides) {
                let padding = " ".repeat(width.saturating_sub(cell.chars().count()));
                let parts = match side {
                    Side::Left => [cell.as_str(), padding.as_str(), "  "],
                    Side::Right => [padding.as_str(), cell.as_str(), "  "],
                };
                line.extend(parts);
            }
            writeln!(out, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Side, Table};

    #[test]
    fn columns_align_and_control_characters_do_not_reach_the_terminal() {
        let mut table = Table::new([("tenant", Side::Left), ("inc", Side::Right)]);
        table.push(["é".to_owned(), "7".to_owned()]);
        table.push(["\u{1b}[2J".to_owned(), "12345".to_owned()]);
        let mut out = Vec::new();
        table.write(&mut out).unwrap();
        let expected = "tenant       inc\né              7\n\\u{1b}[2J  12345\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
