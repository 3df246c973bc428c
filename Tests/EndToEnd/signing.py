# Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.
"""The keys of an issuer: which one signs, which ones are published, and broken key sets."""

import base64
import copy
import json
import os
import secrets

from joserfc import jwt
from joserfc.jwk import ECKey, OKPKey, OctKey, RSAKey

from http_wire import Response

MAKERS = {
    "ES256": lambda: ECKey.generate_key("P-256"),
    "ES384": lambda: ECKey.generate_key("P-384"),
    "EdDSA": lambda: OKPKey.generate_key("Ed25519"),
    "Ed25519": lambda: OKPKey.generate_key("Ed25519"),
    "RS256": lambda: RSAKey.generate_key(2048),
    "PS256": lambda: RSAKey.generate_key(2048),
}


def public_jwk(key, kid, algorithm):
    return {**key.as_dict(private=False), "kid": kid, "alg": algorithm, "use": "sig"}


class SigningKeys:
    """The life of signing keys. Changes are seen by the next request for the set."""

    def __init__(self, algorithm="ES256"):
        self.algorithm = algorithm
        self._keys = {}  # kid -> (key, algorithm); also those that are not published
        self._published = []
        self._history = []
        self._shown = None
        self.signing = None
        self.rotate()

    def rotate(self, publish_first=True, algorithm=None):
        """Signs with a new key from now on and returns its kid.

        It is published before it signs, or not until `publish` is called.
        """
        algorithm = algorithm or self.algorithm
        kid = f"k{len(self._keys) + 1}-{secrets.token_hex(4)}"
        self._keys[kid] = (MAKERS[algorithm](), algorithm)
        if publish_first:
            self.publish(kid)
        self.signing = kid
        return kid

    def publish(self, kid):
        self._published.append(kid)
        self._publish()

    def retire(self, kid):
        """Takes a key out of the set; it can still be used to mint, as a thief would."""
        self._published.remove(kid)
        self._publish()

    def rollback(self, steps=1):
        """Shows the set as it was some changes ago, as a cache in front may, until `restore`."""
        self._shown = json.dumps(self._history[-1 - steps]).encode()

    def restore(self):
        self._shown = json.dumps(self._history[-1]).encode()

    @property
    def published(self):
        """The kids of the current set."""
        return list(self._published)

    @property
    def current(self):
        """The current set as a JSON value of its own."""
        return copy.deepcopy(self._history[-1])

    @property
    def document(self):
        """The set as it is served, in bytes."""
        return self._shown

    def key(self, kid=None):
        return self._keys[kid or self.signing][0]

    def sign(self, claims, kid=None, key=None, header=None):
        """A compact JWS of the claims, by one of our keys or under its name by another."""
        kid = kid or self.signing
        own, algorithm = self._keys[kid]
        head = {"alg": algorithm, "kid": kid, "typ": "at+jwt", **(header or {})}
        head = {name: value for name, value in head.items() if value is not None}
        return jwt.encode(head, claims, key or own, algorithms=[head["alg"]])

    def _publish(self):
        keys = [public_jwk(*self._keys[kid][:1], kid, self._keys[kid][1])
                for kid in self._published]
        self._history.append({"keys": keys})
        self.restore()


# Broken sets. Each function takes the keys of an issuer and those of an attacker, and answers what
# is served instead; they are looked up by name.

def keys_not_array(keys, _):
    return {"keys": {key["kid"]: key for key in keys.current["keys"]}}


def empty_set(keys, _):
    return {"keys": []}


def no_keys_member(keys, _):
    return {"jwks": keys.current["keys"]}


def unusable_keys(keys, _):
    """Seven keys, none of which may be used to verify anything."""
    good = keys.current["keys"][-1]
    return {"keys": [
        {"kty": "unknown", "kid": "unknown-type"},
        {**good, "kid": "for-encryption", "use": "enc"},
        {"kty": "EC", "crv": "secp256k1", "kid": "curve", "x": _random(32), "y": _random(32)},
        {"kty": "EC", "crv": "P-256", "kid": "not-on-the-curve", "x": _random(32),
         "y": _random(32)},
        {"kty": "RSA", "kid": "short", "n": _random(64), "e": "AQAB", "alg": "RS256"},
        {"kty": "RSA", "kid": "exponent", "n": _random(256), "e": "AQ", "alg": "RS256"},
        {"kid": "nothing-else"},
    ]}


def one_bad_key(keys, _):
    """The good set with a broken key in front and at the end."""
    bad = {"kty": "EC", "crv": "P-256", "kid": "bad", "x": "!!", "y": 5}
    return {"keys": [bad, *keys.current["keys"], {**bad, "kid": ["bad"]}]}


def private_keys(keys, _):
    """The set with the private parts left in."""
    return {"keys": [
        {**keys.key(kid).as_dict(private=True), "kid": kid, "alg": key["alg"], "use": "sig"}
        for kid, key in zip(keys.published, keys.current["keys"])
    ]}


def symmetric_key(keys, _):
    """The good set and a shared secret, which whoever reads the set could sign with."""
    secret = {**SYMMETRIC.as_dict(private=True), "kid": "symmetric", "alg": "HS256", "use": "sig"}
    return {"keys": [*keys.current["keys"], secret]}


def kid_twice(keys, attacker):
    """The attacker's key under the kid of the key that signs, before and after it."""
    key = public_jwk(attacker, keys.signing, "ES256")
    return {"keys": [key, *keys.current["keys"], key]}


def too_many_keys(keys, _):
    """The good set and a hundred more good keys."""
    more = [public_jwk(ECKey.generate_key("P-256"), f"more-{n}", "ES256") for n in range(100)]
    return {"keys": [*keys.current["keys"], *more]}


def attacker_keys(keys, attacker):
    """Only the attacker's key, under the kid of the key that signs."""
    return {"keys": [public_jwk(attacker, keys.signing, "ES256")]}


SYMMETRIC = OctKey.import_key(os.urandom(32))

BROKEN_SETS = {
    function.__name__: function for function in (
        keys_not_array, empty_set, no_keys_member, unusable_keys, one_bad_key, private_keys,
        symmetric_key, kid_twice, too_many_keys, attacker_keys,
    )
}


def broken_set(name, keys, attacker):
    """The fault that serves a broken set."""
    def change(request, response):
        value = BROKEN_SETS[name](keys, attacker)
        return Response(200, dict(response.headers), json.dumps(value).encode())
    return change


def _random(size):
    return base64.urlsafe_b64encode(os.urandom(size)).rstrip(b"=").decode()
