//! The text formats of Envoy and of Istio.
//!
//! Envoy's own has no address but that in a header, which a client may write, so that its lines have no client.

use crate::{
    found::Role,
    notation::template_of,
    template::{Template, Variable},
    text::Escapes,
    FieldName,
};

const ENVOY: &str = "[$start_time] \"$request\" $response_code $response_flags $bytes_received $bytes_sent $duration \
    $upstream_service_time \"$x_forwarded_for\" \"$user_agent\" \"$x_request_id\" \"$authority\" \"$upstream_host\"";

const ISTIO: &str = "[$start_time] \"$request\" $response_code $response_flags $response_code_details \
    $connection_termination_details \"$upstream_transport_failure_reason\" $bytes_received $bytes_sent $duration \
    $upstream_service_time \"$x_forwarded_for\" \"$user_agent\" \"$x_request_id\" \"$authority\" \"$upstream_host\" \
    $upstream_cluster $upstream_local_address $downstream_local_address $downstream_remote_address \
    $requested_server_name $route_name";

/// Returns Envoy's default format.
pub(crate) fn text() -> Template {
    built(ENVOY)
}

/// Returns Istio's default format.
pub(crate) fn istio() -> Template {
    built(ISTIO)
}

fn built(format: &str) -> Template {
    let template = template_of(format, &variable, Escapes::None, false);
    template.unwrap_or_else(|fault| unreachable!("{fault:?} in {format}"))
}

fn variable(name: &str) -> Variable {
    match name {
        "start_time" => Variable::new(Role::Time, 0),
        "request" => Variable::new(Role::Request, 0),
        "response_code" => Variable::new(Role::Status, 0),
        "bytes_received" => Variable::new(Role::BytesReceived, 0),
        "bytes_sent" => Variable::new(Role::BytesSent, 0),
        "authority" => {
            Variable { wild: true, ..Variable::new(Role::Host, 0) }.named(FieldName::header(b"host"))
        }
        "downstream_remote_address" => Variable::new(Role::ClientAndPort, 0),
        "x_forwarded_for" | "user_agent" | "x_request_id" => {
            Variable::other(true).named(FieldName::header(name.as_bytes()))
        }
        "upstream_transport_failure_reason" => Variable::other(true),
        _ => Variable::other(false),
    }
}
