//! What was refused, and how often.

use std::{
    fmt::Write,
    sync::atomic::{AtomicU64, Ordering},
};

use ron_accounting_prometheus::Format;

macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident => $text:literal;)*) => {
        /// Why a connection or a request was refused or cut off.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Refusal {
            $($(#[$doc])* $name,)*
        }

        impl Refusal {
            /// All reasons.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Returns the name, as metrics show it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

refusals! {
    /// As many connections were open as may be.
    Connections => "connections";
    /// As many connections of one peer were open as may be.
    PeerConnections => "peer_connections";
    /// A connection sent nothing in time.
    FirstByte => "first_byte";
    /// The head of a request was too large.
    HeaderBytes => "header_bytes";
    /// The head of a request did not come in time.
    HeaderTime => "header_time";
    /// A body was too large.
    BodyBytes => "body_bytes";
    /// A body did not come to its end in time.
    BodyTime => "body_time";
    /// A body stopped.
    BodyIdle => "body_idle";
    /// An answer was not read.
    AnswerIdle => "answer_idle";
    /// A connection that had been idle for too long was closed.
    Idle => "idle";
    /// A connection gave up too many requests.
    Resets => "resets";
    /// What came was not HTTP.
    Protocol => "protocol";
    /// Too many exports at once.
    Exports => "exports";
    /// Too many questions at once.
    Questions => "questions";
    /// Too many scrapes at once.
    Scrapes => "scrapes";
    /// A request for another host.
    ForeignHost => "foreign_host";
    /// A request of a foreign page that would change something.
    ForeignPage => "foreign_page";
    /// A connection could not be accepted, for want of files or memory.
    Accept => "accept";
    /// A connection was still busy when the server had to end.
    Shutdown => "shutdown";
    /// An answer failed after its beginning was sent.
    CutOff => "cut_off";
}

/// Classes of status codes.
const CLASSES: [&str; 4] = ["2xx", "3xx", "4xx", "5xx"];

/// The endpoints, and `other` for what matches none.
const ROUTES: [&str; 10] = [
    "/usage",
    "/usage/evidence",
    "/streams",
    "/slices/{cid}",
    "/export",
    "/healthz",
    "/readyz",
    "/metrics",
    "/openapi.json",
    "other",
];

/// Counters of a surface and its server. They only grow, but for [`connections`](Self::connections).
#[derive(Debug, Default)]
pub struct Counters {
    refusals: [AtomicU64; Refusal::ALL.len()],
    connections: AtomicU64,
    connections_total: AtomicU64,
    requests: [[AtomicU64; CLASSES.len()]; ROUTES.len()],
    slices_stored: AtomicU64,
    slices_duplicate: AtomicU64,
    slices_refused: AtomicU64,
}

impl Counters {
    /// Returns how often something was refused for this reason.
    pub fn refused(&self, refusal: Refusal) -> u64 {
        self.refusals.get(refusal as usize).map_or(0, |count| count.load(Ordering::Relaxed))
    }

    /// Returns how many connections are open.
    pub fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }

    pub(crate) fn refuse(&self, refusal: Refusal) {
        if let Some(count) = self.refusals.get(refusal as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn begin_connection(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
        self.connections_total.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn end_connection(&self) {
        self.connections.fetch_sub(1, Ordering::Relaxed);
    }

    /// Counts an answer by the template of its route, below which a host may have nested the surface.
    pub(crate) fn answer(&self, route: Option<&str>, status: http::StatusCode) {
        let route = route.and_then(|route| ROUTES.iter().position(|known| route.ends_with(known)));
        let class = usize::from(status.as_u16() / 100).saturating_sub(2).min(CLASSES.len() - 1);
        let row = self.requests.get(route.unwrap_or(ROUTES.len() - 1));
        if let Some(count) = row.and_then(|row| row.get(class)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn add_slices(&self, stored: u64, duplicate: u64, refused: u64) {
        self.slices_stored.fetch_add(stored, Ordering::Relaxed);
        self.slices_duplicate.fetch_add(duplicate, Ordering::Relaxed);
        self.slices_refused.fetch_add(refused, Ordering::Relaxed);
    }

    /// Returns the counters as Prometheus text.
    pub(crate) fn text(&self, format: Format) -> String {
        let mut text = Text { out: String::new(), is_open: format.is_open_metrics() };
        text.family("accounting_http_connections", "gauge", "Open connections.");
        text.sample("accounting_http_connections", "", self.connections());
        text.family("accounting_http_connections_total", "counter", "Connections that were accepted.");
        text.sample("accounting_http_connections_total", "", self.connections_total.load(Ordering::Relaxed));
        text.family("accounting_http_requests_total", "counter", "Answered requests.");
        for (route, row) in ROUTES.iter().zip(&self.requests) {
            for (class, count) in CLASSES.iter().zip(row) {
                let labels = format!("{{route=\"{route}\",status=\"{class}\"}}");
                text.sample("accounting_http_requests_total", &labels, count.load(Ordering::Relaxed));
            }
        }
        text.family(
            "accounting_http_refused_total",
            "counter",
            "Connections and requests that were refused.",
        );
        for (refusal, count) in Refusal::ALL.iter().zip(&self.refusals) {
            let labels = format!("{{reason=\"{}\"}}", refusal.name());
            text.sample("accounting_http_refused_total", &labels, count.load(Ordering::Relaxed));
        }
        text.family("accounting_http_slices_total", "counter", "Slices that were exported to this server.");
        for (answer, count) in [
            ("stored", &self.slices_stored),
            ("duplicate", &self.slices_duplicate),
            ("refused", &self.slices_refused),
        ] {
            let labels = format!("{{answer=\"{answer}\"}}");
            text.sample("accounting_http_slices_total", &labels, count.load(Ordering::Relaxed));
        }
        text.out
    }
}

struct Text {
    out: String,
    is_open: bool,
}

impl Text {
    /// OpenMetrics names a family of counters without its suffix.
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let name = if self.is_open && kind == "counter" { name.trim_end_matches("_total") } else { name };
        // A `String` takes every write.
        let _ = write!(self.out, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    fn sample(&mut self, name: &str, labels: &str, value: u64) {
        let _ = writeln!(self.out, "{name}{labels} {value}");
    }
}
