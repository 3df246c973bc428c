# Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.
"""Sends rows of the attack table as raw HTTP/2 frames and judges the answers."""

import http2


def pairs(headers):
    """A value is Latin-1 in the table's JSON where it is bytes; text otherwise."""
    return [(name, value) for name, value in headers]


def send_call(connection, row):
    stream = connection.new_stream()
    headers = http2.request_headers(row["path"], pairs(row["headers"]))
    connection.send_headers(stream, headers)
    connection.send_data(stream, http2.message(), end_stream=True)
    return connection.receive(stream)


def send_frames(connection, row):
    stream = connection.new_stream()
    for frame in row["frames"]:
        if frame["type"] == "headers":
            connection.send_headers(stream, pairs(frame["block"]), frame["end_stream"])
        else:
            connection.send_data(stream, bytes.fromhex(frame["hex"]), frame["end_stream"])
    return connection.receive(stream)


def send(connection, row):
    return send_call(connection, row) if row["kind"] == "call" else send_frames(connection, row)


def label(answer):
    kind, value = answer.outcome
    return {
        "grpcStatus": f"grpc:{value}", "httpStatus": f"http:{value}", "streamReset": "rst",
        "connectionClosed": "goaway", "silence": "silence",
    }[kind]


# Rows that say nothing over a socket, and why. The core's tests run them all.
EXACT_CLOCK = {"C03", "C04", "C06", "C07", "C08"}


def unsendable(row):
    """Why a row is not sent to a live server; None if it is."""
    if row["id"] in EXACT_CLOCK:
        return "is exact to the second, and the server's clock runs"
    if row["id"] == "C24" and row["role"] == "twin":
        return "needs a client certificate"
    if row["id"] == "M06" and row["variant"] == "in two letter cases":
        return "has an upper-case name, which HTTP/2 itself refuses (RFC 9113 section 8.2.1)"
    return None


def is_oversized(row):
    """More headers than any gRPC server takes: the transport may close the connection for it."""
    return sum(len(n) + len(v) + 32 for n, v in row.get("headers", [])) > 8_192


def complaint(row, answer):
    """None if the answer is what the row says."""
    got = label(answer)
    if row["kind"] == "frames":
        if got in row["accepted"]:
            return None
        return f"answered {got}, accepted {row['accepted']}"
    expected = row["grpc_status"]
    if got == f"grpc:{expected}":
        if expected != 0 and not answer.is_trailers_only:
            return "the denial is not trailers-only"
        return None
    # What no normal client can send may be refused by the transport, before the guard sees it.
    unusual = row["carriage"] == "rawHTTP2" or is_oversized(row)
    if unusual and expected != 0 and got not in ("grpc:0", "silence"):
        return None
    return f"answered {got}, expected grpc:{expected}"


def attempt(connection, row):
    try:
        return send(connection, row)
    except OSError:
        connection.close()
        return http2.Answer(closed=True)


def run(target, table, connections=1):
    """Sends every row once and returns (sent, complaints)."""
    pool = [None] * connections
    sent, complaints = 0, []
    for index, row in enumerate(table):
        slot = index % connections
        connection = pool[slot]
        if connection is None or not connection.usable:
            if connection is not None:
                connection.close()
            connection = http2.Connection(target.address, target.authority)
            pool[slot] = connection
        answer = attempt(connection, row)
        if row["role"] == "twin" and label(answer) == "goaway":
            # The row before this one was answered and cost the connection right after.
            connection = pool[slot] = http2.Connection(target.address, target.authority)
            answer = attempt(connection, row)
        sent += 1
        problem = complaint(row, answer)
        if problem:
            complaints.append(f"{row['id']} {row['variant']} [{row['role']}]: {problem}")
        if answer.reset is not None or label(answer) in ("goaway", "silence"):
            connection.close()
            pool[slot] = None
    for connection in pool:
        if connection is not None:
            connection.close()
    return sent, complaints
