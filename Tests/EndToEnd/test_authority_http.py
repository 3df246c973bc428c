# Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.
"""What the HTTP side of the authority refuses, and how it says so."""

import socket
import ssl

import pytest

from authority import AUDIENCE
from oauth import ACCESS_TOKEN, EXCHANGE, id_of

PATHS = {
    "/.well-known/jwks.json": "GET", "/.well-known/oauth-authorization-server": "GET",
    "/.well-known/openid-configuration": "GET", "/oauth2/token": "POST",
    "/oauth2/introspect": "POST", "/oauth2/revoke": "POST",
}


def good(token):
    return {"grant_type": EXCHANGE, "subject_token": token, "subject_token_type": ACCESS_TOKEN}


BAD = {
    "no grant type": ({"grant_type": None}, 400, {"invalid_request"}),
    "an unknown grant type": ({"grant_type": "password"}, 400, {"unsupported_grant_type"}),
    "no subject token": ({"subject_token": None}, 400, {"invalid_request"}),
    "an empty subject token": ({"subject_token": ""}, 400, {"invalid_request", "invalid_grant"}),
    "a made-up subject token": ({"subject_token": "twk_x"}, 400,
                                {"invalid_request", "invalid_grant"}),
    "no type of it": ({"subject_token_type": None}, 400, {"invalid_request"}),
    "an unknown type of it": ({"subject_token_type": "urn:ietf:params:oauth:token-type:saml2"},
                              400, {"invalid_request"}),
    # Catalogue C26: there is no delegation here, so nothing can be chained.
    "an actor": ({"actor_token": "x", "actor_token_type": ACCESS_TOKEN}, 400,
                 {"invalid_request"}),
    "a scope that it lacks": ({"scope": "orders.read admin.all"}, 400, {"invalid_scope"}),
    "a malformed scope": ({"scope": "orders.read\"x"}, 400, {"invalid_scope", "invalid_request"}),
    "an audience that it lacks": ({"audience": "billing"}, 400,
                                  {"invalid_target", "invalid_request"}),
    "a type that is not issued": (
        {"requested_token_type": "urn:ietf:params:oauth:token-type:refresh_token"}, 400,
        {"invalid_request"}),
}


def test_the_exchange_that_the_others_are_a_change_of(authority):
    token = authority.api.create(scopes=["orders.read"])
    answer = authority.http.post("/oauth2/token", good(token))
    assert answer.status_code == 200
    # RFC 6749 §5.1.
    assert "no-store" in answer.headers["cache-control"]
    same = authority.http.post("/oauth2/token", {
        **good(token), "scope": "orders.read", "audience": AUDIENCE,
        "requested_token_type": ACCESS_TOKEN,
    })
    assert same.status_code == 200


@pytest.mark.parametrize("what", BAD)
def test_an_unusable_exchange_is_refused(authority, what):
    change, status, errors = BAD[what]
    token = authority.api.create(scopes=["orders.read"])
    form = {n: v for n, v in {**good(token), **change}.items() if v is not None}
    answer = authority.http.post("/oauth2/token", form)
    assert answer.status_code == status, answer.text
    assert answer.json()["error"] in errors
    assert "no-store" in answer.headers["cache-control"]
    assert token.split("_")[2] not in answer.text
    assert "access_token" not in answer.json()


def test_a_parameter_that_comes_twice_is_refused(authority):
    # RFC 6749 §3.2: otherwise two readers of one request read two requests.
    token = authority.api.create(scopes=["orders.read"])
    for name, value in good(token).items():
        form = [*good(token).items(), (name, value)]
        answer = authority.http.post("/oauth2/token", form)
        assert answer.status_code == 400, name
        assert answer.json()["error"] == "invalid_request"


def test_two_ways_of_saying_who_asks_are_refused(authority):
    token = authority.api.create()
    form = {"grant_type": "client_credentials", "client_id": id_of(token), "client_secret": token}
    assert authority.http.post("/oauth2/token", form).status_code == 200
    answer = authority.http.post("/oauth2/token", form, auth=(id_of(token), token))
    assert answer.status_code in (400, 401)
    assert answer.json()["error"] in ("invalid_request", "invalid_client")


def test_secrets_in_the_address_are_not_read(authority):
    # RFC 6749 §2.3.1: an address is written to logs.
    token = authority.api.create()
    answer = authority.http.session.post(
        f"{authority.url}/oauth2/token", params=good(token), data={}, timeout=10
    )
    assert answer.status_code == 400
    both = authority.http.session.post(
        f"{authority.url}/oauth2/token", params={"subject_token": token}, data=good(token),
        timeout=10,
    )
    assert both.status_code in (200, 400)
    assert token not in authority.log()


@pytest.mark.parametrize("path", PATHS)
def test_another_method_is_refused(authority, path):
    other = "POST" if PATHS[path] == "GET" else "GET"
    answer = authority.http.session.request(other, authority.url + path, timeout=10)
    assert answer.status_code == 405
    assert PATHS[path] in answer.headers["allow"]


@pytest.mark.parametrize("path", ["/", "/oauth2", "/oauth2/token/", "/.well-known/", "/admin",
                                  "/metrics", "/oauth2/../metrics", "/.well-known/jwks.json/x"])
def test_there_is_nothing_else(authority, path):
    assert authority.http.get(path).status_code in (400, 404)


def test_what_is_no_form_is_refused(authority):
    token = authority.api.create()
    for kind in ("application/json", "text/plain", "multipart/form-data; boundary=x"):
        answer = authority.http.post(
            "/oauth2/token", "grant_type=client_credentials", headers={"content-type": kind},
            auth=(id_of(token), token),
        )
        assert answer.status_code in (400, 415), kind


def test_a_large_request_is_refused(authority):
    token = authority.api.create()
    answer = authority.http.post("/oauth2/token", {**good(token), "x": "x" * 2_000_000})
    assert answer.status_code in (400, 413)
    assert authority.http.post("/oauth2/token", good(token)).status_code == 200


def test_introspection_wants_to_know_who_asks(authority):
    # Catalogue O12. Otherwise it would be a place to try tokens out (RFC 7662 §4).
    token, plain = authority.api.create(), authority.api.create()
    for auth in (None, ("x", "y"), (id_of(token), plain)):
        answer = authority.http.post("/oauth2/introspect", {"token": token}, auth=auth)
        assert answer.status_code == 401, auth
        assert "active" not in answer.json()
    # Who may not ask is told nothing, or no more than that there is no such token.
    answer = authority.http.post("/oauth2/introspect", {"token": token},
                                 auth=(id_of(plain), plain))
    assert answer.status_code in (401, 403) or answer.json() == {"active": False}
    assert authority.http.is_active(authority.introspector, token)


def test_a_flood_of_made_up_tokens_is_slowed_down_and_keeps_nobody_out(authority):
    token = authority.api.create()
    # Whoever was accepted from an address before is not kept out by a guesser who shares it.
    assert authority.http.exchange(token).status_code == 200
    answers = {
        authority.http.exchange(f"twk_{number:016d}_{'A' * 49}").status_code
        for number in range(1_300)
    }
    assert answers <= {400, 401, 429} and 429 in answers
    assert authority.http.exchange(token).status_code == 200


HEAD = b"POST /oauth2/token HTTP/1.1\r\nhost: x\r\n"
FORM = b"content-type: application/x-www-form-urlencoded\r\n"
GARBAGE = {
    "nothing of HTTP": b"\x00\xff\x16\x03" * 64,
    "HTTP/2 without having said so": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(64),
    "two lengths": HEAD + FORM + b"content-length: 1\r\ncontent-length: 2\r\n\r\nab",
    "a length and chunks": HEAD + FORM + b"content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n"
                           b"0\r\n\r\nGET /admin HTTP/1.1\r\n\r\n",
    "a negative length": HEAD + FORM + b"content-length: -1\r\n\r\n",
    "a length beyond all bounds": HEAD + FORM + b"content-length: 99999999999999999999\r\n\r\n",
    "a header that never ends": HEAD + b"x: " + b"a" * 300_000,
    "many headers": HEAD + b"x: y\r\n" * 20_000 + b"\r\n",
    "a zero byte in the path": b"GET /\x00 HTTP/1.1\r\nhost: x\r\n\r\n",
    "an absolute address": b"GET https://elsewhere/admin HTTP/1.1\r\nhost: x\r\n\r\n",
    "a tunnel": b"CONNECT localhost:22 HTTP/1.1\r\nhost: x\r\n\r\n",
    "a broken escape": HEAD + FORM + b"content-length: 14\r\n\r\ngrant_type=%zz",
    "escapes of no text": HEAD + FORM + b"content-length: 20\r\n\r\ngrant_type=%ff%fe%00",
    "a chunk that is none": HEAD + FORM + b"transfer-encoding: chunked\r\n\r\nzz\r\n",
}


@pytest.mark.parametrize("what", GARBAGE)
def test_garbage_is_refused_and_disturbs_nobody(authority, what):
    answer = b""
    context = ssl.create_default_context(cafile=authority.ca)
    with socket.create_connection(("localhost", authority.ports["http"]), timeout=10) as plain, \
            context.wrap_socket(plain, server_hostname="localhost") as connection:
        try:
            connection.sendall(GARBAGE[what])
            connection.settimeout(0.5)
            while part := connection.recv(65_536):
                answer += part
        except OSError:
            pass  # It may hang up, or wait for more.
    # Nothing of it was done: one answer at most, and that a refusal.
    assert answer.count(b"HTTP/1.1 ") <= 1
    assert answer == b"" or answer.split()[1][:1] in (b"4", b"5"), answer[:100]
    assert authority.http.get("/.well-known/jwks.json").status_code == 200
    assert authority.is_alive()
