# Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.
"""What the tests keep in OpenBao: secrets, ways to log in, and the issuer of identity tokens."""

import json
import pathlib
import time

import pki


def policy(bao, name, **capabilities):
    """A policy that allows the paths given, and nothing else: `{"path": ["read"]}`."""
    rules = {"path": {path: {"capabilities": can} for path, can in capabilities.items()}}
    bao.need("PUT", f"sys/policies/acl/{name}", {"policy": json.dumps(rules)})
    return name


def token(bao, policies, ttl="60s", renewable=True, maximum="0s", kind="service"):
    """A token made by root; `kind` is "service" or "batch"."""
    return bao.need("POST", "auth/token/create", {
        "policies": policies, "ttl": ttl, "renewable": renewable, "explicit_max_ttl": maximum,
        "type": kind, "no_default_policy": False,
    }).auth["client_token"]


def revoke(bao, token):
    bao.need("POST", "auth/token/revoke", {"token": token})


class KV:
    """A mount of the key-value engine, version 2."""

    def __init__(self, bao, mount="secret"):
        self.bao, self.mount = bao, mount
        bao.need("POST", f"sys/mounts/{mount}", {"type": "kv", "options": {"version": "2"}})
        # The upgrade to version 2 runs behind the answer.
        for _ in range(200):
            if bao.call("GET", f"{mount}/config").status == 200:
                return
            time.sleep(0.01)
        raise AssertionError("the key-value engine did not get ready")

    def path(self, name):
        """The path under /v1/ that a client reads, and that a policy has to allow."""
        return f"{self.mount}/data/{name}"

    def put(self, name, **values):
        """Writes a new version and returns its number."""
        return self.bao.need("POST", self.path(name), {"data": values}).data["version"]

    def get(self, name, token=..., version=None, wrap=None):
        """The answer that a client with that token gets; `wrap` is a time such as "60s"."""
        suffix = "" if version is None else f"?version={version}"
        headers = {} if wrap is None else {"X-Vault-Wrap-TTL": wrap}
        return self.bao.call("GET", self.path(name) + suffix, token=token, headers=headers)

    def delete(self, name):
        """Deletes the newest version: 404 with metadata from now on, until it is undeleted."""
        self.bao.need("DELETE", self.path(name))

    def undelete(self, name, *versions):
        self.bao.need("POST", f"{self.mount}/undelete/{name}", {"versions": list(versions)})

    def destroy(self, name, *versions):
        self.bao.need("PUT", f"{self.mount}/destroy/{name}", {"versions": list(versions)})

    def wipe(self, name):
        """Deletes all versions and what is known about them: 404 with nothing."""
        self.bao.need("DELETE", f"{self.mount}/metadata/{name}")


class AppRole:
    """A role of the AppRole login; its mount is made when it is missing."""

    def __init__(self, bao, name, policies, ttl="60s", maximum="10m", secret_uses=0,
                 renewable=True):
        self.bao, self.name = bao, name
        _enable(bao, "approle")
        bao.need("POST", f"auth/approle/role/{name}", {
            "token_policies": policies, "token_ttl": ttl, "token_max_ttl": maximum,
            "secret_id_num_uses": secret_uses,
            **({} if renewable else {"token_type": "batch"}),
        })
        self.role_id = bao.need("GET", f"auth/approle/role/{name}/role-id").data["role_id"]

    def secret_id(self, wrap=None):
        """A new secret id; with a time such as "60s", the token that unwraps to it, once."""
        headers = {} if wrap is None else {"X-Vault-Wrap-TTL": wrap}
        made = self.bao.need(
            "POST", f"auth/approle/role/{self.name}/secret-id", {}, headers=headers
        )
        return made.data["secret_id"] if wrap is None else made.json["wrap_info"]["token"]

    def revoke_secret_id(self, secret_id):
        self.bao.need("POST", f"auth/approle/role/{self.name}/secret-id/destroy",
                      {"secret_id": secret_id})

    def write(self, folder, wrap=None):
        """Writes both ids into files for their owner only, and returns the two paths."""
        folder = pathlib.Path(folder)
        return (pki.write_private(folder / f"{self.name}.role-id", self.role_id),
                pki.write_private(folder / f"{self.name}.secret-id", self.secret_id(wrap)))

    def login(self, secret_id=None):
        """A token of the role."""
        return self.bao.need("POST", "auth/approle/login", {
            "role_id": self.role_id, "secret_id": secret_id or self.secret_id(),
        }, token=None).auth["client_token"]


class KubernetesLogin:
    """A role that service accounts of a (test) cluster log in to."""

    def __init__(self, bao, kubernetes, name, policies, namespace="default", account="orders",
                 ttl="60s", audience=None):
        self.bao, self.name = bao, name
        _enable(bao, "kubernetes")
        bao.need("POST", "auth/kubernetes/config", {
            "kubernetes_host": kubernetes.url,
            "kubernetes_ca_cert": kubernetes.authority.pem.decode(),
            "token_reviewer_jwt": kubernetes.reviewer, "disable_local_ca_jwt": True,
        })
        bao.need("POST", f"auth/kubernetes/role/{name}", {
            "bound_service_account_names": account,
            "bound_service_account_namespaces": namespace,
            "token_policies": policies, "token_ttl": ttl, "audience": audience or kubernetes.url,
        })

    def login(self, jwt):
        """The answer to a login with that service-account token."""
        return self.bao.call("POST", "auth/kubernetes/login", {"role": self.name, "jwt": jwt},
                             token=None)


class IdentityIssuer:
    """OpenBao as an issuer: one key, one role, and an entity whose logins may have tokens.

    `url` is the issuer as tokens and discovery name it.
    """

    def __init__(self, bao, name="orders", audience="tokenward-example", algorithm="ES256",
                 ttl="60s", rotation="1h", verification="2h",
                 template='{"scope": "orders.read", "name": {{identity.entity.name}}}'):
        self.bao, self.name = bao, name
        self.url = f"{bao.url}/v1/identity/oidc"
        self.discovery_url = f"{self.url}/.well-known/openid-configuration"
        self.jwks_url = f"{self.url}/.well-known/keys"
        bao.need("POST", "identity/oidc/config", {"issuer": bao.url})
        bao.need("POST", f"identity/oidc/key/{name}", {
            "rotation_period": rotation, "verification_ttl": verification, "algorithm": algorithm,
            "allowed_client_ids": "*",
        })
        bao.need("POST", f"identity/oidc/role/{name}", {
            "key": name, "ttl": ttl, "client_id": audience, "template": template,
        })
        reader = policy(bao, f"identity-{name}", **{f"identity/oidc/token/{name}": ["read"]})
        self.approle = AppRole(bao, f"identity-{name}", [reader], ttl="10m")
        self.entity = bao.need(
            "POST", "identity/entity", {"name": f"{name}-service"}
        ).data["id"]
        accessor = bao.need("GET", "sys/auth").data["approle/"]["accessor"]
        bao.need("POST", "identity/entity-alias", {
            "name": self.approle.role_id, "canonical_id": self.entity, "mount_accessor": accessor,
        })

    def token(self, login=None):
        """A fresh identity token; its subject is `entity`."""
        answer = self.bao.need("GET", f"identity/oidc/token/{self.name}",
                               token=login or self.approle.login())
        return answer.data["token"]

    def rotate(self, verification=None):
        """Signs with the next key, which was published before; the old one stays published for
        the verification time, looked at once a minute."""
        body = {} if verification is None else {"verification_ttl": verification}
        self.bao.need("POST", f"identity/oidc/key/{self.name}/rotate", body)

    def jwks(self):
        return self.bao.need("GET", "identity/oidc/.well-known/keys", token=None).json


def _enable(bao, kind):
    if f"{kind}/" not in bao.need("GET", "sys/auth").data:
        bao.need("POST", f"sys/auth/{kind}", {"type": kind})
