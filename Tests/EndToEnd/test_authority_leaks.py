# Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.
"""After 10,000 tokens were shown, none of them is anywhere: not on the disk, not in memory."""

import gc
import json
import pathlib
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import rpc
from authority_api import Api, connect, new_key
from oauth import Http, id_of, secret_of
from secret_scan import Needles

CALLERS = 16
TOKENS = 9_000
ACCESS_TOKENS = 1_000


def issue(authority):
    """API tokens by Create and Rotate, and access tokens by both ways of an exchange."""
    with connect(authority) as channel, ThreadPoolExecutor(CALLERS) as pool:
        api, http = Api(channel, authority.admin_token), Http(authority)
        made = list(pool.map(
            lambda n: api.create(name=f"n{n}", owner=f"owner-{n % 50}",
                                 key=new_key() if n % 2 else ""),
            range(TOKENS - 500),
        ))
        made += pool.map(lambda token: api.rotate(id_of(token), grace=60), made[:500])
        half = ACCESS_TOKENS // 2
        signed = list(pool.map(http.access_token, made[-half:]))
        signed += pool.map(lambda token: api.using(token).exchange(token).access_token,
                           made[500 : 500 + half])
        # Used in every way, too: presented as credentials, asked about, and taken back.
        for token in made[1_000:1_200]:
            assert api.is_active(token) and http.is_active(authority.introspector, token)
        for token in made[1_000:1_100]:
            api.using(token).revoke_self(token)
        http.session.close()
    return made, signed


# Catalogue L01, L06 and O03.
def test_no_secret_is_left_anywhere(authorities):
    authority = authorities()
    assert authority.introspector
    made, signed = issue(authority)
    secrets = [*map(secret_of, made), *(token.split(".")[2] for token in signed)]
    assert len(set(secrets)) == len(secrets) == TOKENS + ACCESS_TOKENS
    needles = Needles(secrets)
    authority.disconnect()
    gc.collect()
    time.sleep(2)  # For the connections to be gone at the other side.
    memory, looked = needles.found_in_process(authority.pid)
    assert looked > 5_000_000
    found = {"memory": len(memory)}
    for file in [*authority.database_files(), authority.audit, *authority.written()]:
        found[file.name] = len(needles.found_in_file(file))
    found["metrics"] = len(needles.found_in(authority.metrics().encode()))
    assert {"store.sqlite", "audit.jsonl", "run-1.stderr"} <= found.keys()
    print(f"looked at {looked:,} bytes of memory: {found}")
    assert not any(found.values()), found
    # The same scan finds what is there: the audit names the tokens, by what is public of them.
    public = Needles(id_of(token) for token in made)
    assert len(public.found_in_file(authority.audit)) == len({id_of(token) for token in made})


# Catalogue L06: what is not written cannot be read.
def test_a_crash_leaves_no_core(authorities, tmp_path):
    authority = authorities()
    limits = pathlib.Path(f"/proc/{authority.pid}/limits").read_text().splitlines()
    core = next(line for line in limits if line.startswith("Max core file size"))
    assert core.split()[4:6] == ["0", "0"]
    assert authority.kill(signal.SIGSEGV) == -signal.SIGSEGV
    assert not list(authority.folder.glob("core*"))
    authority.start()


# Catalogue L07 and O16.
def test_the_secrets_of_the_authority_are_in_its_file_and_nowhere_else(authorities):
    authority = authorities()
    authority.api.create()
    process = pathlib.Path(f"/proc/{authority.pid}")
    shown = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
    needles = Needles([*of_the_authority(authority), secret_of(authority.admin_token)])
    assert needles.count >= 2
    files = [*authority.database_files(), authority.audit, *authority.written(), authority.config]
    assert [file.name for file in files if needles.found_in_file(file)] == []
    assert not needles.found_in(shown)
    assert not needles.found_in(authority.metrics().encode())
    for file in (authority.secrets, authority.admin_token_file, authority.store, authority.audit):
        assert file.stat().st_mode & 0o077 == 0, file.name


def of_the_authority(authority):
    """Peppers and sealing keys, as they are written in their file."""
    def texts(value):
        if isinstance(value, dict):
            value = list(value.values())
        if isinstance(value, list):
            return [text for one in value for text in texts(one)]
        return [value] if isinstance(value, str) and len(value) >= 40 else []

    signature, document = authority.secrets.read_text().split("\n", 1)
    assert signature.startswith("tokenward-secret ")
    return texts(json.loads(document))


# Catalogue L01 and L03.
def test_a_secret_is_not_repeated_to_who_sends_it(authority):
    token = authority.api.create()
    secret = secret_of(token)
    typed = f"{token[:-1]}{'0' if token[-1] != '0' else '1'}"
    with connect(authority) as channel:
        for path in ("/tokenward.authority.v1.Tokens/Get", f"/{token}/Get", f"/x.Y/{token}"):
            for credential in (token, typed):
                answer = rpc.unary(channel, rpc.bearer(credential), path=path)
                assert secret not in repr(answer)
        for field in ("name", "owner"):
            answer = authority.api.using(authority.admin_token)
            try:
                answer.create(**{field: f"{token}/"})
            except Exception as error:  # noqa: BLE001
                assert secret not in str(error)
    for path in ("/oauth2/token", f"/{token}", f"/oauth2/token?token={token}"):
        assert secret not in authority.http.get(path).text
        assert secret not in authority.http.post(path, {"grant_type": token}).text
    for place, text in {"audit": authority.audit.read_text(), "log": authority.log(),
                        "metrics": authority.metrics()}.items():
        assert secret not in text, f"a secret is in the {place}"
