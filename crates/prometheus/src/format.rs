//! The two formats, and how a response names them.

use crate::accept;

/// The syntax of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Syntax {
    /// Prometheus text, version 0.0.4.
    Text,
    /// OpenMetrics text, version 1.0.0.
    OpenMetrics,
}

impl Syntax {
    pub(crate) const ALL: [Self; 2] = [Self::Text, Self::OpenMetrics];

    pub(crate) const fn media_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain",
            Self::OpenMetrics => "application/openmetrics-text",
        }
    }

    pub(crate) const fn version(self) -> &'static str {
        match self {
            Self::Text => "0.0.4",
            Self::OpenMetrics => "1.0.0",
        }
    }
}

/// How names that are not `[a-zA-Z_:][a-zA-Z0-9_:]*` are written. All names of this crate are, so that each scheme gives the
/// same text. A response repeats the scheme that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Escaping {
    /// `allow-utf-8`
    AllowUtf8,
    /// `underscores`
    Underscores,
    /// `dots`
    Dots,
    /// `values`
    Values,
}

impl Escaping {
    pub(crate) const ALL: [Self; 4] = [Self::AllowUtf8, Self::Underscores, Self::Dots, Self::Values];

    /// Returns the scheme as media types name it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AllowUtf8 => "allow-utf-8",
            Self::Underscores => "underscores",
            Self::Dots => "dots",
            Self::Values => "values",
        }
    }

    pub(crate) fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scheme| scheme.as_str() == name)
    }
}

/// The format of a scrape.
///
/// ```
/// use ron_accounting_prometheus::Format;
/// let format = Format::negotiate("application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1");
/// assert_eq!(format, Format::OPEN_METRICS);
/// assert_eq!(format.content_type(), "application/openmetrics-text; version=1.0.0; charset=utf-8");
/// assert_eq!(Format::negotiate("text/html"), Format::TEXT);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Format {
    pub(crate) syntax: Syntax,
    pub(crate) escaping: Option<Escaping>,
}

impl Format {
    /// Prometheus text, version 0.0.4.
    pub const TEXT: Self = Self { syntax: Syntax::Text, escaping: None };
    /// OpenMetrics text, version 1.0.0.
    pub const OPEN_METRICS: Self = Self { syntax: Syntax::OpenMetrics, escaping: None };

    /// Returns the format that an `Accept` header prefers. Without a header, pass `""`.
    ///
    /// The highest `q` wins, and of equals the one that is listed first. A range that names another version than 0.0.4 or 1.0.0
    /// is not matched. If nothing matches, the format is [`Self::TEXT`], as in the client libraries of Prometheus: a scraper that
    /// gets text can at least say what it got.
    #[must_use]
    pub fn negotiate(accept: &str) -> Self {
        accept::negotiate(accept)
    }

    /// Returns whether this is OpenMetrics.
    #[must_use]
    pub const fn is_open_metrics(self) -> bool {
        matches!(self.syntax, Syntax::OpenMetrics)
    }

    /// Returns the escaping scheme that was asked for.
    #[must_use]
    pub const fn escaping(self) -> Option<Escaping> {
        self.escaping
    }

    /// Returns the value of the `Content-Type` header.
    #[must_use]
    pub fn content_type(self) -> String {
        let mut value =
            format!("{}; version={}; charset=utf-8", self.syntax.media_type(), self.syntax.version());
        if let Some(escaping) = self.escaping {
            value.push_str("; escaping=");
            value.push_str(escaping.as_str());
        }
        value
    }
}
