//! Rows as JSON or CSV, one by one.

use std::io::{self, Write};

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::text::csv;

/// The largest integer that every reader of JSON keeps exactly.
const JSON_INTEGER_MAX: u128 = (1 << 53) - 1;

/// An integer in JSON: a number up to 2^53 - 1, and a string beyond, because many readers of JSON round larger numbers.
///
/// ```
/// use ron_accounting_ledger::text::JsonInteger;
/// assert_eq!(serde_json::to_string(&JsonInteger(9_007_199_254_740_991))?, "9007199254740991");
/// assert_eq!(serde_json::to_string(&JsonInteger(9_007_199_254_740_992))?, "\"9007199254740992\"");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JsonInteger(pub u128);

impl From<u64> for JsonInteger {
    fn from(number: u64) -> Self {
        Self(u128::from(number))
    }
}

impl Serialize for JsonInteger {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match u64::try_from(self.0) {
            Ok(number) if self.0 <= JSON_INTEGER_MAX => serializer.serialize_u64(number),
            _ => serializer.collect_str(&self.0),
        }
    }
}

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RowFormat {
    /// An array of objects, one in each line. Labels are as they are.
    Json,
    /// Comma-separated values with a line of names. Hostile characters are escaped, and what a spreadsheet would take for a formula
    /// begins with an apostrophe.
    Csv,
}

/// Writes rows of cells and a number, which has the name `inc`.
#[derive(Debug)]
pub struct RowWriter {
    format: RowFormat,
    names: Vec<&'static str>,
    /// Whether nothing was written yet.
    is_new: bool,
}

impl RowWriter {
    /// Returns a writer of rows with these columns.
    #[must_use]
    pub fn new(format: RowFormat, names: Vec<&'static str>) -> Self {
        Self { format, names, is_new: true }
    }

    /// Writes one row, behind what comes before the first.
    pub fn push(&mut self, out: &mut dyn Write, cells: &[String], number: u128) -> io::Result<()> {
        let is_first = self.begin(out)?;
        match self.format {
            RowFormat::Json => {
                if !is_first {
                    out.write_all(b",\n")?;
                }
                serde_json::to_writer(out, &JsonRow { names: &self.names, cells, number })?;
                Ok(())
            }
            RowFormat::Csv => {
                let number = number.to_string();
                csv::write_line(out, cells.iter().map(String::as_str).chain([number.as_str()]))
            }
        }
    }

    /// Writes what comes behind the last row.
    pub fn finish(&mut self, out: &mut dyn Write) -> io::Result<()> {
        match (self.format, self.is_new) {
            (RowFormat::Json, true) => out.write_all(b"[]\n"),
            (RowFormat::Json, false) => out.write_all(b"\n]\n"),
            (RowFormat::Csv, _) => self.begin(out).map(drop),
        }
    }

    /// Writes what comes before the first row, once. Returns whether it did.
    fn begin(&mut self, out: &mut dyn Write) -> io::Result<bool> {
        let is_first = std::mem::take(&mut self.is_new);
        if is_first {
            match self.format {
                RowFormat::Json => out.write_all(b"[\n")?,
                RowFormat::Csv => csv::write_line(out, self.names.iter().copied().chain(["inc"]))?,
            }
        }
        Ok(is_first)
    }
}

struct JsonRow<'a> {
    names: &'a [&'static str],
    cells: &'a [String],
    number: u128,
}

impl Serialize for JsonRow<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(Some(self.names.len() + 1))?;
        for (name, cell) in self.names.iter().zip(self.cells) {
            object.serialize_entry(name, cell)?;
        }
        object.serialize_entry("inc", &JsonInteger(self.number))?;
        object.end()
    }
}
