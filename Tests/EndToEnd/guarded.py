# Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.
"""A guarded server that trusts issuers behind TLS, and what it says of their keys."""

import collections
import json
import pathlib
import re
import shlex
import shutil
import time
import urllib.error
import urllib.request

import grpc

import rpc
from issuer import AUDIENCE
from processes import Server, run

OK, UNAVAILABLE = grpc.StatusCode.OK, grpc.StatusCode.UNAVAILABLE
UNAUTHENTICATED = grpc.StatusCode.UNAUTHENTICATED
SUCCESS = "success"


def entry(issuer, location="discover", jwks=None, **settings):
    """How a configuration names an issuer of `issuer.Issuer`, found by "discover" or "uri"."""
    where = {"discover": True} if location == "discover" else {"uri": issuer.endpoint("jwks")}
    return {
        "issuer": issuer.url, "profile": "oidc", "audiences": [AUDIENCE],
        "jwks": {**where, "ca": str(issuer.authority.path), "cooldown": "1s", **(jwks or {})},
        **settings,
    }


class Guarded(Server):
    """A server with the policy of `tokenward dev init` and these issuers."""

    def __init__(self, directory, issuers, ready_grace="30s", **sections):
        directory = pathlib.Path(directory)
        if not (directory / "tokenward.yaml").exists():
            run("tokenward", "dev", "init", directory)
        configure(directory, issuers, ready_grace, **sections)
        super().__init__("serve", directory, admin=None)

    # Health and metrics.

    def readyz(self):
        """The status of /readyz and, by issuer, what it says of the keys."""
        url = f"http://{self.admin[0]}:{self.admin[1]}/readyz"
        try:
            with urllib.request.urlopen(url, timeout=10) as response:
                status, text = response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                status, text = error.code, error.read().decode()
        found = {}
        for line in text.splitlines()[1:]:
            words = dict(word.split("=", 1) for word in shlex.split(line))
            found[words.pop("issuer")] = words
        return status, found

    def keys(self, issuer):
        """What /readyz says of the keys of one issuer."""
        return self.readyz()[1][url_of(issuer)]

    def all_fetches(self):
        """How often the keys of each issuer were asked for, by result."""
        lines = re.findall(
            r'^tokenward_jwks_fetches_total\{(.*)\} ([0-9.e+]+)$', self.metrics(), re.MULTILINE
        )
        found = collections.defaultdict(dict)
        for labels, value in lines:
            labels = dict(re.findall(r'(\w+)="([^"]*)"', labels))
            found[labels["issuer"]][labels["result"]] = int(float(value))
        return found

    def fetches(self, issuer):
        """How often the keys of one issuer were asked for, by result."""
        return self.all_fetches()[url_of(issuer)]

    def wait_for_keys(self, *issuers, timeout=40):
        """Waits until the tokens of these issuers can be verified."""
        wait_until(lambda: all(self.keys(i)["usable"] == "true" for i in issuers), timeout)

    def descriptors_settle(self, most, timeout=30):
        """Waits until no more than so many descriptors are open; idle connections end by then."""
        wait_until(lambda: self.open_files() <= most, timeout)


def configure(directory, issuers, ready_grace="30s", **sections):
    """Replaces the issuers in a folder of `tokenward dev init`, and adds sections."""
    file = pathlib.Path(directory) / "tokenward.yaml"
    text = file.read_text()
    policy = text.index("policy:\n")
    admin = text.index("\nadmin: ") + 1
    # JSON is YAML, and quotes what has to be quoted; the words of `discover` must not be.
    written = re.sub(r'("discover": )"(\w+)"', r"\1\2", json.dumps(issuers, indent=2))
    listen = json.dumps({"listen": "127.0.0.1:0", "ready_grace": ready_grace})
    added = "".join(f"{name}: {json.dumps(value)}\n" for name, value in sections.items())
    trusted = f"issuers: {written}\n\n" if issuers else ""
    file.write_text(
        f"{trusted}{added}{text[policy:admin]}"
        f"admin: {listen}\naudit: {{file: audit.jsonl}}\n"
    )


def url_of(issuer):
    return issuer if isinstance(issuer, str) else issuer.url


def wait_until(condition, timeout=20):
    """Waits for something that happens by itself, and fails if it does not."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"it did not happen within {timeout} s"
        time.sleep(0.05)


class Servers:
    """Starts guarded servers, and sees at the end that each still lived and ended in order."""

    def __init__(self, parent, template):
        self._parent, self._template = pathlib.Path(parent), template
        self._running = []

    def __call__(self, *issuers, **settings):
        folder = self._parent / f"server-{len(self._running) + 1}"
        shutil.copytree(self._template, folder)
        server = Guarded(folder, list(issuers), **settings)
        self._running.append(server)
        return server

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        alive = [server.is_alive() for server in self._running]
        ended = [server.stop() for server in self._running]
        if kind is None:
            assert all(alive), "a server did not live to the end of its test"
            assert not any(ended), f"servers ended with {ended}"


def ask(channel, token, **options):
    """One call with a token."""
    return rpc.unary(channel, rpc.bearer(token), **options)


def provoke(channel, issuer, count=1):
    """Tokens that name keys which nobody has: each asks for a fetch, within the cooldown.

    Returns how the calls ended.
    """
    kids = [f"nobody-{time.monotonic_ns()}-{n}" for n in range(count)]
    tokens = [issuer.mint(key=issuer.attacker_key, header={"alg": "ES256", "kid": kid})
              for kid in kids]
    return [ask(channel, token, timeout=30) for token in tokens]
