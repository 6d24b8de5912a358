//! `GET /slices/{cid}`: one slice, as its exact bytes or as JSON.

use std::fmt::Display;

use axum::{
    body::Body,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use http::{header, HeaderMap, HeaderValue, StatusCode, Uri};
use ron_accounting_ledger::{text::JsonInteger, ReadError, SliceCopy};
use ron_ledger_wire::{Cid, Digest, RowKeyRef, SealedSlice};
use serde::Serialize;

use crate::{
    negotiation::preferred,
    paged::whole,
    parameters::Parameters,
    problem::{Problem, ProblemKind},
    surface::Surface,
};

/// A slice under its identifier never changes. It may be kept by the client, and by nobody in between.
const CACHE_CONTROL: HeaderValue = HeaderValue::from_static("private, max-age=31536000, immutable");

pub(crate) async fn slice(
    State(surface): State<Surface>,
    Path(cid): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let mut parameters = Parameters::parse(&uri)?;
    let is_json = match parameters.take("format").as_deref() {
        Some("cbor") => false,
        Some("json") => true,
        Some(_) => return Err(Problem::invalid("format", "write cbor or json")),
        None => preferred(&headers, &["application/cbor", "application/json"])? == 1,
    };
    parameters.finish(&["format"])?;
    let cid: Cid =
        cid.parse().map_err(|error: ron_ledger_wire::ParseError| Problem::invalid("cid", error))?;
    let tag = format!("\"{cid}{}\"", if is_json { "-json" } else { "" });
    let found = surface.readers()?.ask(move |ledger| {
        let Some(name) = ledger.find(&cid)? else { return Ok(None) };
        ledger.slice(&name)
    });
    let found: Option<SliceCopy> = found.await?.map_err(|error: ReadError| Problem::from(error))?;
    let Some(slice) = found else {
        let detail = format!("the ledger has no slice {cid}: check the identifier");
        return Err(Problem::new(ProblemKind::UnknownSlice, detail));
    };
    // Bytes that are not what they are named after are no evidence.
    if Digest::of(&slice.bytes) != cid.digest() {
        return Err(damaged(&slice, "the stored bytes have another digest"));
    }
    let is_known = headers.get_all(header::IF_NONE_MATCH).iter().any(|known| is_among(known, &tag));
    let mut response = if is_known {
        StatusCode::NOT_MODIFIED.into_response()
    } else if is_json {
        let sealed = SealedSlice::from_bytes(slice.bytes.clone()).map_err(|error| damaged(&slice, error))?;
        surface.json(&View::of(&sealed))?
    } else {
        bytes(&surface, slice.bytes)
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, CACHE_CONTROL);
    headers.insert(header::VARY, HeaderValue::from_static("accept"));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    Ok(response)
}

fn bytes(surface: &Surface, bytes: Vec<u8>) -> Response {
    let body: Body = whole(bytes, surface.counters());
    let mut response = body.into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/cbor"));
    response
}

fn damaged(slice: &SliceCopy, why: impl Display) -> Problem {
    let detail = format!("{}: {why}; verify the ledger with `ron-accounting verify`", slice.name);
    Problem::new(ProblemKind::LedgerDamaged, detail)
}

fn is_among(known: &HeaderValue, tag: &str) -> bool {
    let tags = known.to_str().unwrap_or_default().split(',').map(str::trim);
    tags.map(|known| known.trim_start_matches("W/")).any(|known| known == tag || known == "*")
}

#[derive(Serialize)]
struct View<'a> {
    cid: String,
    origin: String,
    tenant: &'a str,
    dimension: &'a str,
    seq: JsonInteger,
    start_ms: JsonInteger,
    end_ms: JsonInteger,
    /// The slice before this one; `null` for the first.
    previous: Option<String>,
    total: JsonInteger,
    rows: Vec<Row<'a>>,
}

/// A row has the labels or the account.
#[derive(Serialize)]
struct Row<'a> {
    #[serde(flatten)]
    key: Key<'a>,
    inc: JsonInteger,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Key<'a> {
    Labels { method: &'a str, route: &'a str, service: &'a str, region: &'a str },
    Account { account: String },
}

impl<'a> View<'a> {
    fn of(slice: &'a SealedSlice) -> Self {
        let rows = slice.rows().map(|row| Row {
            key: match row.key {
                RowKeyRef::Labels { method, route, service, region } => {
                    Key::Labels { method, route, service, region }
                }
                RowKeyRef::Account { namespace, id } => Key::Account { account: format!("{namespace}:{id}") },
            },
            inc: row.increment.into(),
        });
        Self {
            cid: slice.cid().to_string(),
            origin: slice.stream().origin().to_string(),
            tenant: slice.stream().tenant(),
            dimension: slice.stream().dimension(),
            seq: slice.seq().get().into(),
            start_ms: slice.start_ms().into(),
            end_ms: slice.end_ms().into(),
            previous: slice.previous().map(|digest| Cid::from(digest).to_string()),
            total: JsonInteger(slice.total()),
            rows: rows.collect(),
        }
    }
}
