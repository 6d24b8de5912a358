//! A request as a line of each format, as its server writes it by default, with all that it writes besides.

use std::fmt::Write;

use super::Request;

/// How a server writes its log.
#[derive(Debug, Clone, Copy)]
pub struct LogFormat {
    /// A short name.
    pub name: &'static str,
    /// The format as `--format` takes it.
    pub format: &'static str,
    /// The lines before the first request.
    pub header: &'static str,
    /// Appends a line without its newline.
    pub write: fn(&Request, &mut String),
}

/// All formats. The first is what the others are compared with.
pub const FORMATS: [LogFormat; 11] = [
    plain("combined", "combined", combined),
    plain("caddy", "caddy", caddy),
    plain("traefik", "traefik", traefik),
    plain("envoy-json", "envoy-json", envoy),
    plain("nginx-json", "nginx-json", nginx),
    plain("docker", "docker:combined", docker),
    LogFormat { name: "iis", format: "w3c", header: IIS_FIELDS, write: iis },
    LogFormat { name: "cloudfront", format: "w3c", header: CLOUDFRONT_FIELDS, write: cloudfront },
    plain("alb", "alb", alb),
    plain("s3", "s3", s3),
    plain("haproxy", "haproxy", haproxy),
];

const IIS_FIELDS: &str = "#Software: Microsoft Internet Information Services 10.0\n#Version: 1.0\n#Fields: date time s-ip \
    cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status sc-substatus \
    sc-win32-status sc-bytes cs-bytes time-taken\n";

const CLOUDFRONT_FIELDS: &str = "#Version: 1.0\n#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) \
    cs-uri-stem sc-status cs(Referer) cs(User-Agent) cs-uri-query cs(Cookie) x-edge-result-type x-edge-request-id \
    x-host-header cs-protocol cs-bytes time-taken x-forwarded-for ssl-protocol ssl-cipher x-edge-response-result-type \
    cs-protocol-version fle-status fle-encrypted-fields c-port time-to-first-byte x-edge-detailed-result-type \
    sc-content-type sc-content-len sc-range-start sc-range-end\n";

const fn plain(name: &'static str, format: &'static str, write: fn(&Request, &mut String)) -> LogFormat {
    LogFormat { name, format, header: "", write }
}

/// Appends formatted text, which cannot fail.
macro_rules! push {
    ($out:expr, $($text:tt)*) => { $out.write_fmt(format_args!($($text)*)).unwrap_or_default() };
}

/// Returns a number that another request has otherwise: for ports, durations and identifiers.
fn varying(request: &Request, salt: u64) -> u64 {
    let address = u64::from(u32::from(request.address));
    let mixed = (request.time_ms ^ address << 20 ^ request.bytes << 7 ^ salt << 3)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ mixed >> 31) & 0xffff_ffff_ffff
}

/// A moment of the day as clocks show it.
struct Clock {
    year: u64,
    month: u64,
    day: u64,
    hour: u64,
    minute: u64,
    second: u64,
    millisecond: u64,
}

impl Clock {
    /// Days to a date after Howard Hinnant's `civil_from_days`.
    fn of(request: &Request) -> Self {
        let seconds = request.time_ms / 1000;
        let days = seconds / 86_400 + 719_468;
        let (era, of_era) = (days / 146_097, days % 146_097);
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * of_year + 2) / 153;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        Self {
            year: year_of_era + era * 400 + u64::from(month <= 2),
            month,
            day: of_year - (153 * shifted + 2) / 5 + 1,
            hour: seconds / 3600 % 24,
            minute: seconds / 60 % 60,
            second: seconds % 60,
            millisecond: request.time_ms % 1000,
        }
    }

    fn month_name(&self) -> &'static str {
        const NAMES: [&str; 12] =
            ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        NAMES[usize::try_from(self.month - 1).unwrap_or(0) % 12]
    }

    /// `17/May/2015:10:05:03`
    fn stamp(&self) -> String {
        let Self { year, day, hour, minute, second, .. } = self;
        format!("{day:02}/{}/{year}:{hour:02}:{minute:02}:{second:02}", self.month_name())
    }

    /// `2015-05-17` and `10:05:03`, with something between.
    fn iso(&self, between: &str) -> String {
        let Self { year, month, day, hour, minute, second, .. } = self;
        format!("{year}-{month:02}-{day:02}{between}{hour:02}:{minute:02}:{second:02}")
    }
}

fn combined(request: &Request, out: &mut String) {
    let Request { address, method, version, status, bytes, referrer, agent, .. } = request;
    let (time, target) = (Clock::of(request).stamp(), request.target());
    push!(
        out,
        "{address} - - [{time} +0000] \"{method} {target} {version}\" {status} {bytes} \"{referrer}\" \"{agent}\""
    );
}

fn caddy(request: &Request, out: &mut String) {
    let Request { time_ms, address, method, status, bytes, referrer, agent, .. } = request;
    let (seconds, milliseconds, target) = (time_ms / 1000, time_ms % 1000, request.target());
    let (port, micros) = (varying(request, 1) % 28_000 + 32_768, varying(request, 2) % 90_000);
    push!(
        out,
        "{{\"level\":\"info\",\"ts\":{seconds}.{milliseconds:03},\"logger\":\"http.log.access.log0\",\"msg\":\"handled \
         request\",\"request\":{{\"remote_ip\":\"{address}\",\"remote_port\":\"{port}\",\"client_ip\":\"{address}\",\
         \"proto\":\"HTTP/2.0\",\"method\":\"{method}\",\"host\":\"www.example.org\",\"uri\":\"{target}\",\"headers\":{{\
         \"User-Agent\":[\"{agent}\"],\"Accept\":[\"*/*\"],\"Accept-Encoding\":[\"gzip, deflate, br\"],\"Referer\":[\"{referrer}\"]}},\
         \"tls\":{{\"resumed\":false,\"version\":772,\"cipher_suite\":4865,\"proto\":\"h2\",\"server_name\":\
         \"www.example.org\"}}}},\"bytes_read\":0,\"user_id\":\"\",\"duration\":0.0{micros:05}675,\"size\":{bytes},\"status\":{status},\
         \"resp_headers\":{{\"Server\":[\"Caddy\"],\"Content-Type\":[\"text/html; charset=utf-8\"],\"Alt-Svc\":[\"h3=\\\":443\\\"; \
         ma=2592000\"]}}}}"
    );
}

fn traefik(request: &Request, out: &mut String) {
    let Request { address, method, version, status, bytes, .. } = request;
    let (clock, target) = (Clock::of(request), request.target());
    let (time, milliseconds) = (clock.iso("T"), clock.millisecond);
    let (port, nanos) = (varying(request, 1) % 28_000 + 32_768, varying(request, 2) % 90_000_000 + 400_000);
    let overhead = varying(request, 3) % 300_000;
    let (origin, count) = (nanos - overhead, varying(request, 4) % 1_000_000);
    push!(
        out,
        "{{\"ClientAddr\":\"{address}:{port}\",\"ClientHost\":\"{address}\",\"ClientPort\":\"{port}\",\"ClientUsername\":\"-\",\
         \"DownstreamContentSize\":{bytes},\"DownstreamStatus\":{status},\"Duration\":{nanos},\"OriginContentSize\":{bytes},\
         \"OriginDuration\":{origin},\"OriginStatus\":{status},\"Overhead\":{overhead},\"RequestAddr\":\"www.example.org\",\
         \"RequestContentSize\":0,\"RequestCount\":{count},\"RequestHost\":\"www.example.org\",\"RequestMethod\":\"{method}\",\
         \"RequestPath\":\"{target}\",\"RequestPort\":\"-\",\"RequestProtocol\":\"{version}\",\"RequestScheme\":\"https\",\
         \"RetryAttempts\":0,\"RouterName\":\"site@docker\",\"ServiceAddr\":\"172.18.0.3:80\",\"ServiceName\":\"site@docker\",\
         \"ServiceURL\":\"http://172.18.0.3:80\",\"StartLocal\":\"{time}.{milliseconds:03}102Z\",\
         \"StartUTC\":\"{time}.{milliseconds:03}102Z\",\"entryPointName\":\"websecure\",\"level\":\"info\",\"msg\":\"\",\
         \"time\":\"{time}Z\"}}"
    );
}

fn envoy(request: &Request, out: &mut String) {
    let Request { address, method, version, status, bytes, agent, .. } = request;
    let (clock, target) = (Clock::of(request), request.target());
    let (time, milliseconds) = (clock.iso("T"), clock.millisecond);
    let (port, took) = (varying(request, 1) % 28_000 + 32_768, varying(request, 2) % 90);
    let (id, more) = (varying(request, 3) % 0xffff_ffff, varying(request, 4));
    push!(
        out,
        "{{\"authority\":\"www.example.org\",\"bytes_received\":0,\"bytes_sent\":{bytes},\"connection_termination_details\":null,\
         \"downstream_local_address\":\"10.0.0.5:8443\",\"downstream_remote_address\":\"{address}:{port}\",\"duration\":{took},\
         \"method\":\"{method}\",\"path\":\"{target}\",\"protocol\":\"{version}\",\"request_id\":\
         \"{id:08x}-4e6d-9a7c-8d53-{more:012x}\",\"requested_server_name\":\"www.example.org\",\"response_code\":{status},\
         \"response_code_details\":\"via_upstream\",\"response_flags\":\"-\",\"route_name\":\"default\",\"start_time\":\
         \"{time}.{milliseconds:03}Z\",\"upstream_cluster\":\"outbound|80||site\",\"upstream_host\":\"10.0.0.9:80\",\
         \"user_agent\":\"{agent}\",\"x_forwarded_for\":\"{address}\"}}"
    );
}

fn nginx(request: &Request, out: &mut String) {
    let Request { address, method, version, status, bytes, referrer, agent, .. } = request;
    let (time, target) = (Clock::of(request).iso("T"), request.target());
    let took = varying(request, 2) % 900;
    push!(
        out,
        "{{\"time_iso8601\":\"{time}+00:00\",\"remote_addr\":\"{address}\",\"remote_user\":\"\",\"request\":\"{method} {target} \
         {version}\",\"status\":{status},\"body_bytes_sent\":{bytes},\"request_time\":0.{took:03},\"http_referrer\":\"{referrer}\",\
         \"http_user_agent\":\"{agent}\"}}"
    );
}

fn docker(request: &Request, out: &mut String) {
    let clock = Clock::of(request);
    let (time, milliseconds) = (clock.iso("T"), clock.millisecond);
    let mut line = String::new();
    combined(request, &mut line);
    let line = line.replace('"', "\\\"");
    push!(
        out,
        "{{\"log\":\"{line}\\n\",\"stream\":\"stdout\",\"time\":\"{time}.{milliseconds:03}103907Z\"}}"
    );
}

fn iis(request: &Request, out: &mut String) {
    let Request { address, method, path, status, bytes, referrer, .. } = request;
    let (time, agent) = (Clock::of(request).iso(" "), request.agent.replace(' ', "+"));
    let query = if request.query.is_empty() { "-" } else { &request.query };
    push!(
        out,
        "{time} 10.0.0.1 {method} {path} {query} 443 - {address} {agent} {referrer} {status} 0 0 {bytes} 412 15"
    );
}

fn cloudfront(request: &Request, out: &mut String) {
    let Request { address, method, path, version, status, bytes, referrer, .. } = request;
    let (time, agent) = (Clock::of(request).iso("\t"), request.agent.replace(' ', "%20"));
    let query = if request.query.is_empty() { "-" } else { &request.query };
    let (id, port) = (varying(request, 3), varying(request, 1) % 28_000 + 32_768);
    push!(
        out,
        "{time}\tFRA2-C1\t{bytes}\t{address}\t{method}\td111111abcdef8.cloudfront.net\t{path}\t{status}\t{referrer}\t{agent}\t\
         {query}\t-\tHit\tSOX4xwn4XV6Q4rgb7XiVGOHms_BGlTAC4KyHmur{id:012x}iNIQ==\twww.example.org\thttps\t23\t0.001\t-\t\
         TLSv1.2\tECDHE-RSA-AES128-GCM-SHA256\tHit\t{version}\t-\t-\t{port}\t0.001\tHit\ttext/html\t{bytes}\t-\t-"
    );
}

fn alb(request: &Request, out: &mut String) {
    let Request { address, method, version, status, bytes, agent, .. } = request;
    let (clock, target) = (Clock::of(request), request.target());
    let (time, milliseconds) = (clock.iso("T"), clock.millisecond);
    let (port, took, id) =
        (varying(request, 1) % 28_000 + 32_768, varying(request, 2) % 900, varying(request, 3));
    push!(
        out,
        "https {time}.{milliseconds:03}186Z app/site/50dc6c495c0c9188 {address}:{port} 10.0.0.1:80 0.086 0.{took:03} 0.037 {status} {status} \
         0 {bytes} \"{method} https://www.example.org:443{target} {version}\" \"{agent}\" ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 \
         arn:aws:elasticloadbalancing:us-east-2:123456789012:targetgroup/site/73e2d6bc24d8a067 \
         \"Root=1-58337281-1d84f3d73c47{id:012x}\" \"www.example.org\" \
         \"arn:aws:acm:us-east-2:123456789012:certificate/12345678-1234-1234-1234-123456789012\" 1 \
         {time}.{milliseconds:03}000Z \"forward\" \"-\" \"-\" \"10.0.0.1:80\" \"{status}\" \"-\" \"-\""
    );
}

fn s3(request: &Request, out: &mut String) {
    let Request { address, method, path, version, status, bytes, referrer, agent, .. } = request;
    let (time, target, key) = (Clock::of(request).stamp(), request.target(), path.trim_matches('/'));
    let key = if key.is_empty() { "-" } else { key };
    let (id, took) = (varying(request, 3), varying(request, 2) % 900);
    push!(
        out,
        "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be site-bucket [{time} +0000] {address} - 3E57{id:012X} \
         REST.{method}.OBJECT {key} \"{method} {target} {version}\" {status} - {bytes} {bytes} {took} 10 \"{referrer}\" \"{agent}\" - \
         s9lzHYrFp76ZVxRcpX9+5cjAnEH2ROuNkd2BHfIa6UkFVdtjf5mKR3/eTPFvsiP/XV/VLi31234= SigV4 ECDHE-RSA-AES128-GCM-SHA256 AuthHeader \
         site-bucket.s3.us-west-1.amazonaws.com TLSV1.2 - -"
    );
}

fn haproxy(request: &Request, out: &mut String) {
    let Request { address, method, version, status, bytes, .. } = request;
    let (clock, target) = (Clock::of(request), request.target());
    let (time, milliseconds, month, day) = (clock.stamp(), clock.millisecond, clock.month_name(), clock.day);
    let Clock { hour, minute, second, .. } = clock;
    let (port, took) = (varying(request, 1) % 28_000 + 32_768, varying(request, 2) % 900);
    push!(
        out,
        "{month} {day:2} {hour:02}:{minute:02}:{second:02} edge haproxy[14389]: {address}:{port} [{time}.{milliseconds:03}] http-in \
         static/srv1 10/0/30/{took}/{took} {status} {bytes} - - ---- 1/1/1/1/0 0/0 {{www.example.org}} {{}} \"{method} {target} {version}\""
    );
}
