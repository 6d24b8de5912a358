//! The keys of servers whose JSON is known.

use super::{
    map::JsonMap,
    scan::{Scalar, Scan, Visit},
};
use crate::found::Role;

/// Returns the keys of Caddy 2.
pub(crate) fn caddy() -> JsonMap {
    JsonMap::new((&["request", "headers"], ""))
        .with(Role::Time, "ts")
        .with(Role::ClientAndPort, "request.client_ip")
        .with(Role::ClientAndPort, "request.remote_ip")
        .with(Role::ClientAndPort, "request.remote_addr")
        .with(Role::Host, "request.host")
        .with(Role::User, "user_id")
        .with(Role::Method, "request.method")
        .with(Role::Target, "request.uri")
        .with(Role::Status, "status")
        .with(Role::BytesSent, "size")
        .with(Role::BytesReceived, "bytes_read")
        .with_escapes()
}

/// Returns the keys of Traefik 2 and 3.
pub(crate) fn traefik() -> JsonMap {
    JsonMap::new((&[], "request_"))
        .with(Role::Time, "StartUTC")
        .with(Role::Time, "StartLocal")
        .with(Role::Time, "time")
        .with(Role::ClientAndPort, "ClientHost")
        .with(Role::ClientAndPort, "ClientAddr")
        .with(Role::Host, "RequestHost")
        .with(Role::Host, "RequestAddr")
        .with(Role::User, "ClientUsername")
        .with(Role::Method, "RequestMethod")
        .with(Role::Target, "RequestPath")
        .with(Role::Status, "DownstreamStatus")
        .with(Role::BytesSent, "DownstreamContentSize")
        .with(Role::BytesSent, "OriginContentSize")
        .with(Role::BytesReceived, "RequestContentSize")
        .with_escapes()
}

/// Returns the keys that the documentation of Envoy and Istio have.
pub(crate) fn envoy() -> JsonMap {
    JsonMap::new((&[], ""))
        .with(Role::Time, "start_time")
        .with(Role::ClientAndPort, "downstream_remote_address")
        .with(Role::Host, "authority")
        .with(Role::Method, "method")
        .with(Role::Target, "path")
        .with(Role::Status, "response_code")
        .with(Role::BytesSent, "bytes_sent")
        .with(Role::BytesReceived, "bytes_received")
        .with_escapes()
}

/// Returns the names of nginx's variables, which logs with `escape=json` mostly have as keys.
pub(crate) fn nginx() -> JsonMap {
    JsonMap::new((&[], "http_"))
        .with(Role::Time, "msec")
        .with(Role::Time, "time_iso8601")
        .with(Role::Time, "time_local")
        .with(Role::Time, "time")
        .with(Role::Time, "@timestamp")
        .with(Role::Time, "timestamp")
        .with(Role::ClientAndPort, "remote_addr")
        .with(Role::Host, "host")
        .with(Role::Host, "server_name")
        .with(Role::Host, "http_host")
        .with(Role::User, "remote_user")
        .with(Role::Request, "request")
        .with(Role::Method, "request_method")
        .with(Role::Method, "method")
        .with(Role::Target, "request_uri")
        .with(Role::Target, "uri")
        .with(Role::Query, "args")
        .with(Role::Status, "status")
        .with(Role::BytesSent, "body_bytes_sent")
        .with(Role::BytesSent, "bytes_sent")
        .with(Role::BytesReceived, "request_length")
}

/// Whose JSON a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Preset {
    Caddy,
    Traefik,
    Envoy,
    Nginx,
    /// Another line is within.
    Docker,
}

/// Returns whose JSON a line is, by keys that no other has.
pub(crate) fn preset_of(line: &[u8]) -> Option<Preset> {
    struct Keys<'a>(Vec<(usize, &'a [u8])>);
    impl<'a> Visit<'a> for Keys<'a> {
        fn enter(&mut self, depth: usize, key: &'a [u8]) -> bool {
            self.0.push((depth, key));
            depth == 0 && key == b"request"
        }
        fn value(&mut self, _: usize, _: Scalar<'a>) {}
        fn leave(&mut self, _: usize) {}
    }
    let mut keys = Keys(Vec::new());
    Scan::walk(line, &mut keys);
    let has = |depth: usize, wanted: &[&[u8]]| wanted.iter().all(|key| keys.0.contains(&(depth, key)));
    if has(0, &[b"log", b"stream", b"time"]) {
        Some(Preset::Docker)
    } else if has(0, &[b"ts", b"request", b"status"]) && has(1, &[b"method", b"uri"]) {
        Some(Preset::Caddy)
    } else if has(0, &[b"RequestMethod", b"RequestPath"]) {
        Some(Preset::Traefik)
    } else if has(0, &[b"start_time", b"response_code", b"method", b"path"]) {
        Some(Preset::Envoy)
    } else if has(0, &[b"remote_addr"])
        && (has(0, &[b"request"]) || has(0, &[b"request_uri"]) || has(0, &[b"uri"]))
    {
        Some(Preset::Nginx)
    } else {
        None
    }
}
