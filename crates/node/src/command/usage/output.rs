//! Tables, JSON and CSV, row by row. Only a table is held in memory, since the width of its columns depends on all rows.

use std::io::{self, Write};

use clap::ValueEnum;
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::{
    csv,
    table::{Side, Table},
};

/// The largest integer that every reader of JSON keeps exactly.
const JSON_INTEGER_MAX: u128 = (1 << 53) - 1;

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub(super) enum OutputFormat {
    #[default]
    Table,
    Json,
    Csv,
}

/// Writes rows of cells and a sum, which has the name `inc`.
pub(super) struct Output<'out> {
    names: Vec<&'static str>,
    form: Form,
    out: &'out mut dyn Write,
}

enum Form {
    Table(Table),
    /// Whether no row was written yet.
    Json {
        is_first: bool,
    },
    Csv,
}

impl<'out> Output<'out> {
    pub(super) fn new(
        format: OutputFormat,
        names: Vec<&'static str>,
        out: &'out mut dyn Write,
    ) -> io::Result<Self> {
        let form = match format {
            OutputFormat::Table => {
                let columns = names.iter().map(|name| (*name, Side::Left));
                Form::Table(Table::new(columns.chain([("inc", Side::Right)])))
            }
            OutputFormat::Json => Form::Json { is_first: true },
            OutputFormat::Csv => {
                csv::write_line(out, names.iter().copied().chain(["inc"]))?;
                Form::Csv
            }
        };
        Ok(Self { names, form, out })
    }

    pub(super) fn push(&mut self, cells: Vec<String>, sum: u128) -> io::Result<()> {
        match &mut self.form {
            Form::Table(table) => table.push(cells.into_iter().chain([sum.to_string()])),
            Form::Json { is_first } => {
                // One object in each line, so that large results stay readable.
                self.out.write_all(if std::mem::take(is_first) { b"[\n" } else { b",\n" })?;
                serde_json::to_writer(&mut *self.out, &JsonRow { names: &self.names, cells: &cells, sum })?;
            }
            Form::Csv => {
                let sum = sum.to_string();
                csv::write_line(self.out, cells.iter().map(String::as_str).chain([sum.as_str()]))?;
            }
        }
        Ok(())
    }

    pub(super) fn finish(self) -> io::Result<()> {
        match self.form {
            Form::Table(table) => table.write(self.out),
            Form::Json { is_first } => self.out.write_all(if is_first { b"[]\n" } else { b"\n]\n" }),
            Form::Csv => Ok(()),
        }
    }
}

struct JsonRow<'a> {
    names: &'a [&'static str],
    cells: &'a [String],
    sum: u128,
}

impl Serialize for JsonRow<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(Some(self.names.len() + 1))?;
        for (name, cell) in self.names.iter().zip(self.cells) {
            object.serialize_entry(name, cell)?;
        }
        match u64::try_from(self.sum) {
            Ok(sum) if self.sum <= JSON_INTEGER_MAX => object.serialize_entry("inc", &sum)?,
            _ => object.serialize_entry("inc", &self.sum.to_string())?,
        }
        object.end()
    }
}
