# Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.
"""What a stranger claims is written nowhere: not in audit, log, metrics or the answer."""

import json
import secrets
import time

import http2
import rpc
from conftest import encode


def everything_written(server):
    return {
        "audit": server.audit.read_text(errors="replace"),
        "log": server.errors.read_text(errors="replace"),
        "output": server.output.read_text(errors="replace"),
        "metrics": server.metrics(),
    }


def wait_for_audit(server, count, timeout=5):
    """Audit is written in the background; returns the records once so many are there."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        lines = server.audit.read_text().splitlines()
        if len(lines) >= count:
            return lines
        time.sleep(0.02)
    raise AssertionError(f"{len(server.audit.read_text().splitlines())} of {count} records came")


def test_claims_of_tokens_that_do_not_verify_are_written_nowhere(server, issuer):
    mark = "mark" + secrets.token_hex(12)
    head, payload, signature = issuer.token(
        sub=f"sub-{mark}", jti=f"jti-{mark}", client_id=f"client-{mark}", scope=f"scope-{mark}"
    ).split(".")
    other_head = encode(json.dumps({"alg": "ES256", "kid": f"kid-{mark}", "typ": mark}).encode())
    tokens = [
        f"{head}.{payload}.{encode(bytes(64))}",
        f"{other_head}.{payload}.{signature}",
        issuer.token(iss=f"https://{mark}.test"),
        f"{mark}.{mark}.{mark}",
        mark,
    ]
    before = len(server.audit.read_text().splitlines())
    answers = []
    with http2.Connection(server.address, server.authority) as connection:
        for token in tokens:
            headers = [("authorization", f"Bearer {token}"), (f"x-{mark}", mark)]
            answers.append(connection.call(
                http2.request_headers("/tokenward.example.v1.Orders/Get", headers),
                http2.message(),
            ))
    assert [answer.grpc_status for answer in answers] == [16] * len(tokens)
    wait_for_audit(server, before + len(tokens))
    for place, text in everything_written(server).items():
        assert mark not in text, f"the mark is in {place}"
        for token in tokens:
            assert token not in text, f"a token is in {place}"
    for answer in answers:
        assert mark.encode() not in repr(answer).encode(), "the mark is in an answer"


def test_claims_of_tokens_that_verify_are_in_the_audit_file_and_nowhere_else(server, issuer):
    # The positive twin: were nothing ever written, the test above could not fail.
    mark = "mark" + secrets.token_hex(12)
    before = len(server.audit.read_text().splitlines())
    with rpc.channel(server) as channel:
        got = rpc.unary(channel, rpc.bearer(issuer.token(sub=mark)))
    assert got.response.requested_by == mark
    wait_for_audit(server, before + 1)
    written = everything_written(server)
    assert json.loads(written.pop("audit").splitlines()[-1])["subject"] == mark
    for place, text in written.items():
        assert mark not in text, f"the subject is in {place}"


def test_a_token_in_the_path_is_written_nowhere(server, issuer):
    token = issuer.token()
    head, payload, signature = token.split(".")
    paths = [
        f"/tokenward.example.v1.Orders/Get?access_token={token}",
        f"/{token}",
        f"/{head}.{payload}/{signature}",
    ]
    before = len(server.audit.read_text().splitlines())
    with http2.Connection(server.address, server.authority) as connection:
        for path in paths:
            answer = connection.call(http2.request_headers(path), http2.message())
            assert answer.grpc_status != 0, path
    # A transport may refuse a path by itself; the last one follows the grammar and is decided.
    wait_for_audit(server, before + 1)
    for place, text in everything_written(server).items():
        for part in (token, head, payload, signature):
            assert part not in text, f"a part of the token is in {place}"
