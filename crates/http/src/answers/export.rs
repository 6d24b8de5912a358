//! `POST /export`: takes a sequence of slices, and answers for each.

use std::time::Duration;

use axum::{body::Body, extract::State, response::Response};
use bytes::Buf;
use http::{header, HeaderMap, Uri};
use http_body::Body as _;
use http_body_util::BodyExt;
use ron_accounting_export::{Ack, Exporter, PutError};
use ron_accounting_ledger::text::JsonInteger;
use ron_ledger_wire::{Claim, DecodeError, SealedSlice};
use serde::Serialize;
use tokio::time::{timeout_at, Instant};

use crate::{
    claim,
    counters::Refusal,
    parameters::Parameters,
    problem::{Problem, ProblemKind},
    puts::Reservation,
    sequence,
    surface::Surface,
};

/// The media type of a sequence of CBOR items. No form of a browser can send it.
const MEDIA_TYPE: &str = "application/cbor-seq";

pub(crate) async fn export(
    State(surface): State<Surface>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    refuse_pages(&surface, &headers)?;
    Parameters::parse(&uri)?.finish(&[])?;
    check_media_type(&headers)?;
    let claim = claim::read(&headers)?;
    let puts = surface.puts()?;
    let mut reservation = puts.begin();
    let bytes = read_body(&surface, body, &mut reservation).await?;
    let answers = puts.run(reservation, move |exporter| put(exporter, claim.as_ref(), bytes)).await??;
    let count = |wanted: &str| answers.iter().filter(|slice| slice.outcome == wanted).count() as u64;
    let (stored, duplicate) = (count("stored"), count("duplicate"));
    surface.counters().add_slices(stored, duplicate, answers.len() as u64 - stored - duplicate);
    surface.json(&Answers { slices: answers })
}

/// Refuses what a page of a browser asks for: browsers send `Origin` with each request that may change something.
fn refuse_pages(surface: &Surface, headers: &HeaderMap) -> Result<(), Problem> {
    let Some(origin) = headers.get(header::ORIGIN) else { return Ok(()) };
    surface.counters().refuse(Refusal::ForeignPage);
    let detail = format!("the page {origin:?} sent this: export from a program, without an Origin header");
    Err(Problem::new(ProblemKind::ForeignPage, detail))
}

fn check_media_type(headers: &HeaderMap) -> Result<(), Problem> {
    if let Some(encoding) = headers.get(header::CONTENT_ENCODING).filter(|value| *value != "identity") {
        let detail = format!("the body is encoded as {encoding:?}: send it as it is");
        return Err(Problem::new(ProblemKind::UnsupportedMediaType, detail));
    }
    let found = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = found.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case(MEDIA_TYPE) {
        return Ok(());
    }
    let detail = format!("the Content-Type is {found:?}: send slices, one after the other, as {MEDIA_TYPE}");
    Err(Problem::new(ProblemKind::UnsupportedMediaType, detail))
}

/// Reads a body to its end, within the limits on its bytes and its time.
async fn read_body(
    surface: &Surface,
    mut body: Body,
    reservation: &mut Reservation,
) -> Result<Vec<u8>, Problem> {
    let limits = surface.limits();
    let bytes_max = limits.body_bytes_max;
    let too_large = |bytes: u64| {
        surface.counters().refuse(Refusal::BodyBytes);
        let detail = format!(
            "{bytes} bytes are more than the {bytes_max} that a body may have: send fewer slices at a time"
        );
        Problem::new(ProblemKind::BodyTooLarge, detail)
    };
    let announced = body.size_hint().lower();
    if announced > bytes_max as u64 {
        return Err(too_large(announced));
    }
    let end = Instant::now() + limits.body_timeout;
    let mut bytes = Vec::new();
    loop {
        let idle_end = Instant::now() + limits.body_idle_timeout;
        let frame = match timeout_at(end.min(idle_end), body.frame()).await {
            Ok(Some(frame)) => frame,
            Ok(None) => return Ok(bytes),
            Err(_) if idle_end < end => {
                return Err(too_slow(
                    surface,
                    Refusal::BodyIdle,
                    "nothing more came for",
                    limits.body_idle_timeout,
                ))
            }
            Err(_) => {
                return Err(too_slow(
                    surface,
                    Refusal::BodyTime,
                    "it was not complete after",
                    limits.body_timeout,
                ))
            }
        };
        let frame = frame.map_err(|error| {
            Problem::new(ProblemKind::BodyUnreadable, format!("{error}: nothing was stored, send it again"))
        })?;
        // Trailers say nothing here.
        let Ok(mut data) = frame.into_data() else { continue };
        let length = bytes.len() + data.remaining();
        if length > bytes_max {
            return Err(too_large(length as u64));
        }
        reservation.grow(data.remaining())?;
        while data.has_remaining() {
            let chunk = data.chunk();
            bytes.extend_from_slice(chunk);
            let length = chunk.len();
            data.advance(length);
        }
    }
}

fn too_slow(surface: &Surface, refusal: Refusal, what: &str, limit: Duration) -> Problem {
    surface.counters().refuse(refusal);
    let detail = format!("{what} {limit:?}: nothing was stored, send fewer slices at a time");
    Problem::new(ProblemKind::BodyTooSlow, detail)
}

/// Offers the slices of a body to the ledger.
fn put(exporter: &dyn Exporter, claim: Option<&Claim>, bytes: Vec<u8>) -> Result<Vec<Answer>, Problem> {
    let items = sequence::split(&bytes).map_err(|error| {
        let detail = format!("{error}; nothing was stored");
        Problem::new(ProblemKind::MalformedSequence, detail)
    })?;
    let decoded: Vec<Result<SealedSlice, DecodeError>> =
        items.into_iter().map(SealedSlice::from_bytes).collect();
    drop(bytes);
    let slices: Vec<SealedSlice> = decoded.iter().flatten().cloned().collect();
    let answers = match claim {
        Some(claim) => exporter.put_claimed(claim, &slices),
        None => exporter.put_batch(&slices),
    };
    if answers.len() != slices.len() {
        let error = PutError::Unanswered { answered: answers.len(), offered: slices.len() };
        return Err(Problem::new(ProblemKind::LedgerUnavailable, error.to_string()));
    }
    // A ledger that failed as a whole gives the same answer to all.
    if let Some(Err(error)) = answers.first() {
        let failed = matches!(error, PutError::Unavailable { .. } | PutError::Busy | PutError::Deadline);
        if failed && answers.iter().all(|answer| answer.as_ref().err() == Some(error)) {
            return Err(Problem::new(ProblemKind::LedgerUnavailable, error.with_causes()));
        }
    }
    let mut answers = answers.into_iter();
    let mut of = |decoded: Result<SealedSlice, DecodeError>| match decoded {
        Err(error) => Answer::malformed(&error),
        Ok(slice) => Answer::of(&slice, answers.next().unwrap_or(Err(PutError::NotReached))),
    };
    Ok(decoded.into_iter().map(&mut of).collect())
}

/// What became of the slices, in the order in which they came.
#[derive(Serialize)]
struct Answers {
    slices: Vec<Answer>,
}

#[derive(Serialize)]
struct Answer {
    /// `stored`, `duplicate`, `refused` or `not_reached`.
    #[serde(rename = "answer")]
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    slice: Option<Name>,
    #[serde(flatten)]
    refusal: Option<RefusedSlice>,
}

#[derive(Serialize)]
struct Name {
    origin: String,
    tenant: String,
    dimension: String,
    seq: JsonInteger,
    cid: String,
}

#[derive(Serialize)]
struct RefusedSlice {
    kind: &'static str,
    /// Whether the same slice may be taken later, without an operator.
    retryable: bool,
    detail: String,
    #[serde(flatten)]
    evidence: Option<RefusalEvidence>,
}

/// What the ledger has, beside what was offered.
#[derive(Serialize)]
#[serde(untagged)]
enum RefusalEvidence {
    Gap { expected: JsonInteger, found: JsonInteger },
    Fork { stored: String, offered: String },
    Claimed { holder: String },
}

impl Answer {
    fn malformed(error: &DecodeError) -> Self {
        let refusal =
            RefusedSlice { kind: "malformed", retryable: false, detail: error.to_string(), evidence: None };
        Self { outcome: "refused", slice: None, refusal: Some(refusal) }
    }

    fn of(slice: &SealedSlice, answer: Result<Ack, PutError>) -> Self {
        let stream = slice.stream();
        let name = Name {
            origin: stream.origin().to_string(),
            tenant: stream.tenant().to_owned(),
            dimension: stream.dimension().to_owned(),
            seq: slice.seq().get().into(),
            cid: slice.cid().to_string(),
        };
        let (outcome, refusal) = match answer {
            Ok(Ack::Ok) => ("stored", None),
            Ok(Ack::Duplicate) => ("duplicate", None),
            Err(error) => {
                let outcome = if matches!(error, PutError::NotReached) { "not_reached" } else { "refused" };
                (outcome, Some(RefusedSlice::of(&error)))
            }
        };
        Self { outcome, slice: Some(name), refusal }
    }
}

impl RefusedSlice {
    fn of(error: &PutError) -> Self {
        let (kind, evidence) = match error {
            PutError::Unavailable { .. } | PutError::Unanswered { .. } => ("unavailable", None),
            PutError::Busy => ("busy", None),
            PutError::Deadline => ("deadline", None),
            PutError::NotReached => ("not_reached", None),
            PutError::Conflict { stored, offered } => {
                let cid = |digest| ron_ledger_wire::Cid::from(digest).to_string();
                ("fork", Some(RefusalEvidence::Fork { stored: cid(*stored), offered: cid(*offered) }))
            }
            PutError::Gap { expected, found } => {
                let (expected, found) = (expected.get().into(), found.get().into());
                ("gap", Some(RefusalEvidence::Gap { expected, found }))
            }
            PutError::Claimed { current, .. } => {
                ("claimed", Some(RefusalEvidence::Claimed { holder: current.to_string() }))
            }
            _ => ("rejected", None),
        };
        Self { kind, retryable: error.is_retryable(), detail: error.with_causes(), evidence }
    }
}
