# Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.
"""What was acknowledged outlasts kill -9, at any moment.

`TOKENWARD_CRASHES` says at how many points; `scripts/figures crashes` asks for 200.
"""

import os
import secrets
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import grpc

import authority_crash
from authority_api import code, new_key
from oauth import id_of
from processes import run

POINTS = int(os.environ.get("TOKENWARD_CRASHES", "10"))


def test_nothing_that_was_acknowledged_is_lost(authorities, capsys):
    seed = os.environ.get("TOKENWARD_SEED") or secrets.token_hex(4)

    def told(line):
        with capsys.disabled():
            print(f"\n    seed {seed}: {line}", end="", flush=True)

    authority = authorities()
    result = authority_crash.run(authority, POINTS, seed, told)
    assert result.points == POINTS
    assert (result.lost, result.undone, result.twice, result.unaudited) == ([], [], [], [])
    # Otherwise nothing was looked at.
    assert result.created > 10 * POINTS and result.rotated > POINTS and result.revoked > POINTS
    assert sum(result.cut_off.values()) > POINTS
    assert set(result.ends) <= {"UNAVAILABLE", "CANCELLED", "UNKNOWN"}, result.ends
    run("tokenward", "audit", "verify", "--config", authority.config)


# Catalogue O11, one caller whose call is surely cut off: the process stands still when it comes.
def test_a_call_that_is_cut_off_is_sent_again_and_makes_one_token(authorities):
    authority = authorities()
    for kind in ("create", "rotate"):
        key, owner = new_key(), authority.unique("ada")
        first = authority.api.create(owner=owner)

        def send():
            if kind == "create":
                return authority.api.create(owner=owner, key=key)
            return authority.api.rotate(id_of(first), key=key)

        assert cut_off(authority, send) in (
            grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED,
        )
        secret = send()
        assert send() == secret
        listed = authority.api.list(owner=owner)
        assert len(listed) == (2 if kind == "create" else 1)
        assert authority.api.get(id_of(first)).rotations == (0 if kind == "create" else 1)
        assert authority.api.is_active(secret)


def cut_off(authority, send):
    """How a call ends whose authority is killed before it could answer, and started again."""
    os.kill(authority.pid, signal.SIGSTOP)
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(code, send)
        time.sleep(0.2)
        authority.kill()
        ended = call.result(timeout=30)
    authority.start()
    return ended
