# Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.
"""Issuers that behave: where their keys are found, and how they are followed when they change."""

import concurrent.futures
import time

import pytest

import faults
import rpc
from guarded import OK, SUCCESS, UNAUTHENTICATED, UNAVAILABLE, ask, entry, provoke, wait_until
from issuer import Issuer


@pytest.fixture()
def many():
    """Makes issuers that end with the test."""
    made = []

    def make(**settings):
        made.append(Issuer(**settings))
        return made[-1]
    yield make
    for issuer in made:
        issuer.stop()


def test_keys_are_found_by_either_discovery_document_or_by_their_address(guarded, many):
    openid, oauth, either, address = many(), many(path="/tenant/one"), many(path="/two"), many()
    openid.fault("metadata", faults.failure(404))
    oauth.fault("discovery", faults.failure(404))
    either.fault("discovery", faults.failure(404))
    address.fault("discovery", faults.failure(404))
    address.fault("metadata", faults.failure(404))
    server = guarded(
        entry(openid, jwks={"discover": "openid"}), entry(oauth, jwks={"discover": "oauth"}),
        entry(either), entry(address, "uri"),
    )
    issuers = [openid, oauth, either, address]
    server.wait_for_keys(*issuers)
    wait_until(lambda: server.readyz()[0] == 200)
    with rpc.channel(server) as channel:
        for index, issuer in enumerate(issuers):
            got = ask(channel, issuer.mint(sub=f"caller-{index}"))
            assert got.code is OK and got.response.requested_by == f"caller-{index}"
            # Whoever one issuer vouches for is nobody to another one.
            other = issuers[index - 1]
            assert ask(channel, issuer.mint(iss=other.url)).code is UNAUTHENTICATED
            for bad in (issuer.forge(), issuer.mint(ttl=-5), issuer.mint(aud="another")):
                assert ask(channel, bad).code is UNAUTHENTICATED
    asked = [[issuer.count(path) for path in ("discovery", "metadata")] for issuer in issuers]
    assert [[bool(count) for count in pair] for pair in asked] == [
        [True, False], [False, True], [True, True], [False, False]]
    shown = server.keys(address)
    assert shown["keys"] == "1" and shown["last_error"] == "none"
    assert shown["age"] != "never" and 0 <= time.time() - int(shown["last_success"]) < 60
    assert server.fetches(address) == {SUCCESS: address.count("jwks")}


@pytest.mark.parametrize("hosts, code, problem", [
    ([], UNAVAILABLE, "keys_address_forbidden"), (["elsewhere.test"], UNAVAILABLE,
                                                  "keys_address_forbidden"),
    (["localhost"], OK, "none"),
])
def test_keys_on_another_host_are_fetched_only_if_it_is_named(
        guarded, remote_issuer, hosts, code, problem):
    # The issuer is the address, its keys are at the name: to a client these are two hosts.
    remote_issuer.url = remote_issuer.url.replace("localhost", "127.0.0.1")
    remote_issuer.fault("discovery", faults.members(issuer=remote_issuer.url))
    server = guarded(entry(remote_issuer, jwks={"hosts": hosts} if hosts else {}))
    wait_until(lambda: any(server.fetches(remote_issuer).values()))
    assert server.keys(remote_issuer)["last_error"] == problem
    with rpc.channel(server) as channel:
        assert ask(channel, remote_issuer.mint()).code is code
    assert bool(remote_issuer.count("jwks")) is (code is OK)


def test_a_key_that_was_published_first_needs_no_fetch_when_it_signs(guarded, remote_issuer):
    server = guarded(entry(remote_issuer, "uri"))
    server.wait_for_keys(remote_issuer)
    with rpc.channel(server) as channel:
        old = remote_issuer.mint(ttl=600)
        assert ask(channel, old).code is OK
        former = remote_issuer.keys.signing
        kid = remote_issuer.rotate(publish_first=True)
        provoke(channel, remote_issuer)  # In place of a refresh in the background.
        fetched = remote_issuer.count("jwks")
        assert ask(channel, remote_issuer.mint(kid=kid)).code is OK
        assert ask(channel, old).code is OK
        assert remote_issuer.count("jwks") == fetched == 2
        # Withdrawn, it stops working with the next refresh, also for a token just accepted.
        remote_issuer.retire(former)
        time.sleep(1.1)
        provoke(channel, remote_issuer)
        got = ask(channel, old)
        assert got.code is UNAUTHENTICATED and got.reason == "ACCESS_TOKEN_INVALID"
        assert ask(channel, remote_issuer.mint(kid=kid)).code is OK


def test_a_key_that_was_not_published_before_is_let_in_by_its_first_call(guarded, remote_issuer):
    server = guarded(entry(remote_issuer, jwks={"cooldown": "30s"}))
    server.wait_for_keys(remote_issuer)
    with rpc.channel(server) as channel:
        assert ask(channel, remote_issuer.mint()).code is OK
        kid = remote_issuer.rotate(publish_first=False)
        remote_issuer.publish(kid)
        # The fetch takes a while: these calls wait for it, and all for the same one.
        remote_issuer.fault("jwks", faults.slow_first_byte(0.5), times=1)
        with concurrent.futures.ThreadPoolExecutor(20) as pool:
            calls = [pool.submit(ask, channel, remote_issuer.mint()) for _ in range(20)]
            assert {call.result().code for call in calls} == {OK}
        assert remote_issuer.count("jwks") == 2
        # Within the cooldown nobody is asked again, whoever wants it.
        unannounced = remote_issuer.rotate(publish_first=False)
        remote_issuer.publish(unannounced)
        assert ask(channel, remote_issuer.mint()).code is UNAUTHENTICATED
        assert ask(channel, remote_issuer.mint(kid=kid)).code is OK
        assert remote_issuer.count("jwks") == 2


def test_an_old_set_brings_a_withdrawn_key_back_unless_it_is_listed(guarded, remote_issuer):
    withdrawn = remote_issuer.keys.signing
    kid = remote_issuer.rotate()
    remote_issuer.retire(withdrawn)
    trusting = guarded(entry(remote_issuer, "uri"))
    careful = guarded(entry(remote_issuer, "uri", {"revoked_kids": [withdrawn]}))
    for server, later in [(trusting, OK), (careful, UNAUTHENTICATED)]:
        remote_issuer.keys.restore()
        server.wait_for_keys(remote_issuer)
        with rpc.channel(server) as channel:
            assert ask(channel, remote_issuer.mint(kid=kid)).code is OK
            assert ask(channel, remote_issuer.mint(kid=withdrawn)).code is UNAUTHENTICATED
            remote_issuer.keys.rollback(1)
            time.sleep(1.1)
            provoke(channel, remote_issuer)
            shown = server.keys(remote_issuer)
            assert shown["last_error"] == "none"
            assert ask(channel, remote_issuer.mint(kid=withdrawn)).code is later
            assert ask(channel, remote_issuer.mint(kid=kid)).code is OK


def test_a_thousand_unknown_kids_in_a_second_cause_one_fetch(guarded, remote_issuer):
    server = guarded(entry(remote_issuer, "uri", {"cooldown": "30s"}))
    server.wait_for_keys(remote_issuer)
    tokens = [
        remote_issuer.mint(key=remote_issuer.attacker_key, header={"alg": "ES256", "kid": f"k{n}"})
        for n in range(1_000)
    ]
    good = remote_issuer.mint()
    fetched = remote_issuer.count("jwks")
    with rpc.channel(server) as channel:
        assert ask(channel, good).code is OK
        method = channel.unary_unary(
            "/tokenward.example.v1.Orders/Get",
            request_serializer=rpc.orders_pb2.GetOrderRequest.SerializeToString,
        )
        calls = []
        for n, token in enumerate(tokens):
            calls.append(method.future(rpc.orders_pb2.GetOrderRequest(id="o"), timeout=60,
                                       metadata=rpc.bearer(token)))
            if n % 100 == 0:
                assert ask(channel, good, timeout=60).code is OK
        assert {call.code() for call in calls} == {UNAUTHENTICATED}
        assert ask(channel, good).code is OK
    assert remote_issuer.count("jwks") - fetched == 1
    assert server.fetches(remote_issuer) == {SUCCESS: fetched + 1}
