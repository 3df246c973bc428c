# Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.
"""What can go wrong with one HTTP answer, by name.

Each function here makes a fault `(request, response) -> Response` for `FaultyServer.fault`;
`response` is the proper answer. `named` finds one by its name, for commands that come as JSON.
"""

import dataclasses
import functools
import itertools
import json
import zlib

from http_wire import Response

SPACES = b" " * 65_536
METADATA = "http://169.254.169.254/latest/meta-data/iam/security-credentials/"


def slow_first_byte(seconds=30.0):
    """Nothing comes for some seconds, then the proper answer."""
    return lambda request, response: _with(response, delay=seconds)


def stall():
    """The head comes, with the proper length, and then nothing for ever."""
    return lambda request, response: _unframed(
        response, itertools.repeat(3600.0), {"Content-Length": len(response.body)}
    )


def trickle(seconds=1.0):
    """One byte per second for ever: the proper body, then white space."""
    def parts(body):
        for byte in itertools.chain(body, itertools.repeat(0x20)):
            yield _chunk(bytes([byte]))
            yield seconds
    return lambda request, response: _unframed(
        response, parts(response.body), {"Transfer-Encoding": "chunked"}
    )


def endless():
    """The proper body, then white space as fast as it is read, for ever, in chunks."""
    return lambda request, response: _unframed(
        response, itertools.chain([_chunk(response.body)], itertools.repeat(_chunk(SPACES))),
        {"Transfer-Encoding": "chunked"},
    )


def huge(size=10_000_000_000, chunked=False):
    """The proper body and white space, 10 GB in all: announced in the head, or in chunks."""
    def parts(body, wrap):
        yield wrap(body)
        left = size - len(body)
        while left > 0:
            part = SPACES[:left]
            yield wrap(part)
            left -= len(part)
        if chunked:
            yield b"0\r\n\r\n"
    ending = {"Transfer-Encoding": "chunked"} if chunked else {"Content-Length": size}
    return lambda request, response: _unframed(
        response, parts(response.body, _chunk if chunked else lambda part: part), ending
    )


def huge_headers(size=1_000_000, each=8_000):
    """A megabyte of headers in front of the proper answer."""
    filler = {f"X-Filler-{n}": "f" * each for n in range(max(1, size // each))}
    return lambda request, response: _with(response, headers={**response.headers, **filler})


def redirect(to, status=302):
    """Elsewhere, to a URL."""
    return lambda request, response: Response(status, {"Location": to}, b"")


def redirect_to_metadata(status=302):
    """To the address where clouds keep the credentials of a machine."""
    return redirect(METADATA, status)


def redirect_to_file(status=302):
    return redirect("file:///etc/passwd", status)


def redirect_loop(status=302):
    """To itself, with one more letter each time."""
    return lambda request, response: Response(
        status, {"Location": f"{request.path}?{request.query}a"}, b""
    )


def html(status=200):
    """A page for people, as captive portals and broken proxies answer."""
    page = b"<!DOCTYPE html><html><body><h1>Welcome</h1></body></html>"
    return lambda request, response: Response(status, {"Content-Type": "text/html"}, page)


def truncated(fraction=0.5):
    """Whole as HTTP, but the JSON stops in the middle."""
    return lambda request, response: _with(
        response, body=response.body[:int(len(response.body) * fraction)]
    )


def cut(fraction=0.5):
    """The connection ends in the middle of the announced body."""
    def change(request, response):
        part = response.body[:int(len(response.body) * fraction)]
        return _unframed(response, part, {"Content-Length": len(response.body)})
    return change


def failure(code=500, retry_after=None, body=""):
    """Another status, with a Retry-After (seconds or a date) if asked for."""
    headers = {"Content-Type": "application/json"}
    if retry_after is not None:
        headers["Retry-After"] = retry_after
    return lambda request, response: Response(code, headers, body.encode())


def not_modified():
    """304, though nobody asked whether anything had changed."""
    return lambda request, response: Response(304, {"ETag": '"one"'})


def body(text="", content_type="application/json"):
    """200 with this text."""
    return lambda request, response: Response(200, {"Content-Type": content_type}, text.encode())


def document(value, status=200):
    """This JSON instead."""
    text = json.dumps(value)
    return body(text) if status == 200 else failure(status, body=text)


def members(absent=(), **changes):
    """The proper JSON object with some members changed, and some left out."""
    return inside("", absent, **changes)


def inside(place, absent=(), **changes):
    """Like `members`, in the object at a place such as "data.metadata"."""
    def change(request, response):
        value = json.loads(response.body)
        inner = value
        for name in filter(None, place.split(".")):
            inner = inner[name]
        inner.update(changes)
        for name in absent:
            del inner[name]
        return _with(response, body=json.dumps(value).encode())
    return change


def headers(**changes):
    """The proper answer with other headers: headers(Cache_Control="max-age=0")."""
    changes = {name.replace("_", "-"): value for name, value in changes.items()}
    return lambda request, response: _with(response, headers={**response.headers, **changes})


def nested(depth=100_000):
    """JSON that goes so deep that a recursive reader runs out of stack."""
    return body("[" * depth + "]" * depth)


def byte_order_mark():
    return lambda request, response: _with(response, body=b"\xef\xbb\xbf" + response.body)


def member_twice(name="keys"):
    """The same member twice in the outer object, the second time empty."""
    def change(request, response):
        doubled = response.body.rstrip()[:-1] + b', "%b": []}' % name.encode()
        return _with(response, body=doubled)
    return change


def gzip():
    """The proper body, compressed though nobody asked for it."""
    return lambda request, response: _compressed(response, _gzipped(response.body, 0))


def gzip_bomb(megabytes=1_024):
    """A small body that becomes the proper one and a gigabyte of white space."""
    return lambda request, response: _compressed(response, _gzipped(response.body, megabytes))


def not_http():
    """Something that is not HTTP at all."""
    return lambda request, response: Response(raw=b"SSH-2.0-OpenSSH_9.2\r\n")


def no_answer():
    """The connection ends without a byte."""
    return lambda request, response: Response(raw=b"")


BY_NAME = {
    function.__name__: function for function in (
        slow_first_byte, stall, trickle, endless, huge, huge_headers, redirect,
        redirect_to_metadata, redirect_to_file, redirect_loop, html, truncated, cut, failure,
        not_modified, body, document, members, inside, headers, nested, byte_order_mark,
        member_twice, gzip, gzip_bomb, not_http, no_answer,
    )
}


def named(name, **parameters):
    """The fault of that name."""
    if name not in BY_NAME:
        raise ValueError(f"no fault is called {name}; there are {', '.join(BY_NAME)}")
    return BY_NAME[name](**parameters)


def _with(response, **changes):
    # A copy: what an application answers may be kept for the next request.
    return dataclasses.replace(response, **changes)


def _unframed(response, parts, ending):
    return _with(response, body=parts, framed=False, headers={**response.headers, **ending})


def _chunk(part):
    return b"%x\r\n%b\r\n" % (len(part), part)


def _compressed(response, data):
    return _with(response, body=data, headers={**response.headers, "Content-Encoding": "gzip"})


@functools.lru_cache(maxsize=4)
def _gzipped(text, megabytes):
    """One gzip stream. After a full flush a block stands for itself, so that it can be repeated."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    start = deflate.compress(text) + deflate.flush(zlib.Z_FULL_FLUSH)
    block = zlib.compressobj(9, zlib.DEFLATED, -15)
    spaces = b" " * 1_000_000
    repeated = block.compress(spaces) + block.flush(zlib.Z_FULL_FLUSH)
    end = zlib.compressobj(9, zlib.DEFLATED, -15).flush()
    checksum = zlib.crc32(text)
    for _ in range(megabytes):
        checksum = zlib.crc32(spaces, checksum)
    size = (len(text) + megabytes * len(spaces)) % (1 << 32)
    head = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff"
    tail = checksum.to_bytes(4, "little") + size.to_bytes(4, "little")
    return head + start + repeated * megabytes + end + tail
