# Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.
"""Answers with which OAuth endpoints lie, by name, to run a test over all of them."""

import faults

# What a token endpoint may answer and a client must not use, by name. Give one to
# `issuer.fault("token", TOKEN_ABUSE[name])`.
TOKEN_ABUSE = {
    "invalid_client": faults.document({"error": "invalid_client"}, 401),
    "token_type DPoP": faults.members(token_type="DPoP"),
    "token_type mac": faults.members(token_type="mac"),
    "token_type missing": faults.members(["token_type"]),
    "token_type a number": faults.members(token_type=1),
    "expires_in zero": faults.members(expires_in=0),
    "expires_in negative": faults.members(expires_in=-60),
    "expires_in huge": faults.members(expires_in=1 << 62),
    "expires_in beyond integers": faults.body(
        '{"access_token": "abc", "token_type": "Bearer", "expires_in": 1e400}'
    ),
    "expires_in a string": faults.members(expires_in="60"),
    "expires_in missing": faults.members(["expires_in"]),
    "access_token missing": faults.members(["access_token"]),
    "access_token null": faults.members(access_token=None),
    "access_token empty": faults.members(access_token=""),
    "access_token a number": faults.members(access_token=12),
    "access_token with a line feed": faults.members(access_token="abc\nx-evil: 1"),
    "access_token with a space": faults.members(access_token="abc def"),
    "access_token beyond ASCII": faults.members(access_token="abc\u212a"),
    "access_token of 9 KB": faults.members(access_token="a" * 9_000),
    "an array": faults.document([]),
    "HTML": faults.html(),
    "truncated": faults.truncated(),
    "a member twice": faults.body(
        '{"access_token": "abc", "access_token": "def", "token_type": "Bearer", "expires_in": 60}'
    ),
    "500": faults.failure(500),
    "429": faults.failure(429, retry_after=1),
}

# What introspection may answer and a verifier must not take for "active".
INTROSPECTION_ABUSE = {
    "active a string": faults.members(active="true"),
    "active a number": faults.members(active=1),
    "active missing": faults.members(["active"]),
    "active null": faults.members(active=None),
    "another issuer": faults.members(iss="https://issuer.elsewhere.test"),
    "expired": faults.members(exp=1),
    "expiry a string": faults.members(exp="9999999999"),
    "active twice": faults.body('{"active": false, "active": true}'),
    "an array": faults.document([{"active": True}]),
    "HTML": faults.html(),
    "truncated": faults.truncated(),
    "401": faults.document({"error": "invalid_client"}, 401),
    "500": faults.failure(500),
}
