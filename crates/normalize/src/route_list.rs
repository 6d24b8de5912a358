//! A host's list of routes, as it is in a file: plain lines, or an OpenAPI document.

#[cfg(feature = "openapi")]
mod document;
#[cfg(feature = "openapi")]
mod openapi;

use thiserror::Error;

use crate::builder::RouteNormalizerBuilder;
use crate::error::BuildError;
use crate::templates::Templates;

/// The routes of a host, read from the text of a file, for [`RouteNormalizerBuilder::route_list`].
///
/// The form of the text is recognized:
///
/// * **Plain lines.** `/users/{id}` or `GET /users/:id`, one a line; see [`RouteNormalizerBuilder::template`] for the templates. Empty
///   lines are skipped, and so is what follows a `#` at the beginning of a line or behind whitespace. A route has one label for all its
///   methods, so that methods are read and forgotten.
/// * **OpenAPI 3**, as JSON or YAML, with the feature `openapi`. Each path is taken below the base path of each of its `servers`, in
///   which variables have their defaults. Servers of a single operation are not looked at.
///
/// A route that is there twice counts once.
///
/// ```
/// use ron_accounting_normalize::{RouteList, RouteNormalizer};
///
/// let list = RouteList::parse("# users\nGET /users/{id}\nPUT /users/{id}\n/files/*path\n")?;
/// assert_eq!(list.templates().collect::<Vec<_>>(), ["/users/{id}", "/files/*path"]);
/// let normalizer = RouteNormalizer::builder().route_list(&list).build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteList {
    templates: Vec<String>,
}

impl RouteList {
    /// Reads a list. Fails with the number of the line if the text is damaged, or if a route cannot be used beside the others.
    pub fn parse(text: &str) -> Result<Self, RouteListError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let found = match Form::of(text) {
            Form::Plain => plain(text)?,
            #[cfg(feature = "openapi")]
            Form::Json => openapi::routes(&document::from_json(text)?)?,
            #[cfg(feature = "openapi")]
            Form::Yaml => openapi::routes(&document::from_yaml(text)?)?,
            #[cfg(not(feature = "openapi"))]
            Form::Json | Form::Yaml => return Err(RouteListError::FeatureMissing),
        };
        let mut templates = Templates::default();
        let mut list = Self { templates: Vec::with_capacity(found.len()) };
        for Found { line, template } in found {
            let (bytes_max, depth_max) =
                (ron_accounting_core::LABEL_BYTES_MAX, RouteNormalizerBuilder::DEPTH_MAX);
            match templates.add(&template, bytes_max, depth_max) {
                Ok(()) => list.templates.push(template),
                Err(source) if templates.is_repeated(&source) => {}
                Err(source) => return Err(RouteListError::Template { line, source }),
            }
        }
        if list.templates.is_empty() {
            return Err(RouteListError::Empty);
        }
        Ok(list)
    }

    /// Returns the templates in their order.
    pub fn templates(&self) -> impl Iterator<Item = &str> {
        self.templates.iter().map(String::as_str)
    }

    /// Returns how many routes there are.
    pub fn len(&self) -> usize {
        self.templates.len()
    }

    /// Returns whether there is no route. A list that was read has one.
    pub fn is_empty(&self) -> bool {
        self.templates.is_empty()
    }
}

/// A route and the line that it is in, from 1.
struct Found {
    line: usize,
    template: String,
}

/// How a list is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Plain,
    Json,
    Yaml,
}

impl Form {
    fn of(text: &str) -> Self {
        if text.trim_start().starts_with('{') {
            return Self::Json;
        }
        // The keys of a document begin in the first column. No path does so without a slash, and no method has a colon.
        let is_key = |line: &str| {
            let line = line.trim_start_matches(['"', '\'']);
            ["openapi", "swagger"].iter().any(|key| {
                line.strip_prefix(key)
                    .is_some_and(|rest| rest.trim_start_matches(['"', '\'']).trim_start().starts_with(':'))
            })
        };
        if text.lines().any(is_key) {
            Self::Yaml
        } else {
            Self::Plain
        }
    }
}

fn plain(text: &str) -> Result<Vec<Found>, RouteListError> {
    let mut found = Vec::new();
    for (index, full) in text.lines().enumerate() {
        let line = without_comment(full).trim();
        if line.is_empty() {
            continue;
        }
        let mut words = line.split_whitespace();
        let template = match (words.next(), words.next(), words.next()) {
            (Some(path), None, _) => path,
            (Some(method), Some(path), None) if is_method(method) => path,
            _ => {
                return Err(RouteListError::Line { line: index + 1, text: full.chars().take(200).collect() })
            }
        };
        found.push(Found { line: index + 1, template: template.to_owned() });
    }
    Ok(found)
}

fn without_comment(line: &str) -> &str {
    let comment = line
        .match_indices('#')
        .find(|(start, _)| line[..*start].chars().next_back().map_or(true, char::is_whitespace));
    comment.map_or(line, |(start, _)| &line[..start])
}

fn is_method(word: &str) -> bool {
    !word.is_empty()
        && word.bytes().all(|b| b.is_ascii_alphabetic() || matches!(b, b'-' | b',' | b'|' | b'*'))
}

/// A list of routes that cannot be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RouteListError {
    /// A line is neither a path nor a method and a path.
    #[error("line {line}: {text:?} is no route: write `/users/{{id}}` or `GET /users/{{id}}`")]
    Line {
        /// The number of the line, from 1.
        line: usize,
        /// What is in it.
        text: String,
    },
    /// A route cannot be used.
    #[error("line {line}: the route cannot be used")]
    Template {
        /// The number of the line, from 1.
        line: usize,
        /// What is wrong with it.
        source: BuildError,
    },
    /// The document is damaged.
    #[error("line {line}: the document cannot be read: correct it")]
    Syntax {
        /// The number of the line, from 1.
        line: usize,
        /// What the parser says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The document is nested too deeply to be a list of routes.
    #[error("line {line}: more than {depth_max} levels inside each other: give a document of an API")]
    TooDeep {
        /// The number of the line, from 1.
        line: usize,
        /// The limit.
        depth_max: usize,
    },
    /// The document is no OpenAPI 3.
    #[error("line {line}: the version is {version:?}: convert the document to OpenAPI 3")]
    Version {
        /// The number of the line, from 1.
        line: usize,
        /// The version as it is there, empty if there is none.
        version: String,
    },
    /// A part of the document is missing, or is something else.
    #[error("line {line}: {expected} expected: correct the document")]
    Structure {
        /// The number of the line, from 1.
        line: usize,
        /// What should be there.
        expected: &'static str,
    },
    /// There is no route in the list.
    #[error("there is no route in the list: add one, or do without the list")]
    Empty,
    /// The text is an OpenAPI document, which this build cannot read.
    #[error("the list is an OpenAPI document: build with the feature `openapi`, or give plain lines")]
    FeatureMissing,
}

#[cfg(test)]
mod tests {
    use ron_accounting_error_contract::assert_errors;

    use super::*;

    #[test]
    fn every_error_leaves_its_cause_to_its_source() {
        let text = || "x".to_owned();
        assert_errors!(RouteListError {
            without_cause: {
                Line => RouteListError::Line { line: 1, text: text() },
                TooDeep => RouteListError::TooDeep { line: 1, depth_max: 64 },
                Version => RouteListError::Version { line: 1, version: text() },
                Structure => RouteListError::Structure { line: 1, expected: "a map of paths" },
                Empty => RouteListError::Empty,
                FeatureMissing => RouteListError::FeatureMissing,
            }
            with_cause: {
                Template => RouteListError::Template {
                    line: 1,
                    source: BuildError::TemplateNotAbsolute { template: text() },
                },
                Syntax => RouteListError::Syntax { line: 1, source: "damaged".into() },
            }
        });
    }
}
