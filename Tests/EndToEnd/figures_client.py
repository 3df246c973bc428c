# Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.
"""The figure of a client: its token expires every two seconds while it calls.

It is asked of the example `client-credentials`, against the issuer and the gRPC server in Python,
which record what came.
"""

import json
import subprocess

import pki
from figure import at_least, at_most, exactly, told
from issuer import Issuer
from peer_server import PeerServer
from processes import BINARIES

PROGRAM = "client-credentials"
LIFETIME = 2
RATE = 200


def client(folder, seconds):
    """A token that expires every 2 s, under 200 calls/s of our client."""
    length = seconds or 60
    if not (BINARIES / PROGRAM).exists():
        yield exactly(f"the example {PROGRAM}", "built", "missing")
        return
    with Issuer() as issuer, PeerServer(issuer) as server:
        issuer.token_ttl = LIFETIME
        report = run(folder, issuer, server, length)
        issued = list(issuer.issued)
        used, expired, calls = server.tokens(), server.expired_calls(), len(server.calls)
    yield at_least("calls that arrived", int(RATE * length * 0.98), calls)
    yield exactly("calls with an expired token", 0, len(expired))
    yield exactly("failed calls, by its own account", 0, report.get("failed"))
    yield exactly("calls delayed by a refresh, by its own account", 0, report.get("waited"))
    # One refresh for each token: none is fetched twice, or for nothing but the last.
    yield at_most("tokens issued and not used", 1, len(issued) - len(used))
    yield at_least("lifetimes of tokens", length // LIFETIME - 1, len(issued))
    early = sum(after.at < before.at + LIFETIME / 4 for before, after in zip(issued, issued[1:]))
    yield exactly("tokens replaced within a quarter of their life", 0, early)
    yield told("refreshes, by its own account", report.get("refreshes"))


def run(folder, issuer, server, length):
    """Runs the program to its end and returns what it printed."""
    done = subprocess.run(
        [
            BINARIES / PROGRAM, "--token-endpoint", issuer.endpoint("token"),
            "--token-ca", issuer.authority.path,
            # An id is no secret; the secret is in a file for its owner only.
            "--client-id", issuer.client_id,
            "--client-secret-file", pki.write_private(folder / "secret", issuer.client_secret),
            "--server", server.target, "--server-ca", server.authority.path,
            "--bound-to", server.target, "--scope", "orders.read",
            "--rate", str(RATE), "--calls", str(RATE * length), "--output", "json",
        ],
        capture_output=True, text=True, timeout=length + 60,
    )
    if done.returncode != 0:
        raise SystemExit(f"{PROGRAM} ended with {done.returncode}: {done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])
