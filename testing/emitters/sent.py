"""The requests that each server is sent, in order."""

import base64
from dataclasses import dataclass

HOST = "shop.example"
MODIFIED = "Wed, 01 Jan 2020 00:00:00 GMT"


@dataclass(frozen=True)
class Request:
    """One connection: the bytes that are sent, and what a log should tell of them."""

    name: str
    raw: bytes
    user: bytes = b""
    host: str = HOST
    target: bytes = b""
    method: bytes = b""
    # Closes the connection after so many bytes of the answer.
    abort_after: int = 0


def request(name, target, *, method=b"GET", headers=(), user=b"", host=HOST, version=b"HTTP/1.1", body=b"", **more):
    lines = [b"%s %s %s" % (method, target, version), b"Host: " + host.encode(), b"Connection: close"]
    lines += headers
    if user:
        lines.append(b"Authorization: Basic " + base64.b64encode(user + b":secret"))
    raw = b"\r\n".join(lines) + b"\r\n\r\n" + body
    return Request(name, raw, user, host, target, method, **more)


def malformed(name, raw):
    return Request(name, raw, host="?")


def private(name, user):
    return request(name, b"/private/small.txt", user=user)


USERS = {
    "a user": b"ada",
    "a user with a space": b"ada lovelace",
    "a user with quotation marks": b'a"b"',
    "a user with brackets": b"a] [b",
    "a user with a whole line": b'x [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 1 "-" "-"',
    "a user with the end of a line": b'x] "GET / HTTP/1.1" 200 1 "-" "-"',
    "a user named as those without one": b"anonymous",
    "a user named as a reserved word": b"~overflow",
    "a user in UTF-8": "Zoë".encode(),
    "a user with a backslash": b"SHOP\\ada",
    "a user that looks like an escape": b"a\\x41",
    "a user with an identity of its own": b"victim - other",
    "a user with a newline": b"ada\nbob",
    "a user that is an address": b"203.0.113.9",
}

REQUESTS = [
    request("a file", b"/small.txt"),
    request("the same in HTTP/1.0", b"/small.txt", version=b"HTTP/1.0"),
    request("only its head", b"/small.txt", method=b"HEAD"),
    request("not modified", b"/small.txt", headers=[b"If-Modified-Since: " + MODIFIED.encode()]),
    request("in chunks", b"/text.txt", headers=[b"Accept-Encoding: gzip"]),
    request("a part of a file", b"/small.txt", headers=[b"Range: bytes=10-19"]),
    request("a query", b"/small.txt?a=1&b=%22x%22"),
    request("nothing there", b"/nothing/there"),
    request("a body", b"/small.txt", method=b"POST", headers=[b"Content-Length: 5"], body=b"hello"),
    request(
        "a body in chunks", b"/small.txt", method=b"POST",
        headers=[b"Transfer-Encoding: chunked"], body=b"5\r\nhello\r\n0\r\n\r\n",
    ),
    request("another method", b"/small.txt", method=b"PURGE"),
    request("a method in small letters", b"/small.txt", method=b"get"),
    request("options of the server", b"*", method=b"OPTIONS"),
    request("a whole URL", b"http://shop.example/small.txt"),
    request("a host in capitals with a port", b"/small.txt", host="Shop.Example:8080"),
    request("slashes in escapes", b"/a%2Fb%2f..%2fc"),
    request("an escaped NUL", b"/a%00b"),
    request("quotation marks", b'/a"b"c'),
    request("a forged end of the request", b'/x"200,0,"-"'),
    request("a forged end with spaces", b'/x" 200 0 "-" "y'),
    request("a backslash at the end", b"/a\\b\\"),
    request("control bytes", b"/a\x01\x1bb\x7f"),
    request("bytes of Latin-1", b"/caf\xe9"),
    request("characters of UTF-8", "/café/日本".encode()),
    request("a very long target", b"/long/" + b"0123456789abcdef" * 375),
    request("braces and a pipe", b"/a{b}|c"),
    request(
        "an agent and a referrer with quotation marks", b"/small.txt",
        headers=[b'User-Agent: x" 200 0 "-" "y', b'Referer: http://e/?q="x"'],
    ),
    request("an agent that ends in a backslash", b"/small.txt", headers=[b"User-Agent: agent\\"]),
    request("an agent with bytes of Latin-1", b"/small.txt", headers=[b"User-Agent: caf\xe9 \x1b[2J"]),
    request("a forwarded client", b"/small.txt", headers=[b"X-Forwarded-For: 203.0.113.9"]),
    *[private(name, user) for name, user in USERS.items()],
    malformed("no request", b"GARBAGE\r\n\r\n"),
    malformed("another protocol", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"),
    Request(
        "a header without end", b"GET /small.txt HTTP/1.1\r\nHost: shop.example\r\nX: " + b"y" * 100,
        target=b"/small.txt", method=b"GET", host="?",
    ),
    malformed("nothing at all", b""),
    request("an unknown version", b"/small.txt", version=b"HTTP/9.9"),
    request("a host that forges a client", b"/small.txt", host="x 203.0.113.9 - victim"),
    request("aborted", b"/large.bin", abort_after=1000),
    request("the last", b"/small.txt"),
]
