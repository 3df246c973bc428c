# Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.
"""The test bed itself: OpenBao does what its tests rely on, and its double answers alike."""

import json
import re
import time
import urllib.error
import urllib.request

import pytest
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError
from joserfc.jwk import KeySet

import openbao_mounts as mounts
from bao_double import ANSWER_ABUSE, LEASE_ABUSE, SECRET_ABUSE
from openbao import OpenBao


@pytest.fixture(scope="module")
def kv(openbao_process):
    return mounts.KV(openbao_process, "bed")


def test_a_policy_opens_one_secret_until_the_token_is_revoked(openbao, kv):
    kv.put("app", value="one")
    reader = mounts.policy(openbao, "bed-app", **{kv.path("app"): ["read"]})
    role = mounts.AppRole(openbao, "bed-app", [reader], ttl="30s")
    token = role.login()
    answer = kv.get("app", token)
    assert answer.status == 200 and answer.data["data"] == {"value": "one"}
    assert kv.get("other", token).status == 403
    mounts.revoke(openbao, token)
    assert kv.get("app", token).status == 403
    secret_id = role.secret_id()
    role.revoke_secret_id(secret_id)
    refused = openbao.call("POST", "auth/approle/login",
                           {"role_id": role.role_id, "secret_id": secret_id}, token=None)
    assert refused.status == 400
    short = mounts.token(openbao, [reader], ttl="1s")
    assert kv.get("app", short).status == 200
    time.sleep(1.1)
    assert kv.get("app", short).status == 403


def test_secret_versions_come_and_go(openbao, kv):
    assert kv.put("versions", value="one") == 1 and kv.put("versions", value="two") == 2
    kv.delete("versions")
    deleted = kv.get("versions")
    assert deleted.status == 404 and deleted.data["data"] is None
    assert deleted.data["metadata"]["deletion_time"] != ""
    kv.undelete("versions", 2)
    assert kv.get("versions").data["data"] == {"value": "two"}
    kv.destroy("versions", 1)
    assert kv.get("versions", version=1).data["metadata"]["destroyed"] is True
    kv.wipe("versions")
    assert kv.get("versions").status == 404 and kv.get("versions").json == {"errors": []}


def test_a_wrapped_secret_is_unwrapped_once(openbao, kv):
    kv.put("wrapped", value="inside")
    wrapped = kv.get("wrapped", wrap="30s")
    assert wrapped.json["data"] is None
    token = wrapped.json["wrap_info"]["token"]
    first = openbao.call("POST", "sys/wrapping/unwrap", {}, token=token)
    assert first.status == 200 and first.data["data"] == {"value": "inside"}
    second = openbao.call("POST", "sys/wrapping/unwrap", {}, token=token)
    assert second.status == 400
    assert second.json["errors"] == ["wrapping token is not valid or does not exist"]


def test_sealed_answers_503_to_everything_and_unsealed_serves_again(openbao, kv):
    kv.put("kept", value="over the seal")
    with openbao.sealed():
        assert openbao.call("GET", "sys/health", token=None).status == 503
        assert kv.get("kept").status == 503
    assert kv.get("kept").data["data"] == {"value": "over the seal"}


def test_a_frozen_server_hangs_and_a_stopped_one_refuses(openbao, kv):
    kv.put("kept", value="over a restart")
    openbao.freeze()
    with pytest.raises((TimeoutError, urllib.error.URLError)):
        openbao.call("GET", "sys/health", token=None, timeout=0.3)
    openbao.thaw()
    openbao.stop()
    with pytest.raises(urllib.error.URLError) as caught:
        openbao.call("GET", "sys/health", token=None)
    assert isinstance(caught.value.reason, ConnectionRefusedError)
    openbao.start()
    assert kv.get("kept").status == 503
    openbao.unseal()
    assert kv.get("kept").data["data"] == {"value": "over a restart"}


def test_identity_tokens_verify_and_their_key_rotates(openbao):
    issuer = mounts.IdentityIssuer(openbao, "bed-identity")
    login = issuer.approle.login()

    def checked(token, document):
        return jwt.decode(token, KeySet.import_key_set(document), algorithms=["ES256"])
    document = issuer.jwks()
    first = checked(issuer.token(login), document)
    assert first.claims["iss"] == issuer.url and first.claims["sub"] == issuer.entity
    assert first.claims["aud"] == "tokenward-example" and first.claims["scope"] == "orders.read"
    assert "typ" not in first.header and first.header["alg"] == "ES256"
    discovery = openbao.need("GET", "identity/oidc/.well-known/openid-configuration", token=None)
    assert discovery.json["issuer"] == issuer.url and discovery.json["jwks_uri"] == issuer.jwks_url
    issuer.rotate()
    second = issuer.token(login)
    # The next key was in the set before it signed; the one after that is not.
    assert checked(second, document).header["kid"] != first.header["kid"]
    issuer.rotate()
    third = issuer.token(login)
    with pytest.raises(InvalidKeyIdError):
        checked(third, document)
    assert checked(third, issuer.jwks()).claims["sub"] == issuer.entity


def test_service_accounts_log_in_as_long_as_the_cluster_says_so(openbao, kv, kubernetes):
    kv.put("app", value="one")
    reader = mounts.policy(openbao, "bed-cluster", **{kv.path("app"): ["read"]})
    login = mounts.KubernetesLogin(openbao, kubernetes, "bed", [reader], account="bed")
    token = kubernetes.service_account(name="bed")
    answer = login.login(token)
    assert answer.status == 200 and kv.get("app", answer.auth["client_token"]).status == 200
    assert len(kubernetes.reviews()) == 1
    assert login.login(kubernetes.service_account(name="other")).status == 403
    kubernetes.delete("default", "bed")
    assert login.login(token).status == 403


def test_the_cluster_is_an_issuer_of_its_own_tokens(kubernetes):
    context = kubernetes.authority.client_context()

    def fetched(url):
        with urllib.request.urlopen(url, context=context, timeout=3) as response:
            return json.load(response)
    discovery = fetched(f"{kubernetes.url}/.well-known/openid-configuration")
    keys = KeySet.import_key_set(fetched(discovery["jwks_uri"]))
    token = jwt.decode(kubernetes.service_account(), keys, algorithms=["RS256"])
    assert token.claims["iss"] == discovery["issuer"] == kubernetes.url
    assert token.claims["sub"] == "system:serviceaccount:default:orders"


def test_secrets_are_in_no_argument_and_no_environment(openbao):
    process = f"/proc/{openbao.process.pid}"
    for place in ("cmdline", "environ"):
        with open(f"{process}/{place}", "rb") as file:
            text = file.read()
        assert openbao.root.encode() not in text and openbao._unseal_key.encode() not in text
    assert openbao.root not in repr(openbao.call("GET", "auth/token/lookup-self"))
    assert openbao.root in openbao.call("GET", "auth/token/lookup-self").body.decode()


# Its double.

def call(double, method, path, body=None, token=None):
    """The client of the real one, pointed at the double."""
    client = object.__new__(OpenBao)
    client.url, client._context = double.url, double.authority.client_context()
    return client.call(method, path, body, token=token, timeout=2)


def logged_in(double):
    return call(double, "POST", "auth/approle/login",
                {"role_id": double.role_id, "secret_id": double.secret_id})


def test_the_double_answers_in_the_shape_of_the_real_one(openbao, kv, bao_double):
    role = mounts.AppRole(openbao, "bed-shape", ["default"])
    real = openbao.call("POST", "auth/approle/login", {
        "role_id": role.role_id, "secret_id": role.secret_id()}, token=None)
    double = logged_in(bao_double)
    assert double.json.keys() == real.json.keys() and double.auth.keys() == real.auth.keys()
    token = double.auth["client_token"]
    assert call(bao_double, "POST", "auth/token/renew-self", {}, token).auth.keys() == \
        openbao.call("POST", "auth/token/renew-self", {}, real.auth["client_token"]).auth.keys()
    kv.put("shape", value="x")
    bao_double.put("shape", value="x")
    real, double = kv.get("shape"), call(bao_double, "GET", "secret/data/shape", token=token)
    assert double.data.keys() == real.data.keys()
    assert double.data["metadata"].keys() == real.data["metadata"].keys()
    kv.delete("shape")
    bao_double.delete("shape")
    real, double = kv.get("shape"), call(bao_double, "GET", "secret/data/shape", token=token)
    assert real.status == double.status == 404 and double.data.keys() == real.data.keys()
    assert call(bao_double, "GET", "secret/data/none", token=token).json == {"errors": []}
    bao_double.revoke_all()
    assert call(bao_double, "GET", "secret/data/shape", token=token).status == 403
    wrapped = bao_double.wrap(value="x")
    assert call(bao_double, "POST", "sys/wrapping/unwrap", {}, wrapped).status == 200
    assert call(bao_double, "POST", "sys/wrapping/unwrap", {}, wrapped).status == 400
    bao_double.sealed = True
    assert logged_in(bao_double).status == 503


@pytest.mark.parametrize("name", LEASE_ABUSE)
def test_a_login_lies_about_its_lease(bao_double, name):
    def shown():
        # What is new each time is left out.
        text = logged_in(bao_double).body.decode()
        return re.sub(r'"s\.[\w-]{24}"|"[\da-f]{8}-[\da-f-]{27}"', '"new"', text)
    proper = shown()
    assert proper == shown()
    bao_double.fault("auth/approle/login", LEASE_ABUSE[name])
    assert shown() != proper


@pytest.mark.parametrize("name", SECRET_ABUSE)
def test_a_secret_lies(bao_double, name):
    bao_double.put("app", value="x")

    def shown():
        return call(bao_double, "GET", "secret/data/app", token=bao_double.root).json.get("data")
    proper = shown()
    assert proper == shown()
    bao_double.fault("secret/data/app", SECRET_ABUSE[name])
    assert shown() != proper


@pytest.mark.parametrize("name", [n for n in ANSWER_ABUSE if n.isdecimal()])
def test_a_status_is_what_it_says(bao_double, name):
    bao_double.fault("*", ANSWER_ABUSE[name], times=1)
    assert logged_in(bao_double).status == int(name)
    assert logged_in(bao_double).status == 200


@pytest.mark.parametrize("tls", [True, False])
def test_a_standby_sends_elsewhere_and_the_token_is_seen_there(bao_double, tls):
    bao_double.put("app", value="x")
    bao_double.redirect_as_standby(tls=tls)
    # urllib follows and takes the header along: this is what a client must not do.
    answer = call(bao_double, "GET", "secret/data/app", token=bao_double.root)
    assert answer.status == 200
    assert bao_double.elsewhere(tls).hits()[0].contains(bao_double.root)
    assert bao_double.count("secret/data/app") == 1
