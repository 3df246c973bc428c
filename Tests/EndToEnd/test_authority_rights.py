# Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.
"""Who may do what to the authority, and what those are told who may not."""

import grpc
import pytest

from authority import AUDIENCE
from authority_api import ADMINISTRATOR, METHODS, code, connect, refusal, unix
from oauth import id_of

OK, DENIED = grpc.StatusCode.OK, grpc.StatusCode.PERMISSION_DENIED
UNAUTHENTICATED = grpc.StatusCode.UNAUTHENTICATED
CREATE, READ = "tokenward.tokens.create", "tokenward.tokens.read"
ROTATE, REVOKE = "tokenward.tokens.rotate", "tokenward.tokens.revoke"
ANY_OWNER = "tokenward.tokens.any_owner"
LIMITED = [CREATE, READ, ROTATE, REVOKE, ANY_OWNER, "orders.read"]


def call(channel, path, token=None, request=None, timeout=10):
    """Calls a method by its path, with an empty request or another; the refusal, or None."""
    metadata = [] if token is None else [("authorization", f"Bearer {token}")]
    message = METHODS[path]() if request is None and path in METHODS else request
    method = channel.unary_unary(
        path, request_serializer=lambda message: message.SerializeToString() if message else b"",
    )
    try:
        method(message, metadata=metadata, timeout=timeout)
    except grpc.RpcError as error:
        return error
    return None


def limited(authority, tenant="", scopes=LIMITED, **fields):
    """Somebody who may manage tokens, of a tenant or of the administrator's."""
    # What it makes ends before it does, unless a test says otherwise.
    token = authority.api.create(tenant=tenant, scopes=scopes, **{
        "owner": authority.unique("clerk"), "lifetime": 7_200, **fields,
    })
    return authority.api.using(token)


# Catalogue O12.
@pytest.mark.parametrize("path", METHODS)
def test_nothing_is_done_for_somebody_unknown(authority, path):
    made_up = "twk_" + "0" * 16 + "_" + "0" * 49
    revoked = authority.api.create(roles=[ADMINISTRATOR])
    authority.api.revoke(id_of(revoked))
    before = len(authority.api.all_keys()), len(authority.api.list())
    with connect(authority) as channel:
        for token in (None, "", "x", made_up, revoked):
            error = call(channel, path, token)
            assert error is not None and error.code() is UNAUTHENTICATED, token
            assert error.details() == "request is not authenticated"
    assert (len(authority.api.all_keys()), len(authority.api.list())) == before


# Catalogue L05: whether there is such a method, token or owner is nobody's business.
def test_the_unknown_are_told_nothing(authority):
    there = id_of(authority.api.create())
    with connect(authority) as channel:
        answers = set()
        for path in (*METHODS, "/tokenward.authority.v1.Tokens/Nothing", "/no.such.Service/Get",
                     "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"):
            error = call(channel, path)
            answers.add((error.code(), error.details(), str(sorted(
                (n, v) for n, v in error.trailing_metadata() if n != "date"))))
        get = "/tokenward.authority.v1.Tokens/Get"
        for id in (there, "0" * 16, "", "x" * 5_000):
            error = call(channel, get, request=METHODS[get](id=id))
            answers.add((error.code(), error.details(), str(sorted(
                (n, v) for n, v in error.trailing_metadata() if n != "date"))))
    assert len(answers) == 1, answers


# Catalogue L03 and L05, among those who are known.
def test_the_known_are_not_told_what_others_have(authority):
    clerk = limited(authority, tenant="blue")
    theirs = id_of(authority.api.create(tenant="red"))
    answers = {
        (refused.code, refused.message.replace(id, "ID"), refused.reason)
        for id in (theirs, "0" * 16)
        for refused in [refusal(lambda id=id: clerk.get(id))]
    }
    assert len(answers) == 1, answers
    assert next(iter(answers))[0] is DENIED
    mine = clerk.create(owner="ada")
    assert clerk.get(id_of(mine)).owner == "ada"


# Catalogue O09.
def test_tenants_do_not_reach_each_other(authority):
    blue, red = limited(authority, tenant="blue"), limited(authority, tenant="red")
    token = red.create(owner="ada")
    id = id_of(token)
    assert red.get(id).tenant == "red"
    for attempt in (
        lambda: blue.get(id),
        lambda: blue.rotate(id),
        lambda: blue.revoke(id),
        lambda: blue.create(owner="ada", tenant="red"),
        lambda: blue.revoke_owner("ada", tenant="red"),
        lambda: blue.revoke_issued_before(2_000_000_000, tenant="red"),
        lambda: blue.owner("ada", tenant="red"),
    ):
        assert code(attempt) is DENIED
    assert id not in [token.id for token in blue.list()]
    assert code(lambda: blue.list(tenant="red")) is DENIED or blue.list(tenant="red") == []
    # The same name elsewhere is somebody else.
    blue.create(owner="ada")
    blue.revoke_owner("ada")
    assert authority.api.is_active(token)
    asking = limited(authority, tenant="blue", scopes=["tokenward.tokens.introspect"])
    assert not asking.is_active(token)
    assert limited(authority, tenant="red",
                   scopes=["tokenward.tokens.introspect"]).is_active(token)


# Catalogue O08.
def test_nobody_grants_what_it_does_not_hold(authority):
    authority.api.put_role("orders-clerk", scopes=["orders.read", "orders.write"])
    clerk = limited(authority, lifetime=600)
    # Others have made tokens of administrators for the usual owner.
    owner = authority.unique("plain")
    for wider in (
        {"scopes": ["orders.write"]},
        {"scopes": ["orders.read", "tokenward.tenants.all"]},
        {"roles": ["orders-clerk"]},
        {"roles": [ADMINISTRATOR]},
        {"tenant": "elsewhere"},
        {"lifetime": 601},
        {"lifetime": 86_400},
    ):
        assert code(lambda wider=wider: clerk.create(
            **{"owner": owner, "lifetime": 60, **wider})) is DENIED, wider
    made = clerk.create(owner=owner, scopes=["orders.read", CREATE, ANY_OWNER], lifetime=60)
    # Nor does what it made.
    child = authority.api.using(made)
    assert code(lambda: child.create(owner=owner, scopes=[READ], lifetime=30)) is DENIED
    assert code(lambda: child.create(owner=owner, scopes=["orders.read"], lifetime=30)) is OK
    # Rotating somebody else's token is a way to its secret, so it is a grant of all that it has.
    admin = id_of(authority.api.create(roles=[ADMINISTRATOR]))
    assert code(lambda: clerk.rotate(admin)) is DENIED
    assert code(lambda: clerk.rotate(id_of(made))) is OK
    long = id_of(authority.api.create(owner=owner, scopes=["orders.read"], lifetime=86_400))
    assert code(lambda: clerk.rotation(long, lifetime=86_400)) is DENIED
    assert unix(clerk.rotation(long).token.expires_at) <= unix(
        authority.api.get(id_of(clerk.token)).expires_at)


# Catalogue O08: services trust roles and owners by their names.
def test_nobody_grants_a_name_that_it_does_not_have(authority):
    role, other = authority.unique("trusted"), authority.unique("other")
    for name in (role, other):
        authority.api.put_role(name, scopes=["orders.read"])
    owner = authority.unique("clerk")
    clerk = limited(authority, scopes=[CREATE, ROTATE, "orders.read"], roles=[role], owner=owner)
    made = clerk.create(owner=owner, roles=[role], lifetime=60)
    assert code(lambda: clerk.create(owner=owner, roles=[other], lifetime=60)) is DENIED
    assert code(lambda: clerk.create(owner="ada", roles=[role], lifetime=60)) is DENIED
    assert code(lambda: clerk.rotate(id_of(made))) is OK
    for fields in ({"owner": "ada", "roles": [role]}, {"owner": owner, "roles": [other]}):
        theirs = id_of(authority.api.create(lifetime=60, **fields))
        assert code(lambda id=theirs: clerk.rotate(id)) is DENIED


def test_only_administrators_take_administrators_out(authority):
    owner = authority.unique("deputy")
    deputy = authority.api.create(owner=owner, roles=[ADMINISTRATOR])
    clerk = limited(authority, scopes=[REVOKE, "tokenward.owners.manage"])
    for attempt in (
        lambda: clerk.revoke(id_of(deputy)),
        lambda: clerk.revoke_owner(owner),
        lambda: clerk.revoke_issued_before(1),
    ):
        assert code(attempt) is DENIED
    assert authority.api.is_active(deputy)
    assert code(lambda: authority.api.revoke(id_of(deputy))) is OK
    assert code(lambda: clerk.revoke_owner(owner)) is OK


def test_an_exchange_widens_nothing(authority):
    token = authority.api.create(scopes=["orders.read"])
    own = authority.api.using(token)
    assert list(own.exchange(token).scopes) == ["orders.read"]
    assert code(lambda: own.exchange(token, scopes=["orders.write"])) is DENIED
    assert code(lambda: own.exchange(token, audiences=["billing"])) is DENIED
    assert code(lambda: own.exchange(token, audiences=[AUDIENCE])) is OK


PERMISSIONS = {
    "Tokens/Create": CREATE, "Tokens/Get": READ, "Tokens/List": READ, "Tokens/Rotate": ROTATE,
    "Tokens/Revoke": REVOKE, "Tokens/RevokeOwner": REVOKE, "Tokens/RevokeIssuedBefore": REVOKE,
    "Tokens/Introspect": "tokenward.tokens.introspect", "Owners/Get": READ,
    "Owners/Disable": "tokenward.owners.manage", "Owners/Enable": "tokenward.owners.manage",
    "Roles/List": "tokenward.roles.read", "Roles/Get": "tokenward.roles.read",
    "Roles/Put": "tokenward.roles.manage", "Roles/Delete": "tokenward.roles.manage",
    "Keys/List": "tokenward.keys.read", "Keys/Rotate": "tokenward.keys.rotate",
}


@pytest.mark.parametrize("method", PERMISSIONS)
def test_a_method_needs_its_permission_and_no_other(authority, method):
    path = f"/tokenward.authority.v1.{method}"
    every = "tokenward.tenants.all"
    everything = sorted({*PERMISSIONS.values(), "tokenward.tokens.outlive", ANY_OWNER, every})
    others = [scope for scope in everything if scope != PERMISSIONS[method]]
    with connect(authority) as channel:
        lacking = call(channel, path, limited(authority, scopes=others).token)
        assert lacking is not None and lacking.code() is DENIED
        holding = call(channel, path, limited(authority, scopes=[PERMISSIONS[method], every]).token)
        # An empty request is unusable with most, but it gets so far.
        assert holding is None or holding.code() in (
            grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND,
            grpc.StatusCode.FAILED_PRECONDITION,
        ), holding


def test_a_role_is_what_it_stands_for_now(authority):
    role = authority.unique("reader")
    authority.api.put_role(role, scopes=[READ, "orders.read"], description="reads")
    token = authority.api.create(roles=[role])
    reader = authority.api.using(token)
    assert code(lambda: reader.get(id_of(token))) is OK
    assert authority.api.introspect(token).scopes == [READ, "orders.read"] or \
        set(authority.api.introspect(token).scopes) == {READ, "orders.read"}
    authority.api.put_role(role, scopes=["orders.read"])
    assert code(lambda: reader.get(id_of(token))) is DENIED
    assert authority.api.role(role).scopes == ["orders.read"]
    assert role in [found.name for found in authority.api.all_roles()]
    authority.api.delete_role(role)
    assert list(authority.api.introspect(token).scopes) == []
    assert code(lambda: authority.api.role(role)) is grpc.StatusCode.NOT_FOUND


def test_a_role_can_be_limited_to_methods(authority):
    role = authority.unique("lister")
    path = "tokenward.authority.v1.Tokens/List"
    authority.api.put_role(role, scopes=[READ], methods=[path])
    token = authority.api.create(roles=[role])
    lister = authority.api.using(token)
    assert code(lambda: lister.list(page_size=1, owner="nobody")) is OK
    assert code(lambda: lister.get(id_of(token))) is DENIED
    assert list(authority.api.introspect(token).methods) == [path]


def test_only_administrators_define_and_widen_roles(authority):
    mine, foreign = authority.unique("of-a-clerk"), authority.unique("of-others")
    for name in (mine, foreign):
        authority.api.put_role(name, scopes=["orders.read", "orders.list"])
    clerk = limited(authority, roles=[mine], scopes=[
        "tokenward.roles.manage", "orders.read", "orders.write", "tokenward.tenants.all",
    ])
    new = authority.unique("made-by-a-clerk")
    assert code(lambda: clerk.put_role(new, scopes=["orders.read"])) is DENIED
    assert code(lambda: clerk.put_role(foreign, scopes=["orders.read"])) is DENIED
    assert code(lambda: clerk.delete_role(foreign)) is DENIED
    assert code(lambda: clerk.put_role(mine, scopes=["orders.read"])) is OK
    assert code(lambda: clerk.put_role(mine, scopes=["orders.read", "orders.write"])) is DENIED
    assert code(lambda: clerk.delete_role(mine)) is OK
    assert code(lambda: clerk.put_role(ADMINISTRATOR, scopes=["orders.read"])) is not OK
    assert code(lambda: authority.api.delete_role(ADMINISTRATOR)) is not OK
