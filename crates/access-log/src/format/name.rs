//! The names of formats, and texts that are formats.

use std::{fmt, str::FromStr};

use super::{aws, clf, envoy, haproxy, w3c, FormatError, Layout};
use crate::{
    json::{self, JsonMap, MapFault},
    notation,
};

/// The names that a format may have, beside formats in a server's notation.
pub const FORMAT_NAMES: [&str; 16] = [
    "auto",
    "common",
    "combined",
    "vhost_common",
    "vhost_combined",
    "w3c",
    "alb",
    "elb",
    "s3",
    "haproxy",
    "envoy",
    "istio",
    "caddy",
    "traefik",
    "nginx-json",
    "envoy-json",
];

/// The format of a log: a name, a text in the notation of a server, or a map of keys of JSON.
///
/// ```
/// use ron_accounting_access_log::Format;
///
/// for text in [
///     "auto",
///     "vhost_combined",
///     "docker:combined",
///     "json:time=ts,request=req,status=code,bytes_sent=size",
///     r#"LogFormat "%v %h %l %u %t \"%r\" %>s %b" mine"#,
///     r#"log_format mine '$remote_addr [$time_iso8601] "$request" $status $body_bytes_sent';"#,
/// ] {
///     let format: Format = text.parse()?;
///     assert_eq!(format.to_string(), text);
/// }
/// # Ok::<(), ron_accounting_access_log::FormatError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Format {
    text: String,
}

impl Format {
    /// Returns the format `auto`, which is recognised by the first lines.
    pub fn auto() -> Self {
        Self { text: "auto".to_owned() }
    }

    pub(crate) fn text(&self) -> &str {
        if self.text.is_empty() {
            "auto"
        } else {
            &self.text
        }
    }

    pub(crate) fn is_auto(&self) -> bool {
        self.text() == "auto"
    }

    /// Returns the format within Docker's, if this is Docker's.
    pub(crate) fn within_docker(&self) -> Option<&str> {
        match self.text() {
            "docker" => Some("auto"),
            text => text.strip_prefix("docker:"),
        }
    }
}

impl FromStr for Format {
    type Err = FormatError;

    fn from_str(text: &str) -> Result<Self, FormatError> {
        let format = Self { text: text.trim().to_owned() };
        let within = format.within_docker().unwrap_or(format.text());
        if within != "auto" {
            layout(within)?;
        }
        Ok(format)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

/// Returns the layout of the format of this name or text, which is not `auto`.
pub(crate) fn layout(text: &str) -> Result<Layout, FormatError> {
    Ok(match text {
        "common" => Layout::Template(clf::template(clf::Head::Plain, "", true)),
        "combined" => Layout::Template(clf::template(clf::Head::Plain, "QQ", true)),
        "vhost_common" => Layout::Template(clf::template(clf::Head::Vhost, "", true)),
        "vhost_combined" => Layout::Template(clf::template(clf::Head::Vhost, "QQ", true)),
        "w3c" | "iis" | "cloudfront" => Layout::W3c(w3c::Columns::default()),
        "alb" => Layout::Template(aws::alb()),
        "elb" => Layout::Template(aws::elb()),
        "s3" => Layout::Template(aws::s3()),
        "haproxy" => Layout::Template(haproxy::http()),
        "envoy" => Layout::Template(envoy::text()),
        "istio" => Layout::Template(envoy::istio()),
        "caddy" => Layout::Json(Box::new(json::caddy())),
        "traefik" => Layout::Json(Box::new(json::traefik())),
        "envoy-json" => Layout::Json(Box::new(json::envoy())),
        "nginx-json" => Layout::Json(Box::new(json::nginx())),
        _ => match text.strip_prefix("json:") {
            Some(keys) => Layout::Json(Box::new(JsonMap::parse(keys).map_err(keys_error)?)),
            None if notation::is_notation(text) => Layout::Template(notation::parse(text)?),
            None => return Err(FormatError::NoSuchFormat { name: text.to_owned() }),
        },
    })
}

fn keys_error(fault: MapFault) -> FormatError {
    let reason = match fault {
        MapFault::NoPair(found) => format!("`{found}` is no FIELD=KEY"),
        MapFault::NoSuchField(found) => format!(
            "`{found}` is none of client, host, user, time, request, method, target, query, status, bytes_sent, bytes_received"
        ),
        MapFault::Missing(field) => format!("no key is given for {field}"),
        MapFault::TooMany => "there are too many".to_owned(),
    };
    FormatError::Keys { reason }
}
