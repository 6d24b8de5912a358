//! The common log format of NCSA, the combined one, and their forms with a virtual host in front.
//!
//! `client identity user [time] "request" status size`, then in the combined format `"referrer" "agent"`, then whatever
//! a server's configuration adds.

use crate::{
    found::Role,
    template::{Slot, Template},
    text::Escapes,
    FieldName,
};

/// What a line begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Head {
    /// The client.
    Plain,
    /// The host that was asked, with its port or without, then the client.
    Vhost,
}

/// Returns a format of this head.
///
/// `tail` is a letter for each field behind the size: `Q` for one in quotation marks, `W` for a word. Anything may
/// follow if the end is open.
pub(crate) fn template(head: Head, tail: &str, open_end: bool) -> Template {
    let mut slots = Vec::new();
    let mut slot = |role: Role, after: &[u8]| slots.push(Slot { after: after.to_vec(), ..Slot::new(role) });
    if head == Head::Vhost {
        slot(Role::ServerName, b" ");
    }
    slot(Role::Client, b" ");
    slot(Role::Ident, b" ");
    slot(Role::User, b" [");
    slot(Role::Time, b"] \"");
    slot(Role::Request, b"\" ");
    slot(Role::Status, b" ");
    slot(Role::BytesSent, b"");
    for slot in &mut slots {
        slot.quoted = slot.role == Role::Request;
    }
    for (number, letter) in tail.chars().enumerate() {
        let quoted = letter == 'Q';
        if let Some(before) = slots.last_mut() {
            before.after.extend_from_slice(if quoted { b" \"" } else { b" " });
        }
        let name = match (number, tail.starts_with("QQ")) {
            (0, true) => Some(FieldName::Header("Referer".to_owned())),
            (1, true) => Some(FieldName::Header("User-Agent".to_owned())),
            _ => None,
        };
        let after = if quoted { b"\"".to_vec() } else { Vec::new() };
        slots.push(Slot { quoted, wild: true, name, after, ..Slot::new(Role::Ignore) });
    }
    Template {
        before: Vec::new(),
        slots,
        open_end,
        escapes: Escapes::Backslash,
        escapes_quotes: false,
        time_pattern: None,
    }
}
