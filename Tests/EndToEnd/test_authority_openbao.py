# Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.
"""An authority whose secrets and signing keys are in a real OpenBao, which then fails it."""

import contextlib
import subprocess
import time

import grpc
import jwt as pyjwt
import pytest

import openbao_mounts as mounts
from authority import AUDIENCE
from authority_api import code, refusal
from guarded import wait_until
from oauth import id_of

OK, UNAVAILABLE = grpc.StatusCode.OK, grpc.StatusCode.UNAVAILABLE


class Vault:
    """What an authority needs in OpenBao: a secret to write, keys to sign with, and a login."""

    def __init__(self, bao, name, folder):
        folder.mkdir(parents=True, exist_ok=True)
        self.bao, self.name = bao, name
        self.kv = mounts.KV(bao, f"kv-{name}")
        self.transit = f"transit-{name}"
        bao.need("POST", f"sys/mounts/{self.transit}", {"type": "transit"})
        self.allow(True)
        self.role = mounts.AppRole(bao, name, [name], ttl="20m", maximum="1h")
        role, secret = self.role.write(folder)
        self.login = {
            "address": bao.url, "ca": str(bao.authority.path),
            "approle": {"role_id_file": str(role), "secret_id_file": str(secret)},
        }

    @property
    def settings(self):
        return {
            "openbao": self.login,
            "secrets": {"openbao": {"mount": self.kv.mount, "path": "authority", "field": "all"}},
            "keys": {"openbao": {"mount": self.transit}},
        }

    def allow(self, everything):
        """What the login may do: what the authority needs, or nothing."""
        can = ["create", "read", "update", "list"] if everything else ["deny"]
        mounts.policy(self.bao, self.name, **{
            f"{self.kv.mount}/data/authority": can, f"{self.kv.mount}/metadata/authority": can,
            f"{self.transit}/*": can,
        })

    def revoke_logins(self):
        """Every token of the login ends now; the login itself stays."""
        self.bao.need("POST", "sys/leases/revoke-force/auth/approle/login")

    def signatures(self):
        return self.bao.need("LIST", f"{self.transit}/keys").data["keys"]


@pytest.fixture()
def vault(openbao, tmp_path):
    return Vault(openbao, f"authority-{time.monotonic_ns()}", tmp_path / "login")


def signs(authority, token):
    """Whether a token is exchanged; otherwise that is unavailable, and says so."""
    answer = authority.http.exchange(token)
    assert answer.status_code in (200, 503), answer.text
    if answer.status_code == 200:
        keys = pyjwt.PyJWKSet.from_dict(authority.http.get("/.well-known/jwks.json").json())
        access = answer.json()["access_token"]
        key = keys[pyjwt.get_unverified_header(access)["kid"]]
        pyjwt.decode(access, key, algorithms=["ES256"], audience=AUDIENCE, issuer=authority.url)
    return answer.status_code == 200


def test_keys_are_made_in_the_vault_and_stay_there(authorities, vault):
    authority = authorities(**vault.settings)
    token = authority.api.create()
    assert signs(authority, token)
    names = vault.signatures()
    assert names
    for name in names:
        key = vault.bao.need("GET", f"{vault.transit}/keys/{name}").data
        assert key["exportable"] is False and key["type"] == "ecdsa-p256"
    assert {key.custody for key in authority.api.all_keys()} == {2}
    authority.api.rotate_keys(forced=True)
    assert signs(authority, token)
    # The peppers are there, too, and the same after a restart.
    authority.restart()
    assert authority.api.is_active(token) and signs(authority, token)
    assert not authority.secrets.exists()


@contextlib.contextmanager
def sealed(vault):
    with vault.bao.sealed():
        yield


@contextlib.contextmanager
def forbidden(vault):
    vault.allow(False)
    try:
        yield
    finally:
        vault.allow(True)


@contextlib.contextmanager
def stopped(vault):
    vault.bao.stop()
    try:
        yield
    finally:
        vault.bao.restore()


@contextlib.contextmanager
def frozen(vault):
    vault.bao.freeze()
    try:
        yield
    finally:
        vault.bao.thaw()


# Catalogue O17.
@pytest.mark.parametrize("fault", [sealed, forbidden, stopped, frozen])
def test_without_its_vault_nothing_is_signed_and_everything_verified(authorities, vault, fault):
    authority = authorities(**vault.settings)
    token, revoked = authority.api.create(), authority.api.create()
    access = authority.http.access_token(token)
    with fault(vault):
        began = time.monotonic()
        assert not signs(authority, token)
        assert time.monotonic() - began < 15
        assert refusal(lambda: authority.api.using(token).exchange(token)).code is UNAVAILABLE
        # What is in memory is enough to verify and to take back.
        assert authority.api.is_active(token) and authority.api.is_active(access)
        authority.api.revoke(id_of(revoked))
        assert not authority.api.is_active(revoked)
    wait_until(lambda: signs(authority, token), timeout=60)


# Catalogue O17.
def test_a_login_that_is_revoked_is_made_again(authorities, vault):
    authority = authorities(**vault.settings)
    token = authority.api.create()
    assert signs(authority, token)
    vault.revoke_logins()
    wait_until(lambda: signs(authority, token), timeout=60)
    assert authority.api.is_active(token)


# Catalogue O17: what was there once is never made anew.
def test_an_authority_whose_secrets_are_gone_does_not_start(authorities, vault):
    authority = authorities(**vault.settings)
    token = authority.api.create()
    assert authority.stop() == 0
    vault.kv.delete("authority")
    status, text = authority.end_of_a_start_that_fails(timeout=60)
    assert status != 0 and text
    vault.kv.undelete("authority", *range(1, 10))
    authority.start()
    assert authority.api.is_active(token)


def test_an_authority_does_not_start_without_its_vault(authorities, vault):
    authority = authorities(**vault.settings)
    assert authority.stop() == 0
    with vault.bao.sealed():
        authority.launch()
        time.sleep(3)
        if authority.is_alive():
            assert authority.readyz()[0] != 200
            authority.stop()
        else:
            assert authority.process.returncode != 0 and authority.log()
    authority.start()
    assert code(authority.api.create) is OK


def test_the_audit_is_verified_under_a_key_from_the_vault(authorities, vault):
    authority = authorities(**vault.settings)
    authority.api.create()

    def verify(file):
        return subprocess.run(
            [authority.binary, "audit", "verify", "--config", authority.config, file],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
            cwd=authority.folder,
        )

    good = verify(authority.audit)
    assert good.returncode == 0, good.stderr
    assert f"{len(authority.audit_records())} records" in good.stdout
    # A copy is as good; with one word changed it is not whole.
    copy, text = authority.folder / "copy.jsonl", authority.audit.read_text()
    copy.write_text(text)
    assert verify(copy).returncode == 0
    copy.write_text(text.replace("made-by-a-test", "made-by-a-liar", 1))
    assert copy.read_text() != text
    assert verify(copy).returncode == 1
    # Without the vault there is no key, and nothing is said to be whole.
    with vault.bao.sealed():
        blind = verify(authority.audit)
    assert blind.returncode != 0 and "whole" not in blind.stdout, blind.stdout
