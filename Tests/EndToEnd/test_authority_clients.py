# Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.
"""Authlib, PyJWT and joserfc at the HTTP side of the authority: they know nothing of Tokenward."""

import ssl
import time

import jwt as pyjwt
import pytest
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata, get_well_known_url
from joserfc import jwt as jose
from joserfc.jwk import KeySet

from authority import AUDIENCE
from oauth import ACCESS_TOKEN, EXCHANGE, JWT, basic, decoded, id_of


@pytest.fixture(params=["ES256", "EdDSA"])
def either(request):
    """An authority that signs with one algorithm or the other."""
    return request.getfixturevalue("authority" if request.param == "ES256" else "eddsa_authority")


@pytest.fixture()
def metadata(either):
    url = get_well_known_url(either.url, external=True, suffix="oauth-authorization-server")
    answer = either.http.session.get(url, timeout=10)
    assert answer.status_code == 200
    assert answer.headers["content-type"].split(";")[0] == "application/json"
    return AuthorizationServerMetadata(answer.json())


def session(either, token, method="client_secret_basic"):
    client = OAuth2Session(*basic(token), token_endpoint_auth_method=method)
    client.verify = either.ca
    client.trust_env = False
    return client


def exchanged(either, metadata, token, **more):
    # A client that says which one it is and proves it by the token that it exchanges.
    return session(either, token, "none").fetch_token(
        metadata["token_endpoint"], grant_type=EXCHANGE, subject_token=token,
        subject_token_type=ACCESS_TOKEN, **more,
    )


def verified_by_pyjwt(either, metadata, token):
    context = ssl.create_default_context(cafile=either.ca)
    keys = pyjwt.PyJWKClient(metadata["jwks_uri"], ssl_context=context, timeout=10)
    return pyjwt.decode(
        token, keys.get_signing_key_from_jwt(token), algorithms=[either.algorithm],
        audience=AUDIENCE, issuer=metadata["issuer"],
        options={"require": ["iss", "sub", "aud", "exp", "iat", "jti", "client_id"]},
    )


def verified_by_joserfc(either, metadata, token):
    keys = KeySet.import_key_set(either.http.session.get(metadata["jwks_uri"], timeout=10).json())
    decoded = jose.decode(token, keys, algorithms=[either.algorithm])
    jose.JWTClaimsRegistry(
        iss={"essential": True, "value": metadata["issuer"]},
        aud={"essential": True, "value": AUDIENCE},
        exp={"essential": True},
    ).validate(decoded.claims)
    assert decoded.header["typ"] == "at+jwt"
    assert decoded.header["alg"] == either.algorithm
    return decoded.claims


def test_metadata_names_the_endpoints(either, metadata):
    metadata.validate_issuer()
    metadata.validate_token_endpoint()
    metadata.validate_jwks_uri()
    metadata.validate_grant_types_supported()
    metadata.validate_token_endpoint_auth_methods_supported()
    metadata.validate_introspection_endpoint()
    metadata.validate_revocation_endpoint()
    assert metadata["issuer"] == either.url
    assert EXCHANGE in metadata["grant_types_supported"]
    assert "client_credentials" in metadata["grant_types_supported"]
    for name in ("token_endpoint", "jwks_uri", "introspection_endpoint", "revocation_endpoint"):
        assert metadata[name].startswith(f"{either.url}/"), name
    openid = either.http.get("/.well-known/openid-configuration").json()
    for name in ("issuer", "jwks_uri", "token_endpoint"):
        assert openid[name] == metadata[name], name


def test_an_exchanged_token_is_verified_by_others(either, metadata):
    owner = either.unique("ada")
    token = either.api.create(owner=owner, scopes=["orders.read", "orders.write"])
    answer = exchanged(either, metadata, token, scope="orders.read")
    assert answer["token_type"].lower() == "bearer"
    assert answer["issued_token_type"] in (ACCESS_TOKEN, JWT)
    assert answer["scope"] == "orders.read"
    assert 290 <= answer["expires_in"] <= 300
    assert "refresh_token" not in answer
    for verified in (verified_by_pyjwt, verified_by_joserfc):
        claims = verified(either, metadata, answer["access_token"])
        assert claims["sub"].endswith(f"/{owner}")
        assert claims["scope"] == "orders.read"
        assert claims["grant_id"] == id_of(token)
        assert claims["exp"] - claims["iat"] <= 300
        assert claims["jti"] != id_of(token)


def test_a_changed_token_is_refused_by_others(either, metadata):
    token = exchanged(either, metadata, either.api.create())["access_token"]
    head, payload, signature = token.split(".")
    other = signature[:10] + ("A" if signature[10] != "A" else "B") + signature[11:]
    for verified in (verified_by_pyjwt, verified_by_joserfc):
        verified(either, metadata, token)
        with pytest.raises(Exception, match="(?i)signature"):
            verified(either, metadata, f"{head}.{payload}.{other}")


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_client_credentials_are_an_id_and_a_token(either, metadata, method):
    token = either.api.create(scopes=["orders.read"])
    answer = session(either, token, method).fetch_token(
        metadata["token_endpoint"], grant_type="client_credentials", scope="orders.read"
    )
    claims = verified_by_pyjwt(either, metadata, answer["access_token"])
    assert claims["grant_id"] == id_of(token)
    # RFC 6749 §4.4.3: there is nothing to refresh.
    assert "refresh_token" not in answer


def test_wrong_client_credentials_are_refused(either, metadata):
    token, other = either.api.create(), either.api.create()
    for client, secret in ((id_of(other), token), (id_of(token), f"{token[:-1]}!"), ("x", "y")):
        answer = either.http.post("/oauth2/token", {"grant_type": "client_credentials"},
                                  auth=(client, secret))
        assert answer.status_code == 401
        assert answer.json()["error"] == "invalid_client"
        # RFC 6749 §5.2.
        assert answer.headers["www-authenticate"].lower().startswith("basic")


def test_introspection_says_what_a_token_is(either, metadata):
    asking = session(either, either.introspector)
    token = either.api.create(scopes=["orders.read"])
    access = exchanged(either, metadata, token)["access_token"]
    for shown, kind in ((token, "api token"), (access, "access token")):
        answer = asking.introspect_token(metadata["introspection_endpoint"], token=shown)
        assert answer.status_code == 200
        said = answer.json()
        assert said["active"] is True, kind
        assert said["scope"] == "orders.read"
        assert said["iss"] == metadata["issuer"]
        assert said["exp"] > time.time()
        assert "no-store" in answer.headers["cache-control"]
        assert token.split("_")[2] not in answer.text
    for made_up in ("made-up", f"{token[:-1]}0", f"{access[:-4]}AAAA"):
        answer = asking.introspect_token(metadata["introspection_endpoint"], token=made_up)
        # RFC 7662 §2.2: and nothing else.
        assert answer.json() == {"active": False}


def test_a_revoked_token_is_nothing_any_more(either, metadata):
    asking = session(either, either.introspector)
    token = either.api.create()
    access = exchanged(either, metadata, token)["access_token"]
    also = exchanged(either, metadata, token)["access_token"]

    def active(shown):
        said = asking.introspect_token(metadata["introspection_endpoint"], token=shown)
        return said.json()["active"]

    assert [active(shown) for shown in (token, access, also)] == [True] * 3
    # An access token alone (RFC 7009 §2.1), then everything by the API token.
    assert session(either, token).revoke_token(
        metadata["revocation_endpoint"], token=access
    ).status_code == 200
    assert [active(shown) for shown in (token, access, also)] == [True, False, True]
    assert session(either, token).revoke_token(
        metadata["revocation_endpoint"], token=token
    ).status_code == 200
    assert [active(shown) for shown in (token, access, also)] == [False, False, False]
    with pytest.raises(OAuthError) as refused:
        exchanged(either, metadata, token)
    assert refused.value.error in ("invalid_grant", "invalid_request")


def test_revoking_a_token_that_nobody_has_is_no_error(either):
    # RFC 7009 §2.2: the client could do nothing about it.
    assert either.http.revoke("made-up").status_code == 200


def test_keys_are_cached_and_asked_for_again(either):
    first = either.http.get("/.well-known/jwks.json")
    assert first.status_code == 200
    assert first.headers["content-type"].split(";")[0] in ("application/json",
                                                           "application/jwk-set+json")
    assert "max-age=" in first.headers["cache-control"]
    tag = first.headers["etag"]
    again = either.http.get("/.well-known/jwks.json", headers={"if-none-match": tag})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == tag
    assert "max-age=" in again.headers["cache-control"]
    for other in ('"another"', f"{tag[:-2]}x\""):
        changed = either.http.get("/.well-known/jwks.json", headers={"if-none-match": other})
        assert (changed.status_code, changed.content) == (200, first.content)
    for key in first.json()["keys"]:
        assert not {"d", "p", "q", "k"} & key.keys(), "a private member is published"
        assert key["use"] == "sig" and key["alg"] == either.algorithm and key["kid"]


def test_a_rotated_key_is_found_by_others(either, metadata):
    before = exchanged(either, metadata, either.api.create())["access_token"]
    published = {key["kid"] for key in either.http.get("/.well-known/jwks.json").json()["keys"]}
    tag = either.http.get("/.well-known/jwks.json").headers["etag"]
    either.api.rotate_keys(forced=True)
    after = exchanged(either, metadata, either.api.create())["access_token"]
    kids = [pyjwt.get_unverified_header(token)["kid"] for token in (before, after)]
    assert kids[0] != kids[1]
    # What signs now was published before.
    assert kids[1] in published
    assert either.http.get("/.well-known/jwks.json").headers["etag"] != tag
    for token in (before, after):
        verified_by_pyjwt(either, metadata, token)
        verified_by_joserfc(either, metadata, token)


def test_no_part_of_a_secret_is_in_an_access_token(either):
    token = either.api.create()
    access = either.http.access_token(token)
    secret = token.split("_")[2]
    text = "".join(decoded(part).decode("latin-1") for part in access.split("."))
    for part in (secret[:10], secret[-10:]):
        assert part not in text and part not in access
