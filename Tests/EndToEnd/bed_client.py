# Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.
"""A client of the issuer for the tests of the bed, down to the bytes."""

import json
import socket
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet


def get(issuer, url, body=None, headers=None, timeout=3):
    """(status, headers, body), with redirects followed as urllib does."""
    request = urllib.request.Request(url, data=body, headers=headers or {})
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}),
        urllib.request.HTTPSHandler(context=issuer.authority.client_context()),
    )
    try:
        with opener.open(request, timeout=timeout) as response:
            return response.status, response.headers, response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read()


def post(issuer, path, authorization=None, **form):
    headers = {} if authorization is None else {"Authorization": authorization}
    status, _, body = get(
        issuer, issuer.endpoint(path), urllib.parse.urlencode(form).encode(), headers
    )
    return status, json.loads(body)


def raw(issuer, path="jwks", seconds=0.3, limit=1 << 40):
    """What comes within a time, and whether it ended by itself: (bytes, count, ended)."""
    start, count = b"", 0
    deadline = time.monotonic() + seconds
    with socket.create_connection(("localhost", issuer.server.port), timeout=3) as plain:
        with issuer.authority.client_context().wrap_socket(
            plain, server_hostname="localhost"
        ) as stream:
            stream.sendall(
                f"GET {issuer.paths[path]} HTTP/1.1\r\nHost: localhost\r\n"
                "Connection: close\r\n\r\n".encode()
            )
            while count < limit and (left := deadline - time.monotonic()) > 0:
                stream.settimeout(left)
                try:
                    part = stream.recv(1 << 20)
                except (TimeoutError, ssl.SSLWantReadError):
                    break
                except (ssl.SSLEOFError, ConnectionResetError):
                    return start, count, True
                if not part:
                    return start, count, True
                count += len(part)
                start = start + part if len(start) < 4_000_000 else start
    return start, count, False


def wait_until(holds, seconds=3):
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def verifies(token, document):
    try:
        jwt.decode(token, KeySet.import_key_set(document), algorithms=["ES256"])
        return True
    except (JoseError, ValueError, KeyError, TypeError):
        return False
