# Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.
"""HTTP/1.1 by hand: one request read, one answer written, whatever it is made of."""

import base64
import dataclasses
import json
import select
import time
import urllib.parse

LONGEST_REQUEST = 1 << 20
PHRASES = {200: "OK", 302: "Found", 304: "Not Modified", 400: "Bad Request", 401: "Unauthorized",
           404: "Not Found", 429: "Too Many Requests", 500: "Internal Server Error"}


class Secretive(dict):
    """A dictionary whose values do not show when a failed test prints it."""

    def __repr__(self):
        return f"<{', '.join(sorted(self))}>"


@dataclasses.dataclass(frozen=True)
class Request:
    """One request. `headers` (names in lower case), `form` and `body` do not show when printed."""

    method: str
    path: str
    at: float  # time.time()
    connection: int
    headers: Secretive = dataclasses.field(repr=False)
    body: bytes = dataclasses.field(repr=False)
    query: str = dataclasses.field(default="", repr=False)

    @property
    def form(self):
        """The fields of a form; a field that came twice has a list as its value."""
        fields = urllib.parse.parse_qs(self.body.decode("utf-8", "replace"), True)
        return Secretive({n: v[0] if len(v) == 1 else v for n, v in fields.items()})

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def authorization(self):
        return self.headers.get("authorization")

    @property
    def basic(self):
        """(id, secret) of an HTTP Basic header as RFC 6749 section 2.3.1 encodes it, or None."""
        scheme, _, value = (self.authorization or "").partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            pair = base64.b64decode(value, validate=True).decode()
        except ValueError:
            return None
        name, colon, secret = pair.partition(":")
        return (urllib.parse.unquote_plus(name), urllib.parse.unquote_plus(secret)) if colon \
            else None

    @property
    def bearer(self):
        scheme, _, value = (self.authorization or "").partition(" ")
        return value if scheme.lower() == "bearer" else None

    def contains(self, text):
        """Whether the text came anywhere: path, query, headers or body."""
        text = text.encode()
        places = [self.path, self.query, *self.headers, *self.headers.values()]
        return any(text in place.encode() for place in places) or text in self.body


@dataclasses.dataclass
class Response:
    """An answer: bytes, or an iterable of what happens one after the other.

    In an iterable, bytes are sent as they are and numbers are seconds to wait. `framed` says
    whether a Content-Length is put in front; otherwise headers must say how the body ends, or the
    connection is closed after it. `raw` is sent instead of everything else.
    """

    status: int = 200
    headers: dict = dataclasses.field(default_factory=dict)
    body: object = b""
    framed: bool = True
    delay: float = 0
    raw: object = None
    close: bool = False


def answer(value, status=200, **headers):
    """JSON, with header names given as `Cache_Control`."""
    head = {"Content-Type": "application/json"}
    head.update({name.replace("_", "-"): text for name, text in headers.items()})
    return Response(status, head, json.dumps(value).encode())


def read(connection, buffer, number):
    """The next request of a connection, or None at its end."""
    while (end := buffer.find(b"\r\n\r\n")) < 0:
        if len(buffer) > LONGEST_REQUEST or not _more(connection, buffer):
            return None
    at = time.time()
    head = bytes(buffer[:end]).decode("latin-1").split("\r\n")
    method, target, _ = head[0].split(" ")
    headers = Secretive()
    for line in head[1:]:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    del buffer[:end + 4]
    if headers.get("expect", "").lower() == "100-continue":
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    if headers.get("transfer-encoding", "").lower() == "chunked":
        body = b""
        while (size := int(_line(connection, buffer), 16)) > 0:
            body += _exactly(connection, buffer, size)
            _line(connection, buffer)
        while _line(connection, buffer):
            pass  # Trailers.
    else:
        body = _exactly(connection, buffer, int(headers.get("content-length", "0")))
    path, _, query = target.partition("?")
    return Request(method, path, at, number, headers, body, query)


def _exactly(connection, buffer, size):
    if not 0 <= size <= LONGEST_REQUEST:
        raise ValueError("this body is not for us")
    while len(buffer) < size:
        if not _more(connection, buffer):
            raise ValueError("the body was not whole")
    part = bytes(buffer[:size])
    del buffer[:size]
    return part


def _line(connection, buffer):
    while (end := buffer.find(b"\r\n")) < 0:
        if len(buffer) > LONGEST_REQUEST or not _more(connection, buffer):
            raise ValueError("the body was not whole")
    line = bytes(buffer[:end])
    del buffer[:end + 2]
    return line


def _more(connection, buffer):
    chunk = connection.recv(65_536)
    buffer += chunk
    return bool(chunk)


def write(connection, request, response, leaving):
    """Sends an answer; False if the connection cannot be used after it."""
    if response.delay and not _pause(connection, response.delay, leaving):
        return False
    if response.raw is not None:
        _send_all(connection, response.raw, leaving)
        return False
    whole = isinstance(response.body, bytes) and response.framed
    head = [f"HTTP/1.1 {response.status} {PHRASES.get(response.status, 'Status')}"]
    head += [f"{name}: {value}" for name, value in response.headers.items()]
    if whole and response.status not in (204, 304):
        head.append(f"Content-Length: {len(response.body)}")
    keep = not response.close and (whole or response.status in (204, 304)) \
        and request.headers.get("connection", "").lower() != "close"
    head.append(f"Connection: {'keep-alive' if keep else 'close'}")
    start = "\r\n".join(head).encode("latin-1") + b"\r\n\r\n"
    if request.method == "HEAD" or response.status in (204, 304):
        connection.sendall(start)
    elif whole:
        connection.sendall(start + response.body)
    else:
        connection.sendall(start)
        _send_all(connection, response.body, leaving)
    return keep


def _send_all(connection, parts, leaving):
    for part in [parts] if isinstance(parts, bytes) else parts:
        if isinstance(part, bytes):
            connection.sendall(part)
            if leaving.is_set():
                return
        elif not _pause(connection, part, leaving):
            return


def _pause(connection, seconds, leaving):
    """Waits; False if the client left meanwhile, or the server has to."""
    waiting = select.poll()
    waiting.register(connection, select.POLLIN)
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        # A client that waits for its answer has nothing more to say.
        if leaving.is_set() or waiting.poll(min(left, 0.1) * 1_000):
            return False
    return True
