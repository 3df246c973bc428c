# Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.
"""Opaque tokens, about which their issuer is asked, with the secret for that in a file or a vault."""

import pathlib
import threading
import time

import openbao_mounts as mounts
import pki
import rpc
from guarded import OK, UNAUTHENTICATED, UNAVAILABLE, ask, entry, wait_until
from issuer import AUDIENCE


def section(issuer, secret):
    return {
        "issuer": issuer.url, "endpoint": issuer.endpoint("introspect"), "audiences": [AUDIENCE],
        "client_id": issuer.client_id, "client_secret": secret, "ca": str(issuer.authority.path),
    }


def in_a_file(folder, issuer):
    return {"file": str(pki.write_private(folder / "client.secret", issuer.client_secret))}


def vault(openbao, folder, name, issuer):
    """The secret in OpenBao, and how a server gets at it."""
    kv = mounts.KV(openbao, f"kv-{name}")
    kv.put("orders", secret=issuer.client_secret)
    mounts.policy(openbao, name, **{kv.path("orders"): ["read"]})
    role, secret = mounts.AppRole(openbao, name, [name], ttl="20m", maximum="1h").write(folder)
    login = {"role_id_file": str(role), "secret_id_file": str(secret)}
    return kv, {"address": openbao.url, "ca": str(openbao.authority.path), "approle": login}


def test_a_token_works_until_its_issuer_says_otherwise(guarded, remote_issuer, tmp_path):
    server = guarded(introspection=section(remote_issuer, in_a_file(tmp_path, remote_issuer)))
    good = remote_issuer.opaque()
    with rpc.channel(server) as channel:
        assert ask(channel, good).code is OK
        asked = remote_issuer.count("introspect")
        assert [ask(channel, good).code for _ in range(20)] == [OK] * 20
        assert remote_issuer.count("introspect") == asked, "an answer is remembered"
        assert ask(channel, "made-up").code is UNAUTHENTICATED
        assert ask(channel, remote_issuer.opaque(aud="billing")).code is UNAUTHENTICATED
        assert ask(channel, remote_issuer.opaque(exp=int(time.time()) - 1)).code is UNAUTHENTICATED
        remote_issuer.revoke(good)
        revoked = time.monotonic()
        wait_until(lambda: ask(channel, good).code is UNAUTHENTICATED)
        assert time.monotonic() - revoked < 6


def test_jwts_are_verified_here_and_shown_to_nobody(guarded, remote_issuer, tmp_path):
    server = guarded(
        entry(remote_issuer),
        introspection=section(remote_issuer, in_a_file(tmp_path, remote_issuer)),
    )
    server.wait_for_keys(remote_issuer)
    with rpc.channel(server) as channel:
        assert ask(channel, remote_issuer.mint()).code is OK
        assert ask(channel, remote_issuer.forge()).code is UNAUTHENTICATED
        assert remote_issuer.count("introspect") == 0
        assert ask(channel, remote_issuer.opaque()).code is OK
        assert remote_issuer.count("introspect") == 1


def test_an_issuer_that_is_down_makes_its_tokens_undecidable(guarded, remote_issuer, tmp_path):
    server = guarded(introspection=section(remote_issuer, in_a_file(tmp_path, remote_issuer)))
    with rpc.channel(server) as channel:
        assert ask(channel, remote_issuer.opaque()).code is OK
        remote_issuer.down()
        assert ask(channel, remote_issuer.opaque()).code is UNAVAILABLE
        remote_issuer.up()
        wait_until(lambda: ask(channel, remote_issuer.opaque()).code is OK)
        # One token that gets a strange answer keeps nobody else out.
        remote_issuer.fault("introspect", "failure", times=1, code=400)
        assert ask(channel, remote_issuer.opaque()).code is UNAVAILABLE
        assert ask(channel, remote_issuer.opaque()).code is OK


def test_the_secret_is_in_a_vault_and_nowhere_else(guarded, remote_issuer, openbao, tmp_path):
    kv, way = vault(openbao, tmp_path, "introspection", remote_issuer)
    place = {"openbao": {"mount": kv.mount, "path": "orders", "field": "secret"}}
    server = guarded(introspection=section(remote_issuer, place), openbao=way)
    with rpc.channel(server) as channel:
        wait_until(lambda: ask(channel, remote_issuer.opaque()).code is OK)
        # Sealed during calls: nothing remembered takes its place. Then it works again by itself.
        with openbao.sealed():
            time.sleep(5.1)
            assert ask(channel, remote_issuer.opaque()).code is UNAVAILABLE
        wait_until(lambda: ask(channel, remote_issuer.opaque()).code is OK, timeout=90)
        # Replaced while calls run: the new one is read within seconds.
        remote_issuer.clients[remote_issuer.client_id] = "another-secret-of-the-client"
        kv.put("orders", secret="another-secret-of-the-client")
        wait_until(lambda: ask(channel, remote_issuer.opaque()).code is OK)
    process = pathlib.Path(f"/proc/{server.process.pid}")
    shown = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
    written = server.errors.read_bytes() + server.output.read_bytes() + server.audit.read_bytes()
    for secret in (remote_issuer.client_secret, "another-secret-of-the-client"):
        assert secret.encode() not in shown + written + server.metrics().encode()
    # A dump of memory would hold secrets: there is none.
    limits = (process / "limits").read_text().splitlines()
    assert next(line for line in limits if line.startswith("Max core file size")).split()[4:6] == [
        "0", "0",
    ]


def test_a_flood_of_made_up_tokens_keeps_regular_callers_in(guarded, remote_issuer, tmp_path):
    server = guarded(introspection=section(remote_issuer, in_a_file(tmp_path, remote_issuer)))
    regular = remote_issuer.opaque()
    ending = threading.Event()

    def flood():
        with rpc.channel(server) as channel:
            number = 0
            while not ending.is_set():
                number += 1
                ask(channel, f"made-up-{threading.get_ident()}-{number}")

    threads = [threading.Thread(target=flood) for _ in range(4)]
    with rpc.channel(server) as channel:
        assert ask(channel, regular).code is OK
        for thread in threads:
            thread.start()
        try:
            codes = []

            def ask_for(seconds):
                end = time.monotonic() + seconds
                while time.monotonic() < end:
                    codes.append(ask(channel, regular, timeout=10).code)

            # Connections, threads' arenas and caches get their size first, however long that takes
            # here; what grows from then on would grow for ever.
            settling = []
            while len(settling) < 2 or settling[-1] - settling[-2] > 2_000_000:
                ask_for(2)
                settling.append(server.resident_bytes())
                assert len(settling) < 15, f"memory never settles: {settling}"
            before = settling[-1]
            ask_for(8)
            grown = server.resident_bytes() - before
        finally:
            ending.set()
            for thread in threads:
                thread.join()
    assert set(codes) == {OK}
    assert grown < 10_000_000
