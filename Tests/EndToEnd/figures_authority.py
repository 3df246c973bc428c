# Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.
"""The figures of the authority: what kill -9 leaves of it, and exchanges over HTTP."""

import collections
import os
import re
import secrets
import subprocess
import sys
import urllib.parse

import authority_crash
from authority_bed import Bed
from figure import at_least, at_most, exactly, told
from oauth import ACCESS_TOKEN, EXCHANGE
from processes import BINARIES, run

POINTS = 200
CONNECTIONS = 16


def crashes(folder, _):
    """kill -9 at 200 random points under 16 callers; --seconds does not shorten this."""
    seed = secrets.token_hex(4)

    def progress(line):
        print(f"    seed {seed}: {line}", file=sys.stderr, flush=True)

    with Bed(folder / "authority") as authority:
        result = authority_crash.run(authority, POINTS, seed, progress)
        checked = run("tokenward", "audit", "verify", "--config", authority.config, check=False)
    for line in (*result.lost, *result.undone, *result.twice, *result.unaudited):
        progress(line)
    yield exactly("points at which it was killed", POINTS, result.points)
    yield exactly("acknowledged tokens that are lost", 0, len(result.lost))
    yield exactly("acknowledged revocations that are undone", 0, len(result.undone))
    yield exactly("tokens that were issued twice", 0, len(result.twice))
    yield exactly("secrets without an audit record", 0, len(result.unaudited))
    yield exactly("the chain of the audit", "whole", "whole" if checked else "broken")
    yield at_least("calls that were cut off", POINTS, sum(result.cut_off.values()))
    yield told("tokens made, rotated, revoked",
               f"{result.created}, {result.rotated}, {result.revoked}")
    yield told("the slowest start", result.slowest_start, "s")


def exchange(folder, seconds):
    """An API token is exchanged for an access token over HTTP and TLS, on 16 connections."""
    length = seconds or 20
    binaries = os.environ.get("TOKENWARD_RELEASE_BINARIES", BINARIES)
    # All of it is done with one token, of which an authority allows 100 a second unless told.
    with Bed(folder / "authority", binaries=binaries, exchanges_per_second=100_000) as authority:
        token = authority.api.create(lifetime=86_400)
        body = folder / "exchange.form"
        body.touch(mode=0o600)
        body.write_text(urllib.parse.urlencode({
            "grant_type": EXCHANGE, "subject_token": token, "subject_token_type": ACCESS_TOKEN,
        }))
        load(authority, body, 2)
        before = exchanged(authority)
        text = load(authority, body, length)
        written = exchanged(authority) - before
        resident = authority.resident_bytes()
    rate = float(re.search(r"([0-9.]+) req/s", text)[1])
    codes = re.search(r"(\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx", text)
    good, *others = map(int, codes.groups())
    # A time, so that it differs between machines.
    yield at_least("exchanges a second", 5_000, rate, "/s")
    yield exactly("exchanges that were answered otherwise", 0, sum(others))
    yield at_least("exchanges in all", 1_000, good)
    # Those that were not answered when time was up may have been written down.
    yield at_least("of these in the audit", good, written)
    yield at_most("in the audit and not answered", CONNECTIONS, written - good)
    yield told("resident memory after them", resident / (1 << 20), "MiB")


def load(authority, body, length):
    """What h2load says of so many seconds."""
    done = subprocess.run(
        ["h2load", "--h1", f"--clients={CONNECTIONS}", "--threads=1", f"--duration={length}",
         f"--data={body}", "--header=content-type: application/x-www-form-urlencoded",
         f"{authority.url}/oauth2/token"],
        capture_output=True, text=True, timeout=length + 60,
    )
    if done.returncode != 0:
        raise SystemExit(f"h2load ended with {done.returncode}: {done.stderr}")
    return done.stdout


def exchanged(authority):
    return collections.Counter(
        (record["action"], record["outcome"]) for record in authority.audit_records()
    )["token.exchange", "allowed"]
