# Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.
"""The test bed itself: every fault does what it says, seen by a client that is not ours.

Were a fault silently without effect, the tests that use it could not fail.
"""

import contextlib
import gzip
import http.client
import json
import socket
import ssl
import time
import urllib.error

import pytest

import faults
import pki
import signing
from bed_client import get, raw, verifies, wait_until
from issuer import Issuer


@pytest.fixture(scope="module")
def shared():
    with Issuer() as issuer:
        yield issuer


@pytest.fixture()
def issuer(shared):
    """One issuer for all tests, well-behaved at the start of each."""
    shared.clear()
    shared.up()
    shared.server.forget()
    yield shared
    shared.clear()


# Certificates and presence.

REASONS = {
    "expired": "certificate has expired", "not_yet_valid": "not yet valid",
    "wrong_name": "Hostname mismatch", "self_signed": "self-signed certificate",
    "unknown_authority": "unable to get local issuer",
    "forged_signature": "certificate signature failure",
}


@pytest.mark.parametrize("kind", REASONS)
def test_a_wrong_certificate_is_wrong_in_one_way(issuer, kind):
    try:
        issuer.certificate(kind)
        failed = issuer.server.failed_handshakes
        with pytest.raises(urllib.error.URLError) as caught:
            get(issuer, issuer.endpoint("jwks"))
        assert isinstance(caught.value.reason, ssl.SSLCertVerificationError)
        assert REASONS[kind] in caught.value.reason.verify_message + str(caught.value.reason)
        wait_until(lambda: issuer.server.failed_handshakes == failed + 1)
        assert issuer.count() == 0
    finally:
        issuer.certificate("good")
    assert get(issuer, issuer.endpoint("jwks"))[0] == 200


def test_every_kind_of_certificate_is_tried():
    assert {"good", *REASONS} == set(pki.KINDS)


def test_down_refuses_and_up_is_the_same_address(issuer):
    connection = http.client.HTTPSConnection(
        "localhost", issuer.server.port, context=issuer.authority.client_context(), timeout=3
    )
    connection.request("GET", issuer.paths["jwks"])
    assert connection.getresponse().read()
    issuer.down()
    with pytest.raises((OSError, http.client.HTTPException)):
        connection.request("GET", issuer.paths["jwks"])
        connection.getresponse()
    connection.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("localhost", issuer.server.port), timeout=3)
    # Nobody else gets the port meanwhile.
    other = socket.socket()
    with contextlib.closing(other), pytest.raises(OSError):
        other.bind(("127.0.0.1", issuer.server.port))
    issuer.up()
    assert get(issuer, issuer.endpoint("jwks"))[0] == 200


# Answers of any path.

@pytest.mark.parametrize("name", faults.BY_NAME)
def test_every_fault_changes_what_comes(issuer, name):
    proper, _, ended = raw(issuer)
    assert ended and verifies(issuer.mint(), json.loads(proper.split(b"\r\n\r\n")[1]))
    parameters = {"gzip_bomb": {"megabytes": 1}, "members": {"absent": ["keys"]},
                  "inside": {"place": "", "keys": {}}, "document": {"value": 1},
                  "headers": {"Cache_Control": "no-store"},
                  "redirect": {"to": "https://elsewhere.test"}}
    issuer.fault("jwks", name, **parameters.get(name, {}))
    bent, _, _ = raw(issuer)
    assert bent != proper
    issuer.clear("jwks")
    assert raw(issuer)[0] == proper


def test_faults_last_for_as_many_requests_as_asked(issuer):
    issuer.fault("jwks", "failure", times=2, code=503, retry_after=7)
    answers = [get(issuer, issuer.endpoint("jwks")) for _ in range(3)]
    assert [status for status, _, _ in answers] == [503, 503, 200]
    assert answers[0][1]["Retry-After"] == "7"
    assert issuer.count("jwks") == 3


def test_slow_is_slow(issuer):
    issuer.fault("jwks", "slow_first_byte", seconds=0.4)
    began = time.monotonic()
    assert raw(issuer, seconds=0.3)[1] == 0
    assert get(issuer, issuer.endpoint("jwks"))[0] == 200
    assert time.monotonic() - began > 0.7
    issuer.fault("jwks", "stall")
    start, _, ended = raw(issuer)
    assert start.endswith(b"\r\n\r\n") and not ended
    issuer.fault("jwks", "trickle", seconds=0.05)
    start, _, ended = raw(issuer, seconds=0.5)
    body = start.split(b"\r\n\r\n", 1)[1]
    assert not ended and 5 <= body.count(b"1\r\n") <= 11


def test_endless_does_not_end_and_stops_with_its_client(issuer):
    issuer.fault("jwks", "endless")
    _, count, ended = raw(issuer, seconds=5, limit=20_000_000)
    assert count >= 20_000_000 and not ended
    wait_until(lambda: issuer.server.open_connections == 0)


def test_ten_gigabytes_are_promised_and_sent(issuer):
    issuer.fault("jwks", "huge")
    start, count, ended = raw(issuer, seconds=5, limit=20_000_000)
    assert b"Content-Length: 10000000000\r\n" in start
    assert count >= 20_000_000 and not ended
    issuer.fault("jwks", "huge", size=100_000)
    assert len(get(issuer, issuer.endpoint("jwks"))[2]) == 100_000
    issuer.fault("jwks", "huge", size=100_000, chunked=True)
    _, headers, body = get(issuer, issuer.endpoint("jwks"))
    assert headers["Content-Length"] is None and len(body) == 100_000
    # What comes is the good set: a client without a limit would take it.
    assert verifies(issuer.mint(), json.loads(body))


def test_a_bomb_is_small_and_becomes_big(issuer):
    issuer.fault("jwks", "gzip_bomb", megabytes=40)
    _, headers, body = get(issuer, issuer.endpoint("jwks"))
    assert headers["Content-Encoding"] == "gzip" and len(body) < 100_000
    whole = gzip.decompress(body)
    assert len(whole) > 40_000_000 and verifies(issuer.mint(), json.loads(whole))


def test_a_body_that_is_cut_is_noticed_and_one_that_is_truncated_is_no_json(issuer):
    issuer.fault("jwks", "cut")
    with pytest.raises(http.client.IncompleteRead):
        get(issuer, issuer.endpoint("jwks"))
    issuer.fault("jwks", "truncated")
    with pytest.raises(ValueError):
        json.loads(get(issuer, issuer.endpoint("jwks"))[2])
    issuer.fault("jwks", "huge_headers")
    assert raw(issuer, seconds=2)[1] > 1_000_000


REDIRECTS = {
    "redirect_to_same_host": "https://localhost:", "redirect_to_other_port": "https://localhost:",
    "redirect_to_other_host": "https://127.0.0.1:", "redirect_to_http": "http://localhost:",
    "redirect_to_metadata": "http://169.254.169.254/", "redirect_to_file": "file:///",
}


@pytest.mark.parametrize("name", REDIRECTS)
def test_whoever_follows_a_redirect_takes_the_attackers_keys(issuer, name):
    issuer.fault("jwks", name)
    assert f"\r\nLocation: {REDIRECTS[name]}".encode() in raw(issuer)[0]
    if name in ("redirect_to_metadata", "redirect_to_file"):
        return
    document = json.loads(get(issuer, issuer.endpoint("jwks"))[2])
    theirs = name != "redirect_to_same_host"
    assert verifies(issuer.forge(), document) is theirs
    assert verifies(issuer.mint(), document) is not theirs
    seen = issuer.elsewhere(name != "redirect_to_http")
    assert (seen.count() > 0) is theirs
    seen.forget()


# Key sets.

@pytest.mark.parametrize("name", signing.BROKEN_SETS)
def test_broken_sets_are_broken_as_they_say(issuer, name):
    issuer.fault("jwks", name)
    document = json.loads(get(issuer, issuer.endpoint("jwks"))[2])
    keys = document.get("keys")
    kids = [key.get("kid") for key in keys] if isinstance(keys, list) else []
    good, forged = (verifies(token, document) for token in (issuer.mint(), issuer.forge()))
    assert {
        "keys_not_array": lambda: isinstance(keys, dict) and not good,
        "empty_set": lambda: keys == [],
        "no_keys_member": lambda: keys is None and not good,
        "unusable_keys": lambda: len(kids) == 7 and not good,
        "one_bad_key": lambda: len(kids) == 3 and kids[1] == issuer.keys.signing,
        "private_keys": lambda: all("d" in key for key in keys) and good,
        "symmetric_key": lambda: keys[-1]["kty"] == "oct" and "k" in keys[-1] and good,
        "kid_twice": lambda: kids.count(issuer.keys.signing) == 3 and (good or forged),
        "too_many_keys": lambda: len(kids) > 100 and good,
        "attacker_keys": lambda: forged and not good,
    }[name]()


def test_keys_rotate_before_or_after_they_are_published():
    with Issuer() as issuer:
        def served():
            return json.loads(get(issuer, issuer.endpoint("jwks"))[2])
        first = issuer.keys.signing
        second = issuer.rotate(publish_first=True)
        assert issuer.keys.signing == second and verifies(issuer.mint(), served())
        third = issuer.rotate(publish_first=False)
        assert not verifies(issuer.mint(), served())
        issuer.publish(third)
        assert verifies(issuer.mint(), served()) and verifies(issuer.mint(kid=first), served())
        issuer.retire(first)
        assert not verifies(issuer.mint(kid=first), served())
        issuer.keys.rollback()
        assert verifies(issuer.mint(kid=first), served())
        issuer.keys.restore()
        assert not verifies(issuer.mint(kid=first), served())


def test_discovery_is_where_the_standards_say_and_can_lie():
    with Issuer("/tenant") as issuer:
        base = issuer.server.url
        for url in (f"{base}/tenant/.well-known/openid-configuration",
                    f"{base}/.well-known/oauth-authorization-server/tenant"):
            status, headers, body = get(issuer, url)
            assert status == 200 and headers["Cache-Control"] == "public, max-age=300"
            assert json.loads(body)["issuer"] == issuer.url == f"{base}/tenant"
        assert get(issuer, f"{base}/.well-known/openid-configuration")[0] == 404
        for fault, member, value in [
            ("wrong_issuer", "issuer", "https://issuer.elsewhere.test"),
            ("jwks_uri_on_other_host", "jwks_uri", "https://127.0.0.1:"),
            ("jwks_uri_on_http", "jwks_uri", "http://localhost:"),
        ]:
            issuer.fault("discovery", fault)
            bent = json.loads(get(issuer, issuer.endpoint("discovery"))[2])
            assert bent[member].startswith(value)
