#!/usr/bin/env python3
"""Has real servers write access logs, and tallies what they should say.

usage: python3 record.py PACKAGES OUT [SERVER...]

Each server runs as an ordinary process on free ports of the loopback address, and is sent the requests of sent.py, one after
the other. What was sent and received on the wire is the tally. It becomes a file NAME.expected beside each NAME.log in OUT.
The parser takes no part in this: a test of its crate compares the two. PACKAGES is where packages of Debian are unpacked.
"""

import calendar
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from sent import MODIFIED, REQUESTS
from servers import ALL, masked
from wire import FILES, Answer, exchange

WAIT_SECONDS = 5.0
# A line that comes later than this after nothing was answered is taken for one that never comes.
QUIET_SECONDS = 0.7
ABORTED_BYTES = b"1234567"


class Lines:
    """The lines that a log has got since it was asked last."""

    def __init__(self, path):
        self.path, self.offset = path, 0

    def new(self):
        if not self.path.exists():
            return []
        with self.path.open("rb") as log:
            log.seek(self.offset)
            text = log.read()
        whole = text[: text.rfind(b"\n") + 1]
        self.offset += len(whole)
        return whole.split(b"\n")[:-1]


def lines_of_all(tails, wait):
    """Returns the new lines of each log, once each has one."""
    found = [[] for _ in tails]
    end = time.monotonic() + wait
    while time.monotonic() < end:
        for lines, tail in zip(found, tails):
            lines += tail.new()
        if all(found):
            break
        time.sleep(0.01)
    return found


def encoded(value):
    """One word that stands for these bytes alone."""
    plain = bytes(b for b in range(0x21, 0x7F) if chr(b) not in '%"\\')
    return "".join(chr(b) if b in plain else f"%{b:02X}" for b in value)


def percent_decoded(target):
    return re.sub(rb"%([0-9a-fA-F]{2})", lambda match: bytes([int(match[1], 16)]), target)


def lossy(value):
    return value.decode("utf-8", "replace").encode()


def expected(server, log, request, answer, line):
    """Returns the words that the parser should find in the line, by what was sent and received."""
    nothing = not request.target or any(mark in line for mark in log.no_request)
    target = method = "."
    if not nothing:
        sent = percent_decoded(request.target)
        if server.takes_urls_apart and sent.startswith(b"http://"):
            sent = b"/" + sent.split(b"/", 3)[3]
        target = encoded(lossy(sent) if server.loses_foreign_bytes else sent)
        is_cut = log.cuts and len(request.target) > 900
        if is_cut or (server.cuts_bad_targets and answer.status == 400 and b" " in sent):
            target = "?"
        method = request.method.decode()
    # A colon ends the user in what a client sends.
    name = request.user.split(b":")[0]
    known = log.has_user and name and (server.users is None or request.user in server.users)
    user = encoded(name) if known else "."
    if server.writes_newlines_as_letters and b"\n" in name:
        user = "?"
    host = "?" if request.target.startswith(b"http://") else "."
    if log.has_host and nothing:
        host = "?"
    elif log.has_host:
        host = request.host.rsplit(":", 1)[0].lower() if request.host == "shop.example" or ":" in request.host else "?"
    sizes = {"body": answer.bytes_body, "wire_body": answer.bytes_wire_body, "all": answer.bytes_all}
    if log.measure == "about_all":
        sizes["about_all"] = said_by_haproxy(answer, line)
    status = "?" if answer.status is None else str(answer.status)
    client = "127.0.0.1" if log.has_client else "."
    return [client, user, host, method, target, status, str(sizes[log.measure])]


def said_by_haproxy(answer, line):
    """Returns the bytes that HAProxy says it sent: those of the origin's answer as it was before HAProxy wrote its head anew,
    and none where the answer is its own."""
    said = int(re.search(rb" \d{3} \+?(\d+) - - ", line)[1])
    if b"<NOSRV>" not in line and not answer.bytes_all - 64 <= said <= answer.bytes_all:
        raise SystemExit(f"HAProxy says {said} of {answer.bytes_all} bytes: {line!r}")
    return said


def without_size(log, answer, line):
    """Replaces the size of an aborted answer, which differs from run to run. The client got as much or less."""
    got = answer.bytes_all - 64 if "all" in log.measure else answer.bytes_body
    fixed = (b"40000", b"8080", b"2015")
    words = [match[0] for match in re.finditer(rb"(?<![\w./])\d+(?![\w./])", line) if match[0] not in fixed]
    sizes = {word for word in words if max(got, 400) <= int(word) <= len(FILES["/large.bin"]) + 1000}
    if len(sizes) != 1:
        raise SystemExit(f"which of {sizes} is the size of the aborted answer? {line!r}")
    return re.sub(rb"(?<![\w./])" + sizes.pop() + rb"(?![\w./])", ABORTED_BYTES, line)


def wait_for(port, process):
    end = time.monotonic() + 20
    while time.monotonic() < end:
        if process.poll() is not None:
            raise SystemExit(f"the server ended with {process.returncode}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise SystemExit("the server does not answer")


def record(make, packages, out):
    with tempfile.TemporaryDirectory() as temporary:
        run = Path(temporary)
        run.chmod(0o755)
        modified = calendar.timegm(time.strptime(MODIFIED, "%a, %d %b %Y %H:%M:%S GMT"))
        for path, content in FILES.items():
            file = run / "files" / path.lstrip("/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
            os.utime(file, (modified, modified))
        server = make(run, packages)
        environment = {**os.environ, **server.environment, "TZ": "UTC"}
        with (run / "output").open("wb") as output:
            process = subprocess.Popen(
                [str(word) for word in server.command], env=environment, stdout=output, stderr=output,
            )
        try:
            wait_for(server.port, process)
            tally(server, out)
        except SystemExit:
            print((run / "output").read_text(errors="replace")[-2000:], file=sys.stderr)
            raise
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            for helper in server.helpers:
                helper.close()


def tally(server, out):
    tails = [Lines(log.path) for log in server.logs]
    # What was logged of the connections that asked whether the server is there.
    time.sleep(0.3)
    lines_of_all(tails, 0.3)
    logs, told = [[] for _ in tails], [[] for _ in tails]
    for request in REQUESTS:
        answer = exchange(server.port, request)
        wait = QUIET_SECONDS if answer.status is None else WAIT_SECONDS
        for log, lines, raw, words in zip(server.logs, lines_of_all(tails, wait), logs, told):
            if len(lines) > 1:
                raise SystemExit(f"{log.name}: {len(lines)} lines of one request: {request.name}")
            if not lines:
                words.append(f"# {request.name}: not logged")
                continue
            line = masked(lines[0], log.masks)
            if log.cuts:
                # Where it is cut depends on how long that is which is masked.
                line = line[:1010]
            received = answer
            if request.abort_after:
                line = without_size(log, answer, line)
                received = Answer(answer.status, *[int(ABORTED_BYTES)] * 3)
            expectation = expected(server, log, request, received, line)
            raw.append(line)
            words.append(f"# {request.name}\n" + " ".join(expectation))
    for log, raw, words in zip(server.logs, logs, told):
        head = [f"format: {line}" for line in log.format.splitlines()]
        head += [f"zone: {log.zone}"] if log.zone else []
        head += [f"detected: {log.detected}"] if log.detected else []
        (out / f"{log.name}.log").write_bytes(b"".join(line + b"\n" for line in raw))
        (out / f"{log.name}.expected").write_text("\n".join(head + ["", *words]) + "\n")
        print(f"{log.name}: {len(REQUESTS)} requests sent, {len(raw)} logged")


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    packages, out = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
    out.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[3:] or ALL:
        record(ALL[name], packages, out)


if __name__ == "__main__":
    main()
