"""What goes over the wire: a client that counts, and an origin for the proxies."""

import socket
import struct
import threading
from dataclasses import dataclass

from sent import MODIFIED

FILES = {
    "/small.txt": b"x" * 512,
    "/private/small.txt": b"x" * 512,
    "/text.txt": b"some words " * 200,
    "/large.bin": b"0" * (8 << 20),
}


@dataclass(frozen=True)
class Answer:
    """The answer as the client saw it. The status is None where there was none."""

    status: int | None
    # Of everything, of what follows the head, and of that without the framing of chunks.
    bytes_all: int
    bytes_wire_body: int
    bytes_body: int


def exchange(port, request):
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        received = bytearray()
        try:
            connection.sendall(request.raw)
            if b"Connection: close" not in request.raw:
                # What ends the connection is the answer, or, if there is none, the client.
                connection.settimeout(1)
                try:
                    received += connection.recv(1 << 16)
                except TimeoutError:
                    connection.shutdown(socket.SHUT_WR)
                connection.settimeout(10)
            while not request.abort_after or len(received) < request.abort_after:
                piece = connection.recv(request.abort_after or 1 << 16)
                if not piece:
                    break
                received += piece
        except OSError:
            pass
        if request.abort_after:
            # A reset at once, not an orderly end.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return answer_of(bytes(received))


def answer_of(received):
    if not received.startswith(b"HTTP/"):
        return Answer(None, len(received), len(received), len(received))
    head, _, body = received.partition(b"\r\n\r\n")
    status = int(head.split(b" ", 2)[1])
    if status < 200:
        return answer_of(body)
    chunked = b"transfer-encoding: chunked" in head.lower()
    return Answer(status, len(received), len(body), len(unchunked(body)) if chunked else len(body))


def unchunked(body):
    out = b""
    while body:
        size, _, body = body.partition(b"\r\n")
        length = int(size, 16)
        out, body = out + body[:length], body[length + 2 :]
        if length == 0:
            break
    return out


class Origin:
    """A server behind the proxies, which gives the same answers each time."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.answer, args=(connection,), daemon=True).start()

    def answer(self, connection):
        with connection:
            received = b""
            while b"\r\n\r\n" not in received:
                piece = connection.recv(1 << 16)
                if not piece:
                    return
                received += piece
            head = received.partition(b"\r\n\r\n")[0]
            try:
                connection.sendall(response(head))
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(1 << 16):
                    pass
            except OSError:
                pass

    def close(self):
        self.listener.close()


def response(head):
    method, target = (head.split(b" ") + [b""])[:2]
    path = target.split(b"?")[0].decode("latin-1").removeprefix("http://shop.example")
    lower = head.lower()
    content = FILES.get(path)
    if content is None:
        status, content = b"404 Not Found", b"nothing\n"
    elif b"if-modified-since: " + MODIFIED.lower().encode() in lower:
        return b"HTTP/1.1 304 Not Modified\r\nConnection: close\r\n\r\n"
    else:
        status = b"200 OK"
    if b"accept-encoding: gzip" in lower:
        framed = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (content[:7], content[7:])) + b"0\r\n\r\n"
        return b"HTTP/1.1 " + status + b"\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n" + framed
    answer_head = b"HTTP/1.1 %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % (status, len(content))
    return answer_head + (b"" if method == b"HEAD" else content)


class Syslog:
    """A socket that writes each datagram to a file, as a line."""

    def __init__(self, path):
        self.path = path
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        path.touch()
        threading.Thread(target=self.receive, daemon=True).start()

    def receive(self):
        with self.path.open("ab", buffering=0) as log:
            while True:
                try:
                    datagram = self.socket.recv(1 << 16)
                except OSError:
                    return
                log.write(datagram.rstrip(b"\n\0") + b"\n")

    def close(self):
        self.socket.close()


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]
