//! `GET /streams`: the streams of the ledger and their heads, page by page.

use axum::{extract::State, response::Response};
use http::Uri;
use percent_encoding::{utf8_percent_encode, NON_ALPHANUMERIC};
use ron_accounting_ledger::text::JsonInteger;
use ron_ledger_wire::{Cid, Head, StreamId};
use serde::Serialize;

use crate::{parameters::Parameters, problem::Problem, surface::Surface};

const PARAMETERS: [&str; 2] = ["limit", "after"];
const LIMIT_DEFAULT: usize = 1000;
const LIMIT_MAX: usize = 10_000;

#[derive(Serialize)]
struct Page<'a> {
    streams: Vec<Stream<'a>>,
    /// The address of the next page, relative to this one; `null` behind the last.
    next: Option<String>,
}

#[derive(Serialize)]
struct Stream<'a> {
    origin: String,
    tenant: &'a str,
    dimension: &'a str,
    /// How many slices the stream has, which is the number of the next one.
    slices: JsonInteger,
    /// The newest slice.
    last: Option<String>,
}

pub(crate) async fn streams(State(surface): State<Surface>, uri: Uri) -> Result<Response, Problem> {
    let mut parameters = Parameters::parse(&uri)?;
    let limit = parameters.take_parsed("limit", limit)?.unwrap_or(LIMIT_DEFAULT);
    let after = parameters.take_parsed("after", cursor)?;
    parameters.finish(&PARAMETERS)?;
    let heads = surface.readers()?.ask(move |ledger| ledger.heads(after.as_ref(), limit)).await??;
    let streams = heads.iter().map(|head| Stream {
        origin: head.stream().origin().to_string(),
        tenant: head.stream().tenant(),
        dimension: head.stream().dimension(),
        slices: head.next_seq().get().into(),
        last: head.last().map(|digest| Cid::from(digest).to_string()),
    });
    let next = heads.last().filter(|_| heads.len() == limit);
    let page = Page { streams: streams.collect(), next: next.map(|head| next_page(head, limit)) };
    surface.json(&page)
}

fn limit(text: &str) -> Result<usize, String> {
    let limit = text.parse().ok().filter(|limit| (1..=LIMIT_MAX).contains(limit));
    limit.ok_or_else(|| format!("write a number from 1 to {LIMIT_MAX}"))
}

/// Returns the address of the page behind a stream, relative to that of this page.
fn next_page(head: &Head, limit: usize) -> String {
    let cursor = format_cursor(head.stream());
    format!("streams?limit={limit}&after={}", utf8_percent_encode(&cursor, NON_ALPHANUMERIC))
}

/// Writes a stream so that it can be told apart whatever its names hold.
fn format_cursor(stream: &StreamId) -> String {
    let (tenant, dimension) = (stream.tenant(), stream.dimension());
    format!("{}:{}:{tenant}{dimension}", stream.origin(), tenant.len())
}

fn cursor(text: &str) -> Result<StreamId, &'static str> {
    let parse = || {
        let (origin, rest) = text.split_once(':')?;
        let (length, names) = rest.split_once(':')?;
        let (tenant, dimension) = names.split_at_checked(length.parse().ok()?)?;
        Some(StreamId::new(origin.parse().ok()?, tenant, dimension))
    };
    parse().ok_or("take it from the `next` of the page before")
}

#[cfg(test)]
mod tests {
    use ron_ledger_wire::Origin;

    use super::*;

    #[test]
    fn a_cursor_names_its_stream_whatever_the_names_are() {
        for (tenant, dimension) in [("acme", "requests"), ("", ""), ("a:b:", ":1:"), ("é:&", "日")] {
            let stream = StreamId::new(Origin::from_bytes([7; 16]), tenant, dimension);
            assert_eq!(cursor(&format_cursor(&stream)), Ok(stream));
        }
        for text in
            ["", "7:1:a", "07070707070707070707070707070707:9:a", "07070707070707070707070707070707:1:é"]
        {
            assert!(cursor(text).is_err(), "{text}");
        }
    }
}
