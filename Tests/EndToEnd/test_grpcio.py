# Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.
"""Google's gRPC for Python against the guarded server, over TLS."""

import time

import grpc
import pytest

import rpc
from conftest import bad_tokens

UNAUTHENTICATED = grpc.StatusCode.UNAUTHENTICATED
SENTENCE = "request is not authenticated"


@pytest.fixture()
def channel(server):
    with rpc.channel(server) as channel:
        yield channel


def test_a_good_token_opens_every_kind_of_call(channel, issuer):
    metadata = rpc.bearer(issuer.token())
    got = rpc.unary(channel, metadata)
    assert got.code is grpc.StatusCode.OK and got.response.requested_by == "e2e"
    got = rpc.watch(channel, metadata, count=5)
    assert got.code is grpc.StatusCode.OK and [e.sequence for e in got.response] == [1, 2, 3, 4, 5]
    got = rpc.chat(channel, metadata, ["a", "b"])
    assert got.code is grpc.StatusCode.OK and [n.text for n in got.response] == ["a", "b"]


def test_every_bad_token_is_refused_with_one_sentence(channel, issuer):
    for name, (token, reason) in bad_tokens(issuer).items():
        got = rpc.unary(channel, rpc.bearer(token))
        assert (got.code, got.message) == (UNAUTHENTICATED, SENTENCE), name
        assert (got.reason, got.domain) == (reason, rpc.DOMAIN), name
        assert got.challenge == 'Bearer error="invalid_token"', name
        assert got.initial == [], f"{name}: a denial is trailers-only"
        # The twin: the same connection goes on serving good tokens.
        assert rpc.unary(channel, rpc.bearer(issuer.token())).code is grpc.StatusCode.OK


def test_no_token_is_answered_alike_for_known_and_unknown_methods(channel):
    known = rpc.unary(channel, [])
    unknown = rpc.unary(channel, [], path="/tokenward.example.v1.Orders/Nothing")
    elsewhere = rpc.unary(channel, [], path="/no.such.Service/Nothing")
    assert known.code is UNAUTHENTICATED and known.reason == "CREDENTIALS_MISSING"
    assert known.challenge == "Bearer"
    assert known.comparable() == unknown.comparable() == elsewhere.comparable()


def test_a_good_token_without_the_right_is_forbidden(channel, issuer):
    for path, token in [
        ("/tokenward.example.v1.Orders/Get", issuer.token(scope="inventory.read")),
        ("/tokenward.example.v1.Inventory/Adjust", issuer.token()),
        ("/tokenward.example.v1.Orders/Nothing", issuer.token()),
    ]:
        got = rpc.unary(channel, rpc.bearer(token), path=path)
        assert got.code is grpc.StatusCode.PERMISSION_DENIED, path
        assert got.reason == "ACCESS_TOKEN_SCOPE_INSUFFICIENT", path
        assert got.message == "permission denied", path


def test_two_credentials_are_refused_in_either_order(channel, issuer):
    good, bad = issuer.token(), issuer.forged()
    for pair in [(good, bad), (bad, good), (good, good)]:
        got = rpc.unary(channel, [*rpc.bearer(pair[0]), *rpc.bearer(pair[1])])
        assert got.code is UNAUTHENTICATED and got.reason == "ACCESS_TOKEN_INVALID"
        assert got.challenge == 'Bearer error="invalid_request"'


def test_streams_end_at_expiry_and_not_before(channel, issuer):
    expiry = int(time.time()) + 3
    metadata = rpc.bearer(issuer.token(exp=expiry))
    got = rpc.watch(channel, metadata, count=0, interval=50)
    late = time.time() - expiry
    assert got.code is UNAUTHENTICATED and got.reason == "ACCESS_TOKEN_EXPIRED"
    assert len(got.response) > 5
    assert 0 <= late <= 1.0, f"ended {late:.3f} s after the expiry"
