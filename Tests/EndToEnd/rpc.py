# Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.
"""A client in Google's own gRPC for Python, over TLS, with stubs made from Protos/."""

import dataclasses
import pathlib
import sys
import tempfile

import grpc
import grpc_tools
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from grpc_tools import protoc

from processes import ROOT

DOMAIN = "tokenward.dev"


def _generate():
    """Stubs are made on the fly, so that no second copy of the generated code can go stale."""
    folder = tempfile.TemporaryDirectory(prefix="tokenward-stubs-")
    protos = ROOT / "Protos"
    files = [str(p) for p in sorted(protos.rglob("*.proto"))]
    known = pathlib.Path(grpc_tools.__file__).parent / "_proto"
    status = protoc.main(
        ["protoc", f"--proto_path={protos}", f"--proto_path={known}",
         f"--python_out={folder.name}",
         f"--grpc_python_out={folder.name}", *files]
    )
    assert status == 0, "protoc could not generate the stubs"
    sys.path.insert(0, folder.name)
    return folder


_folder = _generate()
from tokenward.example.v1 import inventory_pb2, inventory_pb2_grpc  # noqa: E402
from tokenward.example.v1 import orders_pb2, orders_pb2_grpc  # noqa: E402


@dataclasses.dataclass
class Outcome:
    """How one call ended, as a client sees it."""

    code: grpc.StatusCode
    message: str
    reason: str | None
    domain: str | None
    retry_after: float | None
    challenge: str | None
    initial: list
    response: object = None

    def comparable(self):
        return (self.code, self.message, self.reason, self.domain, self.retry_after,
                self.challenge, self.initial)


def channel(server):
    credentials = grpc.ssl_channel_credentials(
        pathlib.Path(server.authority).read_bytes()
    )
    return grpc.secure_channel(
        server.target, credentials,
        # One connection for each channel, and no hidden second attempts.
        options=[("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0)],
    )


def bearer(token):
    return [("authorization", f"Bearer {token}")]


def outcome(call):
    """Waits for a call (unary or an exhausted stream) and reads everything from its end."""
    code = call.code()
    details = rpc_status.from_call(call) if code is not grpc.StatusCode.OK else None
    reason = domain = retry = None
    for any_message in details.details if details else []:
        info = error_details_pb2.ErrorInfo()
        wait = error_details_pb2.RetryInfo()
        if any_message.Unpack(info):
            reason, domain = info.reason, info.domain
        elif any_message.Unpack(wait):
            retry = wait.retry_delay.ToTimedelta().total_seconds()
    trailing = {}
    for name, value in call.trailing_metadata() or ():
        assert name not in trailing, f"trailer {name} came twice"
        trailing[name] = value
    return Outcome(
        code=code,
        message=call.details(),
        reason=reason,
        domain=domain,
        retry_after=retry,
        challenge=trailing.get("www-authenticate"),
        initial=[(n, v) for n, v in call.initial_metadata() or ()],
    )


def unary(channel, metadata, path="/tokenward.example.v1.Orders/Get", order="o-1", timeout=10):
    """Calls a method by its path, whether the server has it or not."""
    method = channel.unary_unary(
        path,
        request_serializer=orders_pb2.GetOrderRequest.SerializeToString,
        response_deserializer=orders_pb2.Order.FromString,
    )
    try:
        response, call = method.with_call(
            orders_pb2.GetOrderRequest(id=order), metadata=metadata, timeout=timeout
        )
    except grpc.RpcError as error:
        return outcome(error)
    result = outcome(call)
    result.response = response
    return result


def watch(channel, metadata, count, interval=20, timeout=20):
    """Reads a server stream to its end."""
    call = orders_pb2_grpc.OrdersStub(channel).Watch(
        orders_pb2.WatchOrderRequest(id="o-1", count=count, interval_milliseconds=interval),
        metadata=metadata, timeout=timeout,
    )
    return _drain(call)


def chat(channel, metadata, texts, timeout=20):
    """Sends notes and reads the answers of a bidirectional stream."""
    notes = (orders_pb2.Note(text=text) for text in texts)
    call = orders_pb2_grpc.OrdersStub(channel).Chat(notes, metadata=metadata, timeout=timeout)
    return _drain(call)


def _drain(call):
    received = []
    try:
        for element in call:
            received.append(element)
    except grpc.RpcError:
        pass
    result = outcome(call)
    result.response = received
    return result
