# Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.
"""The commands against an authority: what is printed where, and what is asked first."""

import json
import subprocess

import jwt as pyjwt
import pytest

from authority import AUDIENCE, ITSELF
from oauth import id_of, secret_of
from processes import BINARIES


class Shell:
    """Runs commands of somebody who is logged in, with a home of their own."""

    def __init__(self, authority, home):
        self.authority, self.home = authority, home
        home.mkdir()

    def run(self, *words, status=0, stdin=""):
        done = subprocess.run(
            [BINARIES / "tokenward", *map(str, words)], input=stdin, cwd=self.home,
            capture_output=True, text=True, timeout=60,
            env={"HOME": str(self.home), "PATH": "/usr/bin:/bin"},
        )
        assert done.returncode == status, (words[:3], done.returncode, done.stderr)
        return done

    def json(self, *words, **options):
        return json.loads(self.run(*words, "--output", "json", **options).stdout)

    def login(self):
        return self.json("login", "--server", self.authority.target, "--ca", self.authority.ca,
                         "--token-file", self.authority.admin_token_file)

    def create(self, file, *more):
        made = self.json(
            "token", "create", "--name", "ci", "--owner", self.authority.unique("builds"),
            "--audience", AUDIENCE, "--audience", ITSELF, "--scope", "orders.read",
            "--ttl", "1h", "--out", file, *more,
        )
        assert file.stat().st_mode & 0o777 == 0o600
        return made, file.read_text().strip()


@pytest.fixture()
def shell(authority, tmp_path):
    shell = Shell(authority, tmp_path / "home")
    shell.login()
    return shell


def test_a_login_is_kept_for_its_owner_only(authority, tmp_path):
    shell = Shell(authority, tmp_path / "home")
    missing = shell.run("token", "list", status=2).stderr
    assert "hint: tokenward login" in missing
    said = shell.login()
    assert said["token_id"] == id_of(authority.admin_token)
    profile = shell.home / ".config/tokenward/default.json"
    assert profile.stat().st_mode & 0o777 == 0o600
    assert profile.parent.stat().st_mode & 0o777 == 0o700
    assert authority.admin_token not in json.dumps(said)
    profile.chmod(0o644)
    assert shell.run("token", "list", status=2).stdout == ""


def test_a_login_that_is_refused_is_not_kept(authority, tmp_path):
    shell = Shell(authority, tmp_path / "home")
    gone = authority.api.create()
    authority.api.revoke(id_of(gone))
    refused = shell.run("login", "--server", authority.target, "--ca", authority.ca,
                        stdin=gone, status=1)
    assert "hint:" in refused.stderr and secret_of(gone) not in refused.stderr
    assert not (shell.home / ".config/tokenward/default.json").exists()
    # Nor by somebody whom nobody vouches for.
    shell.run("login", "--server", authority.target, "--token-file", authority.admin_token_file,
              status=2)


def test_the_life_of_a_token_in_commands(authority, shell):
    made, token = shell.create(shell.home / "ci.token")
    id = id_of(token)
    assert made["id"] == id and "secret" not in made
    assert authority.api.is_active(token)
    shown = shell.json("token", "show", id)
    assert (shown["name"], shown["state"]) == ("ci", "active")
    listed = shell.json("token", "list", "--owner", shown["owner"])
    assert [one["id"] for one in listed["tokens"]] == [id]
    shell.run("token", "exchange", "--token-file", "ci.token", "--audience", AUDIENCE,
              "--out", "ci.jwt")
    access = (shell.home / "ci.jwt").read_text().strip()
    assert pyjwt.decode(access, options={"verify_signature": False})["grant_id"] == id
    assert authority.api.is_active(access)
    shell.run("token", "rotate", id, "--grace", "1h", "--out", "new.token")
    new = (shell.home / "new.token").read_text().strip()
    assert authority.api.is_active(token) and authority.api.is_active(new)
    shell.run("token", "revoke", id, "--reason", "laptop lost")
    assert not authority.api.is_active(token) and not authority.api.is_active(new)
    assert not authority.api.is_active(access)
    assert shell.json("token", "show", id)["state"] == "revoked"


def test_a_secret_goes_where_somebody_said(authority, shell):
    words = ("token", "create", "--name", "ci", "--owner", authority.unique("builds"),
             "--audience", AUDIENCE)
    refused = shell.run(*words, status=64)
    assert refused.stdout == "" and "--out" in refused.stderr
    owner = words[5]
    assert authority.api.list(owner=owner) == [], "nothing is made that nobody could have"
    printed = shell.run(*words, "--stdout")
    token = printed.stdout.strip()
    assert authority.api.is_active(token)
    assert secret_of(token) not in printed.stderr
    # A file that is there is not written over.
    there = shell.home / "there"
    there.write_text("mine")
    shell.run(*words, "--out", there, status=2)
    assert there.read_text() == "mine"
    assert len(authority.api.list(owner=owner)) == 1


def test_many_tokens_are_revoked_only_if_that_is_meant(authority, shell):
    made, token = shell.create(shell.home / "one")
    owner = made["owner"]
    refused = shell.run("token", "revoke", "--owner", owner, status=64)
    assert "--yes" in refused.stderr and authority.api.is_active(token)
    shell.run("token", "revoke", "--owner", owner, "--yes")
    assert not authority.api.is_active(token)
    _, own = shell.create(shell.home / "two")
    shell.run("token", "revoke", "--self", "--token-file", "two")
    assert not authority.api.is_active(own)


def test_owners_roles_and_keys_are_looked_at_and_changed(authority, shell):
    made, token = shell.create(shell.home / "one")
    shell.run("owner", "disable", made["owner"])
    assert not authority.api.is_active(token)
    assert shell.json("owner", "show", made["owner"])["disabled"] is True
    shell.run("owner", "enable", made["owner"])
    assert authority.api.is_active(token)
    assert "tokenward-admin" in shell.run("role", "list").stdout
    assert shell.json("role", "show", "tokenward-admin")["scopes"]
    keys = shell.json("key", "list")["keys"]
    assert {key["state"] for key in keys} >= {"active", "next"}
    shell.run("key", "rotate", "--force")
    after = shell.json("key", "list")["keys"]
    active = next(key["id"] for key in keys if key["state"] == "active")
    assert next(key["state"] for key in after if key["id"] == active) == "retired"


# Item 5 of what an authority promises: what was written down cannot be changed unseen.
def test_the_audit_is_whole_until_somebody_changes_it(authorities, tmp_path):
    authority = authorities()
    shell = Shell(authority, tmp_path / "home")
    for _ in range(5):
        token = authority.api.create()
    last = shell.run("audit", "tail", authority.audit, "-n", "1").stdout
    assert json.loads(last)["token"] == id_of(token)
    assert authority.stop() == 0
    whole = shell.json("audit", "verify", "--config", authority.config)
    assert whole["ok"] is True and whole["records"] >= 6
    lines = authority.audit.read_text().splitlines(keepends=True)
    for damage in (
        lines[:2] + lines[3:],
        lines[:-1],
        [*lines[:2], lines[3], lines[2], *lines[4:]],
        [*lines[:3], lines[3].replace('"allowed"', '"refused"'), *lines[4:]],
        [*lines, lines[-1]],
    ):
        assert damage != lines
        copy = tmp_path / "copy"
        copy.mkdir(exist_ok=True)
        for file in authority.audit.parent.glob(f"{authority.audit.name}*"):
            (copy / file.name).write_bytes(file.read_bytes())
        (copy / authority.audit.name).write_text("".join(damage))
        shell.run(
            "audit", "verify", "--config", authority.config, copy / authority.audit.name, status=1
        )
    shell.run("audit", "verify", "--config", authority.config, authority.audit)
    # Without the key nothing can be said.
    shell.run("audit", "verify", authority.audit, status=2)
