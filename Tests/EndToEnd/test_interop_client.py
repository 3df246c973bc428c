# Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.
"""A gRPC client in Python with its own call credentials, against the guarded server."""

import time

import grpc

import rpc
from guarded import OK, entry
from issuer import Issuer
from peer_client import TokenPlugin, credentialed_channel


def test_tokens_are_refreshed_while_calls_run(guarded, remote_issuer):
    remote_issuer.token_ttl = 3
    server = guarded(entry(remote_issuer))
    server.wait_for_keys(remote_issuer)
    plugin = TokenPlugin(remote_issuer, margin=1.5)
    calls = 0
    with credentialed_channel(server.target, server.authority, plugin) as channel:
        until = time.monotonic() + 5
        while time.monotonic() < until:
            got = rpc.unary(channel, [])
            assert got.code is OK and got.response.requested_by == remote_issuer.client_id
            calls += 1
            # The issuer rotates its keys meanwhile, too.
            if calls % 25 == 0:
                remote_issuer.rotate(publish_first=True)
            time.sleep(0.01)
        assert [e.sequence for e in rpc.watch(channel, [], 3).response] == [1, 2, 3]
        assert [n.text for n in rpc.chat(channel, [], ["a", "b"]).response] == ["a", "b"]
    assert 3 <= plugin.fetches <= 10 and calls > 25


def test_a_client_of_another_issuer_or_with_a_wrong_secret_gets_nowhere(guarded, remote_issuer):
    server = guarded(entry(remote_issuer))
    server.wait_for_keys(remote_issuer)
    with Issuer() as stranger:
        plugin = TokenPlugin(stranger)
        with credentialed_channel(server.target, server.authority, plugin) as channel:
            got = rpc.unary(channel, [])
            assert got.code is grpc.StatusCode.UNAUTHENTICATED
            assert got.reason == "ACCESS_TOKEN_INVALID"
    plugin = TokenPlugin(remote_issuer)
    with credentialed_channel(server.target, server.authority, plugin) as channel:
        assert rpc.unary(channel, []).code is OK
        secret, remote_issuer.client_secret = remote_issuer.client_secret, "wrong"
        plugin._expiry = 0.0
        assert rpc.unary(channel, []).code is not OK
        remote_issuer.client_secret = secret
        assert rpc.unary(channel, []).code is OK
