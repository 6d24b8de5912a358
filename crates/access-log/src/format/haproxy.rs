//! The HTTP format of `HAProxy`, without what syslog puts in front.
//!
//! `client:port [time] frontend backend/server timers status bytes cookie cookie termination connections queues`,
//! then headers that were captured, in braces, then the request in quotation marks.

use crate::{
    found::Role,
    notation::template_of,
    template::{Template, Variable},
    text::Escapes,
};

const HTTP: &str =
    "$client [$time] $frontend $backend $timers $status $bytes $request_cookie $response_cookie \
    $termination $connections $queues_and_captures \"$request\"";

pub(crate) fn http() -> Template {
    let template = template_of(HTTP, &variable, Escapes::Hash, true);
    let template = template.unwrap_or_else(|fault| unreachable!("{fault:?} in {HTTP}"));
    // The format for TLS has more behind the request.
    Template { open_end: true, ..template }
}

/// Returns the line without the name of the process, `haproxy[14389]: `, which is not always taken off with syslog's
/// prefix.
pub(crate) fn without_process(line: &[u8]) -> &[u8] {
    let Some(rest) = line.strip_prefix(b"haproxy") else { return line };
    memchr::memmem::find(rest.get(..16).unwrap_or(rest), b"]: ").map_or(line, |at| &rest[at + 3..])
}

fn variable(name: &str) -> Variable {
    match name {
        "client" => Variable::new(Role::ClientAndPort, 0),
        "time" => Variable::new(Role::Time, 0),
        "status" => Variable::new(Role::Status, 0),
        "bytes" => Variable::new(Role::BytesSent, 0),
        "request" => Variable::new(Role::Request, 0),
        "request_cookie" | "response_cookie" | "queues_and_captures" => Variable::other(true),
        _ => Variable::other(false),
    }
}
