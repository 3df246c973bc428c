# Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.
"""A Python gRPC server that looks at tokens, to call with our client; it records what came."""

import collections
import concurrent.futures
import dataclasses
import json
import threading
import time

import grpc
from google.protobuf import any_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

import pki
import rpc
from issuer import AUDIENCE, fingerprint

EXPIRED, INVALID = "ACCESS_TOKEN_EXPIRED", "ACCESS_TOKEN_INVALID"
MISSING = "CREDENTIALS_MISSING"
SENTENCE = "request is not authenticated"


@dataclasses.dataclass(frozen=True)
class Call:
    """One call that arrived. The token is told by its fingerprint only."""

    method: str
    at: float  # time.time()
    values: int  # how many authorization values came
    token: str | None  # fingerprint
    expiry: int | None  # `exp`, if the token was ours and could be read
    expired: bool  # on arrival
    reason: str | None  # why it was refused, if it was


class PeerServer:
    """Serves the example services, over TLS unless told otherwise, to tokens of the issuer.

    `target` and `authority.path` are what a client needs to know.
    """

    def __init__(self, issuer, authority=None, audience=AUDIENCE, tls=True, clients=None,
                 workers=16):
        self.issuer, self.audience = issuer, audience
        self.authority = authority or pki.Authority("Tokenward test peer authority")
        self.calls = collections.deque(maxlen=100_000)
        self._rejections = collections.deque()
        self._broken_streams = collections.deque()
        self._keys = None
        self._lock = threading.Lock()
        self._executor = concurrent.futures.ThreadPoolExecutor(workers)
        self._server = grpc.server(
            self._executor, interceptors=[_Guard(self)], options=[("grpc.so_reuseport", 0)]
        )
        rpc.orders_pb2_grpc.add_OrdersServicer_to_server(_Orders(self), self._server)
        rpc.inventory_pb2_grpc.add_InventoryServicer_to_server(_Inventory(), self._server)
        if tls:
            identity = self.authority.server()
            self.port = self._server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials(
                [(identity.key, identity.certificate)],
                None if clients is None else clients.pem, clients is not None,
            ))
        else:
            self.port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()

    @property
    def target(self):
        return f"localhost:{self.port}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self._server.stop(0).wait()
        self._executor.shutdown(wait=False)

    # Misbehaviour.

    def reject(self, *reasons):
        """The next calls are refused for these reasons, one each, whatever their token; a reason
        that is a grpc.StatusCode ends the call with that status and no details."""
        self._rejections.extend(reasons)

    def break_stream(self, reason=EXPIRED, after=1):
        """The next stream with a good token is refused after so many messages."""
        self._broken_streams.append((reason, after))

    # What came.

    def calls_since(self, at=0.0):
        return [call for call in list(self.calls) if call.at >= at]

    def expired_calls(self):
        return [call for call in list(self.calls) if call.expired]

    def tokens(self):
        """The fingerprints of the tokens that came, each once, in the order of their first use."""
        return list(dict.fromkeys(call.token for call in list(self.calls) if call.token))

    def forget(self):
        self.calls.clear()

    # Decisions.

    def arrived(self, method, values):
        """Records a call and returns the reason to refuse it, or None, and its claims."""
        now = time.time()
        token, claims, expired, reason = None, {}, False, None
        given = values[0].split(" ", 1) if values else []
        if not given:
            reason = MISSING
        elif len(values) > 1 or len(given) != 2 or given[0].lower() != "bearer":
            reason = INVALID
        else:
            token = fingerprint(given[1])
            claims = self._verified(given[1])
            if claims is None:
                claims, reason = {}, INVALID
            elif now >= claims.get("exp", 0):
                expired, reason = True, EXPIRED
            elif self.audience not in _list(claims.get("aud")) or \
                    claims.get("iss") != self.issuer.url:
                reason = INVALID
        if self._rejections:
            reason = self._rejections.popleft()
        self.calls.append(Call(
            method, now, len(values), token, claims.get("exp"), expired,
            reason.name if isinstance(reason, grpc.StatusCode) else reason,
        ))
        return reason, claims

    def broken(self):
        """Where the stream that starts now breaks, if it does."""
        return self._broken_streams.popleft() if self._broken_streams else (None, None)

    def _verified(self, token):
        # Read straight from the issuer, which is in this process, and parsed once per change.
        with self._lock:
            document = self.issuer.keys.document
            if self._keys is None or self._keys[0] is not document:
                self._keys = (document, KeySet.import_key_set(json.loads(document)))
            keys = self._keys[1]
        try:
            return jwt.decode(
                token, keys, algorithms=["ES256", "ES384", "EdDSA", "Ed25519", "RS256", "PS256"]
            ).claims
        except (JoseError, ValueError):
            return None


def refuse(context, reason):
    """Ends a call as our own server does: one sentence, and the reason in the details."""
    if isinstance(reason, grpc.StatusCode):
        context.abort(reason, "on command")
    detail = any_pb2.Any()
    detail.Pack(error_details_pb2.ErrorInfo(reason=reason, domain=rpc.DOMAIN))
    context.abort_with_status(rpc_status.to_status(status_pb2.Status(
        code=code_pb2.UNAUTHENTICATED, message=SENTENCE, details=[detail]
    )))


class _Guard(grpc.ServerInterceptor):
    """Refuses before a handler runs and before any message is sent."""

    def __init__(self, server):
        self._server = server

    def intercept_service(self, continuation, details):
        values = [value for name, value in details.invocation_metadata if name == "authorization"]
        reason, claims = self._server.arrived(details.method, values)
        handler = continuation(details)
        if handler is None:
            return None
        if reason is not None:
            return _refusing(handler, reason)
        return _with_subject(handler, claims.get("sub", ""))


def _with_subject(handler, subject):
    def wrap(function):
        def call(request, context):
            context.tokenward_subject = subject
            return function(request, context)
        return call
    return _rebuilt(handler, wrap)


def _refusing(handler, reason):
    def wrap(_):
        return lambda request, context: refuse(context, reason)
    return _rebuilt(handler, wrap)


def _rebuilt(handler, wrap):
    """The same kind of method with another function in it."""
    for kind in ("unary_unary", "unary_stream", "stream_unary", "stream_stream"):
        function = getattr(handler, kind)
        if function is not None:
            make = getattr(grpc, f"{kind}_rpc_method_handler")
            return make(wrap(function), handler.request_deserializer, handler.response_serializer)
    raise AssertionError("a method has one of four kinds")


class _Orders(rpc.orders_pb2_grpc.OrdersServicer):
    def __init__(self, server):
        self._server = server

    def Get(self, request, context):
        return rpc.orders_pb2.Order(id=request.id, requested_by=context.tokenward_subject)

    def Watch(self, request, context):
        reason, after = self._server.broken()
        sequence = 0
        while context.is_active() and (request.count == 0 or sequence < request.count):
            if reason is not None and sequence >= after:
                refuse(context, reason)
            sequence += 1
            yield rpc.orders_pb2.OrderEvent(
                sequence=sequence, order_id=request.id, requested_by=context.tokenward_subject
            )
            time.sleep(max(request.interval_milliseconds, 5) / 1_000)

    def Chat(self, notes, context):
        reason, after = self._server.broken()
        for count, note in enumerate(notes):
            if reason is not None and count >= after:
                refuse(context, reason)
            yield rpc.orders_pb2.Note(text=note.text, **{"from": context.tokenward_subject})


class _Inventory(rpc.inventory_pb2_grpc.InventoryServicer):
    def GetStock(self, request, context):
        return rpc.inventory_pb2.Stock(article=request.article, quantity=1)

    def Adjust(self, request, context):
        return rpc.inventory_pb2.Stock(article=request.article, quantity=request.change)


def _list(value):
    return value if isinstance(value, list) else [value]
