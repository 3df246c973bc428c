# Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.
"""As much of the Kubernetes API as service-account tokens need: TokenReview, discovery and keys."""

import json
import time
import uuid

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

import pki
from faulty_http import FaultyServer
from http_wire import answer
from signing import SigningKeys

REVIEWS = "/apis/authentication.k8s.io/v1/tokenreviews"
DISCOVERY = "/.well-known/openid-configuration"
KEYS = "/openid/v1/jwks"


class Kubernetes:
    """`url` is both the API server and the issuer of its service-account tokens."""

    def __init__(self, authority=None):
        self.authority = authority or pki.Authority("Tokenward test cluster authority")
        self.keys = SigningKeys("RS256")
        self._deleted = set()
        self.server = FaultyServer(self._answer, self.authority.server().server_context())
        self.url = self.server.url
        self.reviewer = self.service_account("kube-system", "reviewer", ttl=86_400)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.server.stop()

    def service_account(self, namespace="default", name="orders", audience=None, ttl=3_600,
                        **claims):
        """A projected service-account token, as the kubelet writes it into a pod."""
        now = int(time.time())
        payload = {
            "iss": self.url, "sub": f"system:serviceaccount:{namespace}:{name}",
            "aud": audience or [self.url], "exp": now + ttl, "iat": now, "nbf": now,
            "jti": str(uuid.uuid4()),
            "kubernetes.io": {
                "namespace": namespace, "serviceaccount": {"name": name, "uid": _uid(name)},
                "pod": {"name": f"{name}-0", "uid": _uid(f"{name}-0")},
            },
        }
        # Kubernetes gives its tokens no `typ`.
        return self.keys.sign({**payload, **claims}, header={"typ": None})

    def delete(self, namespace, name):
        """The account is gone: its tokens are not authenticated any more."""
        self._deleted.add(f"system:serviceaccount:{namespace}:{name}")

    def reviews(self):
        """The requests for a review that came."""
        return self.server.hits(REVIEWS)

    def _answer(self, request):
        if request.path == DISCOVERY:
            return answer({
                "issuer": self.url, "jwks_uri": self.url + KEYS,
                "response_types_supported": ["id_token"], "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
            }, Cache_Control="public, max-age=3600")
        if request.path == KEYS:
            return answer(json.loads(self.keys.document), Cache_Control="public, max-age=3600",
                          Content_Type="application/jwk-set+json")
        if request.path == REVIEWS and request.method == "POST":
            if self._claims(request.bearer or "") is None:
                return answer({"kind": "Status", "code": 401, "reason": "Unauthorized"}, 401)
            return self._review(request.json)
        return answer({"kind": "Status", "code": 404, "reason": "NotFound"}, 404)

    def _review(self, review):
        spec = review["spec"]
        claims = self._claims(spec["token"])
        wanted = spec.get("audiences") or [self.url]
        given = claims["aud"] if claims else []
        audiences = [a for a in wanted if a in (given if isinstance(given, list) else [given])]
        status = {"authenticated": False, "error": "token is not valid"}
        if audiences:
            namespace = claims["kubernetes.io"]["namespace"]
            account = claims["kubernetes.io"]["serviceaccount"]
            status = {
                "authenticated": True, "audiences": audiences,
                "user": {
                    "username": claims["sub"], "uid": account["uid"],
                    "groups": ["system:serviceaccounts", f"system:serviceaccounts:{namespace}",
                               "system:authenticated"],
                },
            }
        return answer({
            "apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "status": status,
        }, 201)

    def _claims(self, token):
        try:
            keys = KeySet.import_key_set(self.keys.current)
            claims = jwt.decode(token, keys, algorithms=["RS256"]).claims
        except (JoseError, ValueError):
            return None
        alive = claims["exp"] > time.time() and claims["sub"] not in self._deleted
        return claims if alive else None


def _uid(name):
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, name))
