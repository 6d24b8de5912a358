//! The host's own route templates, which are tried before any heuristic.
//!
//! A template is kept in its canonical form, in which it becomes a label: `:name` and `*name` for parameters, static text in
//! normalized percent-encoding, no slash at the end.

use std::{cmp::Reverse, collections::HashSet};

use matchit::{InsertError, Router};

use crate::error::BuildError;
use crate::percent::{self, SegmentKind};
use crate::{path, placeholder};

/// The most parameters in one template. The router names parameters by letters, and has 25.
const PARAMETERS_MAX: usize = 16;

/// The templates, ready to be matched.
#[derive(Debug, Clone, Default)]
pub(crate) struct Templates {
    /// One, unless templates mix parameters with text in the same segment: a router refuses `/{name}.xml` beside `/map-{name}`.
    routers: Vec<Router<Box<str>>>,
    canonical: HashSet<Box<str>>,
}

impl Templates {
    /// Adds a template. Fails if it exceeds the limits of the routes.
    pub(crate) fn add(
        &mut self,
        template: &str,
        bytes_max: usize,
        depth_max: usize,
    ) -> Result<(), BuildError> {
        let parsed = Parsed::of(template)?;
        let (bytes, depth) = (parsed.canonical.len(), path::segments(&parsed.canonical).count());
        if bytes > bytes_max || depth > depth_max || parsed.parameters > PARAMETERS_MAX {
            return Err(BuildError::TemplateTooLarge {
                template: template.to_owned(),
                bytes,
                bytes_max,
                depth,
                depth_max,
                parameters: parsed.parameters,
                parameters_max: PARAMETERS_MAX,
            });
        }
        let canonical = parsed.canonical.into_boxed_str();
        let conflict = |with: &str| BuildError::TemplateConflict {
            template: template.to_owned(),
            with: with.to_owned(),
        };
        let unknown =
            || BuildError::TemplateSegment { template: template.to_owned(), segment: template.to_owned() };
        if !self.canonical.insert(canonical.clone()) {
            return Err(conflict(&canonical));
        }
        for router in &mut self.routers {
            match router.insert(parsed.pattern.as_str(), canonical.clone()) {
                Ok(()) => return Ok(()),
                Err(InsertError::Conflict { with }) if are_told_apart(&parsed.pattern, &with) => {}
                // This is the router's own syntax. Static text has no braces.
                Err(InsertError::Conflict { with }) => {
                    return Err(conflict(&with.replace("{*", "*").replace('{', ":").replace('}', "")));
                }
                Err(_) => return Err(unknown()),
            }
        }
        let mut router = Router::new();
        router.insert(parsed.pattern, canonical).map_err(|_| unknown())?;
        self.routers.push(router);
        Ok(())
    }

    /// Returns whether an error says that a template is there already.
    pub(crate) fn is_repeated(&self, error: &BuildError) -> bool {
        let BuildError::TemplateConflict { template, with } = error else { return false };
        self.canonical.contains(with.as_str())
            && Parsed::of(template).is_ok_and(|parsed| parsed.canonical == *with)
    }

    /// Returns the template that a clean path matches. The text of a template always matches this template.
    pub(crate) fn find(&self, path: &str) -> Option<&str> {
        // Static text is the router's first choice anyway.
        if path.contains([':', '*']) {
            if let Some(template) = self.canonical.get(path) {
                return Some(template);
            }
        }
        let found = self.routers.iter().filter_map(|router| Some(&**router.at(path).ok()?.value));
        found.min_by(|one, other| generality(one).cmp(generality(other)).then_with(|| one.cmp(other)))
    }
}

/// Returns whether two templates that one router cannot hold differ first in a segment of text and parameters: most paths match one
/// of them at most.
fn are_told_apart(pattern: &str, other: &str) -> bool {
    // The text before and behind the parameter.
    let texts = |segment: &str| {
        let parameter = segment.find('{').zip(segment.find('}'));
        parameter.map(|(start, end)| (segment[..start].to_owned(), segment[end + 1..].to_owned()))
    };
    let mut pairs = path::segments(pattern).zip(path::segments(other));
    let differing =
        pairs.find(|(one, other)| texts(one) != texts(other) || (texts(one).is_none() && one != other));
    differing.is_some_and(|(one, other)| {
        let is_mixed =
            |segment: &str| texts(segment).is_some_and(|(before, after)| !(before + &after).is_empty());
        !one.starts_with("{*") && !other.starts_with("{*") && (is_mixed(one) || is_mixed(other))
    })
}

/// Returns how much each segment of a template leaves open, from text to the catch-all. Text in front counts more than text behind.
fn generality(template: &str) -> impl Iterator<Item = (u8, Reverse<usize>, Reverse<usize>)> + '_ {
    path::segments(template).map(|segment| {
        let is_of_name = |b: &u8| b.is_ascii_alphanumeric() || *b == b'_';
        let name_bytes = |name: &str| 1 + name.bytes().take_while(is_of_name).count();
        let open: usize = segment.split(':').skip(1).map(name_bytes).sum();
        let kind = match open {
            _ if segment.starts_with('*') => 3,
            0 => 0,
            open if open == segment.len() => 2,
            _ => 1,
        };
        let before = segment.find(':').unwrap_or(segment.len());
        (kind, Reverse(before), Reverse(segment.len() - open))
    })
}

/// A template, in the router's syntax and in its canonical form.
#[derive(Debug, Default)]
struct Parsed {
    pattern: String,
    canonical: String,
    parameters: usize,
}

impl Parsed {
    fn of(template: &str) -> Result<Self, BuildError> {
        let mut parsed = Self::default();
        let template = template.trim();
        let Some(rest) = template.strip_prefix('/') else {
            return Err(BuildError::TemplateNotAbsolute { template: template.to_owned() });
        };
        let mut segments = rest.strip_suffix('/').unwrap_or(rest).split('/').peekable();
        if rest.is_empty() {
            segments.next();
            parsed.pattern.push('/');
            parsed.canonical.push('/');
        }
        while let Some(segment) = segments.next() {
            parsed.pattern.push('/');
            parsed.canonical.push('/');
            let Some(catch_all) = parsed.push(segment) else {
                let (template, segment) = (template.to_owned(), segment.to_owned());
                return Err(BuildError::TemplateSegment { template, segment });
            };
            if catch_all && segments.peek().is_some() {
                return Err(BuildError::TemplateCatchAll { template: template.to_owned() });
            }
        }
        Ok(parsed)
    }

    /// Adds a segment. Returns whether it is a catch-all, or `None` if it is neither text nor a parameter.
    fn push(&mut self, segment: &str) -> Option<bool> {
        let name = |prefix: &str| segment.strip_prefix(prefix).filter(|name| placeholder::is_name(name));
        if segment == "*" {
            return Some(self.push_catch_all(""));
        } else if let Some(name) = name("*") {
            return Some(self.push_catch_all(name));
        } else if let Some(name) = name(":") {
            self.push_parameter(name, segment);
            return Some(false);
        } else if segment.starts_with([':', '*']) {
            return None;
        }
        let Some(start) = segment.find('{') else { return self.push_static(segment).then_some(false) };
        let (before, rest) = segment.split_at(start);
        let (first, mut after) = leading_parameter(rest)?;
        if first.is_catch_all {
            return (before.is_empty() && after.is_empty()).then(|| self.push_catch_all(&first.name));
        }
        if !before.is_empty() && !self.push_static(before) {
            return None;
        }
        // The router has one parameter in a segment. Several with text between them, `{base}...{head}`, are one to it.
        let name = first.name.clone();
        let mut canonical = format!(":{}", first.name);
        while let Some(start) = after.find('{') {
            let (between, rest) = after.split_at(start);
            let (next, end) = leading_parameter(rest)?;
            // Dots alone would be a dot segment, which these are not.
            let mut middle = Self::default();
            if next.is_catch_all || !(between.bytes().all(|b| b == b'.') || middle.push_static(between)) {
                return None;
            }
            canonical.push_str(if middle.canonical.is_empty() { between } else { &middle.canonical });
            canonical.push(':');
            canonical.push_str(&next.name);
            after = end;
        }
        self.push_parameter(&name, &canonical);
        (after.is_empty() || self.push_static(after)).then_some(false)
    }

    fn push_catch_all(&mut self, name: &str) -> bool {
        self.parameters += 1;
        self.pattern.push_str("{*");
        self.pattern.push_str(if name.is_empty() { "rest" } else { name });
        self.pattern.push('}');
        self.canonical.push('*');
        self.canonical.push_str(name);
        true
    }

    fn push_parameter(&mut self, name: &str, canonical: &str) {
        self.parameters += 1;
        self.pattern.push('{');
        self.pattern.push_str(name);
        self.pattern.push('}');
        self.canonical.push_str(canonical);
    }

    /// Adds static text. Returns `false` if no clean path could contain it.
    fn push_static(&mut self, text: &str) -> bool {
        let mut normalized = String::new();
        let plain = !text.contains(['{', '}', ';', '?', '#']);
        let is_text = plain && percent::normalize(text, &mut normalized) == SegmentKind::Text;
        self.pattern.push_str(&normalized);
        self.canonical.push_str(&normalized);
        is_text
    }
}

/// A parameter in braces.
struct Parameter {
    name: String,
    is_catch_all: bool,
}

/// Returns the parameter at the beginning of `text`, and what follows. `{*name}`, `{+name}` and `{name+}` match further segments, too. A
/// name that cannot be one of a label is changed into one: `{user-id}` becomes `:user_id`.
fn leading_parameter(text: &str) -> Option<(Parameter, &str)> {
    let (inside, after) = text.strip_prefix('{')?.split_once('}')?;
    let prefixed = inside.strip_prefix(['*', '+']);
    let suffixed = inside.strip_suffix('+');
    let given = prefixed.or(suffixed).unwrap_or(inside);
    if given.is_empty()
        || !given.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
    {
        return None;
    }
    let mut name = given.replace(['-', '.'], "_");
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        name.insert(0, '_');
    }
    name.truncate(placeholder::NAME_BYTES_MAX);
    Some((Parameter { name, is_catch_all: prefixed.is_some() || suffixed.is_some() }, after))
}
