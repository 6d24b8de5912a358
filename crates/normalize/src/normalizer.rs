//! The normalizer: a rule for each label.

use std::borrow::Cow;

use ron_accounting_core::{Label, Normalizer, Verdict, INVALID, OVERFLOW, REDACTED};

use crate::builder::RouteNormalizerBuilder;
use crate::learner::RouteLearner;
use crate::method::Methods;
use crate::target::Target;
use crate::templates::Templates;
use crate::text::{self, Case};
use crate::version::{self, Surroundings};
use crate::{path, placeholder, segment};

/// Normalizes the labels of HTTP requests.
///
/// | label | what is done |
/// | --- | --- |
/// | tenant | surrounding whitespace is trimmed, and Unicode is composed (NFC); refused if too long, with control or invisible characters, or personal data |
/// | service, region | as the tenant, and lower case |
/// | method | upper case; [`OTHER_METHOD`](crate::OTHER_METHOD) if neither IANA nor the host lists it |
/// | route | the host's template, or a template of the path: see below |
///
/// [`PersonalData`](crate::PersonalData) is an e-mail or IP address, a card, account or telephone number. Names in any script keep their
/// letters: what is the same in the sense of Unicode is one name, and what only looks the same stays apart. An empty label stays empty. The
/// engine's reserved words (`~overflow`, `~invalid`, `~redacted`) stay as they are.
///
/// # Routes
///
/// 1. **The path.** Query and fragment are removed, and so are scheme and host of `http://host/path`. `*` stays. `host:port`
///    becomes `:authority`. Repeated slashes become one, and a slash at the end is removed. Dot segments are resolved, but not
///    beyond the root, whether written `..`, `%2e%2e` or `..;`. Path parameters (`;jsessionid=...`) are removed. A missing
///    leading slash is added.
/// 2. **Encoding and case.** Escapes of unreserved characters are decoded, and other escapes become upper case. Characters that
///    a path must not have are escaped. The case of a path is kept: `/A` and `/a` are two resources. A segment that is not text
///    becomes `:invalid`, and one with an encoded slash `:path`.
/// 3. **Templates.** If a [template](RouteNormalizerBuilder::template) of the host matches, its text is the route.
/// 4. **Placeholders.** Otherwise [values](placeholder) become placeholders, as whole segments or as parts of them. Words and file
///    names stay, and so do versions of an API (`/v1`, `/2024-01-01`) and words like `oauth2`. `:name` and `{name}` count as
///    placeholders.
/// 5. **Learned parameters.** With a [learner](RouteNormalizerBuilder::learner), a position that has shown too many words becomes
///    `:name`.
/// 6. **Limits.** What exceeds the limits on length and depth becomes `:more`.
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
/// assert_eq!(route("/hls/seg9.ts"), route("/hls/seg1000.ts"));
/// assert_eq!(route("/gems/rails-7.0.1.gem"), "/gems/rails-:version.gem");
/// assert_eq!(route("/admin/api/2024-10/products"), "/admin/api/2024-10/products");
/// assert_eq!(route("/a/%2e%2e/%2E%2E/etc/passwd"), "/etc/passwd");
/// ```
#[derive(Debug, Clone)]
pub struct RouteNormalizer {
    pub(crate) templates: Templates,
    /// The constant for paths that no template matches, if there is one.
    pub(crate) unmatched: Option<String>,
    pub(crate) learner: Option<RouteLearner>,
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
            learner: None,
            methods: Methods::default(),
            route_bytes_max: RouteNormalizerBuilder::ROUTE_BYTES_MAX_DEFAULT,
            route_depth_max: RouteNormalizerBuilder::ROUTE_DEPTH_MAX_DEFAULT,
            label_bytes_max: RouteNormalizerBuilder::LABEL_BYTES_MAX_DEFAULT,
        }
    }
}

impl RouteNormalizer {
    /// Makes a normalizer without templates of the host, with the default limits.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns a builder, which configures a normalizer.
    pub fn builder() -> RouteNormalizerBuilder {
        RouteNormalizerBuilder::default()
    }

    /// Returns the learner, if there is one.
    pub const fn learner(&self) -> Option<&RouteLearner> {
        self.learner.as_ref()
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

    /// Returns whether `route` is a word for a route as a whole.
    fn is_constant(&self, route: &str) -> bool {
        self.unmatched.as_deref() == Some(route) || placeholder::is_placeholder(route)
    }

    /// Turns a clean path into the route that is counted.
    fn template(&self, path: &mut String) {
        let replacement = if let Some(template) = self.templates.find(path) {
            Some(Cow::Borrowed(template))
        } else if let Some(constant) = &self.unmatched {
            Some(Cow::Borrowed(constant.as_str()))
        } else {
            // The result can match a template of the host whose static text has a placeholder. It has to be matched now, or it
            // would be matched when it is normalized again.
            self.learned(path).map(|route| match self.templates.find(&route) {
                Some(template) => Cow::Borrowed(template),
                None => Cow::Owned(route),
            })
        };
        if let Some(replacement) = replacement {
            path.clear();
            path.push_str(&replacement);
        }
    }

    /// Returns the template of a clean path, with the parameters that were learned, or `None` if the path is that already.
    fn learned(&self, path: &str) -> Option<String> {
        let templated = self.templated(path);
        let Some(learner) = &self.learner else { return templated };
        let route = templated.as_deref().unwrap_or(path);
        let mut learned = learner.learn(route);
        if learned.len() > self.route_bytes_max {
            cut(&mut learned, self.route_bytes_max);
        }
        (learned != path).then_some(learned)
    }

    /// Returns the template of a clean path within the limits, or `None` if the path is a template already.
    fn templated(&self, path: &str) -> Option<String> {
        let deep = path::segments(path).nth(self.route_depth_max).is_some();
        let kept = if deep { self.route_depth_max - 1 } else { usize::MAX };
        // Nothing is copied before the first change, so that a path that is a template already costs no allocation.
        let mut unchanged = 0;
        let mut route: Option<String> = None;
        let mut segments = path::segments(path).take(kept).peekable();
        let mut may_be_version = true;
        while let Some(segment) = segments.next() {
            let surroundings =
                Surroundings { may_be_version, is_followed: deep || segments.peek().is_some() };
            may_be_version = version::announces_version(segment);
            let template = segment::template(segment, surroundings);
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

/// Cuts a route at a slash, so that it and `:more` fit into the limit.
fn cut(route: &mut String, bytes_max: usize) {
    let room = bytes_max.saturating_sub(placeholder::MORE.len() + 1);
    // A slash at this offset ends a segment that fits exactly.
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
            Label::Method => out.push_str(self.methods.normalized(raw)),
            Label::Route => self.route(raw, out),
        }
        if out == raw {
            Verdict::Clean
        } else {
            Verdict::Changed
        }
    }

    fn generation(&self) -> u64 {
        self.learner.as_ref().map_or(0, RouteLearner::turns)
    }
}
