# Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.
"""The attack table against a live server over TLS, in raw frames."""

import base64
import json
import os
import pathlib
import shutil
import subprocess
import sys
import threading
import time

import grpc

import attacks
import http2
import rpc


# The issuer of the table whose tokens work once.
SINGLE_USE_ISSUER = "https://once.test"


def sendable(table):
    return [row for row in table
            if row["kind"] != "not_applicable" and attacks.unsendable(row) is None]


def uses_up(row):
    """Whether the step is answered with OK once only: its token is of the single-use issuer."""
    if row["kind"] != "call" or row["grpc_status"] != 0:
        return False
    for name, value in row["headers"]:
        parts = value.split(".")
        if name.lower() == "authorization" and len(parts) == 3:
            payload = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
            return json.loads(payload)["iss"] == SINGLE_USE_ISSUER
    return False


def repeatable(table):
    """Without the variants that use a token up: sent again, their twins are refused."""
    used = {(row["id"], row["variant"]) for row in table if uses_up(row)}
    assert used, "the table has single-use tokens"
    return [row for row in table if (row["id"], row.get("variant")) not in used]


def test_every_row_is_answered_as_the_table_says(target):
    table = sendable(target.table)
    sent, complaints = attacks.run(target, table)
    rows = {row["id"] for row in table}
    print(f"{sent} requests of {len(rows)} rows sent, {len(complaints)} complaints")
    for row in target.table:
        if row["kind"] == "not_applicable":
            print(f"not sent: {row['id']} ({row['part']}): {row['reason']}")
        elif attacks.unsendable(row):
            print(f"not sent: {row['id']} {row['variant']} [{row['role']}]: it "
                  f"{attacks.unsendable(row)}")
    assert complaints == []
    assert sent > 2_000 and len(rows) > 100
    assert sum(row["role"] == "twin" for row in table) > 500
    assert target.is_alive()


TIMEOUTS = [
    "-1S", "-1n", "-99999H", "+5S", "0S", "1", "S", "abc", "1.5S", "99999999H", "999999999S",
    "9223372036854775808n", "١S", " 1S", "1S ", "1s", "", "1SS", "0x1S", "1e3S", "9999999H",
]
LEGAL = {"0S", "99999999H", "9999999H"}


def good_row(target):
    return next(r for r in sendable(target.table)
                if r["kind"] == "call" and r["grpc_status"] == 0 and r["role"] == "twin"
                and any(name == "authorization" for name, _ in r["headers"])
                and not uses_up(r))


def test_no_timeout_ends_the_process(target):
    good = good_row(target)
    for value in TIMEOUTS:
        for copies in (1, 2):
            with http2.Connection(target.address, target.authority) as connection:
                row = dict(good, headers=good["headers"] + [["grpc-timeout", value]] * copies)
                answer = attacks.send_call(connection, row)
                got = attacks.label(answer)
                if copies == 1 and value in LEGAL:
                    # No time at all may end the call before its answer.
                    assert got in ("grpc:0", "grpc:1", "grpc:4"), (value, got)
                else:
                    assert got in ("grpc:3", "rst", "goaway"), (value, copies, got)
            assert target.is_alive(), value
    with http2.Connection(target.address, target.authority) as connection:
        assert attacks.label(attacks.send_call(connection, good)) == "grpc:0"


def test_large_and_strange_authorization_values_are_refused(target):
    good = good_row(target)
    values = [b"Bearer " + b"a" * n for n in (8_192, 15_000, 16_384, 17_000, 32_768, 200_000)]
    values += [b"Bearer \xff\xfe", b"\xc3\x28", b"Bearer \xe2\x84\xaa", b"\x80" * 100]
    for value in values:
        with http2.Connection(target.address, target.authority) as connection:
            headers = [h for h in good["headers"] if h[0] != "authorization"]
            row = dict(good, headers=headers + [["authorization", value]])
            got = attacks.label(attacks.send_call(connection, row))
            assert got in ("grpc:16", "grpc:8", "rst", "goaway", "http:431"), (len(value), got)
        assert target.is_alive()


def test_a_minute_of_attacks_leaves_the_server_up_and_its_memory_flat(target):
    seconds = float(os.environ.get("TOKENWARD_HAMMER_SECONDS", "60"))
    table = repeatable(sendable(target.table))
    deadline = time.monotonic() + seconds
    totals, complaints, samples = [], [], []

    def hammer():
        while time.monotonic() < deadline:
            sent, found = attacks.run(target, table)
            totals.append(sent)
            complaints.extend(found)

    threads = [threading.Thread(target=hammer) for _ in range(4)]
    for thread in threads:
        thread.start()
    warm_up = time.monotonic() + seconds / 3
    while any(thread.is_alive() for thread in threads):
        if time.monotonic() > warm_up:
            samples.append((target.resident_bytes(), target.open_files()))
        time.sleep(0.5)
    for thread in threads:
        thread.join()
    time.sleep(1)
    growth = max(memory for memory, _ in samples) - samples[0][0]
    print(f"{sum(totals)} attacks; memory grew by {growth / 1e6:.1f} MB after the warm-up; "
          f"{target.open_files()} open files")
    assert complaints == []
    assert target.is_alive()
    assert growth < 16 * 1024 * 1024
    assert target.open_files() <= samples[0][1] + 8


def secrets_of(table):
    """Every token that was sent, and every signature by itself."""
    found = set()
    for row in sendable(table):
        headers = row.get("headers") or [
            h for f in row.get("frames", []) for h in f.get("block", [])
        ]
        for name, value in headers:
            if name.lower().startswith("authorization") and len(value) > 40:
                token = value.split(" ")[-1]
                found.add(token)
                found.add(token.split(".")[-1])
    return {secret for secret in found if len(secret) >= 24}


def test_nothing_that_was_sent_is_written_anywhere(target, server, issuer):
    time.sleep(1)
    places = {
        "audit": target.audit.read_text(errors="replace"),
        "log": target.errors.read_text(errors="replace"),
        "output": target.output.read_text(errors="replace"),
        "metrics": target.metrics(),
    }
    secrets = secrets_of(target.table)
    assert len(secrets) > 100
    for place, text in places.items():
        hits = [secret[:12] for secret in secrets if secret in text]
        assert hits == [], f"{len(hits)} secrets in {place}"
    assert len(places["audit"]) > 1_000, "the audit file was read"
    with rpc.channel(server) as channel:
        assert rpc.unary(channel, rpc.bearer(issuer.token())).code is grpc.StatusCode.OK
        assert rpc.unary(channel, rpc.bearer(issuer.forged())).code is not grpc.StatusCode.OK
    time.sleep(1)
    assert len(issuer.minted) >= 2 and server.audit.stat().st_size > 0
    for token in issuer.minted:
        for text in (server.audit.read_text(), server.errors.read_text(), server.metrics()):
            assert token not in text and token.split(".")[-1] not in text


def test_the_metrics_are_what_prometheus_reads(target):
    promtool = shutil.which("promtool") or shutil.which(
        "promtool", path=pathlib.Path(sys.executable).parent
    )
    assert promtool, "scripts/test brings promtool"
    text = target.metrics()
    assert "tokenward_decisions_total" in text
    done = subprocess.run(
        [promtool, "check", "metrics"], input=text, capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 0, done.stdout + done.stderr
