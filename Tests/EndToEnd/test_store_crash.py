# Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.
"""The store in SQLite under kill -9: nothing that was acknowledged is lost, undone or done twice."""

import os
import random
import subprocess

from crash import Ledger, live_and_die
from processes import BINARIES, run

# Every run is another one; the seed is in the output of a run that failed.
SEED = int(os.environ.get("TOKENWARD_CRASH_SEED", random.randrange(1 << 32)))
POINTS = int(os.environ.get("TOKENWARD_CRASH_POINTS", 20))


def test_nothing_acknowledged_is_lost_at_random_points(tmp_path):
    tmp_path.chmod(0o700)
    rng = random.Random(SEED)
    print(f"seed {SEED}")
    database = tmp_path / "tokens.db"
    ledger = Ledger()
    lines = 0
    for point in range(POINTS):
        lines += live_and_die(
            [BINARIES / "store-crash", "run", database], ledger, longest=0.3, rng=rng
        )
        ledger.compare(run("store-crash", "dump", database))
        assert not ledger.problems, (point, ledger.problems[:5])
    print(f"{POINTS} kills, {lines} lines, {ledger.acknowledged()} acknowledged: "
          f"{len(ledger.tokens)} tokens, {len(ledger.revoked)} revocations")
    # There was something to lose.
    assert ledger.acknowledged() > 20 * POINTS
    assert len(ledger.revoked) > POINTS


def test_the_comparison_sees_what_is_lost_undone_and_done_twice(tmp_path):
    lines = [
        "ready", "try create 0/0", "created 0/0 a", "try rotate a 1", "rotated a 1",
        "try revoke a", "revoked a",
    ]
    good = ["token a 1 1 true", "receipt 0/0 a", "version 3"]
    cases = [
        (lines, good, None),
        (lines, good[1:], "lost: token a"),
        (lines, [good[0], good[2]], "lost: the receipt of 0/0"),
        (lines, ["token a 0 0 true", *good[1:]], "undone: a rotation of a"),
        (lines, ["token a 1 1 false", *good[1:]], "undone: the revocation of a"),
        (lines, ["token a 1 0 true", *good[1:]], "in part: a"),
        (lines, ["token a 2 2 true", *good[1:]], "made up: a rotation of a"),
        (lines[:5], good, "made up: a revocation of a"),
        (lines, [*good, "token b 0 0 false"], "issued twice or in part"),
        ([*lines, "created 0/0 b"], good, "issued twice: request 0/0"),
    ]
    for said, found, expected in cases:
        ledger = Ledger()
        for line in said:
            ledger.read(line)
        ledger.compare("\n".join(found))
        if expected is None:
            assert ledger.problems == []
        else:
            assert any(p.startswith(expected) for p in ledger.problems), (expected, ledger.problems)


def test_a_second_process_is_refused_while_the_first_one_lives(tmp_path):
    tmp_path.chmod(0o700)
    database = tmp_path / "tokens.db"
    first = subprocess.Popen(
        [BINARIES / "store-crash", "run", database],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
    )
    try:
        assert first.stdout.readline() == b"ready\n"
        second = subprocess.run(
            [BINARIES / "store-crash", "dump", database], capture_output=True, text=True, timeout=60
        )
        assert second.returncode == 69
        assert "is in use by another process" in second.stderr
    finally:
        first.kill()
        first.stdout.close()
        first.wait()
    assert "version" in run("store-crash", "dump", database)
