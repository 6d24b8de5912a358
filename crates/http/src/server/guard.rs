//! Whom a server without tokens answers: programs on this machine. A page of a browser that runs there is none of them.

use std::net::IpAddr;

use http::{header, Request, Version};

use crate::problem::{Problem, ProblemKind};

/// Refuses a request that was meant for another host.
///
/// A page may have a name of its own resolved to a loopback address (DNS rebinding), and then reads what is served there. The name is
/// still in the request.
pub(crate) fn check_host<B>(request: &Request<B>) -> Result<(), Problem> {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let header = match hosts.next().map(|host| host.to_str()) {
        Some(Ok(host)) => Some(host),
        Some(Err(_)) => return Err(foreign("a host that is no text")),
        None => None,
    };
    if hosts.next().is_some() {
        return Err(foreign("two hosts"));
    }
    let authority = request.uri().authority().map(http::uri::Authority::as_str);
    match (authority, header) {
        // Programs of old send none. Browsers always do.
        (None, None) if request.version() <= Version::HTTP_10 => Ok(()),
        (None, None) => Err(foreign("no host")),
        (authority, header) => {
            let named = [authority, header].into_iter().flatten();
            named.filter(|host| !is_loopback(host)).map(foreign).next().map_or(Ok(()), Err)
        }
    }
}

fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    let name = name.strip_suffix('.').unwrap_or(name);
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

fn foreign(host: &str) -> Problem {
    let detail = format!("this request names {}: ask for localhost, 127.0.0.1 or [::1]", host.escape_debug());
    Problem::new(ProblemKind::ForeignHost, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(uri: &str, hosts: &[&str], version: Version) -> bool {
        let mut request = Request::builder().uri(uri).version(version);
        for host in hosts {
            request = request.header(header::HOST, *host);
        }
        check_host(&request.body(()).unwrap()).is_ok()
    }

    #[test]
    fn only_names_of_this_machine_are_answered() {
        for host in
            ["localhost", "LOCALHOST:8080", "localhost.", "127.0.0.1:1", "127.9.9.9", "[::1]:80", "[::1]"]
        {
            assert!(allows("/usage", &[host], Version::HTTP_11), "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:80",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "10.0.0.1",
            "",
            "[::2]",
            "0.0.0.0",
        ] {
            assert!(!allows("/usage", &[host], Version::HTTP_11), "{host}");
        }
    }

    #[test]
    fn every_way_to_name_a_host_is_checked() {
        assert!(!allows("http://evil.example/usage", &["localhost"], Version::HTTP_11));
        assert!(!allows("http://localhost/usage", &["evil.example"], Version::HTTP_11));
        assert!(!allows("/usage", &["localhost", "localhost"], Version::HTTP_11));
        assert!(!allows("/usage", &[], Version::HTTP_11));
        assert!(!allows("/usage", &[], Version::HTTP_2));
        assert!(allows("/usage", &[], Version::HTTP_10));
        assert!(allows("http://localhost:80/usage", &[], Version::HTTP_2));
    }
}
