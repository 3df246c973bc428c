# Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.
"""Issuers as they are: OpenBao's identity tokens, and the service accounts of a cluster."""

import json
import threading
import time

from joserfc import jwt
from joserfc.jwk import ECKey

import openbao_mounts as mounts
import pki
import rpc
from conftest import encode
from guarded import OK, SUCCESS, UNAUTHENTICATED, UNAVAILABLE, ask, wait_until
from issuer import AUDIENCE, claims_of


def openbao_entry(issuer, **jwks):
    return {
        "issuer": issuer.url, "profile": "openbao", "audiences": [AUDIENCE],
        "jwks": {"ca": str(issuer.bao.authority.path), "cooldown": "1s", **jwks},
    }


class Calls:
    """Calls without a pause in the background, each with the newest token; counts how they end."""

    def __init__(self, server, token):
        self.token = token
        self.codes = []
        self._server = server
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self):
        with rpc.channel(self._server) as channel:
            while not self._ending.is_set():
                self.codes.append(ask(channel, self.token, timeout=30).code)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ending.set()
        self._thread.join()

    def more(self, count=20):
        """Waits until so many more calls have ended."""
        goal = len(self.codes) + count
        wait_until(lambda: len(self.codes) >= goal, timeout=60)


def token_with_an_unknown_kid(issuer):
    now = int(time.time())
    claims = {"iss": issuer.url, "sub": "x", "aud": AUDIENCE, "exp": now + 60, "iat": now}
    return jwt.encode({"alg": "ES256", "kid": "nobody"}, claims, ECKey.generate_key("P-256"))


def test_identity_tokens_are_let_in_and_others_are_not(openbao, guarded):
    issuer = mounts.IdentityIssuer(openbao, "let-in")
    server = guarded(openbao_entry(issuer))
    server.wait_for_keys(issuer)
    with rpc.channel(server) as channel:
        got = ask(channel, issuer.token())
        assert got.code is OK and got.response.requested_by == issuer.entity
        elsewhere = mounts.IdentityIssuer(openbao, "for-others", audience="another")
        assert ask(channel, elsewhere.token()).code is UNAUTHENTICATED
        # Another subject under the signature. (Two tokens of one second are alike but for theirs.)
        head, payload, signature = issuer.token().split(".")
        changed = encode(json.dumps({**claims_of(f".{payload}."), "sub": "root"}).encode())
        assert ask(channel, f"{head}.{changed}.{signature}").code is UNAUTHENTICATED
        assert ask(channel, issuer.token()).code is OK


def test_keys_rotate_during_calls_and_none_fails(openbao, guarded):
    issuer = mounts.IdentityIssuer(openbao, "rotated", ttl="120s")
    server = guarded(openbao_entry(issuer))
    server.wait_for_keys(issuer)
    login = issuer.approle.login()
    kids = set()
    with Calls(server, issuer.token(login)) as calls:
        calls.more()
        for round in range(3):
            # The first rotation signs with a key that was published before; two in a row with one
            # that no verifier can have.
            for _ in range(1 + round % 2):
                issuer.rotate()
            calls.token = issuer.token(login)
            kids.add(calls.token.split(".")[0])
            calls.more()
            time.sleep(1.1)  # The cooldown, so that each is let in by a fetch of its own.
    assert set(calls.codes) == {OK} and len(kids) == 3
    assert server.fetches(issuer)[SUCCESS] >= 2


def test_a_sealed_openbao_changes_nothing_for_tokens_that_are_out(openbao, guarded):
    issuer = mounts.IdentityIssuer(openbao, "sealed", ttl="120s")
    server = guarded(openbao_entry(issuer))
    server.wait_for_keys(issuer)
    with Calls(server, issuer.token()) as calls:
        calls.more()
        with openbao.sealed(), rpc.channel(server) as channel:
            assert ask(channel, token_with_an_unknown_kid(issuer)).code is UNAUTHENTICATED
            shown = server.keys(issuer)
            assert shown["last_error"] == "status_failed" and shown["usable"] == "true"
            calls.more()
            # A new process has no keys to go by, and lets nobody in.
            newcomer = guarded(openbao_entry(issuer))
            with rpc.channel(newcomer) as other:
                assert ask(other, calls.token).code is UNAVAILABLE
        calls.more()
        newcomer.wait_for_keys(issuer)
        with rpc.channel(newcomer) as other:
            assert ask(other, calls.token).code is OK
        wait_until(lambda: server.keys(issuer)["last_error"] == "none", timeout=40)
    assert set(calls.codes) == {OK}


def test_service_accounts_of_a_cluster(kubernetes, guarded, tmp_path):
    reader = pki.write_private(tmp_path / "token", kubernetes.service_account(name="reader") + "\n")
    asked = time.time()
    server = guarded({
        "issuer": kubernetes.url, "profile": "kubernetes", "audiences": ["orders"],
        "subject_prefix": "system:serviceaccount:default:",
        "jwks": {
            "uri": f"{kubernetes.url}/openid/v1/jwks", "token_file": str(reader),
            "ca": str(kubernetes.authority.path), "cooldown": "1s",
        },
    })
    server.wait_for_keys(kubernetes.url)
    [request] = kubernetes.server.hits("/openid/v1/jwks", since=asked)
    assert request.bearer == reader.read_text().strip()
    with rpc.channel(server) as channel:
        scope = {"scope": "orders.read"}
        good = kubernetes.service_account(audience=["orders"], **scope)
        got = ask(channel, good)
        assert got.code is OK
        assert got.response.requested_by == claims_of(good)["sub"]
        for bad in (
            kubernetes.service_account(**scope),  # For the cluster itself.
            kubernetes.service_account("kube-system", audience=["orders"], **scope),
            kubernetes.service_account(audience=["orders"], ttl=-5, **scope),
            kubernetes.service_account(audience=["orders"], ttl=86_400, **scope),
        ):
            assert ask(channel, bad).code is UNAUTHENTICATED
        kubernetes.keys.publish(kubernetes.keys.rotate(publish_first=False))
        assert ask(channel, kubernetes.service_account(audience=["orders"], **scope)).code is OK
        assert ask(channel, good).code is OK
    text = server.errors.read_text() + server.output.read_text() + server.metrics()
    assert reader.read_text().strip() not in text
