# Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.
"""The scan for secrets finds what is there: otherwise its silence would prove nothing."""

import base64
import secrets
import string
import subprocess
import sys

import pytest

from secret_scan import Needles

DIGITS = string.digits + string.ascii_letters


def made_up(length=43):
    return "".join(secrets.choice(DIGITS) for _ in range(length))


WAYS = {
    "as it is": lambda secret: secret.encode(),
    "in a token": lambda secret: b"twk_0123456789abcdef_" + secret.encode() + b"000000",
    "its first half": lambda secret: secret[:22].encode(),
    "its second half": lambda secret: secret[22:].encode(),
    "without its first 16 bytes": lambda secret: secret[16:].encode(),
    "in base64": lambda secret: base64.b64encode(secret.encode()),
    "in base64 behind one byte": lambda secret: base64.b64encode(b":" + secret.encode() + b"!"),
    "in base64url behind two": lambda secret: base64.urlsafe_b64encode(b"::" + secret.encode()),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_secret_is_found_in_a_file(way, tmp_path):
    wanted, others = made_up(), [made_up() for _ in range(100)]
    needles = Needles([*others, wanted])
    file = tmp_path / "file"
    file.write_bytes(secrets.token_bytes(9_000_000) + WAYS[way](wanted) + b" " + bytes(5_000))
    assert needles.found_in_file(file) == {100}
    file.write_bytes(secrets.token_bytes(9_000_000) + WAYS[way](made_up()) + b" " + bytes(5_000))
    assert needles.found_in_file(file) == set()


def test_a_secret_is_found_across_the_chunks_of_a_file(tmp_path):
    wanted = made_up()
    file = tmp_path / "file"
    file.write_bytes(b" " * ((8 << 20) - 5) + wanted[:11].encode())
    assert Needles([wanted]).found_in_file(file) == {0}


def test_a_secret_is_found_in_the_memory_of_a_process():
    held, given_up = made_up(), made_up()
    program = "import sys; held = sys.stdin.readline(); print('ready', flush=True); input()"
    process = subprocess.Popen([sys.executable, "-c", program], text=True, bufsize=1,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        process.stdin.write(f"{held}\n")
        assert process.stdout.readline() == "ready\n"
        found, looked = Needles([given_up, held]).found_in_process(process.pid)
    finally:
        process.kill()
        process.communicate()
    assert found == {1}
    assert looked > 1_000_000
