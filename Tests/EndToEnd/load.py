# Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.
"""Calls at a steady rate, from a process of their own so that nothing else in Python delays them.

Calls start when they are due, whether or not earlier ones have ended: a server that falls behind is
seen as one.
"""

import asyncio
import collections
import dataclasses
import itertools
import multiprocessing
import pathlib
import time

import grpc

METHOD = "/tokenward.example.v1.Orders/Get"
REQUEST = b"\x0a\x03o-1"  # GetOrderRequest(id="o-1")
TICK = 0.005


@dataclasses.dataclass(frozen=True)
class Call:
    """One call: which kind of token, when it began and ended (time.monotonic()), and how."""

    kind: str
    began: float
    ended: float
    code: str


class Load:
    """`rate` calls a second for `seconds`, on some connections, each with the next of the tokens.

    A token is a pair of a name for its kind and itself. `tokens` can be set while calls run.
    """

    def __init__(self, server, tokens, rate, seconds, connections=4, timeout=20.0):
        context = multiprocessing.get_context("spawn")
        self._pipe, other = context.Pipe()
        self._process = context.Process(
            target=_run, daemon=True,
            args=(other, server.target, pathlib.Path(server.authority).read_bytes(), rate, seconds,
                  connections, timeout),
        )
        self._process.start()
        other.close()
        self.tokens = tokens
        assert self._pipe.recv() == "ready"

    @property
    def tokens(self):
        raise AttributeError("tokens are only given")

    @tokens.setter
    def tokens(self, tokens):
        self._pipe.send(list(tokens))

    def start(self):
        """The first call is due now. Returns the moment."""
        self._pipe.send("go")
        return time.monotonic()

    @property
    def is_running(self):
        return not self._pipe.poll()

    def calls(self):
        """Waits for the end and returns every call."""
        calls = [Call(*parts) for parts in self._pipe.recv()]
        self._process.join(timeout=20)
        return calls


def counts(calls):
    """How the calls ended: `{"OK": 100}`."""
    return dict(collections.Counter(call.code for call in calls))


def achieved(calls):
    """Calls begun a second."""
    begun = sorted(call.began for call in calls)
    return (len(begun) - 1) / (begun[-1] - begun[0]) if len(begun) > 1 else 0.0


def slowest(calls, part=1.0):
    """The time that this part of the calls took at most, in milliseconds."""
    took = sorted(call.ended - call.began for call in calls)
    return took[max(0, int(len(took) * part) - 1)] * 1_000 if took else 0.0


def _run(pipe, target, authority, rate, seconds, connections, timeout):
    asyncio.run(_generate(pipe, target, authority, rate, seconds, connections, timeout))


async def _generate(pipe, target, authority, rate, seconds, connections, timeout):
    credentials = grpc.ssl_channel_credentials(authority)
    channels = [
        grpc.aio.secure_channel(
            target, credentials,
            options=[("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0)],
        ) for _ in range(connections)
    ]
    await asyncio.gather(*[channel.channel_ready() for channel in channels])
    methods = itertools.cycle([channel.unary_unary(METHOD) for channel in channels])
    tokens = itertools.cycle(pipe.recv())
    pipe.send("ready")
    while (message := pipe.recv()) != "go":
        tokens = itertools.cycle(message)
    done, running = [], set()

    async def call(method, kind, token):
        began = time.monotonic()
        try:
            await method(REQUEST, metadata=(("authorization", f"Bearer {token}"),),
                         timeout=timeout)
            code = "OK"
        except grpc.aio.AioRpcError as error:
            code = error.code().name
        done.append((kind, began, time.monotonic(), code))

    start, sent, total = time.monotonic(), 0, int(rate * seconds)
    while sent < total:
        while pipe.poll():
            tokens = itertools.cycle(pipe.recv())
        due = min(total, int((time.monotonic() - start) * rate) + 1)
        for _ in range(due - sent):
            task = asyncio.create_task(call(next(methods), *next(tokens)))
            running.add(task)
            task.add_done_callback(running.discard)
        sent = due
        await asyncio.sleep(TICK)
    await asyncio.gather(*running)
    for channel in channels:
        await channel.close()
    pipe.send(done)
