# Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.
"""The test bed itself: the gRPC server and the client in Python."""

import time

import grpc
import pytest

import pki
import rpc
from issuer import Issuer, fingerprint
from peer_client import TokenPlugin, credentialed_channel
from peer_server import EXPIRED, INVALID, PeerServer


@pytest.fixture(scope="module")
def peers():
    with Issuer() as issuer, PeerServer(issuer) as server:
        yield issuer, server


@pytest.fixture()
def plugged(peers):
    issuer, server = peers
    server.forget()
    plugin = TokenPlugin(issuer)
    with credentialed_channel(server.target, server.authority.path, plugin) as channel:
        yield channel, plugin, issuer, server


class Address:
    """What rpc.channel wants of a server."""

    def __init__(self, server):
        self.target, self.authority = server.target, server.authority.path


def test_a_client_with_its_own_credentials_is_served_with_one_token(plugged):
    channel, plugin, issuer, server = plugged
    for _ in range(3):
        got = rpc.unary(channel, [])
        assert got.code is grpc.StatusCode.OK and got.response.requested_by == issuer.client_id
    assert [e.sequence for e in rpc.watch(channel, [], 3).response] == [1, 2, 3]
    assert [n.text for n in rpc.chat(channel, [], ["a", "b"]).response] == ["a", "b"]
    assert server.tokens() == [fingerprint(plugin.token())] and plugin.fetches == 1
    assert server.expired_calls() == []


def test_the_peer_refuses_with_the_reason_and_records_it(peers):
    issuer, server = peers
    server.forget()
    with rpc.channel(Address(server)) as channel:
        for token, reason in [
            (issuer.mint(ttl=-1), EXPIRED), (issuer.forge(), INVALID),
            (issuer.mint(aud="another"), INVALID), ("nonsense", INVALID),
        ]:
            got = rpc.unary(channel, rpc.bearer(token))
            assert (got.code, got.reason, got.domain) == (
                grpc.StatusCode.UNAUTHENTICATED, reason, rpc.DOMAIN)
            assert server.calls[-1].reason == reason
            assert server.calls[-1].token == fingerprint(token)
        assert rpc.unary(channel, []).reason == "CREDENTIALS_MISSING"
    assert [call.expired for call in server.calls] == [True, False, False, False, False]


def test_the_peer_refuses_on_command_before_and_after_messages(plugged):
    channel, _, _, server = plugged
    server.reject(EXPIRED, INVALID, grpc.StatusCode.UNAVAILABLE)
    assert [rpc.unary(channel, []).reason for _ in range(2)] == [EXPIRED, INVALID]
    assert rpc.unary(channel, []).code is grpc.StatusCode.UNAVAILABLE
    assert rpc.unary(channel, []).code is grpc.StatusCode.OK
    server.break_stream(EXPIRED, after=2)
    got = rpc.watch(channel, [], 5)
    assert len(got.response) == 2 and got.reason == EXPIRED
    server.break_stream(INVALID, after=1)
    got = rpc.chat(channel, [], ["a", "b"])
    assert len(got.response) == 1 and got.reason == INVALID


def test_the_plugin_fetches_again_before_the_end_of_a_token(peers):
    issuer, server = peers
    server.forget()
    issuer.token_ttl = 2
    plugin = TokenPlugin(issuer, margin=1.0)
    with credentialed_channel(server.target, server.authority.path, plugin) as channel:
        for _ in range(8):
            assert rpc.unary(channel, []).code is grpc.StatusCode.OK
            time.sleep(0.2)
    issuer.token_ttl = 60
    assert plugin.fetches == len(server.tokens()) >= 2
    assert server.expired_calls() == []


def test_mutual_tls_lets_in_clients_of_the_authority_only(peers):
    issuer, _ = peers
    clients = pki.Authority("Clients")
    with PeerServer(issuer, clients=clients) as server:
        for authority, code in [(clients, grpc.StatusCode.OK),
                                (pki.Authority("Clients"), grpc.StatusCode.UNAVAILABLE)]:
            identity = authority.client()
            credentials = grpc.ssl_channel_credentials(
                server.authority.pem, identity.key, identity.certificate
            )
            with grpc.secure_channel(server.target, credentials, options=[
                ("grpc.use_local_subchannel_pool", 1)
            ]) as channel:
                assert rpc.unary(channel, rpc.bearer(issuer.mint())).code is code
