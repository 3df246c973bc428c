# Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.
"""Servers and tokens that the end-to-end tests share."""

import base64
import json
import time
import uuid

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from authority_bed import authorities, authority, eddsa_authority  # noqa: F401 (fixtures)
from bao_double import BaoDouble
from guarded import Servers
from issuer import Issuer as RemoteIssuer
from kubernetes import Kubernetes
from openbao import OpenBao
from peer_server import PeerServer
from processes import Server, run

ISSUER = "https://issuer.tokenward.test"


class Issuer:
    """The development issuer, played by another JOSE implementation than ours."""

    def __init__(self, directory):
        keys = json.loads((directory / "jwks.json").read_text())["keys"]
        kid = next(key["kid"] for key in keys if key.get("crv") == "P-256")
        pem = (directory / "issuer-es256.pem").read_bytes()
        self.key = ECKey.import_key(pem, {"kid": kid})
        self.kid = kid
        self.minted = []

    def token(self, key=None, header=None, **claims):
        now = int(time.time())
        payload = {
            "iss": ISSUER, "sub": "e2e", "aud": "tokenward-example", "exp": now + 120, "iat": now,
            "jti": str(uuid.uuid4()), "client_id": "e2e-client", "scope": "orders.read",
        }
        payload.update(claims)
        payload = {name: value for name, value in payload.items() if value is not None}
        head = {"alg": "ES256", "kid": self.kid, "typ": "at+jwt", **(header or {})}
        token = jwt.encode(head, payload, key or self.key)
        self.minted.append(token)
        return token

    def unsigned(self):
        head, payload, _ = self.token().split(".")
        head = encode(json.dumps({"alg": "none", "kid": self.kid, "typ": "at+jwt"}).encode())
        return f"{head}.{payload}.AA"

    def tampered(self):
        head, payload, signature = self.token().split(".")
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        claims["sub"] = "administrator"
        return f"{head}.{encode(json.dumps(claims).encode())}.{signature}"

    def forged(self):
        return self.token(key=ECKey.generate_key("P-256"))


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    directory = tmp_path_factory.mktemp("guarded") / "dev"
    run("tokenward", "dev", "init", directory)
    server = Server("serve", directory)
    yield server
    assert server.is_alive(), "the server did not live to the end of the tests"
    assert server.stop() == 0


@pytest.fixture(scope="session")
def issuer(server):
    return Issuer(server.directory)


@pytest.fixture(scope="session")
def target(tmp_path_factory):
    """The attack target, whose issuers live in its own process."""
    directory = tmp_path_factory.mktemp("attacked") / "dev"
    run("tokenward", "dev", "init", directory)
    target = Server("attack-target", directory)
    target.table = [
        json.loads(line) for line in (target.directory / "attacks.jsonl").read_text().splitlines()
    ]
    yield target
    assert target.is_alive(), "the target did not live to the end of the tests"
    assert target.stop() == 0


@pytest.fixture()
def remote_issuer():
    """An issuer behind TLS that misbehaves on command; new for every test."""
    with RemoteIssuer() as issuer:
        yield issuer


@pytest.fixture(scope="session")
def template(tmp_path_factory):
    """Certificates and a configuration, to be copied."""
    directory = tmp_path_factory.mktemp("template") / "dev"
    run("tokenward", "dev", "init", directory)
    return directory


@pytest.fixture()
def guarded(tmp_path, template):
    """Starts servers that trust the issuers given: `guarded(entry(issuer), …)`."""
    with Servers(tmp_path, template) as servers:
        yield servers


@pytest.fixture(scope="session")
def openbao_process():
    with OpenBao() as bao:
        yield bao


@pytest.fixture()
def openbao(openbao_process):
    """A real OpenBao, one for all tests: mounts and roles need names of their own."""
    openbao_process.restore()
    yield openbao_process
    openbao_process.restore()


@pytest.fixture(scope="session")
def kubernetes():
    with Kubernetes() as kubernetes:
        yield kubernetes


@pytest.fixture()
def bao_double():
    with BaoDouble() as double:
        yield double


@pytest.fixture()
def peer_server(remote_issuer):
    """A Python gRPC server behind TLS that takes the tokens of `remote_issuer`."""
    with PeerServer(remote_issuer) as server:
        yield server


def bad_tokens(issuer):
    """Every kind of bad token, and the reason that the caller is told."""
    now = int(time.time())
    return {
        "malformed": ("not-a-token", "ACCESS_TOKEN_INVALID"),
        "expired": (issuer.token(exp=now - 5, iat=now - 60), "ACCESS_TOKEN_EXPIRED"),
        "not yet valid": (issuer.token(nbf=now + 200), "ACCESS_TOKEN_INVALID"),
        "too long a life": (issuer.token(exp=now + 90_000), "ACCESS_TOKEN_INVALID"),
        "wrong audience": (issuer.token(aud="another"), "ACCESS_TOKEN_INVALID"),
        "no audience": (issuer.token(aud=None), "ACCESS_TOKEN_INVALID"),
        "unknown issuer": (issuer.token(iss="https://else.test"), "ACCESS_TOKEN_INVALID"),
        "no expiry": (issuer.token(exp=None), "ACCESS_TOKEN_INVALID"),
        "alg none": (issuer.unsigned(), "ACCESS_TOKEN_INVALID"),
        "another key": (issuer.forged(), "ACCESS_TOKEN_INVALID"),
        "unknown kid": (issuer.token(header={"kid": "nobody"}), "ACCESS_TOKEN_INVALID"),
        "wrong type": (issuer.token(header={"typ": "JWT"}), "ACCESS_TOKEN_INVALID"),
        "tampered": (issuer.tampered(), "ACCESS_TOKEN_INVALID"),
    }
