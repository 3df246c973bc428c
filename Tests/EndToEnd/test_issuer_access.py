# Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.
"""How an issuer is asked: by which protocol, through whom, trusting whom, and with which token."""

import json
import subprocess

import pytest

import faults
import guarded as guarding
import pki
import rpc
from faulty_http import FaultyServer
from guarded import OK, UNAUTHENTICATED, ask, entry, provoke, wait_until
from http_wire import Response
from issuer import AUDIENCE, Issuer
from processes import BINARIES


@pytest.fixture()
def plain_issuer():
    with Issuer(tls=False) as issuer:
        yield issuer


def plain_entry(issuer, **jwks):
    return {"issuer": issuer.url, "profile": "oidc", "audiences": [AUDIENCE],
            "jwks": {"uri": issuer.endpoint("jwks"), **jwks}}


def refused(template, *issuers):
    """Starts a server that has to refuse its configuration, and returns what it says."""
    guarding.configure(template, list(issuers))
    done = subprocess.run(
        [BINARIES / "guarded-server", "serve", "--directory", template, "--listen", "127.0.0.1:0"],
        capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 78, done.stdout + done.stderr
    return done.stderr


def test_without_tls_an_issuer_is_asked_on_loopback_and_for_a_reason_only(
        guarded, plain_issuer, tmp_path):
    reason = {"plaintext_because": "the issuer is a sidecar"}
    folder = tmp_path / "refused"
    guarding.run("tokenward", "dev", "init", folder)
    by_number = plain_issuer.endpoint("jwks").replace("localhost", "127.0.0.1")
    said = refused(folder, plain_entry(plain_issuer, uri=by_number))
    assert "issuers[0].jwks.uri" in said and "use https" in said
    # A name may lead elsewhere, whatever it sounds like.
    said = refused(folder, plain_entry(plain_issuer, **reason))
    assert "issuers[0].jwks.uri" in said and "127.0.0.1" in said
    assert plain_issuer.count() == 0
    server = guarded(plain_entry(plain_issuer, uri=by_number, **reason))
    server.wait_for_keys(plain_issuer)
    with rpc.channel(server) as channel:
        assert ask(channel, plain_issuer.mint()).code is OK


def test_no_proxy_is_used_whatever_the_environment_says(guarded, remote_issuer, monkeypatch):
    with FaultyServer(lambda request: Response(502, {}, b"")) as proxy:
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            for written in (name, name.upper()):
                monkeypatch.setenv(written, f"http://127.0.0.1:{proxy.port}")
        server = guarded(entry(remote_issuer))
        monkeypatch.undo()
        server.wait_for_keys(remote_issuer)
        with rpc.channel(server) as channel:
            assert ask(channel, remote_issuer.mint()).code is OK
        assert proxy.count() == 0 and proxy.open_connections == 0


def test_the_trusted_authority_is_replaced_without_a_restart(guarded, remote_issuer, tmp_path):
    roots = tmp_path / "roots.pem"
    roots.write_bytes(pki.Authority("Not yet the one").pem)
    server = guarded(entry(remote_issuer, "uri", {"ca": str(roots)}))
    wait_until(lambda: server.keys(remote_issuer)["last_error"] == "tls_failed")
    assert remote_issuer.count() == 0 and server.keys(remote_issuer)["usable"] == "false"
    fresh = tmp_path / "fresh.pem"
    fresh.write_bytes(remote_issuer.authority.pem)
    fresh.replace(roots)
    server.wait_for_keys(remote_issuer)
    with rpc.channel(server) as channel:
        assert ask(channel, remote_issuer.mint()).code is OK
        # And taken away: it cannot be asked any more, and its keys serve on.
        roots.write_bytes(pki.Authority("Not any more").pem)
        remote_issuer.certificate("good")  # The open connection, which was trusted, is gone.
        wait_until(lambda: provoke(channel, remote_issuer)
                   and server.keys(remote_issuer)["last_error"] == "tls_failed")
        assert ask(channel, remote_issuer.mint()).code is OK


def test_the_token_for_an_issuer_goes_to_it_alone_and_is_read_each_time(
        guarded, remote_issuer, tmp_path):
    file = pki.write_private(tmp_path / "token", "first-secret-token\n")
    # The issuer by its number, its keys by name: another host, which is allowed and gets no token.
    remote_issuer.url = remote_issuer.url.replace("localhost", "127.0.0.1")
    remote_issuer.fault("discovery", faults.members(issuer=remote_issuer.url))
    server = guarded(entry(remote_issuer, jwks={"hosts": ["localhost"], "token_file": str(file)}))
    server.wait_for_keys(remote_issuer)
    assert {request.bearer for request in remote_issuer.hits("discovery")} == {"first-secret-token"}
    pki.write_private(file, "second-secret-token")
    with rpc.channel(server) as channel:
        provoke(channel, remote_issuer)
        assert remote_issuer.hits("discovery")[-1].bearer == "second-secret-token"
        assert {request.authorization for request in remote_issuer.hits("jwks")} == {None}
        # Without its token nothing is asked; what was fetched serves on.
        file.unlink()
        asked = remote_issuer.count()
        wait_until(lambda: provoke(channel, remote_issuer)
                   and server.keys(remote_issuer)["last_error"] == "file_unreadable")
        assert remote_issuer.count() == asked
        assert ask(channel, remote_issuer.mint()).code is OK
    written = server.errors.read_text() + server.output.read_text() + server.metrics()
    written += json.dumps(server.readyz()[1]) + server.audit.read_text()
    assert "secret-token" not in written and remote_issuer.url in written


def test_what_an_issuer_answers_is_written_nowhere(guarded, remote_issuer):
    mark = "mark-of-the-issuer"
    server = guarded(entry(remote_issuer))
    server.wait_for_keys(remote_issuer)
    with rpc.channel(server) as channel:
        for path, fault in [
            ("jwks", faults.body(f"<html>{mark}</html>")), ("jwks", faults.failure(500, body=mark)),
            ("jwks", faults.document({"keys": [{"kty": mark, "kid": mark}]})),
            ("jwks", faults.redirect(f"https://{mark}.test/")),
            ("discovery", faults.members(issuer=f"https://{mark}.test")),
            ("discovery", faults.members(jwks_uri=f"https://{mark}.test/keys")),
        ]:
            remote_issuer.clear()
            remote_issuer.fault(path, fault)
            before = server.fetches(remote_issuer)
            wait_until(lambda: provoke(channel, remote_issuer)
                       and server.fetches(remote_issuer) != before)
            assert server.keys(remote_issuer)["last_error"] != "none"
            assert ask(channel, remote_issuer.mint()).code is OK
            assert ask(channel, remote_issuer.forge()).code is UNAUTHENTICATED
    written = server.errors.read_text() + server.output.read_text() + server.metrics()
    written += json.dumps(server.readyz()[1]) + server.audit.read_text()
    assert mark not in written and remote_issuer.url in written
    for token in remote_issuer.minted:
        assert token.split(".")[2] not in written
