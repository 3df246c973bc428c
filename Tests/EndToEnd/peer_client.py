# Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.
"""A Python gRPC client that brings its own call credentials, as an application would."""

import base64
import json
import pathlib
import threading
import time
import urllib.parse
import urllib.request

import grpc


class TokenPlugin(grpc.AuthMetadataPlugin):
    """Fetches tokens from an issuer with client credentials, and keeps one until it gets old.

    `fetches` counts the requests to the token endpoint.
    """

    def __init__(self, issuer, margin=1.0, scope="orders.read", audience=None):
        self._issuer, self._margin = issuer, margin
        self._form = {"grant_type": "client_credentials", "scope": scope}
        if audience is not None:
            self._form["audience"] = audience
        self._context = issuer.authority.client_context()
        self._lock = threading.Lock()
        self._token, self._expiry = None, 0.0
        self.fetches = 0

    def __call__(self, context, callback):
        try:
            token = self.token()
        except Exception as error:
            callback((), error)
        else:
            callback((("authorization", f"Bearer {token}"),), None)

    def token(self):
        with self._lock:
            if time.time() >= self._expiry - self._margin:
                self._token, seconds = self._fetch()
                self._expiry = time.time() + seconds
            return self._token

    def _fetch(self):
        self.fetches += 1
        pair = f"{self._issuer.client_id}:{self._issuer.client_secret}".encode()
        request = urllib.request.Request(
            self._issuer.endpoint("token"), data=urllib.parse.urlencode(self._form).encode(),
            headers={"Authorization": "Basic " + base64.b64encode(pair).decode()},
        )
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=self._context)
        )
        with opener.open(request, timeout=5) as response:
            answer = json.load(response)
        return answer["access_token"], answer["expires_in"]


def credentialed_channel(target, authority, plugin):
    """A TLS channel whose every call asks the plugin for a token."""
    transport = grpc.ssl_channel_credentials(pathlib.Path(authority).read_bytes())
    call = grpc.metadata_call_credentials(plugin, name="tokenward-test")
    return grpc.secure_channel(
        target, grpc.composite_channel_credentials(transport, call),
        options=[("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0)],
    )
