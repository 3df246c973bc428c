# Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.
"""The authority as a service: how it starts, what it says of itself, and how it ends."""

import pathlib
import re
import shutil
import subprocess
import sys
import threading

import grpc
import pytest

import pki
from authority_api import ADMINISTRATOR, Api, code, connect
from guarded import wait_until
from oauth import id_of

OK = grpc.StatusCode.OK


def test_the_metrics_are_what_prometheus_reads(authority):
    promtool = shutil.which("promtool") or shutil.which(
        "promtool", path=pathlib.Path(sys.executable).parent
    )
    assert promtool, "scripts/test brings promtool"
    authority.http.access_token(authority.api.create())
    text = authority.metrics()
    assert "tokenward_decisions_total" in text
    done = subprocess.run(
        [promtool, "check", "metrics"], input=text, capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_metrics_count_tokens_and_name_nobody(authority):
    owner = authority.unique("counted")
    before = authority.metrics()
    token = authority.api.create(owner=owner)
    authority.http.exchange("made-up")
    authority.http.access_token(token)
    after = authority.metrics()
    assert owner not in after and id_of(token) not in after
    # What a caller sends adds no series (catalogue L09).
    names = [set(re.findall(r"^(\S+) ", text, re.MULTILINE)) for text in (before, after)]
    assert names[0] == names[1]


def test_health_and_readiness_are_told(authority):
    assert authority.admin("/healthz")[0] == 200
    assert authority.readyz()[0] == 200
    assert authority.admin("/nothing")[0] == 404


def test_the_first_token_is_written_once_and_for_its_owner_only(authorities):
    authority = authorities()
    token = authority.admin_token
    assert authority.admin_token_file.stat().st_mode & 0o777 == 0o600
    record = authority.api.get(id_of(token))
    assert list(record.roles) == [ADMINISTRATOR] and record.created_by == ""
    assert [token.id for token in authority.api.list()] == [id_of(token)]
    assert token not in authority.log()
    # A second start makes no second one, also if the file was taken away as it should be.
    authority.admin_token_file.unlink()
    authority.restart()
    assert not authority.admin_token_file.exists()
    pki.write_private(authority.admin_token_file, token)
    assert [token.id for token in authority.api.list()] == [id_of(token)]


def test_everything_is_as_it_was_after_a_restart(authorities):
    authority = authorities()
    tokens = [authority.api.create(owner=f"owner-{n}") for n in range(5)]
    access = authority.http.access_token(tokens[0])
    withdrawn = authority.http.access_token(tokens[0])
    assert authority.http.revoke(withdrawn).status_code == 200
    authority.api.revoke(id_of(tokens[1]))
    authority.api.disable("owner-2")
    authority.api.revoke_owner("owner-3")
    rotated = authority.api.rotate(id_of(tokens[4]), grace=600)
    authority.api.put_role("reader", scopes=["orders.read"])
    keys = authority.http.get("/.well-known/jwks.json").json()

    def seen():
        api = authority.api
        return (
            [api.is_active(token) for token in (*tokens, rotated, access, withdrawn)],
            [token.SerializeToString() for token in api.list()],
            [role.SerializeToString() for role in api.all_roles()],
        )

    before = seen()
    assert before[0] == [True, False, False, False, True, True, True, False]
    for again in (authority.restart, lambda: (authority.kill(), authority.start())):
        again()
        assert without_use(seen()) == without_use(before)
        assert authority.http.get("/.well-known/jwks.json").json() == keys


def without_use(seen):
    """When a token was last used is written now and then, so that it may be forgotten."""
    return seen[0], len(seen[1]), seen[2]


def test_calls_that_run_are_answered_before_it_ends(authorities):
    authority = authorities()
    api, codes, ending = authority.api, [], threading.Event()

    def call():
        with connect(authority) as channel:
            mine = Api(channel, api.token)
            while not ending.is_set():
                made = []
                codes.append((code(lambda: made.append(mine.make())), made))
                if codes[-1][0] is not OK:
                    return

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(codes) >= 50)
    assert authority.stop() == 0
    ending.set()
    for thread in threads:
        thread.join()
    acknowledged = {made[0].token.id for _, made in codes if made}
    authority.start()
    assert acknowledged <= {token.id for token in authority.api.list()}
    # A call that came too late is told so, or finds nobody.
    assert {how for how, _ in codes} <= {OK, grpc.StatusCode.UNAVAILABLE,
                                         grpc.StatusCode.CANCELLED}


WRONG = {
    "an unknown key": ('"audience"', '"audiences"', "audiences"),
    "no issuer": ('"issuer"', '"issuer_"', "issuer"),
    "a weak algorithm": ('"ES256"', '"HS256"', "HS256"),
    "plaintext": ('"tls"', '"tls_"', "tls"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_configuration_that_is_wrong_is_explained(authorities, what):
    old, new, named = WRONG[what]
    authority = authorities(start=False)
    text = authority.config.read_text()
    assert old in text
    authority.config.write_text(text.replace(old, new))
    status, said = authority.end_of_a_start_that_fails()
    assert status == 78
    assert named in said and "hint:" in said
    authority.config.write_text(text)
    authority.start()


def test_files_that_others_can_read_are_refused(authorities):
    authority = authorities()
    assert authority.stop() == 0
    authority.secrets.chmod(0o644)
    status, said = authority.end_of_a_start_that_fails()
    assert status != 0 and said
    authority.secrets.chmod(0o600)
    authority.start()
