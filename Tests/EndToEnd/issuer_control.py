# Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.
"""The issuer as a program of its own: `python Tests/EndToEnd/issuer.py`.

It prints one line of JSON: its URL and port, the file with its authority's certificate, a file
(for its owner only) with the client's id and secret, and the address that takes commands. A command
is one JSON object, as a line on standard input or as the body of a POST to that address; each is
answered by one JSON object, with "ok". It ends with `{"do": "stop"}`, a signal, or the end of
standard input; with --control http, by the first two.

    {"do": "fault", "path": "jwks", "name": "trickle", "parameters": {"seconds": 1}, "times": 2}
    {"do": "clear", "path": "jwks"}       without "path": all of them
    {"do": "down"}  {"do": "up"}  {"do": "certificate", "kind": "expired"}
    {"do": "rotate", "publish_first": false}
    {"do": "publish", "kid": …}  {"do": "retire", "kid": …}
    {"do": "rollback", "steps": 1}  {"do": "restore"}
    {"do": "set", "max_age": 60, "token_ttl": 2}
    {"do": "mint", "claims": {…}, "header": {…}, "kid": …, "ttl": …, "count": 100, "forged": false}
    {"do": "opaque", "claims": {…}}  {"do": "revoke", "token": …}
    {"do": "hits", "path": "jwks", "since": 0}  {"do": "elsewhere"}
    {"do": "issued"}  {"do": "forget"}  {"do": "stop"}

With --peer there is a gRPC server, too, that takes the tokens of this issuer:

    {"do": "calls"}       how many came, with how many tokens, expired ones, and refusals
    {"do": "reject", "reasons": ["ACCESS_TOKEN_EXPIRED"]}      {"do": "break_stream", "after": 1}
"""

import argparse
import contextlib
import json
import os
import pathlib
import signal
import sys
import tempfile
import threading

import issuer as issuers
import pki
from faulty_http import FaultyServer
from http_wire import answer


class Control:
    """Carries out commands, one after the other."""

    def __init__(self, issuer, peer=None):
        self.issuer, self.peer = issuer, peer
        self.ended = threading.Event()
        self._lock = threading.Lock()

    def __call__(self, command):
        try:
            action = getattr(self, f"_do_{command['do']}", None)
            if action is None:
                raise ValueError(f"there is no command {command['do']}")
            rest = {name: value for name, value in command.items() if name != "do"}
            with self._lock:
                return {"ok": True, **(action(**rest) or {})}
        except Exception as error:  # What is wrong with a command is told to whoever sent it.
            return {"ok": False, "error": f"{type(error).__name__}: {error}"}

    def _do_fault(self, path, name, parameters=None, times=None):
        self.issuer.fault(path, name, times, **(parameters or {}))

    def _do_clear(self, path=None):
        self.issuer.clear(path)

    def _do_down(self):
        self.issuer.down()

    def _do_up(self):
        self.issuer.up()

    def _do_certificate(self, kind="good"):
        self.issuer.certificate(kind)

    def _do_rotate(self, publish_first=True, algorithm=None):
        return {"kid": self.issuer.rotate(publish_first, algorithm)}

    def _do_publish(self, kid):
        self.issuer.publish(kid)

    def _do_retire(self, kid):
        self.issuer.retire(kid)

    def _do_rollback(self, steps=1):
        self.issuer.keys.rollback(steps)

    def _do_restore(self):
        self.issuer.keys.restore()

    def _do_set(self, **values):
        for name, value in values.items():
            if name not in ("max_age", "token_ttl"):
                raise ValueError(f"{name} cannot be set")
            setattr(self.issuer, name, value)

    def _do_mint(self, claims=None, header=None, kid=None, ttl=120, count=1, forged=False):
        make = self.issuer.forge if forged else self.issuer.mint
        options = {} if forged else {"kid": kid, "header": header}
        return {"tokens": [make(ttl=ttl, **options, **(claims or {})) for _ in range(count)]}

    def _do_opaque(self, claims=None, ttl=120):
        return {"token": self.issuer.opaque(ttl, **(claims or {}))}

    def _do_revoke(self, token):
        self.issuer.revoke(token)

    def _do_hits(self, path=None, since=0.0):
        hits = self.issuer.hits(path, since)
        return {"count": len(hits), "at": [hit.at for hit in hits]}

    def _do_elsewhere(self):
        return {"count": sum(self.issuer.elsewhere(tls).count() for tls in (True, False))}

    def _do_issued(self):
        return {"issued": [vars(one) for one in list(self.issuer.issued)]}

    def _do_forget(self):
        self.issuer.server.forget()
        self.issuer.issued.clear()
        if self.peer is not None:
            self.peer.forget()

    def _do_calls(self):
        calls = self.peer.calls_since()
        return {
            "count": len(calls), "tokens": len(self.peer.tokens()),
            "expired": len(self.peer.expired_calls()),
            "refused": sum(call.reason is not None for call in calls),
        }

    def _do_reject(self, reasons):
        self.peer.reject(*reasons)

    def _do_break_stream(self, **options):
        self.peer.break_stream(**options)

    def _do_stop(self):
        self.ended.set()


def main(arguments=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--path", default="", help="path of the issuer, as in /tenant")
    parser.add_argument("--algorithm", default="ES256")
    parser.add_argument("--plain", action="store_true", help="plain HTTP, to see it refused")
    parser.add_argument("--max-age", type=int, default=300, help="of the key set, in seconds")
    parser.add_argument("--token-ttl", type=int, default=60, help="of issued tokens, in seconds")
    parser.add_argument("--peer", action="store_true", help="serve gRPC to its tokens, too")
    parser.add_argument("--port-file", help="where the line is written to, too, once it serves")
    parser.add_argument("--control", choices=("stdin", "http"), default="stdin")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with tempfile.TemporaryDirectory(prefix="tokenward-issuer-") as folder:
        with issuers.Issuer(options.path, options.algorithm, tls=not options.plain) as issuer:
            issuer.max_age, issuer.token_ttl = options.max_age, options.token_ttl
            with contextlib.ExitStack() as stack:
                peer = None
                if options.peer:
                    # Only here: it makes stubs, which takes a second.
                    from peer_server import PeerServer
                    peer = stack.enter_context(PeerServer(issuer))
                _run(issuer, peer, pathlib.Path(folder), options)
    return 0


def _run(issuer, peer, folder, options):
    control = Control(issuer, peer)
    client = pki.write_private(folder / "client.json", json.dumps(
        {"client_id": issuer.client_id, "client_secret": issuer.client_secret}
    ))
    with FaultyServer(lambda request: _post(control, request)) as commands:
        line = json.dumps({
            "url": issuer.url, "port": issuer.server.port, "ca": str(issuer.authority.path),
            "client": str(client), "control": f"http://127.0.0.1:{commands.port}/",
            **{name: issuer.endpoint(name) for name in issuer.paths},
            **({} if peer is None else {"peer": peer.target, "peer_ca": str(peer.authority.path)}),
        })
        if options.port_file:
            fresh = pathlib.Path(f"{options.port_file}.fresh")
            fresh.write_text(line + "\n")
            os.replace(fresh, options.port_file)
        print(line, flush=True)
        if options.control == "http":
            control.ended.wait()
            return
        for text in sys.stdin:
            if text.strip():
                print(json.dumps(_carry_out(control, text)), flush=True)
            if control.ended.is_set():
                return


def _post(control, request):
    if request.method != "POST":
        return answer({"ok": False, "error": "commands are posted"}, 400)
    return answer(_carry_out(control, request.body))


def _carry_out(control, text):
    try:
        command = json.loads(text)
    except ValueError:
        return {"ok": False, "error": "a command is a JSON object"}
    if not isinstance(command, dict) or not isinstance(command.get("do"), str):
        return {"ok": False, "error": 'a command is a JSON object with "do"'}
    return control(command)
