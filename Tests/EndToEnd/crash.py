# Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.
"""Kills a process at random points and keeps what it had acknowledged until then.

What is killed writes one line for each thing it did, after it was durable (`created`, `rotated`,
`revoked`), and one before it tries (`try …`). A `Ledger` collects the lines over all lives of the
process, and a dump of what is there afterwards is held against it.
"""

import random
import signal
import subprocess
import threading


class Ledger:
    """What was acknowledged, and what may have happened besides."""

    def __init__(self):
        self.created = {}    # request -> token id
        self.tokens = set()  # acknowledged token ids
        self.rotations = {}  # token id -> acknowledged rotations
        self.attempted = {}  # token id -> rotations that were tried
        self.revoked = set()
        self.revoking = set()
        self.problems = []

    def read(self, line):
        match line.split():
            case ["created", request, token]:
                before = self.created.setdefault(request, token)
                if before != token:
                    self.problems.append(f"issued twice: request {request}: {before} and {token}")
                self.tokens.add(token)
            case ["rotated", token, count]:
                self.rotations[token] = max(self.rotations.get(token, 0), int(count))
            case ["revoked", token]:
                self.revoked.add(token)
            case ["try", "rotate", token, count]:
                self.attempted[token] = max(self.attempted.get(token, 0), int(count))
            case ["try", "revoke", token]:
                self.revoking.add(token)
            case ["try", "create", _] | ["ready"]:
                pass
            case _:
                self.problems.append(f"unexpected line: {line!r}")

    def acknowledged(self):
        return len(self.tokens) + sum(self.rotations.values()) + len(self.revoked)

    def compare(self, dump):
        """Holds what is there against what was acknowledged."""
        tokens, receipts = {}, {}
        for line in dump.splitlines():
            match line.split():
                case ["token", token, rotations, secret, revoked]:
                    if token in tokens:
                        self.problems.append(f"there twice: {token}")
                    tokens[token] = (int(rotations), int(secret), revoked == "true")
                case ["receipt", request, token]:
                    receipts[request] = token
        for request, token in self.created.items():
            if receipts.get(request) != token:
                self.problems.append(f"lost: the receipt of {request}")
        for token in self.tokens - tokens.keys():
            self.problems.append(f"lost: token {token}")
        if sorted(receipts.values()) != sorted(tokens):
            self.problems.append("issued twice or in part: tokens and receipts differ")
        for token, (rotations, secret, revoked) in tokens.items():
            if rotations != secret:
                self.problems.append(f"in part: {token}: {rotations} rotations, secret {secret}")
            if rotations < self.rotations.get(token, 0):
                self.problems.append(f"undone: a rotation of {token}")
            if rotations > self.attempted.get(token, 0):
                self.problems.append(f"made up: a rotation of {token}")
            if token in self.revoked and not revoked:
                self.problems.append(f"undone: the revocation of {token}")
            if revoked and token not in self.revoking:
                self.problems.append(f"made up: a revocation of {token}")


def live_and_die(command, ledger, longest, rng=random):
    """Starts the process, lets it work for a random time once it is ready, and kills it.

    Returns how many lines it wrote. A line that was cut short by the kill was not acknowledged."""
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    ready = process.stdout.readline()
    if ready != b"ready\n":
        process.kill()
        raise AssertionError(f"it did not start: {ready!r} {process.stderr.read().decode()}")
    killer = threading.Timer(rng.uniform(0, longest), process.send_signal, [signal.SIGKILL])
    killer.start()
    lines = 0
    try:
        for line in process.stdout:
            if line.endswith(b"\n"):
                ledger.read(line.decode().rstrip("\n"))
                lines += 1
    finally:
        killer.cancel()
        process.kill()
    errors = process.stderr.read().decode()
    if process.wait() != -signal.SIGKILL:
        raise AssertionError(f"it ended by itself with {process.returncode}: {errors}")
    return lines
