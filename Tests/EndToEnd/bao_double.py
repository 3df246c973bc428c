# Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.
"""A double of OpenBao for what the real one does not do when asked: lies, floods and hangs.

Proper answers have the shape of OpenBao 2.7's. Faults are those of `faults`, per path.
"""

import secrets
import threading
import time
import uuid

import faults
import pki
from faulty_http import FaultyServer
from http_wire import Response, answer

LOGINS = ("auth/approle/login", "auth/kubernetes/login")


class BaoDouble:
    """`url` and `authority.path` are what a client needs, with `role_id` and `secret_id` (AppRole),
    `service_account` (Kubernetes) or `root` (a token that never lapses)."""

    def __init__(self, authority=None, lease=60, mount="secret"):
        self.authority = authority or pki.Authority("Tokenward test OpenBao authority")
        self.lease = lease
        self.mount = mount
        self.role_id, self.secret_id = str(uuid.uuid4()), str(uuid.uuid4())
        self.service_account = secrets.token_urlsafe(32)
        self.root = self._new_token()
        self.logins = self.renewals = 0
        self.sealed = False
        self._tokens = {self.root: None}  # token -> when it lapses, None for never
        self._secrets = {}
        self._wrapped = {}
        self._elsewhere = {}
        self._lock = threading.Lock()
        self.server = FaultyServer(self._answer, self.authority.server().server_context())
        self.url = self.server.url

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.server.stop()
        for server in self._elsewhere.values():
            server.stop()

    # What it holds.

    def put(self, name, **values):
        """Writes a secret, and returns the number of its version."""
        with self._lock:
            version = self._secrets[name]["metadata"]["version"] + 1 if name in self._secrets else 1
            self._secrets[name] = {"data": values, "metadata": {
                "created_time": _moment(), "custom_metadata": None, "deletion_time": "",
                "destroyed": False, "version": version,
            }}
            return version

    def delete(self, name):
        """Deletes the newest version: 404 with metadata."""
        with self._lock:
            entry = self._secrets[name]
            entry["data"], entry["metadata"]["deletion_time"] = None, _moment()

    def wrap(self, **values):
        """A token that unwraps to these values, once."""
        token = self._new_token()
        self._wrapped[token] = values
        return token

    def token(self, lease=None):
        """A token as a login gives."""
        token = self._new_token()
        with self._lock:
            self._tokens[token] = time.time() + (self.lease if lease is None else lease)
        return token

    def revoke_all(self):
        """Every token but root's is refused from now on."""
        with self._lock:
            self._tokens = {self.root: None}

    # Misbehaviour.

    def fault(self, path, fault, times=None, **parameters):
        """Bends the answers of a path under /v1/, or of "*"; `fault` is one or its name."""
        if isinstance(fault, str):
            fault = faults.named(fault, **parameters)
        self.server.fault(self._full(path), fault, times)

    def clear(self, path=None):
        self.server.clear(self._full(path))

    def redirect_as_standby(self, path="*", times=None, host="127.0.0.1", tls=True):
        """307 to another server, as a standby without forwarding answers."""
        other = self.elsewhere(tls)
        scheme = "https" if tls else "http"
        self.server.fault(
            self._full(path), lambda request, response: Response(
                307, {"Location": f"{scheme}://{host}:{other.port}{request.path}"}, b""
            ), times,
        )

    def elsewhere(self, tls=True):
        """The other server: takes every request and answers as this one does.

        Its requests tell whether a token went to a host that it was not meant for.
        """
        if tls not in self._elsewhere:
            context = self.authority.server().server_context() if tls else None
            self._elsewhere[tls] = FaultyServer(self._answer, context)
        return self._elsewhere[tls]

    # What was asked.

    def hits(self, path=None, since=0.0):
        return self.server.hits(self._full(path), since)

    def count(self, path=None, since=0.0):
        return len(self.hits(path, since))

    # Answers.

    def _answer(self, request):
        path = request.path.removeprefix("/v1/")
        if path == "sys/health":
            return answer({"initialized": True, "sealed": self.sealed, "standby": self.sealed,
                           "server_time_utc": int(time.time()), "version": "2.7.2"},
                          503 if self.sealed else 200)
        if self.sealed:
            return _errors(503, "Vault is sealed")
        if path in LOGINS and request.method in ("POST", "PUT"):
            return self._login(path, request)
        token = request.headers.get("x-vault-token") or request.bearer
        if path == "sys/wrapping/unwrap" and request.method in ("POST", "PUT"):
            values = self._wrapped.pop(token, None)
            return _data(values) if values is not None else _errors(
                400, "wrapping token is not valid or does not exist"
            )
        with self._lock:
            lapses = self._tokens.get(token, 0)
        if lapses is not None and lapses <= time.time():
            return _errors(403, "permission denied")
        if path == "auth/token/lookup-self":
            return self._look_up(token, lapses)
        if path == "auth/token/renew-self" and request.method in ("POST", "PUT"):
            return self._renew(token, lapses)
        prefix = f"{self.mount}/data/"
        if path.startswith(prefix) and request.method == "GET":
            entry = self._secrets.get(path.removeprefix(prefix))
            if entry is None:
                return _errors(404)
            return _data(entry, status=200 if entry["data"] is not None else 404)
        return _errors(404, "no handler for route")

    def _login(self, path, request):
        given = request.json
        if path == LOGINS[0]:
            if (given.get("role_id"), given.get("secret_id")) != (self.role_id, self.secret_id):
                return _errors(400, "invalid role or secret ID")
        elif given.get("jwt") != self.service_account:
            return _errors(403, "permission denied")
        with self._lock:
            self.logins += 1
        return _auth(self.token(), self.lease)

    def _renew(self, token, lapses):
        with self._lock:
            self.renewals += 1
            if lapses is not None:
                self._tokens[token] = time.time() + self.lease
        return _auth(token, self.lease)

    def _look_up(self, token, lapses):
        left = 0 if lapses is None else int(lapses - time.time())
        return _data({
            "accessor": "accessor", "creation_ttl": self.lease, "display_name": "approle",
            "expire_time": None if lapses is None else _moment(lapses), "explicit_max_ttl": 0,
            "id": token, "num_uses": 0, "orphan": True, "policies": ["app", "default"],
            "renewable": lapses is not None, "ttl": left, "type": "service",
        })

    def _full(self, path):
        return path if path in (None, "*") else f"/v1/{path}"

    @staticmethod
    def _new_token():
        return "s." + secrets.token_urlsafe(18)


# Answers that a client must not use, by name; most are about the lease of a login or a renewal.
LEASE_ABUSE = {
    "lease zero": faults.inside("auth", lease_duration=0),
    "lease negative": faults.inside("auth", lease_duration=-60),
    "lease missing": faults.inside("auth", ["lease_duration"]),
    "lease a string": faults.inside("auth", lease_duration="60"),
    "lease a fraction": faults.inside("auth", lease_duration=0.5),
    "lease beyond integers": faults.inside("auth", lease_duration=1 << 80),
    "renewable false": faults.inside("auth", renewable=False),
    "renewable a string": faults.inside("auth", renewable="true"),
    "token missing": faults.inside("auth", ["client_token"]),
    "token empty": faults.inside("auth", client_token=""),
    "token a number": faults.inside("auth", client_token=7),
    "token with a line feed": faults.inside("auth", client_token="s.abc\r\nX-Evil: 1"),
    "token of 9 KB": faults.inside("auth", client_token="s." + "a" * 9_000),
    "lease null": faults.inside("auth", lease_duration=None),
    "auth null": faults.members(auth=None),
    "auth an array": faults.members(auth=[]),
    "wrapped instead": faults.document({"auth": None, "data": None, "wrap_info": {
        "token": "s.wrapped", "ttl": 60}}),
}

# The same for a secret that is read.
SECRET_ABUSE = {
    "data null": faults.members(data=None),
    "data missing": faults.members(["data"]),
    "data an array": faults.members(data=[]),
    "inner data null": faults.document({"data": {"data": None, "metadata": {"version": 1}}}),
    "inner data a string": faults.inside("data", data="value"),
    "values that are no strings": faults.inside("data", data={"value": {"deep": [1]}}),
    "no value": faults.inside("data", data={}),
    "value empty": faults.inside("data", data={"value": ""}),
    "deleted, but 200": faults.inside("data.metadata", deletion_time="2026-01-01T00:00:00Z"),
    "destroyed, but 200": faults.inside("data.metadata", destroyed=True),
    "version zero": faults.inside("data.metadata", version=0),
}

# The same for every request.
ANSWER_ABUSE = {
    "HTML": faults.html(),
    "an array": faults.document([]),
    "truncated": faults.truncated(),
    "cut": faults.cut(),
    "deep": faults.nested(),
    "endless": faults.endless(),
    "10 GB": faults.huge(),
    "one byte a second": faults.trickle(),
    "stalled": faults.stall(),
    "huge headers": faults.huge_headers(),
    "gzip": faults.gzip(),
    "204": faults.failure(204),
    "400": faults.document({"errors": ["bad request"]}, 400),
    "403": faults.document({"errors": ["permission denied"]}, 403),
    "404": faults.document({"errors": []}, 404),
    "412": faults.document({"errors": ["required index state not present"]}, 412),
    "429": faults.failure(429, retry_after=1, body='{"errors": ["request limit exceeded"]}'),
    "472": faults.document({"errors": []}, 472),
    "473": faults.document({"errors": []}, 473),
    "500": faults.document({"errors": ["internal error"]}, 500),
    "503": faults.document({"errors": ["Vault is sealed"]}, 503),
}


def _shape(**given):
    return {"request_id": str(uuid.uuid4()), "lease_id": "", "renewable": False,
            "lease_duration": 0, "data": None, "wrap_info": None, "warnings": None, "auth": None,
            **given}


def _data(values, status=200):
    return answer(_shape(data=values), status, Cache_Control="no-store")


def _auth(token, lease):
    return answer(_shape(auth={
        "client_token": token, "accessor": "accessor", "policies": ["app", "default"],
        "token_policies": ["app", "default"], "metadata": {}, "lease_duration": lease,
        "renewable": True, "entity_id": str(uuid.uuid4()), "token_type": "service", "orphan": True,
        "mfa_requirement": None, "num_uses": 0,
    }), Cache_Control="no-store")


def _errors(status, *errors):
    return answer({"errors": list(errors)}, status, Cache_Control="no-store")


def _moment(at=None):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
