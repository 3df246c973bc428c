# Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.
"""A small HTTPS server on loopback that misbehaves on command, and remembers what it was asked.

Bytes are written by hand: a server library would not send a body that never ends, close its
listening socket and come back on the same port, or promise 10 GB.
"""

import collections
import contextlib
import socket
import ssl
import threading

from http_wire import read, write


class FaultyServer:
    """Serves `application(request) -> Response` over TLS, or plainly if `context` is None.

    Faults are functions `(request, response) -> Response`; one path has at most one.
    """

    def __init__(self, application, context=None, host="127.0.0.1"):
        self.application = application
        self.context = context
        self.host = host
        # Bound, but never listening: keeps the port ours while the server is down.
        self._holder = socket.socket()
        self._holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._holder.bind((host, 0))
        self.port = self._holder.getsockname()[1]
        self._lock = threading.Lock()
        self._listener = None
        self._open = {}
        self._faults = {}
        self._connections = 0
        self._leaving = threading.Event()
        self.failed_handshakes = 0
        self.requests = collections.deque(maxlen=50_000)
        self.up()

    @property
    def url(self):
        return f"{'http' if self.context is None else 'https'}://localhost:{self.port}"

    # Presence.

    def up(self):
        """Listens again on the same port; nothing happens if it does already."""
        if self._listener is not None:
            return
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((self.host, self.port))
        listener.listen(512)
        self._leaving = threading.Event()
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener, self._leaving), daemon=True).start()

    def down(self):
        """Refuses connections from now on, and cuts those that are open."""
        listener, self._listener = self._listener, None
        if listener is None:
            return
        self._leaving.set()
        # Wakes the thread in accept(), which closing alone does not.
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        self.drop_connections()

    def drop_connections(self):
        """Cuts every open connection, as after a change that new connections shall see."""
        with self._lock:
            raw = list(self._open.values())
        for connection in raw:
            with contextlib.suppress(OSError):
                # Of the plain socket: an SSLSocket would go on in clear text.
                socket.socket.shutdown(connection, socket.SHUT_RDWR)

    def present(self, context):
        """Uses another certificate, for new connections; the open ones are cut."""
        self.context = context
        self.drop_connections()

    def stop(self):
        self.down()
        self._holder.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    # Faults.

    def fault(self, path, change, times=None):
        """Bends the answers of a path ("*" is every path), for ever or for some requests."""
        self._faults[path] = [change, times]

    def clear(self, path=None):
        """Answers a path properly again, or all of them."""
        if path is None:
            self._faults.clear()
        else:
            self._faults.pop(path, None)

    # What was asked.

    def hits(self, path=None, since=0.0):
        """The requests of a path in the order they came, from a time.time() on."""
        return [r for r in list(self.requests)
                if (path is None or r.path == path) and r.at >= since]

    def count(self, path=None, since=0.0):
        return len(self.hits(path, since))

    def forget(self):
        self.requests.clear()

    @property
    def open_connections(self):
        return len(self._open)

    # Connections.

    def _accept(self, listener, leaving):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(
                target=self._connection, args=(connection, leaving), daemon=True
            ).start()

    def _connection(self, connection, leaving):
        with self._lock:
            self._connections += 1
            number = self._connections
            self._open[number] = connection
        try:
            if leaving.is_set():
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.context is not None:
                try:
                    connection.settimeout(10)
                    connection = self.context.wrap_socket(connection, server_side=True)
                    connection.settimeout(None)
                except (ssl.SSLError, OSError):
                    self.failed_handshakes += 1
                    return
                with self._lock:
                    # wrap_socket took the descriptor out of the first one.
                    self._open[number] = connection
            self._serve(connection, number, leaving)
        except (OSError, ValueError):
            pass  # The client left, or sent no HTTP.
        finally:
            with self._lock:
                self._open.pop(number, None)
            with contextlib.suppress(OSError):
                # Without unwrap(): a client that is gone would not answer it.
                connection.close()

    def _serve(self, connection, number, leaving):
        buffer = bytearray()
        while not leaving.is_set():
            request = read(connection, buffer, number)
            if request is None:
                return
            self.requests.append(request)
            response = self.application(request)
            change = self._change(request.path)
            if change is not None:
                response = change(request, response)
            if not write(connection, request, response, leaving):
                return

    def _change(self, path):
        if not self._faults:
            return None
        with self._lock:
            for key in (path, "*"):
                entry = self._faults.get(key)
                if entry is None:
                    continue
                if entry[1] is not None:
                    if entry[1] <= 0:
                        continue
                    entry[1] -= 1
                return entry[0]
        return None
