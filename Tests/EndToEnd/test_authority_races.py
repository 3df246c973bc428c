# Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.
"""Many callers at the same moment: what one of them was told holds for all of them."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from authority_api import Api, code, connect, new_key
from guarded import wait_until
from oauth import Http, id_of

OK = grpc.StatusCode.OK
READ = "tokenward.tokens.read"
CALLERS = 8

WAYS = {
    "asked over gRPC": lambda bed, api, http, token: api.is_active(token),
    "asked over HTTP": lambda bed, api, http, token: http.is_active(bed.introspector, token),
    "exchanged": lambda bed, api, http, token: http.exchange(token).status_code == 200,
    "used": lambda bed, api, http, token: code(
        lambda: api.using(token).get(id_of(token))) is OK,
}
TAKEN = {
    "revoked": lambda bed, owner, token: bed.api.revoke(id_of(token)),
    "with its owner": lambda bed, owner, token: bed.api.revoke_owner(owner),
    "its owner disabled": lambda bed, owner, token: bed.api.disable(owner),
    "by itself": lambda bed, owner, token: bed.http.revoke(token),
    "rotated": lambda bed, owner, token: bed.api.rotate(id_of(token)),
}


# Catalogue O05: not within a bound but from the acknowledgement on.
@pytest.mark.parametrize("taken", TAKEN)
def test_no_call_that_begins_after_the_answer_succeeds(authority, taken):
    assert authority.introspector
    owner = authority.unique("ada")
    token = authority.api.create(owner=owner, scopes=[READ])
    seen, ending = [], threading.Event()

    def ask(way):
        with connect(authority) as channel:
            api, http = Api(channel, authority.admin_token), Http(authority)
            while not ending.is_set():
                began = time.monotonic()
                seen.append((way, began, WAYS[way](authority, api, http, token)))

    with ThreadPoolExecutor(CALLERS) as pool:
        asking = [pool.submit(ask, way) for way in list(WAYS) * (CALLERS // len(WAYS))]
        try:
            wait_until(lambda: {way for way, _, good in list(seen) if good} == set(WAYS))
            TAKEN[taken](authority, owner, token)
            acknowledged = time.monotonic()
            wait_until(lambda: {way for way, began, _ in list(seen) if began > acknowledged}
                       == set(WAYS))
            time.sleep(0.2)
        finally:
            ending.set()
        for one in asking:
            one.result()
    assert [way for way, began, good in seen if good and began > acknowledged] == []


# Catalogue O11.
def test_one_key_at_the_same_moment_is_one_token(authority):
    owner, key = authority.unique("ada"), new_key()
    token = authority.api.create(owner=owner)
    rotation = new_key()
    with ThreadPoolExecutor(CALLERS) as pool:
        made = list(pool.map(lambda _: authority.api.create(owner=owner, key=key), range(40)))
        rotated = list(pool.map(lambda _: authority.api.rotate(id_of(token), key=rotation),
                                range(40)))
    assert len(set(made)) == 1 and len(set(rotated)) == 1
    assert len(authority.api.list(owner=owner)) == 2
    assert authority.api.get(id_of(token)).rotations == 1
    assert authority.api.is_active(made[0]) and authority.api.is_active(rotated[0])


# Catalogue O07.
def test_never_more_than_two_secrets_work(authority):
    token = authority.api.create()
    with ThreadPoolExecutor(CALLERS) as pool:
        rotated = list(pool.map(lambda _: authority.api.rotate(id_of(token), grace=600),
                                range(24)))
    assert len(set(rotated)) == 24
    assert sum(authority.api.is_active(secret) for secret in (token, *rotated)) == 2
    assert authority.api.get(id_of(token)).rotations == 24


def test_a_token_that_is_revoked_while_it_is_rotated_is_revoked(authority):
    for _ in range(20):
        token = authority.api.create()
        secrets = [token]

        def rotate():
            try:
                secrets.append(authority.api.rotate(id_of(token), grace=600))
            except grpc.RpcError as error:
                assert error.code() is grpc.StatusCode.FAILED_PRECONDITION

        with ThreadPoolExecutor(CALLERS) as pool:
            running = [pool.submit(rotate) for _ in range(3)]
            revoked = pool.submit(authority.api.revoke, id_of(token))
            for one in (*running, revoked):
                one.result()
        assert [authority.api.is_active(secret) for secret in secrets] == [False] * len(secrets)
        assert authority.api.state(id_of(token)) == "revoked"
