# Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.
"""An authority with clients of both its sides, and the fixtures that start some."""

import itertools
import pathlib

import pytest

from authority import Authority
from authority_api import Api, connect
from oauth import Http

_numbers = itertools.count(1)


class Bed(Authority):
    """`api` calls as the first administrator, `http` as anybody."""

    def __init__(self, folder, *, algorithm="ES256", **settings):
        self.algorithm = algorithm
        self._channel = self._introspector = None
        self.http = Http(self)
        super().__init__(folder, algorithm=algorithm, **settings)

    def start(self, timeout=60):
        self.disconnect()
        return super().start(timeout)

    def stop(self, timeout=30):
        # It would wait for clients that keep their connections.
        self.disconnect()
        return super().stop(timeout)

    def disconnect(self):
        """Ends the connections of `api` and `http`; the next call makes another."""
        if self._channel is not None:
            self._channel.close()
            self._channel = None
        self.http.close()

    @property
    def api(self):
        if self._channel is None:
            self._channel = connect(self)
        return Api(self._channel, self.admin_token)

    @property
    def introspector(self):
        """A token that may ask about the tokens of every tenant, and nothing else."""
        if self._introspector is None:
            self._introspector = self.api.create(
                name="asks-about-tokens", owner="introspector", lifetime=86_400,
                scopes=["tokenward.tokens.introspect", "tokenward.tenants.all"],
            )
        return self._introspector

    def unique(self, stem):
        """A name that no other test has."""
        return f"{stem}-{next(_numbers)}"


class Beds:
    """Starts authorities, and sees at the end that each still lived and ended in order."""

    def __init__(self, parent):
        self._parent, self._started = pathlib.Path(parent), []

    def __call__(self, **settings):
        bed = Bed(self._parent / f"authority-{len(self._started) + 1}", **settings)
        self._started.append(bed)
        return bed

    def close(self, quietly=False):
        alive = [bed for bed in self._started if bed.is_alive()]
        ended = [bed.stop() for bed in alive]
        for bed in self._started:
            bed.close()
        if not quietly:
            assert not any(ended), f"authorities ended with {ended}"


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    """One authority for all tests that do nothing to it: names of owners need to be their own."""
    with Bed(tmp_path_factory.mktemp("authority")) as bed:
        yield bed
        assert bed.is_alive(), f"the authority did not live to the end of the tests: {bed.log()}"
        assert bed.stop() == 0


@pytest.fixture(scope="session")
def eddsa_authority(tmp_path_factory):
    """One that signs with Ed25519."""
    with Bed(tmp_path_factory.mktemp("authority-eddsa"), algorithm="EdDSA") as bed:
        yield bed
        assert bed.is_alive()
        assert bed.stop() == 0


@pytest.fixture()
def authorities(tmp_path, request):
    """Starts authorities of a test's own: `authorities(…)`."""
    beds = Beds(tmp_path)
    try:
        yield beds
    except BaseException:
        beds.close(quietly=True)
        raise
    beds.close()
