//! Rows as a table, JSON or CSV. Only a table is held in memory, since the width of its columns depends on all rows.

use std::io::{self, Write};

use clap::ValueEnum;
use ron_accounting_ledger::text::{RowFormat, RowWriter};

use crate::table::{Side, Table};

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub(super) enum OutputFormat {
    #[default]
    Table,
    Json,
    Csv,
}

/// Writes rows of cells and a sum, which has the name `inc`.
pub(super) struct Output<'out> {
    form: Form,
    out: &'out mut dyn Write,
}

enum Form {
    Table(Table),
    Rows(RowWriter),
}

impl<'out> Output<'out> {
    pub(super) fn new(format: OutputFormat, names: Vec<&'static str>, out: &'out mut dyn Write) -> Self {
        let form = match format {
            OutputFormat::Table => {
                let columns = names.iter().map(|name| (*name, Side::Left));
                Form::Table(Table::new(columns.chain([("inc", Side::Right)])))
            }
            OutputFormat::Json => Form::Rows(RowWriter::new(RowFormat::Json, names)),
            OutputFormat::Csv => Form::Rows(RowWriter::new(RowFormat::Csv, names)),
        };
        Self { form, out }
    }

    pub(super) fn push(&mut self, cells: Vec<String>, sum: u128) -> io::Result<()> {
        match &mut self.form {
            Form::Table(table) => {
                table.push(cells.into_iter().chain([sum.to_string()]));
                Ok(())
            }
            Form::Rows(writer) => writer.push(self.out, &cells, sum),
        }
    }

    pub(super) fn finish(self) -> io::Result<()> {
        match self.form {
            Form::Table(table) => table.write(self.out),
            Form::Rows(mut writer) => writer.finish(self.out),
        }
    }
}
