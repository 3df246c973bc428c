# Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.
"""The figures of a verifier: unknown keys, rotated keys, and an issuer that is gone.

Ten minutes without the issuer, on a clock that is only counted, are a unit test: "while the issuer
is down the keys count to the last second of the limit" of RemoteKeySetTests.
"""

import collections
import itertools
import time

import rpc
from figure import at_least, at_most, exactly, told
from guarded import Guarded, entry, provoke
from issuer import Issuer
from load import Load, achieved, counts, slowest

MIB = 1 << 20
MOST_STALE = 60


def unknown_kids(folder, seconds):
    """1,000 unknown kids in a second, then 10,000, and good tokens at 100 calls/s beside them."""
    many = 10_000 if seconds is None else 1_000 * seconds
    with Issuer() as issuer, running(folder, entry(issuer, "uri", {"cooldown": "30s"})) as server:
        server.wait_for_keys(issuer)
        good = [("good", issuer.mint(ttl=600)) for _ in range(20)]
        # As much load with good tokens first: what a busy process needs is not what is compared.
        flood(server, good * 500, good)
        first, second = bogus(issuer, 1_000), bogus(issuer, many)
        before = issuer.count("jwks")
        calls = flood(server, first, good)
        yield exactly("fetches for 1,000 unknown kids in one second", 1,
                      issuer.count("jwks") - before)
        yield from looked_at("1,000 kids", calls, 1_100)
        resident, files = server.resident_bytes(), server.open_files()
        before = issuer.count("jwks")
        calls = flood(server, second, good)
        yield at_most(f"fetches for {many:,} more, within the cooldown", 1,
                      issuer.count("jwks") - before)
        yield from looked_at(f"{many:,} kids", calls, 1_100)
        yield told("resident memory before them", resident / MIB, "MiB")
        grown = (server.resident_bytes() - resident) / MIB
        yield at_most("resident memory more, after them", 8, grown, "MiB")
        yield at_most("open descriptors more", 4, server.open_files() - files)


def bogus(issuer, count):
    return [("bogus", issuer.mint(key=issuer.attacker_key,
                                  header={"alg": "ES256", "kid": f"kid-{time.monotonic_ns()}"}))
            for _ in range(count)]


def flood(server, bad, good):
    """All bad tokens once at 1,000 a second, and after each ten of them a good one."""
    tokens, again = [], itertools.cycle(good)
    for index, token in enumerate(bad):
        tokens.append(token)
        if index % 10 == 9:
            tokens.append(next(again))
    load = Load(server, tokens, rate=1_100, seconds=len(tokens) / 1_100)
    load.start()
    return load.calls()


def looked_at(name, calls, rate):
    good = [call for call in calls if call.kind == "good"]
    bad = [call for call in calls if call.kind == "bogus"]
    yield exactly(f"{name}: answers to them", {"UNAUTHENTICATED": len(bad)}, counts(bad))
    yield exactly(f"{name}: answers to good tokens meanwhile", {"OK": len(good)}, counts(good))
    yield at_least(f"{name}: calls begun a second", round(rate * 0.95), achieved(calls))


def rotation(folder, seconds):
    """Keys rotate under 500 valid calls/s, announced and not."""
    length = max(10, seconds or 60)  # Shorter, the cooldown of a second would not fit in between.
    # The issuer is asked at least every 30 s then, so that an announced key is known in time.
    timing = {"max_stale": "60s", "cooldown": "30s" if length >= 60 else "1s"}
    with Issuer() as issuer, running(folder, entry(issuer, "uri", timing)) as server:
        server.wait_for_keys(issuer)
        load = Load(server, minted(issuer), rate=500, seconds=length)
        # When, as parts of the time, and what; three seconds after each, the former key is gone.
        plan = [(0.05, "unannounced"), (0.10, "publish"), (0.10, "publish"), (0.60, "announced"),
                (0.75, "unannounced"), (0.92, "announced")]
        begin, announced, former, done = load.start(), [], [], []
        while load.is_running:
            passed = time.monotonic() - begin
            while plan and passed >= plan[0][0] * length:
                _, what = plan.pop(0)
                rotate(issuer, what, announced, former, passed)
                if what != "publish":
                    done.append(what)
            while former and passed >= former[0][0] + 3:
                issuer.retire(former.pop(0)[1])
            load.tokens = minted(issuer)
            time.sleep(0.1)
        calls = load.calls()
    yield exactly("rotations", {"announced": 2, "unannounced": 2}, dict(sorted(
        collections.Counter(done).items())))
    failed = {code: count for code, count in counts(calls).items() if code != "OK"}
    yield exactly("failed calls", {}, failed)
    yield at_least("calls begun a second", 495, achieved(calls))
    yield at_least("calls", 500 * length, len(calls))
    yield told("99 of 100 calls took at most", slowest(calls, 0.99), "ms")
    yield told("the slowest call took", slowest(calls), "ms")
    yield told("fetches of the keys", issuer.count("jwks"))


def minted(issuer, count=25):
    return [("good", issuer.mint()) for _ in range(count)]


def rotate(issuer, what, announced, former, now):
    keys = issuer.keys
    signing = keys.signing
    if what == "unannounced":
        # The first that anybody can see of this key is a token.
        issuer.publish(issuer.rotate(publish_first=False))
    elif what == "publish":
        announced.append(issuer.rotate(publish_first=True))
        keys.signing = signing
        return
    else:
        keys.signing = announced.pop(0)
    former.append((now, signing))


def outage(folder, _):
    """The issuer is dead, max_stale is 60 s; --seconds does not shorten this."""
    with Issuer() as issuer:
        timing = {"max_stale": f"{MOST_STALE}s", "cooldown": "1s"}
        with running(folder, entry(issuer, "uri", timing)) as server:
            server.wait_for_keys(issuer)
            token = issuer.mint(ttl=600)
            load = Load(server, [("good", token)], rate=50, seconds=MOST_STALE + 12)
            with rpc.channel(server) as channel:
                # The last success lies between these two moments.
                earliest = time.monotonic()
                provoke(channel, issuer)
                latest = time.monotonic()
            issuer.down()
            load.start()
            calls = load.calls()
            alive = server.is_alive()
    before = [call for call in calls if call.ended < earliest + MOST_STALE]
    after = [call for call in calls if call.began > latest + MOST_STALE]
    last = max(call.ended for call in calls if call.code == "OK") - latest
    yield exactly("answers until the keys are 60 s old", {"OK": len(before)}, counts(before))
    yield exactly("answers after that", {"UNAVAILABLE": len(after)}, counts(after))
    yield at_least("the last good answer, after the last success", MOST_STALE - 1, last, "s")
    yield at_least("calls after the limit", 500, len(after))
    yield at_least("calls begun a second", 49, achieved(calls))
    yield exactly("the server lives", "yes", "yes" if alive else "no")


class running:
    """A server for the time of a `with`."""

    def __init__(self, folder, *issuers):
        self._server = Guarded(folder / "dev", list(issuers))

    def __enter__(self):
        return self._server

    def __exit__(self, *_):
        self._server.stop()
