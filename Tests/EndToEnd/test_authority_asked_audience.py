# Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.
"""A guarded service that asks about API tokens takes those that are meant for it."""

import rpc
from authority import AUDIENCE
from guarded import OK, UNAUTHENTICATED, ask
from test_authority_guards import asks


def test_a_service_that_asks_takes_tokens_that_are_for_it(guarded, authority, tmp_path):
    server = guarded(introspection=asks(authority, tmp_path, audiences=[AUDIENCE]))
    with rpc.channel(server) as channel:
        assert ask(channel, authority.api.create(scopes=["orders.read"])).code is OK
        assert ask(channel, authority.api.create(
            scopes=["orders.read"], audiences=["billing"])).code is UNAUTHENTICATED
