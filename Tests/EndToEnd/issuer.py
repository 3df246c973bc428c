# Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.
"""An OpenID and OAuth issuer over TLS, made with joserfc, that can be told to misbehave.

In a test: `with Issuer() as issuer: …`. For other programs it runs by itself; see issuer_control.
"""

import base64
import collections
import dataclasses
import hashlib
import json
import secrets
import threading
import time
import uuid

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet

import faults
import pki
from faulty_http import FaultyServer
from http_wire import Response, answer
from signing import BROKEN_SETS, SigningKeys, broken_set, public_jwk

JWT_TYPE = "urn:ietf:params:oauth:token-type:jwt"
ACCESS_TOKEN_TYPE = "urn:ietf:params:oauth:token-type:access_token"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
AUDIENCE = "tokenward-example"


@dataclasses.dataclass(frozen=True)
class Issued:
    """A token that the token endpoint handed out; the token itself is not kept here."""

    at: float
    grant: str
    client_id: str
    fingerprint: str
    expiry: int
    audience: object


class OAuthError(Exception):
    def __init__(self, error, status=400):
        self.response = answer({"error": error}, status, Cache_Control="no-store")
        if status == 401:
            self.response.headers["WWW-Authenticate"] = 'Basic realm="issuer"'


def fingerprint(token):
    """A name for a token that does not give it away."""
    return hashlib.sha256(token.encode()).hexdigest()[:16]


class Issuer:
    """`url` is the issuer identifier. With a path, well-known documents are where RFC 8414 and
    OpenID Connect Discovery put them for it."""

    def __init__(self, path="", algorithm="ES256", authority=None, tls=True):
        self.authority = authority or pki.Authority()
        self.keys = SigningKeys(algorithm)
        self.attacker_key = ECKey.generate_key("P-256")
        self.client_id = "e2e-client"
        self.client_secret = secrets.token_urlsafe(32)
        self.clients = {self.client_id: self.client_secret}
        self.max_age = 300
        self.token_ttl = 60
        self.minted = collections.deque(maxlen=50_000)
        self.issued = collections.deque(maxlen=50_000)
        self._opaque = {}
        self._trusted = []
        self._elsewhere = {}
        self._lock = threading.Lock()
        self.path = path
        context = self.authority.server().server_context() if tls else None
        self.paths = {
            "jwks": f"{path}/jwks.json", "moved": f"{path}/moved/jwks.json",
            "discovery": f"{path}/.well-known/openid-configuration",
            "metadata": f"/.well-known/oauth-authorization-server{path}",
            "token": f"{path}/oauth2/token", "introspect": f"{path}/oauth2/introspect",
        }
        self._routes = {
            self.paths["jwks"]: self._jwks, self.paths["moved"]: self._jwks,
            self.paths["discovery"]: self._discovery, self.paths["metadata"]: self._discovery,
            self.paths["token"]: self._token, self.paths["introspect"]: self._introspect,
        }
        self.server = FaultyServer(self._application, context)
        self.url = self.server.url + path
        self._metadata = json.dumps(self._describe()).encode()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.server.stop()
        for server in self._elsewhere.values():
            server.stop()

    def endpoint(self, name):
        """The URL of "jwks", "discovery", "metadata", "token" or "introspect"."""
        return self.server.url + self.paths[name]

    # Tokens.

    def mint(self, kid=None, key=None, header=None, ttl=120, **claims):
        """A signed RFC 9068 access token; a claim or header that is None is left out."""
        now = int(time.time())
        payload = {
            "iss": self.url, "sub": "e2e", "aud": AUDIENCE, "exp": now + ttl, "iat": now,
            "jti": str(uuid.uuid4()), "client_id": self.client_id, "scope": "orders.read",
        }
        payload.update(claims)
        payload = {name: value for name, value in payload.items() if value is not None}
        token = self.keys.sign(payload, kid, key, header)
        self.minted.append(token)
        return token

    def forge(self, **claims):
        """A token by the attacker's key under our kid: good for whoever took its keys."""
        return self.mint(key=self.attacker_key, header={"alg": "ES256"}, **claims)

    def opaque(self, ttl=120, **claims):
        """A token without a meaning of its own, for introspection."""
        now = int(time.time())
        token = secrets.token_urlsafe(32)
        self._opaque[token] = {
            "iss": self.url, "sub": "e2e", "aud": AUDIENCE, "client_id": self.client_id,
            "scope": "orders.read", "exp": now + ttl, "iat": now, "token_type": "Bearer", **claims,
        }
        self.minted.append(token)
        return token

    def revoke(self, token):
        """From now on introspection says that it is not active."""
        self._opaque[token] = None

    def trust(self, other):
        """Accepts the tokens of another issuer as subject tokens of an exchange."""
        self._trusted.append(other)

    # Keys.

    def rotate(self, publish_first=True, algorithm=None):
        return self.keys.rotate(publish_first, algorithm)

    def publish(self, kid):
        self.keys.publish(kid)

    def retire(self, kid):
        self.keys.retire(kid)

    # Misbehaviour.

    def fault(self, path, fault, times=None, **parameters):
        """Bends the answers of a path: by its name in `paths`, itself, or "*" for all.

        `fault` is a function `(request, response) -> Response` or a name: of `faults.BY_NAME`, of
        `signing.BROKEN_SETS`, or one of those in `_own_fault`.
        """
        if isinstance(fault, str):
            fault = self._own_fault(fault) or faults.named(fault, **parameters)
        self.server.fault(self.paths.get(path, path), fault, times)

    def clear(self, path=None):
        self.server.clear(self.paths.get(path, path))

    def down(self):
        """Connections are refused from now on."""
        self.server.down()

    def up(self):
        self.server.up()

    def certificate(self, kind="good"):
        """Shows a certificate of one of `pki.KINDS` from the next connection on."""
        self.server.present(self.authority.server(kind).server_context())

    def elsewhere(self, tls=True):
        """A second server, on another port, that answers every request with the attacker's key.

        Whoever follows a redirect or a jwks_uri there accepts what `forge` makes.
        """
        with self._lock:
            if tls not in self._elsewhere:
                def application(request):
                    key = public_jwk(self.attacker_key, self.keys.signing, "ES256")
                    return answer({"keys": [key]}, Cache_Control="max-age=300")
                context = self.authority.server().server_context() if tls else None
                self._elsewhere[tls] = FaultyServer(application, context)
            return self._elsewhere[tls]

    def _own_fault(self, name):
        if name in BROKEN_SETS:
            return broken_set(name, self.keys, self.attacker_key)
        if name == "redirect_to_same_host":
            return faults.redirect(self.endpoint("moved"))
        if name == "redirect_to_other_port":
            return faults.redirect(f"https://localhost:{self.elsewhere().port}/jwks.json")
        if name == "redirect_to_other_host":
            return faults.redirect(f"https://127.0.0.1:{self.elsewhere().port}/jwks.json")
        if name == "redirect_to_http":
            return faults.redirect(f"http://localhost:{self.elsewhere(False).port}/jwks.json")
        if name == "wrong_issuer":
            return faults.members(issuer="https://issuer.elsewhere.test")
        if name == "jwks_uri_on_other_host":
            return faults.members(jwks_uri=f"https://127.0.0.1:{self.elsewhere().port}/jwks.json")
        if name == "jwks_uri_on_http":
            return faults.members(
                jwks_uri=f"http://localhost:{self.elsewhere(False).port}/jwks.json"
            )
        return None

    # What was asked.

    def hits(self, path=None, since=0.0):
        return self.server.hits(self.paths.get(path, path), since)

    def count(self, path=None, since=0.0):
        return len(self.hits(path, since))

    # Answers.

    def _application(self, request):
        route = self._routes.get(request.path)
        if route is None:
            return Response(404, {"Content-Type": "text/plain"}, b"not found")
        try:
            return route(request)
        except OAuthError as error:
            return error.response

    def _cached(self, body):
        headers = {"Content-Type": "application/json"}
        if self.max_age is not None:
            headers["Cache-Control"] = f"public, max-age={self.max_age}"
        return Response(200, headers, body)

    def _jwks(self, request):
        return self._cached(self.keys.document)

    def _discovery(self, request):
        return self._cached(self._metadata)

    def _describe(self):
        return {
            "issuer": self.url, "jwks_uri": self.endpoint("jwks"),
            "authorization_endpoint": f"{self.url}/oauth2/authorize",
            "token_endpoint": self.endpoint("token"),
            "introspection_endpoint": self.endpoint("introspect"),
            "grant_types_supported": ["client_credentials", EXCHANGE],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            "introspection_endpoint_auth_methods_supported": ["client_secret_basic"],
            "response_types_supported": ["code"], "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256", self.keys.algorithm],
        }

    def _token(self, request):
        if request.method != "POST":
            raise OAuthError("invalid_request", 405)
        form = request.form
        client = self._client(request, form)
        if any(isinstance(form.get(name), list) for name in ("grant_type", "scope")):
            raise OAuthError("invalid_request")
        grant = form.get("grant_type")
        claims = {"client_id": client, "sub": client, "scope": form.get("scope", "orders.read")}
        target = form.get("audience") or form.get("resource") or AUDIENCE
        extra = {}
        if grant == EXCHANGE:
            claims.update(self._exchanged(form))
            extra["issued_token_type"] = form.get("requested_token_type", ACCESS_TOKEN_TYPE)
        elif grant != "client_credentials":
            raise OAuthError("unsupported_grant_type")
        token = self.mint(ttl=self.token_ttl, aud=target, **claims)
        now = time.time()
        self.issued.append(
            Issued(now, grant, client, fingerprint(token), int(now) + self.token_ttl, target)
        )
        return answer({
            "access_token": token, "token_type": "Bearer", "expires_in": self.token_ttl,
            "scope": claims["scope"], **extra,
        }, Cache_Control="no-store", Pragma="no-cache")

    def _exchanged(self, form):
        """Who the new token is for, by RFC 8693: the subject of the old one."""
        if not form.get("subject_token") or not form.get("subject_token_type"):
            raise OAuthError("invalid_request")
        if form.get("requested_token_type", JWT_TYPE) not in (JWT_TYPE, ACCESS_TOKEN_TYPE):
            raise OAuthError("invalid_request")
        subject = self._verified(form["subject_token"])
        if subject is None:
            raise OAuthError("invalid_request")
        claims = {"sub": subject["sub"]}
        if "actor_token" in form:
            actor = self._verified(form["actor_token"])
            if actor is None:
                raise OAuthError("invalid_request")
            claims["act"] = {"sub": actor["sub"]}
        return claims

    def _introspect(self, request):
        if request.method != "POST":
            raise OAuthError("invalid_request", 405)
        form = request.form
        self._client(request, form)
        token = form.get("token")
        if not isinstance(token, str) or not token:
            raise OAuthError("invalid_request")
        claims = self._opaque[token] if token in self._opaque else self._verified(token)
        alive = claims is not None and claims.get("exp", 0) > time.time()
        return answer({"active": True, **claims} if alive else {"active": False},
                      Cache_Control="no-store")

    def _client(self, request, form):
        """The client that the request proves to be: in the header or in the form, not in both."""
        pair = request.basic
        if pair is None and request.authorization is None:
            pair = (form.get("client_id"), form.get("client_secret"))
        elif "client_secret" in form:
            raise OAuthError("invalid_request")
        name, secret = pair or (None, None)
        known = self.clients.get(name) if isinstance(name, str) else None
        if known is None or not isinstance(secret, str) or \
                not secrets.compare_digest(known.encode(), secret.encode()):
            raise OAuthError("invalid_client", 401)
        return name

    def _verified(self, token):
        """The claims of a token of ours or of an issuer that we trust, if it is good."""
        for issuer in (self, *self._trusted):
            try:
                claims = jwt.decode(
                    token, KeySet.import_key_set(issuer.keys.current),
                    algorithms=["ES256", "ES384", "EdDSA", "Ed25519", "RS256", "PS256"],
                ).claims
            except (JoseError, ValueError):
                continue
            if claims.get("iss") == issuer.url and claims.get("exp", 0) > time.time():
                return claims
        return None


def claims_of(token):
    """The payload of a JWT, without any check."""
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


if __name__ == "__main__":
    import issuer_control
    raise SystemExit(issuer_control.main())
