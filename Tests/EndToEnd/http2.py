# Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.
"""An HTTP/2 client that sends what it is told, however illegal: the hand of an attacker.

It frames with hyperframe and encodes with hpack and has no opinion about header names, values,
their order, or what may follow what. It reads whatever the server answers into an `Answer`.
"""

import dataclasses
import socket
import ssl
import struct
import time

import hpack
from hyperframe import frame as frames

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
# RFC 9113 section 4.2: what every peer must accept without having said more.
LARGEST_FRAME = 16_384


@dataclasses.dataclass
class Answer:
    """What came back on one stream."""

    headers: list = dataclasses.field(default_factory=list)
    trailers: list = dataclasses.field(default_factory=list)
    data: bytes = b""
    ended: bool = False
    reset: int | None = None
    goaway: int | None = None
    closed: bool = False
    timed_out: bool = False

    def value(self, name):
        """The only value of a header or trailer; a repeated one is a failure of the server."""
        found = [v for n, v in self.headers + self.trailers if n == name.encode()]
        assert len(found) <= 1, f"{name} was answered {len(found)} times"
        return found[0] if found else None

    @property
    def http_status(self):
        value = self.value(":status")
        return None if value is None else int(value)

    @property
    def grpc_status(self):
        value = self.value("grpc-status")
        return None if value is None else int(value)

    @property
    def is_trailers_only(self):
        """One HEADERS frame with END_STREAM and nothing else (gRPC over HTTP/2, "Responses")."""
        return bool(self.headers) and not self.trailers and not self.data and self.ended

    @property
    def outcome(self):
        """The answer in the words of the attack table."""
        if self.timed_out:
            return ("silence", None)
        if self.grpc_status is not None:
            return ("grpcStatus", self.grpc_status)
        if self.reset is not None:
            return ("streamReset", self.reset)
        if self.goaway is not None or self.closed:
            return ("connectionClosed", self.goaway)
        if self.http_status is not None:
            return ("httpStatus", self.http_status)
        return ("silence", None)

    def comparable(self):
        """Everything that a caller could tell two answers apart by, but for the date."""
        return (self.headers, self.trailers, self.data, self.reset, self.goaway, self.closed)


class Connection:
    """One connection over TLS."""

    def __init__(self, address, authority, timeout=5.0):
        host, port = address
        context = ssl.create_default_context(cafile=authority)
        context.set_alpn_protocols(["h2"])
        self.timeout = timeout
        raw = socket.create_connection((host, port), timeout=timeout)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = context.wrap_socket(raw, server_hostname="localhost")
        assert self.socket.selected_alpn_protocol() == "h2"
        self.encoder = hpack.Encoder()
        self.decoder = hpack.Decoder()
        self.buffer = b""
        self.next_stream = 1
        self.answers = {}
        self.goaway = None
        self.closed = False
        self.open_block = None
        settings = frames.SettingsFrame(0)
        settings.settings = {frames.SettingsFrame.INITIAL_WINDOW_SIZE: 1 << 20}
        self._write(PREFACE + settings.serialize())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.closed = True
        try:
            self.socket.close()
        except OSError:
            pass

    @property
    def usable(self):
        return not self.closed and self.goaway is None and self.next_stream < (1 << 31) - 2

    def new_stream(self):
        stream = self.next_stream
        self.next_stream += 2
        self.answers[stream] = Answer()
        return stream

    def send_headers(self, stream, headers, end_stream=False):
        """HEADERS, and CONTINUATION where the block is too long for one frame."""
        # Without Huffman coding: the Python library takes time quadratic in the length for it.
        block = self.encoder.encode([(_bytes(n), _bytes(v)) for n, v in headers], huffman=False)
        parts = [block[i:i + LARGEST_FRAME] for i in range(0, len(block), LARGEST_FRAME)] or [b""]
        out = b""
        for index, part in enumerate(parts):
            frame = frames.HeadersFrame(stream) if index == 0 else frames.ContinuationFrame(stream)
            frame.data = part
            if index == 0 and end_stream:
                frame.flags.add("END_STREAM")
            if index == len(parts) - 1:
                frame.flags.add("END_HEADERS")
            out += frame.serialize()
        self._write(out)

    def send_data(self, stream, data, end_stream=False):
        frame = frames.DataFrame(stream)
        frame.data = data
        if end_stream:
            frame.flags.add("END_STREAM")
        self._write(frame.serialize())

    def send_reset(self, stream, code=8):
        frame = frames.RstStreamFrame(stream)
        frame.error_code = code
        self._write(frame.serialize())

    def receive(self, stream, timeout=None):
        """Waits for the end of one stream, in whatever form, and returns its answer."""
        limit = self.timeout if timeout is None else timeout
        deadline = time.monotonic() + limit
        answer = self.answers[stream]
        while not (answer.ended or answer.reset is not None or self.closed):
            if self.goaway is not None and self.goaway[0] < stream:
                break
            left = deadline - time.monotonic()
            if left <= 0:
                answer.timed_out = True
                break
            self._read(left)
        if self.goaway is not None:
            answer.goaway = self.goaway[1]
        answer.closed = self.closed and not answer.ended and answer.reset is None
        del self.answers[stream]
        return answer

    def call(self, headers, data=None, end_stream=True, timeout=None):
        """One request: a header block, one DATA frame unless data is None, and its answer."""
        stream = self.new_stream()
        self.send_headers(stream, headers, end_stream=end_stream and data is None)
        if data is not None:
            self.send_data(stream, data, end_stream=end_stream)
        return self.receive(stream, timeout)

    def _write(self, data):
        try:
            self.socket.sendall(data)
        except (OSError, ssl.SSLError):
            # The server has closed already; what it said before that is still to be read.
            pass

    def _read(self, timeout):
        self.socket.settimeout(timeout)
        try:
            received = self.socket.recv(65_536)
        except TimeoutError:
            return
        except (OSError, ssl.SSLError):
            received = b""
        if not received:
            self.close()
            return
        self.buffer += received
        while len(self.buffer) >= 9:
            length = struct.unpack(">I", b"\0" + self.buffer[:3])[0]
            if len(self.buffer) < 9 + length:
                return
            frame, _ = frames.Frame.parse_frame_header(memoryview(self.buffer[:9]))
            frame.parse_body(memoryview(self.buffer[9:9 + length]))
            self.buffer = self.buffer[9 + length:]
            self._take(frame)

    def _take(self, frame):
        if isinstance(frame, frames.SettingsFrame) and "ACK" not in frame.flags:
            ack = frames.SettingsFrame(0)
            ack.flags.add("ACK")
            self._write(ack.serialize())
        elif isinstance(frame, frames.PingFrame) and "ACK" not in frame.flags:
            pong = frames.PingFrame(0)
            pong.opaque_data = frame.opaque_data
            pong.flags.add("ACK")
            self._write(pong.serialize())
        elif isinstance(frame, frames.GoAwayFrame):
            self.goaway = (frame.last_stream_id, frame.error_code)
        elif isinstance(frame, (frames.HeadersFrame, frames.ContinuationFrame)):
            self._take_headers(frame)
        elif isinstance(frame, frames.DataFrame):
            answer = self.answers.get(frame.stream_id)
            if answer is not None:
                answer.data += bytes(frame.data)
                answer.ended = "END_STREAM" in frame.flags
            if frame.flow_controlled_length:
                update = frames.WindowUpdateFrame(0)
                update.window_increment = frame.flow_controlled_length
                self._write(update.serialize())
        elif isinstance(frame, frames.RstStreamFrame):
            answer = self.answers.get(frame.stream_id)
            if answer is not None:
                answer.reset = frame.error_code

    def _take_headers(self, frame):
        if isinstance(frame, frames.HeadersFrame):
            self.open_block = (b"", "END_STREAM" in frame.flags)
        block, ends = self.open_block
        self.open_block = (block + bytes(frame.data), ends)
        if "END_HEADERS" not in frame.flags:
            return
        # Every block is decoded, wanted or not, or the compression state would be lost.
        fields = self.decoder.decode(self.open_block[0], raw=True)
        answer = self.answers.get(frame.stream_id)
        if answer is None:
            return
        fields = [(bytes(n), bytes(v)) for n, v in fields]
        if answer.headers:
            answer.trailers += fields
        else:
            answer.headers += fields
        answer.ended = ends


def message(payload=b""):
    """A length-prefixed gRPC message."""
    return struct.pack(">BI", 0, len(payload)) + payload


def request_headers(path, headers=(), method="POST", scheme="https", authority="localhost"):
    """The headers of an ordinary gRPC request, and those given."""
    return [
        (":method", method),
        (":scheme", scheme),
        (":path", path),
        (":authority", authority),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
        *headers,
    ]


def _bytes(text):
    return text if isinstance(text, bytes) else text.encode()
