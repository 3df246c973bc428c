# Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.
"""The life of an API token, as a client in Python sees it: made, used, rotated, taken back."""

import re
import time

import grpc
import pytest

from authority import AUDIENCE, ITSELF
from authority_api import code, new_key, refusal, unix, wait_for_second
from oauth import basic, id_of, secret_of

OK, DENIED = grpc.StatusCode.OK, grpc.StatusCode.PERMISSION_DENIED
UNAUTHENTICATED = grpc.StatusCode.UNAUTHENTICATED
INVALID, EXISTS = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.ALREADY_EXISTS
READ = "tokenward.tokens.read"


def works(authority, token):
    """Whether a token counts, which all ways of asking have to agree on.

    It is made for a reader: it is asked about over gRPC and HTTP, exchanged, and used.
    """
    answers = {
        "grpc": authority.api.is_active(token),
        "http": authority.http.is_active(authority.introspector, token),
        "exchange": authority.http.exchange(token).status_code == 200,
        "use": code(lambda: authority.api.using(token).get(id_of(token))) is OK,
    }
    assert len(set(answers.values())) == 1, answers
    return answers["use"]


def test_a_token_is_shown_once_and_its_record_always(authority):
    owner = authority.unique("ada")
    before = time.time()
    made = authority.api.make(owner=owner, name="counter", scopes=["orders.read"],
                              labels={"team": "orders"}, lifetime=600)
    assert re.fullmatch(r"twk_[0-9A-Za-z]{16}_[0-9A-Za-z]{49}", made.secret)
    assert id_of(made.secret) == made.token.id
    record = authority.api.get(made.token.id)
    assert record == made.token
    assert (record.name, record.owner) == ("counter", owner)
    assert list(record.scopes) == ["orders.read"] and dict(record.labels) == {"team": "orders"}
    assert before - 1 <= unix(record.created_at) <= time.time()
    assert unix(record.expires_at) - unix(record.created_at) == 600
    # Nothing of the secret is in what is kept.
    assert secret_of(made.secret)[:10] not in str(record)
    assert secret_of(made.secret)[:10].encode() not in record.SerializeToString()


def test_tokens_are_listed_by_page_and_by_what_they_are(authority):
    owner = authority.unique("lister")
    made = {authority.api.make(owner=owner, labels={"n": str(n % 2)}).token.id for n in range(7)}
    listed = [token.id for token in authority.api.list(page_size=3, owner=owner)]
    assert sorted(made) == listed
    odd = authority.api.list(owner=owner, labels={"n": "1"})
    assert len(odd) == 3
    authority.api.revoke(odd[0].id)
    assert len(authority.api.list(owner=owner, excludes_revoked=True)) == 6
    assert authority.api.list(owner=authority.unique("nobody")) == []


# Catalogue O05.
def test_a_revoked_token_is_refused_at_once_everywhere(authority):
    token, other = (authority.api.create(scopes=[READ]) for _ in range(2))
    access = authority.http.access_token(token)
    assert works(authority, token) and works(authority, other)
    assert authority.api.is_active(access)
    revoked = authority.api.revoke(id_of(token), reason="lost")
    assert not works(authority, token)
    assert not authority.api.is_active(access)
    assert authority.api.state(id_of(token)) == "revoked"
    assert revoked.revocation.reason == "lost"
    assert works(authority, other)
    # Once more is no error, and cannot change why.
    assert authority.api.revoke(id_of(token), reason="again").revocation.reason == "lost"
    assert code(lambda: authority.api.rotate(id_of(token))) is grpc.StatusCode.FAILED_PRECONDITION


def test_whoever_has_a_token_can_take_it_back(authority):
    # A token without any permission: possession is enough.
    token, other = authority.api.create(), authority.api.create()
    authority.api.using(token).revoke_self(token)
    assert not authority.api.is_active(token)
    assert authority.api.is_active(other)
    access = authority.http.access_token(other)
    authority.api.using(other).revoke_self(access)
    assert not authority.api.is_active(access)
    assert authority.api.is_active(other)
    # What nobody knows is no error.
    authority.api.using(other).revoke_self("made-up")


def test_everything_of_an_owner_is_taken_back_and_later_tokens_are_good(authority):
    owner, other = authority.unique("ada"), authority.unique("bob")
    tokens = [authority.api.create(owner=owner, scopes=[READ]) for _ in range(3)]
    kept = authority.api.create(owner=other, scopes=[READ])
    access = authority.http.access_token(tokens[0])
    assert authority.api.revoke_owner(owner) == 1
    # Within the same second, so that no clock could tell them apart.
    later = authority.api.create(owner=owner, scopes=[READ])
    assert [works(authority, token) for token in tokens] == [False] * 3
    assert not authority.api.is_active(access)
    assert works(authority, later) and works(authority, kept)
    assert authority.api.owner(owner).generation == 1


def test_what_was_made_before_a_time_is_taken_back(authority):
    owner = authority.unique("ada")
    old = authority.api.create(owner=owner, scopes=[READ])
    wait_for_second()
    limit = int(time.time())
    wait_for_second()
    new = authority.api.create(owner=owner, scopes=[READ])
    authority.api.revoke_issued_before(limit, owner=owner)
    assert not works(authority, old)
    assert works(authority, new)


# Catalogue O06.
def test_a_disabled_owner_has_no_tokens_until_it_is_enabled(authority):
    owner = authority.unique("ada")
    token = authority.api.create(owner=owner, scopes=[READ])
    access = authority.http.access_token(token)
    assert works(authority, token)
    assert authority.api.disable(owner).disabled
    assert not works(authority, token)
    assert not authority.api.is_active(access)
    assert authority.api.state(id_of(token)) == "owner_disabled"
    assert code(lambda: authority.api.create(owner=owner)) is not OK
    assert not authority.api.enable(owner).disabled
    assert works(authority, token)
    assert authority.api.is_active(access)


# Catalogue O06.
def test_a_token_counts_from_its_first_moment_to_its_last(authority):
    wait_for_second()
    now = int(time.time())
    later = authority.api.create(scopes=[READ], not_before=now + 2)
    short = authority.api.make(scopes=[READ], lifetime=3)
    ends = unix(short.token.expires_at)
    assert not works(authority, later) and works(authority, short.secret)
    assert authority.api.state(id_of(later)) == "not_yet_valid"
    time.sleep(max(0, ends - 0.5 - time.time()))
    assert authority.api.is_active(short.secret) and time.time() < ends
    time.sleep(max(0, ends + 0.005 - time.time()))
    assert not works(authority, short.secret)
    assert works(authority, later)
    assert authority.api.state(short.token.id) == "expired"


# Catalogue O06: an access token never outlives its API token.
def test_an_access_token_ends_with_its_api_token(authority):
    made = authority.api.make(lifetime=60)
    exchanged = authority.api.using(made.secret).exchange(made.secret)
    assert unix(exchanged.expires_at) <= unix(made.token.expires_at)
    assert code(lambda: authority.api.using(made.secret).exchange(made.secret, lifetime=3_601)) \
        is not OK


# Catalogue O07.
def test_a_rotated_token_has_two_secrets_for_as_long_as_was_said(authority):
    first = authority.api.create(scopes=[READ])
    second = authority.api.rotate(id_of(first), grace=3_600)
    assert id_of(first) == id_of(second) and first != second
    assert works(authority, first) and works(authority, second)
    # A third one ends the first at once: never more than two.
    rotated = authority.api.rotation(id_of(first), grace=2)
    third, until = rotated.secret, unix(rotated.token.previous_secret_until)
    assert rotated.token.rotations == 2
    assert [works(authority, secret) for secret in (first, second, third)] == [False, True, True]
    time.sleep(max(0, until + 0.005 - time.time()))
    assert [works(authority, secret) for secret in (first, second, third)] == [False, False, True]
    # No grace: the old one ends with the answer.
    fourth = authority.api.rotate(id_of(first))
    assert [works(authority, secret) for secret in (third, fourth)] == [False, True]
    authority.api.revoke(id_of(first))
    secrets = (first, second, third, fourth)
    assert [works(authority, secret) for secret in secrets] == [False] * 4


# Catalogue O02 and O10.
def test_what_only_looks_like_a_token_is_refused(authority):
    token, other = (authority.api.create(scopes=[READ]) for _ in range(2))
    assert works(authority, token)
    swapped = "twk_" + id_of(other) + token[20:]
    made_up = [
        id_of(token), f"twk_{id_of(token)}", f"twk_{id_of(token)}_", secret_of(token),
        "twx" + token[3:], token[:-1] + ("0" if token[-1] != "0" else "1"), token[:-1],
        token + "0", token.upper(), swapped, token[:30] + "_" + token[31:],
    ]
    for text in made_up:
        refused = refusal(lambda text=text: authority.api.using(text).get(id_of(token)))
        assert refused.code is UNAUTHENTICATED, text[:8]
        assert (refused.message, refused.reason) == (
            "request is not authenticated", "ACCESS_TOKEN_INVALID",
        )
        assert not authority.api.is_active(text)
        assert authority.http.exchange(text).status_code in (400, 401)
    for text in (f"{token}\n", f" {token}", f"{token} ", token[:-1] + "\uff11"):
        assert authority.http.exchange(text).status_code in (400, 401), "over HTTP"
        answer = authority.http.post("/oauth2/introspect", {"token": text},
                                     auth=basic(authority.introspector))
        assert answer.status_code == 400 or answer.json() == {"active": False}


# Catalogue O11.
def test_a_request_that_is_sent_again_makes_one_token(authority):
    owner, key = authority.unique("ada"), new_key()
    first = authority.api.make(owner=owner, key=key)
    again = authority.api.make(owner=owner, key=key)
    assert first.secret == again.secret
    assert [token.id for token in authority.api.list(owner=owner)] == [first.token.id]
    assert code(lambda: authority.api.make(owner=owner, name="another", key=key)) is EXISTS
    another = authority.api.make(owner=owner, key=new_key())
    assert another.secret != first.secret
    # The same key of another caller is another key.
    caller = authority.api.create(owner=authority.unique("bob"),
                                  roles=["tokenward-admin"])
    assert authority.api.using(caller).make(owner=owner, key=key).secret != first.secret
    rotation = new_key()
    rotated = authority.api.rotate(first.token.id, key=rotation)
    assert authority.api.rotate(first.token.id, key=rotation) == rotated
    assert authority.api.get(first.token.id).rotations == 1
    for short in ("x", "x" * 21, "x" * 129, "x" * 21 + "!"):
        assert code(lambda short=short: authority.api.make(key=short)) is INVALID


def test_a_token_counts_only_where_it_was_meant_to(authority):
    here = authority.api.create(scopes=[READ], networks=["127.0.0.0/8", "::1/128"])
    elsewhere = authority.api.create(scopes=[READ], networks=["10.0.0.0/8"])
    assert code(lambda: authority.api.using(here).get(id_of(here))) is OK
    assert code(lambda: authority.api.using(elsewhere).get(id_of(here))) is UNAUTHENTICATED
    assert authority.http.exchange(here).status_code == 200
    assert authority.http.exchange(elsewhere).status_code in (400, 401)


def test_a_token_for_others_is_none_for_the_authority(authority):
    token = authority.api.create(scopes=[READ], audiences=[AUDIENCE])
    assert authority.api.is_active(token)
    assert code(lambda: authority.api.using(token).get(id_of(token))) is UNAUTHENTICATED
    here = authority.api.create(scopes=[READ], audiences=[ITSELF])
    assert code(lambda: authority.api.using(here).get(id_of(here))) is OK


BAD = {
    "no name": {"name": ""},
    "a long name": {"name": "x" * 129},
    "no owner": {"owner": ""},
    "an owner with a slash": {"owner": "a/b"},
    "an owner of other letters": {"owner": "аda"},
    "no audience": {"audiences": []},
    "an audience twice": {"audiences": [AUDIENCE, AUDIENCE]},
    "no life": {"lifetime": 0},
    "a negative life": {"lifetime": -1},
    "too long a life": {"lifetime": 367 * 86_400},
    "an endless life": {"lifetime": 1 << 60},
    "a scope with a space": {"scopes": ["a b"]},
    "a scope twice": {"scopes": ["a", "a"]},
    "too many scopes": {"scopes": [f"s{n}" for n in range(65)]},
    "a network with bits behind its length": {"networks": ["10.0.0.1/8"]},
    "a network that is none": {"networks": ["everywhere"]},
    "a thumbprint that is none": {"certificate_thumbprint": "x"},
    "too many labels": {"labels": {f"l{n}": "x" for n in range(17)}},
}


@pytest.mark.parametrize("what", BAD)
def test_a_field_that_cannot_be_used_is_named(authority, what):
    refused = refusal(lambda: authority.api.make(**BAD[what]))
    assert refused.code is INVALID, refused
    assert refused.message
