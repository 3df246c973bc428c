# Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.
"""The HTTP side of the authority, as any OAuth client sees it."""

import base64
import threading

import requests

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
JWT = "urn:ietf:params:oauth:token-type:jwt"


class Http:
    """A client of one authority; each thread has its connections."""

    def __init__(self, authority):
        self.authority = authority
        self._own = threading.local()

    @property
    def session(self):
        if not hasattr(self._own, "session"):
            session = requests.Session()
            session.verify = self.authority.ca
            session.trust_env = False
            self._own.session = session
        return self._own.session

    def close(self):
        """Ends the connections of this thread."""
        if hasattr(self._own, "session"):
            self._own.session.close()

    def get(self, path, **options):
        return self.session.get(self.authority.url + path, timeout=20, **options)

    def post(self, path, form=None, **options):
        return self.session.post(self.authority.url + path, data=form, timeout=20, **options)

    def exchange(self, token, **parameters):
        """Exchanges an API token for an access token (RFC 8693): the response, whatever it is."""
        return self.post("/oauth2/token", {
            "grant_type": EXCHANGE, "subject_token": token, "subject_token_type": ACCESS_TOKEN,
            **parameters,
        })

    def access_token(self, token, **parameters):
        """The access token of an exchange that has to work."""
        answer = self.exchange(token, **parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()["access_token"]

    def introspect(self, credential, token):
        """What a token is, asked with the API token `credential` (RFC 7662)."""
        answer = self.post("/oauth2/introspect", {"token": token}, auth=basic(credential))
        assert answer.status_code == 200, (answer.status_code, answer.text)
        return answer.json()

    def is_active(self, credential, token):
        return self.introspect(credential, token)["active"]

    def revoke(self, token, **options):
        return self.post("/oauth2/revoke", {"token": token}, **options)


def id_of(token):
    """The public id of an API token."""
    return token.split("_")[1]


def secret_of(token):
    """The secret of an API token, without its checksum."""
    return token.split("_")[2][:-6]


def basic(token):
    """An API token as the id and the secret of a client."""
    return id_of(token), token


def decoded(part):
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
