# Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.
"""The processes under test, started from the build folder, and what can be seen of them."""

import os
import pathlib
import re
import signal
import subprocess
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARIES = pathlib.Path(os.environ.get("TOKENWARD_BINARIES", ROOT / ".build/debug"))


def run(name, *arguments, check=True, stdin=None):
    """Runs a command of ours to its end and returns what it wrote to standard output."""
    done = subprocess.run(
        [BINARIES / name, *map(str, arguments)],
        input=stdin, capture_output=True, text=True, timeout=120,
    )
    if check and done.returncode != 0:
        raise AssertionError(f"{name} {arguments[0]} ended with {done.returncode}: {done.stderr}")
    return done.stdout


class Server:
    """A guarded server on a port of its own choosing.

    Metrics and health are where the configuration says if `admin` is None.
    """

    def __init__(self, command, directory, admin="127.0.0.1:0"):
        self.directory = pathlib.Path(directory)
        self.output = self.directory / f"{command}.stdout"
        self.errors = self.directory / f"{command}.stderr"
        with open(self.output, "wb") as output, open(self.errors, "wb") as errors:
            self.process = subprocess.Popen(
                [
                    BINARIES / "guarded-server", command, "--directory", directory,
                    "--listen", "127.0.0.1:0",
                    *([] if admin is None else ["--admin", admin]),
                ],
                stdin=subprocess.DEVNULL, stdout=output, stderr=errors,
            )
        self.address = self._address("serving")
        self.admin = self._address("admin")

    @property
    def authority(self):
        """The certificate of the local authority that signed the server's."""
        return str(self.directory / "ca.pem")

    @property
    def target(self):
        return f"localhost:{self.address[1]}"

    @property
    def audit(self):
        return self.directory / "audit.jsonl"

    def is_alive(self):
        return self.process.poll() is None

    def resident_bytes(self):
        pages = int(pathlib.Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def open_files(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def metrics(self):
        with urllib.request.urlopen(
            f"http://{self.admin[0]}:{self.admin[1]}/metrics", timeout=5
        ) as response:
            return response.read().decode()

    def stop(self):
        """Asks the process to end and returns its exit status."""
        if self.is_alive():
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        return self.process.returncode

    def _address(self, what, timeout=30):
        deadline = time.monotonic() + timeout
        pattern = re.compile(rf"^{what} (?:https?://)?([0-9.]+):([0-9]+)", re.MULTILINE)
        while time.monotonic() < deadline:
            found = pattern.search(self.output.read_text())
            if found:
                return found[1], int(found[2])
            if not self.is_alive():
                break
            time.sleep(0.02)
        self.process.kill()
        raise AssertionError(f"the server did not start: {self.errors.read_text()}")
