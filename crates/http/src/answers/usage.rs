//! `GET /usage` and `GET /usage/evidence`: sums, and the slices behind them, as the command `usage` gives them.

use std::ops::ControlFlow;

use axum::{extract::State, response::Response};
use http::{HeaderMap, Uri};
use ron_accounting_ledger::{
    text::{EvidenceAnswer, RowFormat, RowWriter, UsageAnswer},
    Ledger, ReadError,
};

use crate::{
    paged::{respond, Pages},
    parameters::Parameters,
    problem::Problem,
    question::{take_format, take_query, PARAMETERS},
    surface::Surface,
};

pub(crate) async fn usage(
    State(surface): State<Surface>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    answer(&surface, &uri, &headers, |query| {
        let answer = UsageAnswer::new(query);
        (answer.columns(), Answer::Usage(answer))
    })
    .await
}

pub(crate) async fn evidence(
    State(surface): State<Surface>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    answer(&surface, &uri, &headers, |query| {
        let answer = EvidenceAnswer::new(query);
        (answer.columns(), Answer::Evidence(answer))
    })
    .await
}

async fn answer(
    surface: &Surface,
    uri: &Uri,
    headers: &HeaderMap,
    begin: impl FnOnce(ron_accounting_ledger::UsageQuery) -> (Vec<&'static str>, Answer),
) -> Result<Response, Problem> {
    let mut parameters = Parameters::parse(uri)?;
    let format = take_format(&mut parameters, headers)?;
    let query = take_query(&mut parameters)?;
    parameters.finish(&PARAMETERS)?;
    let (columns, answer) = begin(query);
    let rows = Rows { answer, writer: RowWriter::new(format, columns) };
    let content_type = match format {
        RowFormat::Json => "application/json",
        _ => "text/csv; charset=utf-8; header=present",
    };
    respond(surface.readers()?, surface.counters(), surface.limits().page_bytes, content_type, rows).await
}

enum Answer {
    Usage(UsageAnswer),
    Evidence(EvidenceAnswer),
}

struct Rows {
    answer: Answer,
    writer: RowWriter,
}

impl Pages for Rows {
    fn write_page(
        &mut self,
        ledger: &dyn Ledger,
        page_bytes: usize,
        out: &mut Vec<u8>,
    ) -> Result<bool, ReadError> {
        let Self { answer, writer } = self;
        let mut written = Ok(());
        let mut show = |cells: Vec<String>, sum: u128| {
            written = writer.push(out, &cells, sum);
            if written.is_err() || out.len() >= page_bytes {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        };
        let is_complete = match answer {
            Answer::Usage(answer) => answer.resume(ledger, &mut show)?,
            Answer::Evidence(answer) => answer.resume(ledger, &mut show)?,
        };
        if is_complete {
            written = written.and_then(|()| writer.finish(out));
        }
        // A `Vec` takes every write.
        written.map_err(ReadError::unavailable)?;
        Ok(is_complete)
    }
}
