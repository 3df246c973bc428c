# Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.
"""Everything that an issuer is made to answer in place of its keys, and what it is called then."""

import dataclasses
import itertools

import faults
import pki
from http_wire import Response


@dataclasses.dataclass(frozen=True)
class Row:
    """One fault of one path, and what /readyz and the metrics call it."""

    name: str
    path: str
    fault: object
    problem: str
    location: str = "uri"
    certificate: str | None = None

    def put(self, issuer):
        if self.certificate is not None:
            issuer.certificate(self.certificate)
        elif self.fault == "down":
            issuer.down()
        else:
            issuer.fault(self.path, self.fault)

    def clear(self, issuer):
        if self.certificate is not None:
            issuer.certificate("good")
        issuer.up()
        issuer.clear()


def _keys(name, problem, fault=None):
    return Row(name, "jwks", fault or name, problem)


def _discovery(name, problem, fault=None):
    return Row(f"discovery: {name}", "discovery", fault or name, problem, "discover")


def endless_headers(request, response):
    """Headers as fast as they are read, for ever."""
    block = b"".join(b"X-Filler-%d: %b\r\n" % (n, b"f" * 8_000) for n in range(8))
    return Response(raw=itertools.chain([b"HTTP/1.1 200 OK\r\n"], itertools.repeat(block)))


def early_hints(request, response):
    """Answers that are only a foretaste of one, for ever (RFC 8297)."""
    return Response(raw=itertools.repeat(b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n" * 400))


REDIRECTS = ["redirect_to_same_host", "redirect_to_other_port", "redirect_to_other_host",
             "redirect_to_http", "redirect_to_metadata", "redirect_to_file", "redirect_loop"]

# How the fetch ends; none of these changes the keys.
ROWS = [
    # Slow and long: the deadline or the limit ends them.
    _keys("slow_first_byte", "deadline_exceeded"),
    _keys("stall", "deadline_exceeded"),
    _keys("trickle", "deadline_exceeded"),
    _keys("endless", "too_large"),
    _keys("huge", "too_large"),
    _keys("huge in chunks", "too_large", faults.huge(chunked=True)),
    _keys("endless headers", "response_malformed", endless_headers),
    _keys("endless early hints", "deadline_exceeded", early_hints),
    # Not an answer.
    _keys("down", "connection_failed"),
    _keys("no_answer", "connection_failed"),
    _keys("not_http", "response_malformed"),
    _keys("cut", "response_malformed"),
    # Another answer.
    *[_keys(name, "redirected") for name in REDIRECTS],
    _keys("permanent redirect", "redirected", faults.redirect("https://127.0.0.1/keys", 308)),
    _keys("not_modified", "redirected"),
    _keys("not found", "status_refused", faults.failure(404)),
    _keys("too many requests", "status_refused", faults.failure(429, retry_after="86400")),
    _keys("server error", "status_failed", faults.failure(500)),
    _keys("unavailable", "status_failed", faults.failure(503, retry_after="86400")),
    # A body that is no key set.
    _keys("html", "keys_malformed"),
    _keys("truncated", "keys_malformed"),
    _keys("empty body", "keys_malformed", faults.body()),
    _keys("null", "keys_malformed", faults.document(None)),
    _keys("nested", "keys_malformed"),
    _keys("byte_order_mark", "keys_malformed"),
    _keys("member_twice", "keys_malformed"),
    _keys("gzip", "response_malformed"),
    _keys("gzip_bomb", "response_malformed"),
    # A key set that must not be used.
    _keys("keys_not_array", "keys_malformed"),
    _keys("no_keys_member", "keys_malformed"),
    _keys("empty_set", "keys_unusable"),
    _keys("unusable_keys", "keys_unusable"),
    _keys("private_keys", "keys_private"),
    _keys("symmetric_key", "keys_private"),
    _keys("kid_twice", "keys_ambiguous"),
    _keys("too_many_keys", "keys_malformed"),
    # Discovery.
    _discovery("wrong_issuer", "discovery_issuer_mismatch"),
    _discovery("no issuer", "discovery_malformed", faults.members(absent=["issuer"])),
    _discovery("no jwks_uri", "discovery_malformed", faults.members(absent=["jwks_uri"])),
    _discovery("jwks_uri is a list", "discovery_malformed", faults.members(jwks_uri=["a"])),
    _discovery("jwks_uri_on_other_host", "keys_address_forbidden"),
    _discovery("jwks_uri_on_http", "keys_address_forbidden"),
    _discovery("jwks_uri is a file", "keys_address_forbidden",
               faults.members(jwks_uri="file:///etc/passwd")),
    _discovery("jwks_uri is metadata", "keys_address_forbidden",
               faults.members(jwks_uri=faults.METADATA)),
    _discovery("html", "discovery_malformed"),
    _discovery("nested", "discovery_malformed"),
    _discovery("issuer twice", "discovery_malformed", faults.member_twice("issuer")),
    _discovery("redirect_to_other_host", "redirected"),
    _discovery("stall", "deadline_exceeded"),
    _discovery("endless", "too_large"),
    _discovery("server error", "status_failed", faults.failure(500)),
    # Certificates.
    *[Row(f"certificate: {kind}", "", None, "tls_failed", certificate=kind)
      for kind in pki.KINDS if kind != "good"],
]
