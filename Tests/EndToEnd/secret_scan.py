# Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.
"""Looks for secrets in files and in the memory of a living process.

A secret counts as found when ten characters of it in a row are there, at one of four places: what
is half overwritten is not gone. It is looked for as it is and in base64, at every alignment.
"""

import base64
import pathlib
import re

PIECE = 10
CHUNK = 8 << 20
RUN = re.compile(rb"[0-9A-Za-z_+/=-]{%d,}" % PIECE)
# A core dump has what is private to the process; what is mapped from a file and cannot be written
# is what the file has.
SKIPPED = ("[vvar", "[vdso", "[vsyscall")


class Needles:
    """Secrets, cut into the pieces by which they are known."""

    def __init__(self, secrets):
        self.count = 0
        self._owners = {}
        for number, secret in enumerate(secrets):
            self.count += 1
            for piece in pieces(secret.encode()):
                self._owners[piece] = number

    def found_in(self, data):
        """Which of the secrets are in these bytes, by number."""
        known, found = self._owners, set()
        for run in RUN.finditer(data):
            text = run[0]
            for start in range(len(text) - PIECE + 1):
                number = known.get(text[start : start + PIECE])
                if number is not None:
                    found.add(number)
        return found

    def found_in_file(self, path):
        found = set()
        with open(path, "rb") as file:
            rest = b""
            while chunk := file.read(CHUNK):
                found |= self.found_in(rest + chunk)
                rest = chunk[-PIECE:]
        return found

    def found_in_process(self, pid):
        """Which of them are in the memory of a process, and how many bytes were looked at."""
        found, looked = set(), 0
        with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
            for start, end in private_memory(pid):
                rest = b""
                for place in range(start, end, CHUNK):
                    try:
                        memory.seek(place)
                        chunk = memory.read(min(CHUNK, end - place))
                    except (OSError, OverflowError):
                        break  # A guard page, or unmapped since.
                    looked += len(chunk)
                    found |= self.found_in(rest + chunk)
                    rest = chunk[-PIECE:]
        return found, looked


def pieces(secret):
    """The pieces of a secret, as it is and in base64."""
    for start in range(0, len(secret) - PIECE + 1, PIECE):
        yield secret[start : start + PIECE]
    for shift in range(3):
        coded = base64.b64encode(bytes(shift) + secret)
        # What depends on neighbours is left out.
        inner = coded[4 : len(coded) - 4]
        for start in range(0, len(inner) - PIECE + 1, PIECE):
            yield inner[start : start + PIECE]
            yield inner[start : start + PIECE].replace(b"+", b"-").replace(b"/", b"_")


def private_memory(pid):
    """The parts of a process's memory that a core dump would have."""
    for line in pathlib.Path(f"/proc/{pid}/maps").read_text().splitlines():
        words = line.split(maxsplit=5)
        name = words[5] if len(words) == 6 else ""
        rights, inode = words[1], words[4]
        if "r" not in rights or name.startswith(SKIPPED):
            continue
        if inode == "0" or "w" in rights:
            yield tuple(int(part, 16) for part in words[0].split("-"))
