# Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.
"""The gRPC side of the authority, called with Google's gRPC for Python."""

import datetime
import secrets
import time

import grpc
from google.protobuf import duration_pb2, timestamp_pb2

import rpc
from authority import AUDIENCE, ITSELF
from tokenward.authority.v1 import keys_pb2, keys_pb2_grpc  # stubs that rpc has made
from tokenward.authority.v1 import owners_pb2, owners_pb2_grpc
from tokenward.authority.v1 import roles_pb2, roles_pb2_grpc
from tokenward.authority.v1 import tokens_pb2, tokens_pb2_grpc

PACKAGE = "tokenward.authority.v1"
ADMINISTRATOR = "tokenward-admin"
STATES = tokens_pb2.TokenState

# Every method, its stub, and a request for it.
METHODS = {
    f"/{PACKAGE}.{service}/{method}": getattr(module, f"{request}Request")
    for module, service, requests in (
        (tokens_pb2, "Tokens", {
            "Create": "CreateToken", "Get": "GetToken", "List": "ListTokens",
            "Rotate": "RotateToken", "Revoke": "RevokeToken", "RevokeOwner": "RevokeOwner",
            "RevokeIssuedBefore": "RevokeIssuedBefore", "RevokeSelf": "RevokeSelf",
            "Exchange": "ExchangeToken", "Introspect": "IntrospectToken",
        }),
        (owners_pb2, "Owners", {
            "Get": "GetOwner", "Disable": "DisableOwner", "Enable": "EnableOwner",
        }),
        (roles_pb2, "Roles", {
            "List": "ListRoles", "Get": "GetRole", "Put": "PutRole", "Delete": "DeleteRole",
        }),
        (keys_pb2, "Keys", {"List": "ListKeys", "Rotate": "RotateKeys"}),
    )
    for method, request in requests.items()
}


def connect(authority):
    """A connection of its own, without hidden second attempts."""
    return grpc.secure_channel(
        authority.target, grpc.ssl_channel_credentials(authority.tls.pem),
        options=[("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0),
                 ("grpc.initial_reconnect_backoff_ms", 50),
                 ("grpc.max_reconnect_backoff_ms", 500)],
    )


def new_key():
    """A fresh idempotency key."""
    return secrets.token_urlsafe(24)


def seconds(count):
    return None if count is None else duration_pb2.Duration(seconds=count)


def moment(unix):
    """A time in Unix seconds; None stays None."""
    if unix is None:
        return None
    stamp = timestamp_pb2.Timestamp()
    stamp.FromNanoseconds(int(unix * 1_000_000_000))
    return stamp


def unix(stamp):
    return stamp.ToDatetime(datetime.UTC).timestamp()


class Api:
    """Calls with one token. What is refused is raised, as grpc.RpcError."""

    def __init__(self, channel, token, timeout=20):
        self.channel, self.token, self.timeout = channel, token, timeout
        self.tokens = tokens_pb2_grpc.TokensStub(channel)
        self.owners = owners_pb2_grpc.OwnersStub(channel)
        self.roles = roles_pb2_grpc.RolesStub(channel)
        self.keys = keys_pb2_grpc.KeysStub(channel)

    def using(self, token):
        """The same connection with another token; with none if it is None."""
        return Api(self.channel, token, self.timeout)

    def ask(self, method, request):
        metadata = [] if self.token is None else rpc.bearer(self.token)
        return method(request, metadata=metadata, timeout=self.timeout)

    # API tokens.

    def make(self, *, name="made-by-a-test", owner="ada", audiences=(AUDIENCE, ITSELF),
             lifetime=3_600, not_before=None, key="", **fields):
        """Makes a token: the whole answer."""
        return self.ask(self.tokens.Create, tokens_pb2.CreateTokenRequest(
            name=name, owner=owner, audiences=audiences, lifetime=seconds(lifetime),
            not_before=moment(not_before), idempotency_key=key, **fields,
        ))

    def create(self, **fields):
        """Makes a token: the token."""
        return self.make(**fields).secret

    def get(self, id):
        return self.ask(self.tokens.Get, tokens_pb2.GetTokenRequest(id=id)).token

    def state(self, id):
        return STATES.Name(self.get(id).state).removeprefix("TOKEN_STATE_").lower()

    def list(self, page_size=500, **filters):
        """Every token that a query finds, page by page."""
        found, page = [], ""
        while True:
            answer = self.ask(self.tokens.List, tokens_pb2.ListTokensRequest(
                page_size=page_size, page_token=page, **filters,
            ))
            found += answer.tokens
            page = answer.next_page_token
            if not page:
                return found

    def rotation(self, id, grace=None, lifetime=None, key=""):
        """Gives a token a new secret: the whole answer."""
        return self.ask(self.tokens.Rotate, tokens_pb2.RotateTokenRequest(
            id=id, grace=seconds(grace), lifetime=seconds(lifetime), idempotency_key=key,
        ))

    def rotate(self, id, **options):
        return self.rotation(id, **options).secret

    def revoke(self, id, reason="a test"):
        return self.ask(
            self.tokens.Revoke, tokens_pb2.RevokeTokenRequest(id=id, reason=reason)
        ).token

    def revoke_owner(self, owner, tenant=""):
        return self.ask(self.tokens.RevokeOwner, tokens_pb2.RevokeOwnerRequest(
            owner=owner, tenant=tenant, reason="a test",
        )).generation

    def revoke_issued_before(self, at, owner="", tenant=""):
        self.ask(self.tokens.RevokeIssuedBefore, tokens_pb2.RevokeIssuedBeforeRequest(
            issued_before=moment(at), owner=owner, tenant=tenant, reason="a test",
        ))

    def revoke_self(self, token):
        self.ask(self.tokens.RevokeSelf, tokens_pb2.RevokeSelfRequest(token=token))

    def exchange(self, token, lifetime=None, algorithm=0, **fields):
        return self.ask(self.tokens.Exchange, tokens_pb2.ExchangeTokenRequest(
            subject_token=token, lifetime=seconds(lifetime), algorithm=algorithm, **fields,
        ))

    def introspect(self, token):
        return self.ask(self.tokens.Introspect, tokens_pb2.IntrospectTokenRequest(token=token))

    def is_active(self, token):
        return self.introspect(token).active

    # Owners, roles and keys.

    def owner(self, owner, tenant=""):
        return self.ask(self.owners.Get,
                        owners_pb2.GetOwnerRequest(owner=owner, tenant=tenant)).owner

    def disable(self, owner, tenant=""):
        return self.ask(self.owners.Disable, owners_pb2.DisableOwnerRequest(
            owner=owner, tenant=tenant, reason="a test")).owner

    def enable(self, owner, tenant=""):
        return self.ask(self.owners.Enable, owners_pb2.EnableOwnerRequest(
            owner=owner, tenant=tenant, reason="a test")).owner

    def put_role(self, name, scopes=(), methods=(), description=""):
        return self.ask(self.roles.Put, roles_pb2.PutRoleRequest(role=roles_pb2.Role(
            name=name, scopes=scopes, methods=methods, description=description,
        ))).role

    def role(self, name):
        return self.ask(self.roles.Get, roles_pb2.GetRoleRequest(name=name)).role

    def all_roles(self):
        return list(self.ask(self.roles.List, roles_pb2.ListRolesRequest()).roles)

    def delete_role(self, name):
        self.ask(self.roles.Delete, roles_pb2.DeleteRoleRequest(name=name))

    def all_keys(self):
        return list(self.ask(self.keys.List, keys_pb2.ListKeysRequest()).keys)

    def rotate_keys(self, forced=False, algorithm=0):
        return list(self.ask(self.keys.Rotate, keys_pb2.RotateKeysRequest(
            force=forced, algorithm=algorithm)).keys)


def refusal(call):
    """How a call was refused, which it has to be."""
    try:
        answer = call()
    except grpc.RpcError as error:
        return rpc.outcome(error)
    raise AssertionError(f"it was not refused but answered with {type(answer).__name__}")


def code(call):
    """OK, or the code with which a call was refused."""
    try:
        call()
    except grpc.RpcError as error:
        return error.code()
    return grpc.StatusCode.OK


def wait_for_second():
    """Until the next second of the clock has begun."""
    time.sleep(1.001 - time.time() % 1)
