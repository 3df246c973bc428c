# Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.
"""The test bed itself: what the issuer's endpoints answer, and the issuer as a program."""

import base64
import http.client
import json
import os
import pathlib
import re
import ssl
import stat
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request

import grpc
import pytest

import rpc
from abuse import INTROSPECTION_ABUSE, TOKEN_ABUSE
from bed_client import get, post, verifies
from issuer import EXCHANGE, JWT_TYPE, Issuer, claims_of
from processes import ROOT


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


def test_client_credentials_by_header_or_form(issuer):
    pair = base64.b64encode(f"{issuer.client_id}:{issuer.client_secret}".encode()).decode()
    status, made = post(issuer, "token", f"Basic {pair}", grant_type="client_credentials",
                        scope="a b", audience="https://api.test")
    assert status == 200 and made["token_type"] == "Bearer" and made["expires_in"] == 60
    claims = claims_of(made["access_token"])
    assert (claims["aud"], claims["scope"]) == ("https://api.test", "a b")
    assert verifies(made["access_token"], issuer.keys.current)
    post_form = {"grant_type": "client_credentials", "client_id": issuer.client_id}
    assert post(issuer, "token", client_secret=issuer.client_secret, **post_form)[0] == 200
    assert post(issuer, "token", client_secret="wrong", **post_form) == (
        401, {"error": "invalid_client"})
    assert post(issuer, "token", f"Basic {pair}", client_secret=issuer.client_secret,
                **post_form) == (400, {"error": "invalid_request"})
    last = issuer.hits("token")[-1]
    assert last.contains(issuer.client_secret) and not last.contains("not there")
    assert issuer.client_secret not in repr(issuer.hits()) + repr(last.form) + repr(last.headers)
    assert len(issuer.issued) >= 2 and made["access_token"] not in repr(issuer.issued)


def test_tokens_are_exchanged_for_the_same_subject(issuer):
    form = {"grant_type": EXCHANGE, "client_id": issuer.client_id,
            "client_secret": issuer.client_secret, "subject_token_type": JWT_TYPE,
            "audience": "backend"}
    status, made = post(issuer, "token", subject_token=issuer.mint(sub="alice"), **form)
    assert status == 200 and made["issued_token_type"].endswith(":access_token")
    assert {"sub": "alice", "aud": "backend"}.items() <= claims_of(made["access_token"]).items()
    with Issuer() as other:
        foreign = other.mint(sub="bob")
        refused = (400, {"error": "invalid_request"})
        assert post(issuer, "token", subject_token=foreign, **form) == refused
        issuer.trust(other)
        assert post(issuer, "token", subject_token=foreign, **form)[0] == 200
    assert post(issuer, "token", subject_token=issuer.mint(ttl=-1), **form) == refused
    assert post(issuer, "token", subject_token=issuer.forge(), **form) == refused


def test_introspection_knows_tokens_and_their_end(issuer):
    auth = {"client_id": issuer.client_id, "client_secret": issuer.client_secret}
    token = issuer.opaque(sub="alice")
    status, answer = post(issuer, "introspect", token=token, **auth)
    assert status == 200 and answer["active"] is True and answer["sub"] == "alice"
    assert post(issuer, "introspect", token=issuer.mint(), **auth)[1]["active"] is True
    issuer.revoke(token)
    for dead in (token, issuer.opaque(ttl=-1), "unknown", issuer.forge()):
        assert post(issuer, "introspect", token=dead, **auth) == (200, {"active": False})
    assert post(issuer, "introspect", token=token)[0] == 401


@pytest.mark.parametrize("path, table", [
    ("token", TOKEN_ABUSE), ("introspect", INTROSPECTION_ABUSE),
])
def test_every_abuse_of_an_endpoint_shows(issuer, path, table):
    form = {"grant_type": "client_credentials", "token": issuer.opaque(),
            "client_id": issuer.client_id, "client_secret": issuer.client_secret}
    body = urllib.parse.urlencode(form).encode()

    def shown():
        status, _, text = get(issuer, issuer.endpoint(path), body)
        # Good tokens differ each time. As text, since 1 == True.
        return status, re.sub(r'"eyJ[\w.-]+"', '"a good token"', text.decode())
    proper = shown()
    assert proper == shown()
    for name, fault in table.items():
        issuer.fault(path, fault)
        assert shown() != proper, name


def test_a_chunked_form_is_read(issuer):
    connection = http.client.HTTPSConnection(
        "localhost", issuer.server.port, context=issuer.authority.client_context(), timeout=3
    )
    form = urllib.parse.urlencode({
        "grant_type": "client_credentials", "client_id": issuer.client_id,
        "client_secret": issuer.client_secret,
    }).encode()
    for _ in range(2):
        connection.request("POST", issuer.paths["token"], iter([form[:9], form[9:]]),
                           encode_chunked=True, headers={"Transfer-Encoding": "chunked"})
        response = connection.getresponse()
        assert response.status == 200 and response.read()
    connection.close()


def test_the_issuer_runs_by_itself_and_takes_commands(tmp_path):
    program = subprocess.Popen(
        [sys.executable, ROOT / "Tests/EndToEnd/issuer.py", "--port-file", tmp_path / "at",
         "--peer"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )
    try:
        where = json.loads(program.stdout.readline())
        assert where == json.loads((tmp_path / "at").read_text())

        def by_line(command):
            program.stdin.write(json.dumps(command) + "\n")
            program.stdin.flush()
            return json.loads(program.stdout.readline())

        def by_post(command):
            with urllib.request.urlopen(
                where["control"], json.dumps(command).encode(), timeout=3
            ) as response:
                return json.load(response)

        context = ssl.create_default_context(cafile=where["ca"])
        with urllib.request.urlopen(where["jwks"], context=context, timeout=3) as response:
            document = json.load(response)
        assert verifies(by_line({"do": "mint"})["tokens"][0], document)
        assert by_post({"do": "rotate", "publish_first": False})["ok"]
        assert not verifies(by_post({"do": "mint"})["tokens"][0], document)
        assert by_post({"do": "fault", "path": "jwks", "name": "failure",
                        "parameters": {"code": 500}})["ok"]
        with pytest.raises(urllib.error.HTTPError):
            urllib.request.urlopen(where["jwks"], context=context, timeout=3)
        assert by_line({"do": "hits", "path": "jwks"})["count"] == 2
        with grpc.secure_channel(where["peer"], grpc.ssl_channel_credentials(
            pathlib.Path(where["peer_ca"]).read_bytes()
        )) as channel:
            token = by_line({"do": "mint"})["tokens"][0]
            assert rpc.unary(channel, rpc.bearer(token)).reason == "ACCESS_TOKEN_INVALID"
            token = by_line({"do": "mint", "kid": document["keys"][0]["kid"]})["tokens"][0]
            assert rpc.unary(channel, rpc.bearer(token)).code is grpc.StatusCode.OK
        assert by_post({"do": "calls"}) == {
            "ok": True, "count": 2, "tokens": 2, "expired": 0, "refused": 1}
        assert by_line({"do": "down"})["ok"]
        with pytest.raises(urllib.error.URLError):
            urllib.request.urlopen(where["jwks"], context=context, timeout=3)
        assert not by_line({"do": "nonsense"})["ok"] and not by_post({"do": "retire"})["ok"]
        assert stat.S_IMODE(os.stat(where["client"]).st_mode) == 0o600
        assert by_line({"do": "stop"})["ok"]
        assert program.wait(timeout=5) == 0
        assert not os.path.exists(where["client"])
    finally:
        program.kill()
        program.wait()
        program.stdin.close()
        program.stdout.close()
