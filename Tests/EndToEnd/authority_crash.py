# Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.
"""Kills an authority at random points of its work, and looks at what is left of what it promised.

Every caller has tokens of its own and knows what was acknowledged about each. The one call that was
cut off is sent again afterwards with the same idempotency key.
"""

import collections
import dataclasses
import random
import time
from concurrent.futures import ThreadPoolExecutor

import grpc

from authority_api import new_key
from oauth import id_of

CALLERS = 16


@dataclasses.dataclass
class Held:
    """A token of a caller, by what was acknowledged."""

    name: str
    secret: str = dataclasses.field(repr=False)
    former: list = dataclasses.field(default_factory=list, repr=False)
    rotations: int = 0
    revoked: bool = False


@dataclasses.dataclass
class Result:
    """What went wrong, each with an example; and how much there was to go wrong."""

    points: int = 0
    created: int = 0
    rotated: int = 0
    revoked: int = 0
    cut_off: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    lost: list = dataclasses.field(default_factory=list)
    undone: list = dataclasses.field(default_factory=list)
    twice: list = dataclasses.field(default_factory=list)
    unaudited: list = dataclasses.field(default_factory=list)
    ends: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    slowest_start: float = 0.0


class Caller:
    """Makes, rotates and revokes tokens of its own until it is cut off."""

    def __init__(self, number, random_numbers):
        self.number, self._random = number, random_numbers
        self.tokens, self.pending, self.count = [], None, 0

    def begin(self, api, label):
        """What this caller does until the connection ends."""
        self.pending = None
        while True:
            self.pending = self._next(label)
            try:
                self.carry_out(api)
            except grpc.RpcError as error:
                return error.code()

    def _next(self, label):
        alive = [token for token in self.tokens if not token.revoked][-20:]
        choice = self._random.random()
        if len(alive) < 3 or choice < 0.5:
            self.count += 1
            return "create", f"{label}.{self.number}.{self.count}", new_key()
        token = self._random.choice(alive)
        return ("rotate", token, new_key()) if choice < 0.8 else ("revoke", token, None)

    def carry_out(self, api):
        """Does what is pending; a refusal leaves it so."""
        kind, what, key = self.pending
        if kind == "create":
            secret = api.create(name=what, owner=f"caller-{self.number}", key=key,
                                labels={"of": what.split(".")[0]})
            self.tokens.append(Held(what, secret))
        elif kind == "rotate":
            secret = api.rotate(id_of(what.secret), key=key)
            what.former.append(what.secret)
            what.secret = secret
            what.rotations += 1
        else:
            api.revoke(id_of(what.secret))
            what.revoked = True
        self.pending = None
        return kind

    def try_again(self, api, result):
        """Sends again what was cut off, twice: both answers have to be one."""
        if self.pending is None:
            return
        kind, what, key = self.pending
        result.cut_off[kind] += 1
        try:
            self.carry_out(api)
        except grpc.RpcError as error:
            result.lost.append(f"{kind} of {what} cannot be sent again: {error.code().name}")
            return
        if kind == "create":
            again = api.create(name=what, owner=f"caller-{self.number}", key=key,
                               labels={"of": what.split(".")[0]})
            if again != self.tokens[-1].secret:
                result.twice.append(f"{what} has two secrets")
        elif kind == "rotate" and api.rotate(id_of(what.secret), key=key) != what.secret:
            result.twice.append(f"{what.name} was rotated twice")


def run(authority, points, seed, told=lambda line: None):
    """Kills `authority` so often, and returns a `Result`."""
    numbers = random.Random(seed)
    callers = [Caller(n, random.Random(f"{seed}.{n}")) for n in range(CALLERS)]
    result = Result()
    with ThreadPoolExecutor(CALLERS) as pool:
        for point in range(points):
            label = f"p{point}"
            api = authority.api
            work = [pool.submit(caller.begin, api, label) for caller in callers]
            time.sleep(numbers.uniform(0.01, 0.7))
            authority.kill()
            result.ends.update(done.result().name for done in work)
            began = time.monotonic()
            authority.start()
            result.slowest_start = max(result.slowest_start, time.monotonic() - began)
            api = authority.api
            list(pool.map(lambda caller: caller.try_again(api, result), callers))
            fresh = [t for c in callers for t in c.tokens if t.name.startswith(f"{label}.")]
            compare(api, pool, result, callers, fresh)
            listed = collections.Counter(token.name for token in api.list(labels={"of": label}))
            result.twice += [f"{name} is there {n} times" for name, n in listed.items() if n > 1]
            known = {token.name for token in fresh}
            result.twice += [f"{name} is nobody's" for name in listed if name not in known]
            result.points += 1
            if (point + 1) % 10 == 0 or point + 1 == points:
                told(f"{point + 1} of {points} points: {sum(len(c.tokens) for c in callers)} "
                     f"tokens, cut off {dict(result.cut_off)}")
        every = [token for caller in callers for token in caller.tokens]
        compare(authority.api, pool, result, callers, every)
    result.created = len(every)
    result.rotated = sum(token.rotations for token in every)
    result.revoked = sum(token.revoked for token in every)
    audited(authority, result, every)
    return result


def compare(api, pool, result, callers, fresh):
    """What the authority says now of tokens, and of the last ones of every caller."""
    tokens = {id(t): t for t in [*fresh, *(t for c in callers for t in c.tokens[-20:])]}.values()

    def look(token):
        active = api.is_active(token.secret)
        if token.revoked and active:
            result.undone.append(f"{token.name} works again")
        if not token.revoked and not active:
            result.lost.append(f"{token.name} does not work")
        for former in token.former[-2:]:
            if api.is_active(former):
                result.undone.append(f"{token.name} works with a former secret")

    list(pool.map(look, tokens))


def audited(authority, result, tokens):
    """Every secret that was acknowledged has its record."""
    records = authority.audit_records()
    made = collections.Counter(
        record["token"] for record in records
        if (record["action"], record["outcome"]) == ("token.create", "allowed")
    )
    rotated = collections.Counter(
        record["token"] for record in records
        if (record["action"], record["outcome"]) == ("token.rotate", "allowed")
    )
    for token in tokens:
        id = id_of(token.secret)
        if not made[id]:
            result.unaudited.append(f"{token.name} was made")
        if rotated[id] < token.rotations:
            result.unaudited.append(f"{token.name} was rotated")
