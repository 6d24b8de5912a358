//! A JSON or YAML document as a tree with line numbers. Aliases of YAML are not followed, so that a small document cannot become a
//! large one.

use yaml_rust2::parser::{Event, Parser};

use super::RouteListError;

/// The most levels inside each other. Schemas are deep, but what is read of a document is not.
const DEPTH_MAX: usize = 128;

/// A value and the line in which it begins, from 1.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) line: usize,
    pub(super) value: Value,
}

#[derive(Debug, Clone)]
pub(super) enum Value {
    Text(String),
    List(Vec<Node>),
    /// Keys with the lines in which they are.
    Map(Vec<(String, usize, Node)>),
    /// Something that a list of routes has no use for.
    Other,
}

impl Node {
    /// Returns the value of a key.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        self.entries().find(|(name, ..)| *name == key).map(|(.., node)| node)
    }

    /// Returns keys, their lines and values, or nothing if this is no map.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&str, usize, &Self)> {
        let entries = match &self.value {
            Value::Map(entries) => entries.as_slice(),
            _ => &[],
        };
        entries.iter().map(|(key, line, node)| (key.as_str(), *line, node))
    }

    /// Returns the members of a list, or nothing if this is none.
    pub(super) fn members(&self) -> &[Self] {
        match &self.value {
            Value::List(members) => members,
            _ => &[],
        }
    }

    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// Reads JSON.
pub(super) fn from_json(text: &str) -> Result<Node, RouteListError> {
    let value: serde_json::Value = serde_json::from_str(text)
        .map_err(|error| RouteListError::Syntax { line: error.line(), source: error.into() })?;
    Ok(Lines::of(text).node(value, 1))
}

/// Finds the lines of keys that begin with a slash; nobody asks for those of others. The parser of JSON does not say them.
struct Lines<'a> {
    keys: std::collections::HashMap<&'a str, usize>,
}

impl<'a> Lines<'a> {
    fn of(text: &'a str) -> Self {
        let mut keys = std::collections::HashMap::new();
        for (index, line) in text.lines().enumerate() {
            for (start, _) in line.match_indices("\"/") {
                let rest = &line[start + 1..];
                if let Some((key, after)) = rest.split_once('"') {
                    if after.trim_start().starts_with(':') {
                        keys.entry(key).or_insert(index + 1);
                    }
                }
            }
        }
        Self { keys }
    }

    fn node(&self, value: serde_json::Value, line: usize) -> Node {
        let value = match value {
            serde_json::Value::String(text) => Value::Text(text),
            serde_json::Value::Array(members) => {
                Value::List(members.into_iter().map(|member| self.node(member, line)).collect())
            }
            serde_json::Value::Object(entries) => Value::Map(
                entries
                    .into_iter()
                    .map(|(key, value)| {
                        let line = self.keys.get(key.as_str()).copied().unwrap_or(line);
                        let node = self.node(value, line);
                        (key, line, node)
                    })
                    .collect(),
            ),
            _ => Value::Other,
        };
        Node { line, value }
    }
}

/// A map or list that is being read.
struct Open {
    node: Node,
    /// The key that waits for its value.
    key: Option<(String, usize)>,
}

/// Reads the first document of a YAML stream.
pub(super) fn from_yaml(text: &str) -> Result<Node, RouteListError> {
    let mut parser = Parser::new_from_str(text);
    let mut open: Vec<Open> = Vec::new();
    loop {
        let (event, marker) = parser.next_token().map_err(|error| RouteListError::Syntax {
            line: error.marker().line(),
            source: Box::new(error),
        })?;
        let line = marker.line();
        let done = match event {
            Event::MappingStart(..) | Event::SequenceStart(..) => {
                if open.len() == DEPTH_MAX {
                    return Err(RouteListError::TooDeep { line, depth_max: DEPTH_MAX });
                }
                let is_map = matches!(event, Event::MappingStart(..));
                let value = if is_map { Value::Map(Vec::new()) } else { Value::List(Vec::new()) };
                open.push(Open { node: Node { line, value }, key: None });
                continue;
            }
            Event::MappingEnd | Event::SequenceEnd => open.pop().map(|open| open.node),
            Event::Scalar(text, ..) => Some(Node { line, value: Value::Text(text) }),
            Event::Alias(_) => Some(Node { line, value: Value::Other }),
            Event::StreamEnd => return Err(RouteListError::Structure { line, expected: "a document" }),
            _ => continue,
        };
        let Some(node) = done else { continue };
        let Some(parent) = open.last_mut() else { return Ok(node) };
        match (&mut parent.node.value, parent.key.take()) {
            (Value::Map(entries), Some((key, line))) => entries.push((key, line, node)),
            (Value::Map(_), None) => {
                parent.key = Some((node.text().unwrap_or_default().to_owned(), node.line));
            }
            (Value::List(members), _) => members.push(node),
            _ => {}
        }
    }
}
