# Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.
"""grpcurl, a client written in Go, against the guarded server, over TLS."""

import shutil
import subprocess
import sys
import pathlib

import pytest

from conftest import bad_tokens
from processes import ROOT

GRPCURL = shutil.which("grpcurl", path=str(pathlib.Path(sys.executable).parent))


def call(server, token=None, method="Get"):
    headers = ["-H", f"authorization: Bearer {token}"] if token else []
    return subprocess.run(
        [GRPCURL, "-cacert", server.authority, "-protoset", ROOT / "Protos/example.pb", *headers,
         "-d", '{"id":"o-1"}' if method == "Get" else '{"id":"o-1","count":3}',
         server.target, f"tokenward.example.v1.Orders/{method}"],
        capture_output=True, text=True, timeout=30,
    )


def test_grpcurl_is_there():
    assert GRPCURL, "requirements.txt brings grpcurl"


@pytest.mark.parametrize("method", ["Get", "Watch"])
def test_a_good_token_is_served(server, issuer, method):
    done = call(server, issuer.token(), method)
    assert done.returncode == 0, done.stderr
    assert '"e2e"' in done.stdout


def test_bad_tokens_are_refused_with_the_right_code(server, issuer):
    for name, (token, _) in bad_tokens(issuer).items():
        done = call(server, token)
        # grpcurl ends with 64 and the gRPC status.
        assert done.returncode == 64 + 16, (name, done.stderr)
        assert "Code: Unauthenticated" in done.stderr, name
    assert call(server).returncode == 64 + 16
    assert call(server, issuer.token(scope="inventory.read")).returncode == 64 + 7
