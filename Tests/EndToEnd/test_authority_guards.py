# Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.
"""A guarded service that knows tokens of the authority: by its keys, or by asking it."""

import shutil
import time

import grpc

import pki
import rpc
from authority import AUDIENCE
from guarded import OK, UNAUTHENTICATED, UNAVAILABLE, Servers, ask, entry, wait_until
from oauth import id_of

DENIED = grpc.StatusCode.PERMISSION_DENIED


def asks(authority, folder, **more):
    """How a service is told to ask about tokens."""
    secret = pki.write_private(folder / "introspector", authority.introspector)
    return {
        "issuer": authority.url, "endpoint": f"{authority.url}/oauth2/introspect",
        "client_id": id_of(authority.introspector), "client_secret": {"file": str(secret)},
        "ca": authority.ca, "cache": "1s",
        **(more or {"audiences_unchecked_because": "what a token is for is another test"}),
    }


def trusts(authority):
    """How a service is told to trust access tokens."""
    return {
        "issuer": authority.url, "audiences": [AUDIENCE], "algorithms": ["ES256"],
        "jwks": {"discover": True, "ca": authority.ca, "cooldown": "1s"}, "max_lifetime": "1h",
    }


# Catalogue O05.
def test_a_service_that_asks_refuses_a_revoked_token(guarded, authority, tmp_path):
    server = guarded(introspection=asks(authority, tmp_path))
    owner = authority.unique("ada")
    token, other = (
        authority.api.create(owner=owner, scopes=["orders.read"]) for _ in range(2)
    )
    with rpc.channel(server) as channel:
        got = ask(channel, token)
        assert got.code is OK and got.response.requested_by.endswith(f"/{owner}")
        assert ask(channel, authority.api.create(scopes=["other"])).code is DENIED
        authority.api.revoke(id_of(token))
        # The service remembers an answer for a second; one that it never asked about, not at all.
        time.sleep(1.1)
        assert ask(channel, token).code is UNAUTHENTICATED
        assert ask(channel, other).code is OK
        fresh = authority.api.create(owner=owner, scopes=["orders.read"])
        authority.api.disable(owner)
        assert ask(channel, fresh).code is UNAUTHENTICATED


def test_a_service_that_has_the_keys_takes_access_tokens(guarded, authority, tmp_path):
    server = guarded(trusts(authority))
    server.wait_for_keys(authority)
    token = authority.api.create(scopes=["orders.read"])
    with rpc.channel(server) as channel:
        access = authority.http.access_token(token)
        assert ask(channel, access).code is OK
        assert ask(channel, token).code is UNAUTHENTICATED
        narrow = authority.http.access_token(
            authority.api.create(scopes=["orders.read", "other"]), scope="other")
        assert ask(channel, narrow).code is DENIED
        # Keys rotate under it.
        authority.api.rotate_keys(forced=True)
        fresh = authority.http.access_token(token)
        wait_until(lambda: ask(channel, fresh).code is OK)
        assert ask(channel, access).code is OK


# Catalogue C20: an API token speaks for a program, whatever its owner is called.
def test_an_access_token_never_speaks_for_a_person(template, authority, remote_issuer, tmp_path):
    people = shutil.copytree(template, tmp_path / "people")
    file = people / "tokenward.yaml"
    rule = "Orders/Get\n    allow: {scopes: [orders.read]"
    assert rule in file.read_text()
    file.write_text(file.read_text().replace(rule, f"{rule}, end_user: true"))
    token = authority.http.access_token(authority.api.create(scopes=["orders.read"]))
    person = remote_issuer.mint(sub="ada", client_id="shop")
    program = remote_issuer.mint(sub="shop", client_id="shop")
    with Servers(tmp_path, people) as servers:
        server = servers(trusts(authority), entry(remote_issuer))
        server.wait_for_keys(authority, remote_issuer)
        with rpc.channel(server) as channel:
            assert [ask(channel, token).code for token in (person, program, token)] == [
                OK, DENIED, DENIED,
            ]
            # It is good for anything that is not for people.
            assert rpc.watch(channel, rpc.bearer(token), 1).code is OK


# Catalogue O05 with what is bound: the limits of an API token are those of its access tokens.
def test_what_limits_an_api_token_limits_its_access_tokens(guarded, authority, tmp_path):
    server = guarded(trusts(authority))
    server.wait_for_keys(authority)
    role = authority.unique("orders-lister")
    authority.api.put_role(role, scopes=["orders.read"],
                           methods=["tokenward.example.v1.Orders/Watch"])
    limited = authority.http.access_token(authority.api.create(roles=[role]))
    here = authority.http.access_token(
        authority.api.create(scopes=["orders.read"], networks=["127.0.0.0/8"]))
    with rpc.channel(server) as channel:
        assert ask(channel, limited).code is DENIED
        assert rpc.watch(channel, rpc.bearer(limited), 1).code is OK
        assert ask(channel, here).code is OK


def test_a_service_whose_authority_is_gone_cannot_tell(guarded, authorities, tmp_path):
    authority = authorities()
    server = guarded(introspection=asks(authority, tmp_path))
    token = authority.api.create(scopes=["orders.read"])
    with rpc.channel(server) as channel:
        assert ask(channel, token).code is OK
        assert authority.stop() == 0
        time.sleep(1.1)
        assert ask(channel, token).code is UNAVAILABLE
        authority.start()
        wait_until(lambda: ask(channel, token).code is OK)
