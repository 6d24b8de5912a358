//! The variables of nginx: `$remote_addr`, `${status}`.

use crate::{
    found::Role,
    template::{Template, TemplateBuilder, TemplateFault, Variable},
    text::Escapes,
    FieldName,
};

/// Reads a format whose variables mean what `variable` says.
pub(crate) fn template_of(
    format: &str,
    variable: &dyn Fn(&str) -> Variable,
    escapes: Escapes,
    escapes_quotes: bool,
) -> Result<Template, TemplateFault> {
    let mut builder = TemplateBuilder::new();
    let mut rest = format;
    while let Some((literal, behind)) = rest.split_once('$') {
        builder.literal(literal.as_bytes());
        let braced = behind.strip_prefix('{').and_then(|behind| behind.split_once('}'));
        let (name, behind) = braced.unwrap_or_else(|| {
            let is_name = |character: char| character.is_ascii_alphanumeric() || character == '_';
            behind.split_at(behind.find(|character| !is_name(character)).unwrap_or(behind.len()))
        });
        rest = behind;
        if name.is_empty() {
            builder.literal(b"$");
            continue;
        }
        if matches!(name, "query_string" | "args") && builder.ends_in_field() {
            // `$uri$is_args$args` is one target.
            continue;
        }
        if name == "is_args" && builder.ends_in_field() {
            continue;
        }
        let variable = variable(name);
        let field_name = variable.name.clone().unwrap_or_else(|| FieldName::field(name.as_bytes()));
        builder.field(variable.named(field_name));
    }
    builder.literal(rest.as_bytes());
    builder.finish(escapes, escapes_quotes)
}

/// Returns the meaning of a variable of nginx.
pub(super) fn variable(name: &str) -> Variable {
    match name {
        "remote_addr" => Variable::new(Role::Client, 0),
        "realip_remote_addr" => Variable::new(Role::Client, 1),
        "proxy_protocol_addr" => Variable::new(Role::Client, 2),
        "remote_user" => Variable::new(Role::User, 0),
        "msec" => Variable::new(Role::Time, 0),
        "time_iso8601" => Variable::new(Role::Time, 1),
        "time_local" => Variable::new(Role::Time, 2),
        "request" => Variable::new(Role::Request, 0),
        "request_method" => Variable::new(Role::Method, 0),
        "request_uri" => Variable::new(Role::Target, 0),
        "uri" | "document_uri" => Variable::new(Role::Target, 1),
        "args" | "query_string" => Variable::new(Role::Query, 0),
        "status" => Variable::new(Role::Status, 0),
        "body_bytes_sent" => Variable::new(Role::BytesSent, 0),
        "bytes_sent" => Variable::new(Role::BytesSent, 1),
        "request_length" => Variable::new(Role::BytesReceived, 0),
        "host" => Variable::new(Role::Host, 0),
        "server_name" => Variable::new(Role::Host, 1),
        "http_host" => {
            Variable { wild: true, ..Variable::new(Role::Host, 2) }.named(FieldName::header(b"host"))
        }
        _ => {
            if let Some(header) = name.strip_prefix("http_") {
                Variable::other(true).named(FieldName::header(header.as_bytes()))
            } else {
                let clients = ["arg_", "cookie_", "upstream_", "sent_http_", "ssl_", "jwt_"];
                Variable::other(clients.iter().any(|prefix| name.starts_with(prefix)))
            }
        }
    }
}
