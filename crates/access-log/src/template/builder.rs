//! Putting a template together from what a notation says.

use super::{Slot, Template};
use crate::{found::Role, text::Escapes, FieldName};

/// A notation's field before it is known which of several for one purpose is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Variable {
    pub(crate) role: Role,
    /// Of several fields for one role, the one with the lowest rank is taken.
    pub(crate) rank: u8,
    /// Whether a client may write anything there.
    pub(crate) wild: bool,
    pub(crate) name: Option<FieldName>,
}

impl Variable {
    pub(crate) fn new(role: Role, rank: u8) -> Self {
        Self { role, rank, wild: Slot::new(role).wild, name: None }
    }

    /// Returns a field that says nothing of the request, unless it is asked for by its name.
    pub(crate) fn other(wild: bool) -> Self {
        Self { role: Role::Ignore, rank: 0, wild, name: None }
    }

    pub(crate) fn named(self, name: FieldName) -> Self {
        Self { name: Some(name), ..self }
    }
}

/// What a template cannot be made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TemplateFault {
    /// Two fields without text between them.
    Adjacent,
    /// A field that each request needs.
    Missing(&'static str),
}

#[derive(Debug)]
pub(crate) struct TemplateBuilder {
    before: Vec<u8>,
    slots: Vec<(Slot, u8)>,
    is_adjacent: bool,
}

impl TemplateBuilder {
    pub(crate) fn new() -> Self {
        Self { before: Vec::new(), slots: Vec::new(), is_adjacent: false }
    }

    pub(crate) fn literal(&mut self, text: &[u8]) {
        self.literal_so_far().extend_from_slice(text);
    }

    fn literal_so_far(&mut self) -> &mut Vec<u8> {
        self.slots.last_mut().map_or(&mut self.before, |(slot, _)| &mut slot.after)
    }

    pub(crate) fn field(&mut self, variable: Variable) {
        let literal = self.literal_so_far();
        let quoted = literal.ends_with(b"\"");
        let is_empty = literal.is_empty();
        self.is_adjacent |= is_empty && !self.slots.is_empty();
        let Variable { role, rank, wild, name } = variable;
        self.slots.push((Slot { name, quoted, wild, ..Slot::new(role) }, rank));
    }

    /// Returns whether a field was added, and no text behind it.
    pub(crate) fn ends_in_field(&self) -> bool {
        self.slots.last().is_some_and(|(slot, _)| slot.after.is_empty())
    }

    pub(crate) fn finish(
        mut self,
        escapes: Escapes,
        escapes_quotes: bool,
    ) -> Result<Template, TemplateFault> {
        if self.is_adjacent {
            return Err(TemplateFault::Adjacent);
        }
        // One field for each role, and one way to say what was asked for.
        let best = |slots: &[(Slot, u8)], role: Role| {
            let candidates = slots.iter().enumerate().filter(|(_, (slot, _))| slot.role == role);
            candidates.min_by_key(|(_, (_, rank))| *rank).map(|(index, _)| index)
        };
        let whole = best(&self.slots, Role::Request).is_some();
        for index in 0..self.slots.len() {
            let role = self.slots[index].0.role;
            let is_part = matches!(role, Role::Method | Role::Target | Role::Query);
            let is_best = best(&self.slots, role) == Some(index);
            let slot = &mut self.slots[index].0;
            slot.quoted &= slot.after.starts_with(b"\"");
            if !is_best || (whole && is_part) {
                slot.role = Role::Ignore;
            }
        }
        let slots = self.slots.into_iter().map(|(slot, _)| slot).collect();
        let template = Template {
            before: self.before,
            slots,
            open_end: false,
            escapes,
            escapes_quotes,
            time_pattern: None,
        };
        let has_both = |a: Role, b: Role| template.has(a) && template.has(b);
        if !template.has(Role::Time) && !has_both(Role::Date, Role::Clock) {
            return Err(TemplateFault::Missing("time"));
        }
        if !template.has(Role::Request) && !has_both(Role::Method, Role::Target) {
            return Err(TemplateFault::Missing("request line, or method and target"));
        }
        Ok(template)
    }
}
