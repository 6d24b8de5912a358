//! The normalizer itself: one rule for each label.

use std::borrow::Cow;

use ron_accounting_core::{Label, Normalizer, Verdict, INVALID, OVERFLOW, REDACTED};

use crate::builder::RouteNormalizerBuilder;
use crate::method::Methods;
use crate::target::Target;
use crate::templates::Templates;
use crate::text::{self, Case};
use crate::{path, placeholder, segment};

/// Normalizes the labels of HTTP requests.
///
/// | label | what is done |
/// | --- | --- |
/// | tenant | whitespace around it is trimmed; refused where it is too long, holds control or invisible characters, or is personal data (e-mail or IP address, card number, `+` telephone number) |
/// | service, region | as the tenant, and lower case |
/// | method | upper case; [`OTHER_METHOD`](crate::OTHER_METHOD) where IANA and the host don't list it |
/// | route | the host's template, or a template of the path: see below |
///
/// An empty label stays empty, and the engine's reserved words (`~overflow`, `~invalid`, `~redacted`) stay as they are.
///
/// # Routes
///
/// 1. **The path.** Query and fragment go, and so do scheme and host of `http://host/path`. `*` stays; `host:port`
///    becomes `:authority`. Slashes are single and none is at the end. Dot segments are resolved and stop at the root,
///    whether written `..`, `%2e%2e` or `..;`. Path parameters (`;jsessionid=...`) go. A leading slash is added where it
///    is missing.
/// 2. **Encoding and case.** Escapes of unreserved characters are decoded, others are upper case, what may not stand in a
///    path is escaped. The case of a path is kept: `/A` and `/a` are two resources. A segment that is no text becomes
///    `:invalid`, one that encodes a slash `:path`.
/// 3. **Templates.** Where a [template](RouteNormalizerBuilder::template) of the host matches, its text is the route.
/// 4. **Placeholders.** Otherwise [values](placeholder) become placeholders, as whole segments or as parts of them, so
///    that words, file names, versions and years stay. `:name` and `{name}` count as placeholders.
/// 5. **Limits.** What is beyond the limits on length and depth becomes `:more`.
///
/// ```
/// use ron_accounting_core::{Label, Normalizer};
/// use ron_accounting_normalize::RouteNormalizer;
///
/// let normalizer = RouteNormalizer::new();
/// let route = |raw: &str| {
///     let mut out = String::new();
///     normalizer.normalize(Label::Route, raw, &mut out);
///     out
/// };
/// assert_eq!(route("/v1/users/42/orders/6fa459ea-ee8a-3ca4-894e-db77e160355e"), "/v1/users/:num/orders/:uuid");
/// assert_eq!(route("/static/main.3fa9c81d.js?v=7"), "/static/main.:hex.js");
/// assert_eq!(route("/presentations/logstash-monitorama-2013/"), "/presentations/logstash-monitorama-2013");
/// assert_eq!(route("/a/%2e%2e/%2E%2E/etc/passwd"), "/etc/passwd");
/// ```
#[derive(Debug, Clone)]
pub struct RouteNormalizer {
    pub(crate) templates: Templates,
    /// The constant for paths that no template matches, if there is one.
    pub(crate) unmatched: Option<String>,
    pub(crate) methods: Methods,
    pub(crate) route_bytes_max: usize,
    pub(crate) route_depth_max: usize,
    pub(crate) label_bytes_max: usize,
}

impl Default for RouteNormalizer {
    fn default() -> Self {
        Self {
            templates: Templates::default(),
            unmatched: None,
            methods: Methods::default(),
            route_bytes_max: RouteNormalizerBuilder::ROUTE_BYTES_MAX_DEFAULT,
            route_depth_max: RouteNormalizerBuilder::ROUTE_DEPTH_MAX_DEFAULT,
            label_bytes_max: RouteNormalizerBuilder::LABEL_BYTES_MAX_DEFAULT,
        }
    }
}

impl RouteNormalizer {
    /// A normalizer without templates of the host, with the default limits.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Configures a normalizer.
    pub fn builder() -> RouteNormalizerBuilder {
        RouteNormalizerBuilder::default()
    }

    fn route(&self, raw: &str, out: &mut String) {
        let raw = raw.trim();
        if self.is_constant(raw) {
            return out.push_str(raw);
        }
        match Target::of(raw) {
            Target::Asterisk => out.push('*'),
            Target::Authority => out.push_str(placeholder::AUTHORITY),
            Target::Path(raw) => {
                path::clean(raw, out);
                self.template(out);
            }
        }
    }

    /// Whether `route` is a word that stands for a route as a whole.
    fn is_constant(&self, route: &str) -> bool {
        self.unmatched.as_deref() == Some(route) || placeholder::is_placeholder(route)
    }

    /// Makes a clean path the route that is counted.
    fn template(&self, path: &mut String) {
        let replacement = if let Some(template) = self.templates.find(path) {
            Some(Cow::Borrowed(template))
        } else if let Some(constant) = &self.unmatched {
            Some(Cow::Borrowed(constant.as_str()))
        } else {
            // What was templated can match a template of the host whose static text holds a placeholder. It must do so
            // now, or it would the next time.
            self.templated(path).map(|route| match self.templates.find(&route) {
                Some(template) => Cow::Borrowed(template),
                None => Cow::Owned(route),
            })
        };
        if let Some(replacement) = replacement {
            path.clear();
            path.push_str(&replacement);
        }
    }

    /// The template of a clean path within the limits; `None` where the path is one already.
    fn templated(&self, path: &str) -> Option<String> {
        let deep = path::segments(path).nth(self.route_depth_max).is_some();
        let kept = if deep { self.route_depth_max - 1 } else { usize::MAX };
        // Nothing is copied up to the first change, so that a path that is a template already costs no allocation.
        let mut unchanged = 0;
        let mut route: Option<String> = None;
        for segment in path::segments(path).take(kept) {
            let template = segment::template(segment);
            if route.is_none() && *template == *segment {
                unchanged += 1 + segment.len();
                continue;
            }
            let route = route.get_or_insert_with(|| path[..unchanged].to_owned());
            route.push('/');
            route.push_str(&template);
        }
        if deep {
            let route = route.get_or_insert_with(|| path[..unchanged].to_owned());
            route.push('/');
            route.push_str(placeholder::MORE);
        }
        if route.as_deref().unwrap_or(path).len() > self.route_bytes_max {
            cut(route.get_or_insert_with(|| path.to_owned()), self.route_bytes_max);
        }
        route
    }
}

/// Cuts a route at a slash, so that it and a `:more` fit.
fn cut(route: &mut String, bytes_max: usize) {
    let room = bytes_max.saturating_sub(placeholder::MORE.len() + 1);
    // A slash at `room` ends a segment that fits exactly.
    let end =
        route.bytes().take(room + 1).enumerate().filter(|&(_, b)| b == b'/').map(|(index, _)| index).max();
    route.truncate(end.unwrap_or(0));
    route.push('/');
    route.push_str(placeholder::MORE);
}

impl Normalizer for RouteNormalizer {
    fn normalize(&self, label: Label, raw: &str, out: &mut String) -> Verdict {
        out.clear();
        if raw.is_empty() || [OVERFLOW, INVALID, REDACTED].contains(&raw) {
            out.push_str(raw);
            return Verdict::Clean;
        }
        match label {
            Label::Tenant => return text::normalize(raw, Case::Kept, self.label_bytes_max, out),
            Label::Service | Label::Region => {
                return text::normalize(raw, Case::Lower, self.label_bytes_max, out)
            }
            Label::Method => out.push_str(self.methods.settle(raw)),
            Label::Route => self.route(raw, out),
        }
        if out == raw {
            Verdict::Clean
        } else {
            Verdict::Changed
        }
    }
}
