# Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.
"""An authority whose disk is full, whose database is of yesterday, or whose clock is wrong."""

import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
import time

import grpc
import pytest

from authority_api import code, new_key, refusal, unix
from guarded import wait_until
from oauth import decoded, id_of
from processes import run

OK, UNAVAILABLE = grpc.StatusCode.OK, grpc.StatusCode.UNAVAILABLE
root = pytest.mark.skipif(os.geteuid() != 0, reason="a small disk can only be made by root")


@contextlib.contextmanager
def small_disk(folder, size):
    """A file system of so many bytes, which can be filled."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "tokenward-test",
                    folder], check=True, timeout=10)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True, timeout=10)


def fill(folder):
    """Leaves not a byte free, and returns the file that takes it all."""
    filler = folder / "filler"
    with open(filler, "wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4_096))
    return filler


def issuing(authority, token):
    """Every way to have a secret from it."""
    rotated = authority.api.create()
    return {
        "create": lambda: authority.api.create(),
        "create again": lambda: authority.api.create(key=new_key()),
        "rotate": lambda: authority.api.rotate(id_of(rotated), grace=60),
        "exchange": lambda: authority.api.using(token).exchange(token),
    }


# Catalogue O13.
@root
def test_nothing_is_issued_that_cannot_be_written_down(authorities, tmp_path):
    with small_disk(tmp_path / "audit", 256 << 10) as disk:
        authority = authorities(audit=disk / "audit.jsonl")
        token = authority.api.create(scopes=["tokenward.tokens.read"])
        revoked = authority.api.create()
        ways = issuing(authority, token)
        known = {found.id for found in authority.api.list()}
        filler = fill(disk)
        # A page may still have room for a few records.
        wait_until(lambda: code(ways["create"]) is UNAVAILABLE)
        issued = {record["token"] for record in authority.audit_records()}
        for way, call in ways.items():
            assert refusal(call).code is UNAVAILABLE, way
        answer = authority.http.exchange(token)
        assert answer.status_code == 503 and "access_token" not in answer.text
        # What verifies goes on, and what is there is there without a secret that nobody saw.
        assert authority.api.is_active(token)
        assert authority.api.using(token).get(id_of(token)).id == id_of(token)
        assert {found.id for found in authority.api.list()} - known <= issued
        # Taking back goes on, too, although it cannot be written down.
        assert code(lambda: authority.api.revoke(id_of(revoked))) in (OK, UNAVAILABLE)
        assert not authority.api.is_active(revoked)
        filler.unlink()
        wait_until(lambda: code(ways["create"]) is OK)
        assert [code(call) for call in ways.values()] == [OK] * len(ways)
        assert authority.http.exchange(token).status_code == 200
        assert authority.stop() == 0
        run("tokenward", "audit", "verify", "--config", authority.config)


# The store itself.
@root
def test_nothing_is_issued_that_cannot_be_kept(authorities, tmp_path):
    with small_disk(tmp_path / "disk", 8 << 20) as disk:
        authority = authorities(store=disk / "store.sqlite")
        token = authority.api.create()
        filler = fill(disk)
        wait_until(lambda: code(authority.api.create) is UNAVAILABLE, timeout=60)
        known = {found.id for found in authority.api.list()}
        assert code(authority.api.create) is UNAVAILABLE
        assert authority.api.is_active(token)
        assert {found.id for found in authority.api.list()} == known
        filler.unlink()
        wait_until(lambda: code(authority.api.create) is OK)
        authority.restart()
        assert authority.api.is_active(token)
        assert known < {found.id for found in authority.api.list()}


# Catalogue O14.
def test_a_database_of_yesterday_is_refused(authorities, tmp_path):
    authority = authorities()
    token = authority.api.create()
    assert authority.stop() == 0
    yesterday = authority.copy_database(tmp_path / "yesterday")
    authority.start()
    authority.api.revoke(id_of(token))
    assert authority.stop() == 0
    today = authority.copy_database(tmp_path / "today")
    authority.restore_database(yesterday)
    status, text = authority.end_of_a_start_that_fails()
    assert status != 0
    assert "older" in text or "rolled back" in text, text
    assert "hint:" in text or "restore" in text, text
    # And stays refused, until what is there is the newest.
    assert authority.end_of_a_start_that_fails()[0] == status
    authority.restore_database(today)
    authority.start()
    assert not authority.api.is_active(token)


def test_a_damaged_database_is_refused(authorities, tmp_path):
    authority = authorities()
    tokens = [authority.api.create() for _ in range(50)]
    assert authority.stop() == 0
    with contextlib.closing(sqlite3.connect(authority.store)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        size = database.execute("PRAGMA page_size").fetchone()[0]
    good = authority.copy_database(tmp_path / "good")
    with open(authority.store, "r+b") as file:
        page = file.read().index(id_of(tokens[25]).encode()) // size
        file.seek(page * size)
        file.write(os.urandom(size // 2))
    status, text = authority.end_of_a_start_that_fails()
    assert status != 0 and text
    authority.restore_database(good)
    authority.start()
    assert authority.api.is_active(tokens[25])


def test_a_database_without_its_secrets_is_refused(authorities):
    # A second pepper in the place of the first would silently end every token.
    authority = authorities()
    authority.api.create()
    assert authority.stop() == 0
    away = authority.folder / "away"
    shutil.move(authority.secrets, away)
    status, text = authority.end_of_a_start_that_fails()
    assert status != 0 and text
    if authority.secrets.exists():
        if authority.secrets.is_dir():
            shutil.rmtree(authority.secrets)
        else:
            authority.secrets.unlink()
    shutil.move(away, authority.secrets)
    authority.start()


def test_a_second_process_on_the_same_database_is_refused(authorities):
    authority = authorities()
    first, starts = authority.process, authority.starts
    try:
        status, text = authority.end_of_a_start_that_fails()
    finally:
        authority.process, authority.starts = first, starts
    assert status != 0 and text
    assert code(authority.api.create) is OK


class Clock:
    """The clock of a process, which a file moves."""

    def __init__(self, file):
        self.file = file
        self.shift(0)

    @property
    def settings(self):
        return {
            # Without its own program the library moves the environment, by which a Swift program
            # finds its arguments; what the program sets would win over the file.
            "prefix": ["faketime", "-m", "-f", "+0s", "env", "-u", "FAKETIME"],
            "environment": {
                "FAKETIME_TIMESTAMP_FILE": str(self.file), "FAKETIME_NO_CACHE": "1",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1",
            },
        }

    def shift(self, seconds):
        fresh = self.file.with_suffix(".new")
        fresh.write_text(f"{seconds:+d}s\n")
        os.replace(fresh, self.file)


def claims(token):
    return json.loads(decoded(token.split(".")[1]))


# Catalogue O15.
@pytest.mark.skipif(not shutil.which("faketime"), reason="Debian has it as faketime")
@pytest.mark.parametrize("jump", [3_600, -3_600])
def test_a_clock_that_jumps_makes_no_token_that_lives_too_long(authorities, tmp_path, jump):
    clock = Clock(tmp_path / "clock")
    authority = authorities(**clock.settings)
    long, short = authority.api.create(lifetime=86_400), authority.api.create(lifetime=600)
    first = claims(authority.http.access_token(long))
    assert abs(first["iat"] - time.time()) < 5
    clock.shift(jump)
    ends = []
    for _ in range(3):
        answer = authority.http.exchange(long)
        if answer.status_code == 200:
            ends.append(claims(answer.json()["access_token"]))
        else:
            assert answer.status_code == 503, answer.text
        made = []
        if code(lambda: made.append(authority.api.make(lifetime=60))) is OK:
            token = made[0].token
            assert unix(token.expires_at) - unix(token.created_at) == 60
    for one in ends:
        assert one["iat"] < one["exp"] <= one["iat"] + 300
        assert one["exp"] <= max(time.time(), time.time() + jump) + 305
    if jump > 0:
        # Whatever it does with new ones, what has expired by its clock does not count.
        assert not authority.api.is_active(short) or not ends
    clock.shift(0)
    wait_until(lambda: authority.http.exchange(long).status_code == 200)
    after = claims(authority.http.access_token(long))
    assert after["iat"] < after["exp"] <= time.time() + 305
    # Also if it was wrong when the process started.
    assert authority.stop() == 0
    clock.shift(jump)
    try:
        authority.start()
    except AssertionError:
        assert "clock" in authority.log()
    else:
        answer = authority.http.exchange(long)
        if answer.status_code == 200:
            one = claims(answer.json()["access_token"])
            assert one["iat"] < one["exp"] <= one["iat"] + 300
