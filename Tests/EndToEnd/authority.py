# Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.
"""The token authority as a process of its own: `tokenward run`, and everything that it wrote.

It listens over TLS on ports that stay its own while it is stopped, so that it can be killed and
started again under the same name.
"""

import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

import pki
from processes import BINARIES

AUDIENCE = "tokenward-example"
# The audience of the authority itself.
ITSELF = "tokenward"


class AuthorityDied(AssertionError):
    """The process ended by itself; the text is its log."""


class Authority:
    """One authority with its files in a folder: `restart` and `kill` keep them."""

    def __init__(self, folder, *, environment=None, prefix=(), binaries=BINARIES, start=True,
                 **settings):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.tls = pki.Authority("Tokenward test authority of the authority")
        self.tls.server().write(self.folder, "server")
        self._holders = {name: _held_port() for name in ("grpc", "http", "admin")}
        self.ports = {name: h.getsockname()[1] for name, h in self._holders.items()}
        self.url = f"https://localhost:{self.ports['http']}"
        self.target = f"localhost:{self.ports['grpc']}"
        self.config = self.folder / "tokenward.yaml"
        self.audit = pathlib.Path(settings.pop("audit", self.folder / "audit.jsonl"))
        self.store = pathlib.Path(settings.pop("store", self.folder / "store.sqlite"))
        self.environment, self.prefix = environment or {}, list(prefix)
        self.binary = pathlib.Path(binaries) / "tokenward"
        self.starts = 0
        self.process = None
        self.configure(**settings)
        if start:
            self.start()

    # Its files.

    @property
    def secrets(self):
        return self.folder / "secrets"

    @property
    def admin_token_file(self):
        return self.folder / "admin.token"

    @property
    def admin_token(self):
        """The token of the first administrator."""
        return self.admin_token_file.read_text().strip()

    @property
    def ca(self):
        return str(self.tls.path)

    def configure(self, *, algorithm="ES256", secrets=None, keys="local", openbao=None, **more):
        """Writes the configuration. JSON is YAML."""
        tls = {"certificate": str(self.folder / "server.pem"),
               "key": str(self.folder / "server.key")}
        sections = {
            "authority": {
                "issuer": self.url,
                "audience": ITSELF,
                "store": {"sqlite": str(self.store)},
                "secrets": secrets or {"file": str(self.secrets)},
                "signing": {"algorithms": [algorithm], "keys": keys},
                "audit": {"file": str(self.audit)},
                "bootstrap": {"token_file": str(self.admin_token_file)},
                "grpc": {"listen": f"127.0.0.1:{self.ports['grpc']}", "tls": tls},
                "http": {"listen": f"127.0.0.1:{self.ports['http']}", "tls": tls},
                **more,
            },
            "admin": {"listen": f"127.0.0.1:{self.ports['admin']}"},
            **({} if openbao is None else {"openbao": openbao}),
        }
        self.config.write_text("".join(
            f"{name}: {json.dumps(value, indent=2)}\n" for name, value in sections.items()
        ))

    # Its process.

    def start(self, timeout=60):
        """Starts it and waits until it is ready."""
        self.launch()
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if not self.is_alive():
                raise AuthorityDied(f"it ended with {self.process.returncode}: {self.log()}")
            with contextlib.suppress(OSError):
                if self.readyz()[0] == 200:
                    return self
            time.sleep(0.02)
        text = self.log()
        self.kill()
        raise AssertionError(f"the authority did not get ready: {text}")

    def launch(self):
        """Starts it and waits for nothing."""
        self.starts += 1
        with open(self.output, "wb") as output, open(self.errors, "wb") as errors:
            self.process = subprocess.Popen(
                [*self.prefix, self.binary, "run", "--config", self.config],
                stdin=subprocess.DEVNULL, stdout=output, stderr=errors, cwd=self.folder,
                env={"PATH": "/usr/bin:/bin", "HOME": str(self.folder),
                     "SWIFT_BACKTRACE": "enable=no", **self.environment},
            )

    @property
    def output(self):
        return self.folder / f"run-{self.starts}.stdout"

    @property
    def errors(self):
        return self.folder / f"run-{self.starts}.stderr"

    def log(self):
        """What the present process wrote, to both."""
        return self.output.read_text(errors="replace") + self.errors.read_text(errors="replace")

    def written(self):
        """Everything that was ever written to a log, by file."""
        return sorted(self.folder.glob("run-*.std*"))

    def is_alive(self):
        return self.process is not None and self.process.poll() is None

    @property
    def pid(self):
        """The process itself, which is the only child of a prefix."""
        own = self.process.pid
        if not self.prefix:
            return own
        children = pathlib.Path(f"/proc/{own}/task/{own}/children").read_text().split()
        return int(children[0]) if children else own

    def kill(self, how=signal.SIGKILL):
        """Ends it at once, as a power cut would."""
        if self.is_alive():
            os.kill(self.pid, how)
        return self.process.wait(timeout=30)

    def stop(self, timeout=30):
        """Asks it to end and returns its exit status."""
        if self.is_alive():
            os.kill(self.pid, signal.SIGTERM)
            try:
                self.process.wait(timeout=timeout)
            except subprocess.TimeoutExpired:
                self.kill()
        return self.process.returncode

    def restart(self):
        assert self.stop() == 0, self.log()
        return self.start()

    def end_of_a_start_that_fails(self, timeout=30):
        """Starts it, which is not to succeed; returns its exit status and what it wrote."""
        self.launch()
        try:
            status = self.process.wait(timeout=timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"it did not refuse to start: {self.log()}") from None
        return status, self.log()

    def close(self):
        if self.process is not None:
            self.stop()
        for holder in self._holders.values():
            holder.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # What it says of itself.

    def admin(self, path):
        """The status and the text of a page of the admin listener."""
        url = f"http://127.0.0.1:{self.ports['admin']}{path}"
        try:
            with urllib.request.urlopen(url, timeout=10) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def readyz(self):
        return self.admin("/readyz")

    def metrics(self):
        status, text = self.admin("/metrics")
        assert status == 200, text
        return text

    def metric(self, name, **labels):
        """The value of one series."""
        wanted = {f'{k}="{v}"' for k, v in labels.items()}
        for line in self.metrics().splitlines():
            found = re.fullmatch(rf"{name}(?:\{{(.*)\}})? (\S+)", line)
            if found and wanted <= set((found[1] or "").split(",")):
                return float(found[2])
        raise AssertionError(f"there is no {name} with {labels}")

    def audit_records(self):
        """Every record of what was done to it; the end of a line says that one is whole."""
        if not self.audit.exists():
            return []
        whole, _, _ = self.audit.read_text().rpartition("\n")
        return [json.loads(line) for line in whole.splitlines()]

    def resident_bytes(self):
        pages = int(pathlib.Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    # Its database.

    def database_files(self):
        """What SQLite writes; what says which state is the newest is beside it."""
        names = [self.store.with_name(f"{self.store.name}{end}") for end in ("", "-wal", "-shm")]
        return [file for file in names if file.exists()]

    def copy_database(self, folder):
        """Copies the files of the database, which nobody may have open."""
        folder = pathlib.Path(folder)
        folder.mkdir()
        for file in self.database_files():
            shutil.copy2(file, folder / file.name)
        return folder

    def restore_database(self, folder):
        """Puts a copy in the place of the database, and nothing of the present one stays."""
        for file in self.database_files():
            file.unlink()
        for file in pathlib.Path(folder).iterdir():
            shutil.copy2(file, self.store.parent / file.name)


def _held_port():
    holder = socket.socket()
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.bind(("127.0.0.1", 0))
    return holder
