# Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.
"""Issuers that answer wrongly: at the start nobody gets in, later nothing changes.

One server trusts an issuer for each row of the table, and one that behaves.
"""

import concurrent.futures
import contextlib
import time

import pytest

import faults
import rpc
import signing
from fault_table import REDIRECTS, ROWS
from guarded import OK, SUCCESS, UNAUTHENTICATED, UNAVAILABLE, Servers, ask, entry, provoke
from guarded import wait_until
from issuer import Issuer
from pki import Authority

GRACE = 6
EXPECTED = {row.name: row.problem for row in ROWS}
MEGABYTES = 1 << 20


class Bed:
    """One issuer for each row, and one that behaves."""

    def __init__(self, stack):
        authority = Authority()
        self.good = stack.enter_context(Issuer(authority=authority))
        self.rows = [(row, stack.enter_context(Issuer(authority=authority))) for row in ROWS]
        for row, issuer in self.rows:
            row.put(issuer)
        self.entries = [entry(self.good)]
        self.entries += [entry(issuer, row.location) for row, issuer in self.rows]
        self.server = None

    def each(self, function, workers=16):
        """Does something with every row at the same time, and returns what came by name."""
        with concurrent.futures.ThreadPoolExecutor(workers) as pool:
            found = [(row.name, pool.submit(function, row, issuer)) for row, issuer in self.rows]
            return {name: result.result() for name, result in found}

    def surprises(self):
        """Where the last error is another one than the table says."""
        keys = self.server.readyz()[1]
        found = {row.name: keys[issuer.url]["last_error"] for row, issuer in self.rows}
        return {name: found[name] for name in found if found[name] != EXPECTED[name]}

    def wait_for_problems(self, timeout):
        deadline = time.monotonic() + timeout
        while (surprises := self.surprises()) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert surprises == {}


@pytest.fixture(scope="module")
def bed(tmp_path_factory, template):
    with contextlib.ExitStack() as stack:
        bed = Bed(stack)
        servers = stack.enter_context(Servers(tmp_path_factory.mktemp("faults"), template))
        bed.server = servers(*bed.entries, ready_grace=f"{GRACE}s")
        yield bed


@pytest.fixture()
def channel(bed):
    with rpc.channel(bed.server) as channel:
        yield channel


def test_every_fault_is_in_the_table():
    named = {row.fault for row in ROWS if isinstance(row.fault, str)}
    # A good set beside a broken key is served; the attacker's keys, if the issuer itself serves
    # them, are the issuer's; so is a megabyte of headers. The others need a value.
    assert set(signing.BROKEN_SETS) - named == {"one_bad_key", "attacker_keys"}
    assert set(faults.BY_NAME) - named == {
        "redirect", "failure", "body", "document", "members", "inside", "headers",
        "huge_headers"}
    assert set(REDIRECTS) < named


def test_at_the_start_a_broken_issuer_keeps_the_server_out_of_rotation_for_a_while(bed, channel):
    asked = time.monotonic()
    # The grace counts from the first question.
    assert bed.server.readyz()[0] == 503
    # Out of rotation, and already right about every token.
    bed.server.wait_for_keys(bed.good)
    assert ask(channel, bed.good.mint()).code is OK
    wait_until(lambda: bed.server.readyz()[0] == 200, timeout=60)
    assert time.monotonic() - asked >= GRACE - 0.5


def test_at_the_start_a_broken_issuer_lets_nobody_in(bed, channel):
    bed.wait_for_problems(timeout=30)

    def denied(row, issuer):
        return [ask(channel, token) for token in (issuer.mint(), issuer.forge())]
    for name, answers in bed.each(denied).items():
        for got in answers:
            assert got.code is UNAVAILABLE, name
            assert got.reason == "AUTH_BACKEND_UNAVAILABLE" and got.retry_after > 0, name
    # The twin: the same channel, another issuer.
    assert ask(channel, bed.good.mint()).code is OK
    fetches = bed.server.all_fetches()
    for row, issuer in bed.rows:
        counted = fetches[issuer.url]
        assert counted.get(row.problem, 0) > 0 and SUCCESS not in counted, row.name


def test_an_issuer_that_recovers_is_trusted_by_itself(bed, channel):
    bed.each(lambda row, issuer: row.clear(issuer))
    bed.server.wait_for_keys(*[issuer for _, issuer in bed.rows], timeout=90)
    keys = bed.server.readyz()[1]
    for row, issuer in bed.rows:
        assert ask(channel, issuer.mint()).code is OK, row.name
        assert ask(channel, issuer.forge()).code is UNAUTHENTICATED, row.name
        assert keys[issuer.url]["last_error"] == "none", row.name


def test_later_a_fault_changes_nothing_but_what_is_shown(bed, channel):
    for _, issuer in bed.rows:
        assert ask(channel, issuer.mint()).code is OK
    resident, files = bed.server.resident_bytes(), bed.server.open_files()
    before = bed.server.all_fetches()
    bed.each(lambda row, issuer: row.put(issuer))

    def fetched(row, issuer):
        begin = time.monotonic()
        [got] = provoke(channel, issuer)
        return got.code, time.monotonic() - begin
    for name, (code, seconds) in bed.each(fetched, workers=len(ROWS)).items():
        assert code is UNAUTHENTICATED, name
        # Five seconds are the fetch's; the rest is for a machine that does other things.
        assert seconds < 10, f"{name}: the fetch took {seconds:.1f} s"
    assert bed.surprises() == {}
    fetches = bed.server.all_fetches()
    for row, issuer in bed.rows:
        counted = fetches[issuer.url]
        assert counted[row.problem] > before[issuer.url].get(row.problem, 0), row.name
        assert counted[SUCCESS] == before[issuer.url][SUCCESS], row.name
        assert ask(channel, issuer.mint()).code is OK, row.name
        got = ask(channel, issuer.forge())
        assert got.code is UNAUTHENTICATED and got.reason == "ACCESS_TOKEN_INVALID", row.name
    assert bed.server.readyz()[0] == 200, "what happens to issuers must not stop the server"
    grown = bed.server.resident_bytes() - resident
    assert grown < 24 * MEGABYTES, f"{grown / MEGABYTES:.1f} MiB more than before"
    assert bed.server.open_files() <= files + 8


def test_nobody_was_asked_whom_the_issuer_only_named(bed):
    asked = 0
    for _, issuer in bed.rows:
        for tls in (True, False):
            asked += issuer.elsewhere(tls).count()
            assert issuer.elsewhere(tls).failed_handshakes == 0
    assert asked == 0


def test_afterwards_the_next_fetch_works(bed, channel):
    bed.each(lambda row, issuer: row.clear(issuer))
    before = bed.server.all_fetches()

    def recovered(row, issuer):
        # A new key is let in by the fetch that its first token asks for.
        issuer.rotate(publish_first=False)
        issuer.publish(issuer.keys.signing)
        wait_until(lambda: ask(channel, issuer.mint(), timeout=30).code is OK, timeout=40)
    bed.each(recovered, workers=len(ROWS))
    fetches = bed.server.all_fetches()
    for row, issuer in bed.rows:
        assert fetches[issuer.url][SUCCESS] > before[issuer.url][SUCCESS], row.name
    assert ask(channel, bed.good.mint()).code is OK
