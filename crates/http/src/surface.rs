//! What is served: its parts, its limits, and the router over them.

use std::{
    fmt,
    sync::{
        atomic::{AtomicBool, Ordering},
        Arc,
    },
    time::Duration,
};

use axum::{
    body::Body,
    extract::{MatchedPath, Request, State},
    middleware::{from_fn_with_state, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
    Router,
};
use http::{header, HeaderValue, Method, Uri};
use ron_accounting::Accounting;
use ron_accounting_export::Exporter;
use ron_accounting_ledger::Ledger;
use ron_accounting_prometheus::Metrics;
use serde::Serialize;

use crate::{
    answers::{export, health, slices, streams, usage},
    counters::Counters,
    paged,
    parameters::Parameters,
    problem::{Problem, ProblemKind},
    puts::Puts,
    readers::Readers,
    OPENAPI,
};

/// Limits on what a surface does at once. The defaults are for a node with one SQLite ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SurfaceLimits {
    /// How many questions a ledger that was given by [`SurfaceBuilder::ledger`] answers at once. Default 4.
    pub questions_max: usize,
    /// How long a question waits for its turn. Default 5 seconds.
    pub question_wait: Duration,
    /// How many bytes of an answer are made at a time, which is also what an unread answer takes in memory. Default 4 MiB.
    pub page_bytes: usize,
    /// How many bytes a body has at most. Default 8 MiB.
    pub body_bytes_max: usize,
    /// How long a body may take to come. Default 30 seconds.
    pub body_timeout: Duration,
    /// How long nothing of a body may come. Default 10 seconds.
    pub body_idle_timeout: Duration,
    /// How many exports are stored at once. Default 8.
    pub exports_max: usize,
    /// How many bytes the bodies of all exports take in memory. Default 64 MiB.
    pub exports_bytes_max: usize,
    /// How long an export waits for its turn. Default 5 seconds.
    pub export_wait: Duration,
}

impl Default for SurfaceLimits {
    fn default() -> Self {
        Self {
            questions_max: 4,
            question_wait: Duration::from_secs(5),
            page_bytes: 4 << 20,
            body_bytes_max: 8 << 20,
            body_timeout: Duration::from_secs(30),
            body_idle_timeout: Duration::from_secs(10),
            exports_max: 8,
            exports_bytes_max: 64 << 20,
            export_wait: Duration::from_secs(5),
        }
    }
}

/// What is served. Clones are handles to the same surface.
#[derive(Clone)]
pub struct Surface {
    shared: Arc<Shared>,
}

struct Shared {
    readers: Option<Arc<Readers>>,
    puts: Option<Puts>,
    accounting: Option<Accounting>,
    metrics: Option<Metrics>,
    limits: SurfaceLimits,
    counters: Arc<Counters>,
    is_stopping: AtomicBool,
    /// Whether the ledger answered when it was asked last.
    did_answer: AtomicBool,
}

impl fmt::Debug for Surface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Surface")
            .field("has_ledger", &self.shared.readers.is_some())
            .field("has_exporter", &self.shared.puts.is_some())
            .field("has_accounting", &self.shared.accounting.is_some())
            .field("limits", &self.shared.limits)
            .finish_non_exhaustive()
    }
}

/// Builds a [`Surface`]. Without any part, it answers for its health alone.
#[derive(Default)]
pub struct SurfaceBuilder {
    handles: Vec<Arc<dyn Ledger>>,
    ledger: Option<Arc<dyn Ledger>>,
    exporter: Option<Arc<dyn Exporter>>,
    accounting: Option<Accounting>,
    metrics: Option<Metrics>,
    limits: SurfaceLimits,
}

impl fmt::Debug for SurfaceBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SurfaceBuilder").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl SurfaceBuilder {
    /// Serves this ledger: `/usage`, `/usage/evidence`, `/streams`, `/slices`. It answers up to [`SurfaceLimits::questions_max`] questions
    /// at once.
    pub fn ledger(mut self, ledger: impl Ledger + 'static) -> Self {
        self.ledger = Some(Arc::new(ledger));
        self
    }

    /// Adds one more handle to the ledger that is served. If there are handles, each answers one question at a time, and
    /// [`SurfaceBuilder::ledger`] is not asked.
    ///
    /// A ledger that has a lock inside, such as one connection to SQLite, answers as many questions at once as it has handles.
    pub fn ledger_handle(mut self, handle: impl Ledger + 'static) -> Self {
        self.handles.push(Arc::new(handle));
        self
    }

    /// Serves `POST /export` with this exporter. What is acknowledged is as durable as the exporter says.
    pub fn exporter(mut self, exporter: impl Exporter + 'static) -> Self {
        self.exporter = Some(Arc::new(exporter));
        self
    }

    /// Serves the readiness of this instance, and its metrics from now on. Give it before the first recording.
    pub fn accounting(mut self, accounting: &Accounting) -> Self {
        self.metrics = Some(Metrics::new(accounting));
        self.accounting = Some(accounting.clone());
        self
    }

    /// Serves these metrics instead of those that [`SurfaceBuilder::accounting`] makes.
    pub fn metrics(mut self, metrics: Metrics) -> Self {
        self.metrics = Some(metrics);
        self
    }

    /// Sets the limits.
    pub fn limits(mut self, limits: SurfaceLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Builds the surface. A limit of 0 counts as 1.
    #[must_use]
    pub fn build(self) -> Surface {
        let Self { mut handles, ledger, exporter, accounting, metrics, limits } = self;
        let counters = Arc::new(Counters::default());
        if handles.is_empty() {
            handles.extend(ledger.into_iter().flat_map(|ledger| vec![ledger; limits.questions_max.max(1)]));
        }
        let readers = (!handles.is_empty())
            .then(|| Arc::new(Readers::new(handles, limits.question_wait, Arc::clone(&counters))));
        let puts = exporter.map(|exporter| {
            let (puts_max, bytes_max) = (limits.exports_max.max(1), limits.exports_bytes_max);
            Puts::new(exporter, puts_max, bytes_max, limits.export_wait, Arc::clone(&counters))
        });
        let shared = Shared {
            readers,
            puts,
            accounting,
            metrics,
            limits,
            counters,
            is_stopping: AtomicBool::new(false),
            did_answer: AtomicBool::new(true),
        };
        Surface { shared: Arc::new(shared) }
    }
}

impl Surface {
    /// Returns a builder of a surface without any part.
    pub fn builder() -> SurfaceBuilder {
        SurfaceBuilder::default()
    }

    /// Returns the router of all endpoints, for a host that has a server of its own. It needs a Tokio runtime with a timer.
    ///
    /// It limits questions, exports and bodies. The limits on connections are those of the host's server, and so is the decision whom it
    /// answers: [`Server`](crate::Server) has both.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/usage", get(usage::usage))
            .route("/usage/evidence", get(usage::evidence))
            .route("/streams", get(streams::streams))
            .route("/slices/{cid}", get(slices::slice))
            .route("/export", post(export::export))
            .route("/healthz", get(health::healthz))
            .route("/readyz", get(health::readyz))
            .route("/metrics", get(health::metrics))
            .route("/openapi.json", get(openapi))
            .fallback(unknown_path)
            .method_not_allowed_fallback(unknown_method)
            .layer(from_fn_with_state(self.clone(), finish))
            .with_state(self.clone())
    }

    /// Makes `/readyz` say that this process is about to end, so that nothing new is sent to it. [`Server`](crate::Server) does so itself.
    pub fn begin_stopping(&self) {
        self.shared.is_stopping.store(true, Ordering::Release);
    }

    /// Returns what was counted.
    pub fn counters(&self) -> &Arc<Counters> {
        &self.shared.counters
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.shared.is_stopping.load(Ordering::Acquire)
    }

    pub(crate) fn limits(&self) -> &SurfaceLimits {
        &self.shared.limits
    }

    pub(crate) fn accounting(&self) -> Option<&Accounting> {
        self.shared.accounting.as_ref()
    }

    pub(crate) fn metrics(&self) -> Option<&Metrics> {
        self.shared.metrics.as_ref()
    }

    pub(crate) fn readers(&self) -> Result<&Arc<Readers>, Problem> {
        self.shared.readers.as_ref().ok_or_else(|| {
            Problem::new(ProblemKind::UnknownPath, "this process serves no ledger: ask the one that has it")
        })
    }

    pub(crate) fn puts(&self) -> Result<&Puts, Problem> {
        self.shared.puts.as_ref().ok_or_else(|| {
            Problem::new(
                ProblemKind::UnknownPath,
                "this process takes no slices: export to the one that does",
            )
        })
    }

    pub(crate) fn has_room_for_exports(&self) -> bool {
        self.shared.puts.as_ref().is_none_or(Puts::has_room)
    }

    /// Asks the ledger, unless all its handles are in use: then what it did last time counts.
    pub(crate) async fn does_ledger_answer(&self) -> bool {
        let Some(readers) = &self.shared.readers else { return true };
        if let Some(answer) = readers.try_ask(|ledger| ledger.heads(None, 1).is_ok()).await {
            self.shared.did_answer.store(answer.unwrap_or(false), Ordering::Release);
        }
        self.shared.did_answer.load(Ordering::Acquire)
    }

    /// Returns a value as JSON.
    pub(crate) fn json(&self, value: &impl Serialize) -> Result<Response, Problem> {
        let mut bytes = serde_json::to_vec(value).map_err(|error| {
            Problem::new(ProblemKind::Internal, format!("the answer could not be written: {error}"))
        })?;
        bytes.push(b'\n');
        let mut response = paged::whole(bytes, self.counters()).into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Ok(response)
    }
}

async fn openapi(uri: Uri) -> Result<Response, Problem> {
    Parameters::parse(&uri)?.finish(&[])?;
    let mut response = Body::from(OPENAPI).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

async fn unknown_path(uri: Uri) -> Problem {
    Problem::new(ProblemKind::UnknownPath, format!("{}: `/openapi.json` lists what there is", uri.path()))
}

async fn unknown_method(method: Method, uri: Uri) -> Problem {
    let detail = format!("{method} {}: the Allow header names the methods that it takes", uri.path());
    Problem::new(ProblemKind::UnknownMethod, detail)
}

/// Counts each answer, and adds what every answer says to browsers: take it for what it says that it is, and for nothing else.
async fn finish(
    State(surface): State<Surface>,
    route: Option<MatchedPath>,
    request: Request,
    next: Next,
) -> Response {
    let mut response = next.run(request).await;
    surface.counters().answer(route.as_ref().map(MatchedPath::as_str), response.status());
    let headers = response.headers_mut();
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // What a slice is never changes; everything else does.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
