//! Formats of fields between literal text, and lines that are read by them.
//!
//! * `builder`: a format from what a notation says.
//! * `strict`: the one reading of a line that is written as its format says.
//! * `search`: readings of a line that is damaged, or whose writer does not escape what clients send.
//! * `tail`: what follows behind everything that is needed.
//! * `reading`: which of the two is asked, and what becomes of lines that are glued together.

mod builder;
mod reading;
mod search;
mod strict;
mod tail;

use crate::{found::Role, text::Escapes, FieldName};
pub(crate) use builder::{TemplateBuilder, TemplateFault, Variable};

/// A format: text, then fields that each have text behind them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template {
    pub(crate) before: Vec<u8>,
    pub(crate) slots: Vec<Slot>,
    /// Whether lines may have more fields than the format.
    pub(crate) open_end: bool,
    pub(crate) escapes: Escapes,
    /// Whether the writer is known to escape quotation marks of clients.
    pub(crate) escapes_quotes: bool,
    /// The form of the time, if the format gives one.
    pub(crate) time_pattern: Option<String>,
}

/// A field of a format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Slot {
    pub(crate) role: Role,
    /// What the notation calls it.
    pub(crate) name: Option<FieldName>,
    /// Whether quotation marks enclose it.
    pub(crate) quoted: bool,
    /// Whether a client may write anything there.
    pub(crate) wild: bool,
    /// Its position among the fields that are kept.
    pub(crate) keep: Option<usize>,
    /// The text behind it.
    pub(crate) after: Vec<u8>,
}

impl Slot {
    pub(crate) fn new(role: Role) -> Self {
        let wild = matches!(role, Role::User | Role::Request | Role::Method | Role::Target | Role::Query);
        Self { role, name: None, quoted: false, wild, keep: None, after: Vec::new() }
    }

    pub(crate) fn is_needed(&self) -> bool {
        self.keep.is_some() || !matches!(self.role, Role::Ignore | Role::Ident)
    }

    /// Returns whether a value can be one that a server wrote: without quotation marks, and with spaces only where
    /// marks enclose it, or in a time.
    pub(crate) fn is_one_token(&self, value: &[u8]) -> bool {
        let may_have_spaces = self.quoted || self.role == Role::Time;
        memchr::memchr(b'"', value).is_none() && (may_have_spaces || memchr::memchr(b' ', value).is_none())
    }

    fn is_identity(&self) -> bool {
        self.keep.is_some()
            || matches!(
                self.role,
                Role::Client
                    | Role::Address
                    | Role::ClientAndPort
                    | Role::User
                    | Role::Host
                    | Role::ServerName
            )
    }
}

impl Template {
    /// Returns the last field that is needed.
    pub(crate) fn last_needed(&self) -> usize {
        self.slots.iter().rposition(Slot::is_needed).unwrap_or(0)
    }

    pub(crate) fn position(&self, role: Role) -> Option<usize> {
        self.slots.iter().position(|slot| slot.role == role)
    }

    pub(crate) fn has(&self, role: Role) -> bool {
        self.position(role).is_some()
    }

    /// Marks a field as kept. Returns whether the format has one of that name.
    pub(crate) fn keep(&mut self, name: &FieldName, position: usize) -> bool {
        let slot = self.slots.iter_mut().find(|slot| slot.name.as_ref() == Some(name));
        slot.map(|slot| slot.keep = Some(position)).is_some()
    }
}

/// Returns the first quotation mark that no backslash escapes.
pub(crate) fn unescaped_quote(rest: &[u8]) -> Option<usize> {
    strict::unescaped_quote(rest, Escapes::Backslash)
}

/// Returns the words for a field in a message.
pub(crate) fn describe(role: Role) -> &'static str {
    match role {
        Role::Ignore => "last field",
        Role::Client | Role::Address | Role::ClientAndPort => "client address",
        Role::Host | Role::ServerName => "host",
        Role::Ident => "identity",
        Role::User => "user",
        Role::Time | Role::Date | Role::Clock => "date",
        Role::Request | Role::Method | Role::Target | Role::Query => "request",
        Role::Status => "status",
        Role::BytesSent | Role::BytesReceived => "size",
    }
}
