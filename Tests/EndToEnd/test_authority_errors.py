# Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.
"""Errors of the authority, as programs read them: a google.rpc.ErrorInfo with each."""

import grpc
import pytest

import rpc
from authority_api import code, new_key, refusal
from oauth import id_of

Status = grpc.StatusCode


def used_twice(bed):
    key = new_key()
    bed.api.create(name="one", key=key)
    return lambda: bed.api.create(name="another", key=key)


def revoked(bed):
    token = bed.api.create()
    bed.api.revoke(id_of(token))
    return lambda: bed.api.rotate(id_of(token))


ERRORS = {
    "INVALID_ARGUMENT": (Status.INVALID_ARGUMENT, lambda bed: lambda: bed.api.make(owner="")),
    "NOT_FOUND": (Status.NOT_FOUND, lambda bed: lambda: bed.api.get("0" * 16)),
    "ALREADY_EXISTS": (Status.ALREADY_EXISTS, used_twice),
    "FAILED_PRECONDITION": (Status.FAILED_PRECONDITION, revoked),
}


@pytest.mark.parametrize("reason", ERRORS)
def test_an_error_says_what_it_is_in_a_form_for_programs(authority, reason):
    status, prepare = ERRORS[reason]
    refused = refusal(prepare(authority))
    assert (refused.code, refused.reason, refused.domain) == (status, reason, "authority.tokenward.dev")
    assert code(authority.api.create) is Status.OK
