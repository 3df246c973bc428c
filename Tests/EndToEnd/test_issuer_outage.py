# Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.
"""Issuers that hang or are gone, and the calls that need them meanwhile."""

import concurrent.futures
import time

import grpc
import pytest

import faults
import http2
import rpc
from guarded import OK, UNAUTHENTICATED, UNAVAILABLE, ask, entry, provoke, wait_until

PATH = "/tokenward.example.v1.Orders/Get"
MOST_STALE = 60


@pytest.mark.parametrize("fault", [faults.slow_first_byte(3_600), faults.stall()],
                         ids=["slow_first_byte", "stall"])
def test_a_call_that_waits_for_a_fetch_ends_when_its_client_wants(guarded, remote_issuer, fault):
    server = guarded(entry(remote_issuer, "uri"))
    server.wait_for_keys(remote_issuer)
    with rpc.channel(server) as channel:
        good = remote_issuer.mint()
        assert ask(channel, good).code is OK
        # The key exists and is published, and the issuer hangs: would anybody be let in early?
        remote_issuer.publish(remote_issuer.rotate(publish_first=False))
        waiting = remote_issuer.mint()
        remote_issuer.fault("jwks", fault)
        resident, files = server.resident_bytes(), server.open_files()

        request = rpc.orders_pb2.GetOrderRequest(id="o")

        def start(channel):
            method = channel.unary_unary(
                PATH, request_serializer=rpc.orders_pb2.GetOrderRequest.SerializeToString)
            return method.future(request, metadata=rpc.bearer(waiting), timeout=60)
        longest = start(channel)
        wait_until(lambda: remote_issuer.count("jwks") >= 2)
        begin = time.monotonic()
        # On several connections: one with two hundred resets is cut off, as an attack (that of
        # CVE-2023-44487).
        for _ in range(4):
            with rpc.channel(server) as impatient:
                assert ask(impatient, good).code is OK
                for _ in range(50):
                    got = ask(impatient, waiting, timeout=0.001)
                    assert got.code is grpc.StatusCode.DEADLINE_EXCEEDED
                cancelled = [start(impatient) for _ in range(50)]
                time.sleep(0.1)
                for call in cancelled:
                    call.cancel()
                assert {call.code() for call in cancelled} == {grpc.StatusCode.CANCELLED}
        assert ask(channel, good).code is OK
        if time.monotonic() - begin < 4:
            assert not longest.done(), "it did not wait for the fetch"
        # It ends with the fetch, and by the keys that were there.
        assert longest.code() is UNAUTHENTICATED
        assert server.keys(remote_issuer)["last_error"] == "deadline_exceeded"

        remote_issuer.clear()
        wait_until(lambda: ask(channel, waiting, timeout=30).code is OK, timeout=40)
        assert ask(channel, good).code is OK
        assert server.resident_bytes() - resident < 24 << 20
        assert server.open_files() <= files + 4


def test_the_server_itself_keeps_the_deadline_of_a_call_that_waits(guarded, remote_issuer):
    server = guarded(entry(remote_issuer, "uri"))
    server.wait_for_keys(remote_issuer)
    remote_issuer.publish(remote_issuer.rotate(publish_first=False))
    remote_issuer.fault("jwks", "stall")
    # Frames by hand: a client's own deadline would hide what the server answers.
    headers = [*rpc.bearer(remote_issuer.mint()), ("grpc-timeout", "100m")]
    with http2.Connection(server.address, server.authority, timeout=20) as connection:
        begin = time.monotonic()
        answer = connection.call(http2.request_headers(PATH, headers), http2.message())
        took = time.monotonic() - begin
    # Which of the two is a matter of milliseconds; OK is not among them.
    assert answer.grpc_status == grpc.StatusCode.DEADLINE_EXCEEDED.value[0], answer.outcome
    assert took < 4, f"answered after {took:.1f} s"
    remote_issuer.clear()
    with rpc.channel(server) as channel:
        wait_until(lambda: ask(channel, remote_issuer.mint(), timeout=30).code is OK, timeout=40)


def test_without_keys_a_call_does_not_wait(guarded, remote_issuer):
    remote_issuer.fault("*", "stall")
    server = guarded(entry(remote_issuer))
    with rpc.channel(server) as channel, concurrent.futures.ThreadPoolExecutor(20) as pool:
        wait_until(lambda: remote_issuer.count() > 0)
        begin = time.monotonic()
        calls = [pool.submit(ask, channel, remote_issuer.mint()) for _ in range(100)]
        assert {call.result().code for call in calls} == {UNAVAILABLE}
        assert time.monotonic() - begin < 4
        remote_issuer.clear()
        server.wait_for_keys(remote_issuer)
        assert ask(channel, remote_issuer.mint()).code is OK


def test_a_dead_issuer_is_trusted_to_the_last_second_of_max_stale(guarded, remote_issuer):
    """The real short run; `KeySet` on a clock that is only counted is a unit test."""
    server = guarded(entry(remote_issuer, "uri", {"max_stale": f"{MOST_STALE}s"}))
    server.wait_for_keys(remote_issuer)
    token = remote_issuer.mint(ttl=600)
    with rpc.channel(server) as channel:
        assert ask(channel, token).code is OK
        earliest = time.monotonic()
        provoke(channel, remote_issuer)
        latest = time.monotonic()
        assert remote_issuer.count("jwks") == 2
        remote_issuer.down()
        allowed = denied = None
        while denied is None:
            begin = time.monotonic()
            got = ask(channel, token)
            if got.code is OK:
                allowed = begin
            else:
                denied = time.monotonic()
            assert time.monotonic() < latest + MOST_STALE + 10, "it was trusted for ever"
            time.sleep(0.05)
        assert got.code is UNAVAILABLE and got.reason == "AUTH_BACKEND_UNAVAILABLE"
        assert got.retry_after > 0
        # Not a second too early, and not one too late.
        assert denied - earliest >= MOST_STALE, f"denied after {denied - earliest:.2f} s"
        assert allowed - latest < MOST_STALE, f"allowed after {allowed - latest:.2f} s"
        assert allowed - earliest > MOST_STALE - 2, "the last second was not looked at"
        for bad in (token, remote_issuer.mint(), remote_issuer.forge()):
            assert ask(channel, bad).code is UNAVAILABLE
        status, keys = server.readyz()
        shown = keys[remote_issuer.url]
        assert status == 200, "an outage that all replicas see must not take all out of rotation"
        assert shown["usable"] == "false" and shown["last_error"] == "connection_failed"
        # It comes back by itself, when the next attempt is due.
        due = int(shown["next_attempt"].removesuffix("s"))
        assert due <= 60
        remote_issuer.up()
        wait_until(lambda: ask(channel, token).code is OK, timeout=due + 10)
        assert server.keys(remote_issuer)["last_error"] == "none"
