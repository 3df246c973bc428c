# Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.
"""A certificate authority for the tests, and the certificates that a client must not accept."""

import atexit
import contextlib
import dataclasses
import datetime
import functools
import ipaddress
import os
import pathlib
import shutil
import ssl
import tempfile

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = datetime.timedelta(days=1)

# What `Authority.server` makes on demand: each is one reason to refuse the connection.
KINDS = ("good", "expired", "not_yet_valid", "wrong_name", "self_signed", "unknown_authority",
         "forged_signature")


@dataclasses.dataclass(frozen=True)
class Identity:
    """A certificate and its key, in PEM. The key does not show when this is printed."""

    certificate: bytes
    key: bytes = dataclasses.field(repr=False)

    def write(self, folder, stem):
        """Writes `stem`.pem and, for its owner only, `stem`.key; returns both paths."""
        certificate, key = (pathlib.Path(folder) / f"{stem}.{end}" for end in ("pem", "key"))
        certificate.write_bytes(self.certificate)
        write_private(key, self.key)
        return certificate, key

    def server_context(self, client_authority=None):
        """A TLS context for a server; with an authority, clients must show a certificate of it."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._load(context)
        if client_authority is not None:
            context.load_verify_locations(cadata=client_authority.pem.decode())
            context.verify_mode = ssl.CERT_REQUIRED
        return context

    def _load(self, context):
        # OpenSSL in Python takes files only.
        with tempfile.TemporaryDirectory(prefix="tokenward-pki-") as folder:
            context.load_cert_chain(*self.write(folder, "identity"))


class Authority:
    """Signs certificates for localhost and 127.0.0.1, good ones and others."""

    def __init__(self, name="Tokenward test authority"):
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.datetime.now(datetime.UTC)
        self._certificate = (
            _builder(self.name, self.name, self._key.public_key(), now - DAY, now + 30 * DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(x509.KeyUsage(**_usage(key_cert_sign=True)), critical=True)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False
            )
            .sign(self._key, hashes.SHA256())
        )

    @functools.cached_property
    def pem(self):
        """The certificate of this authority: what a client is told to trust."""
        return self._certificate.public_bytes(serialization.Encoding.PEM)

    @functools.cached_property
    def path(self):
        """A file with `pem`, for clients that take a path. It goes away with the process."""
        folder = pathlib.Path(tempfile.mkdtemp(prefix="tokenward-ca-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        file = folder / "ca.pem"
        file.write_bytes(self.pem)
        return file

    def client_context(self, identity=None):
        """A TLS context for a client that trusts this authority and nobody else."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_verify_locations(cadata=self.pem.decode())
        if identity is not None:
            identity._load(context)
        return context

    def server(self, kind="good"):
        """A server's certificate of one of `KINDS`."""
        now = datetime.datetime.now(datetime.UTC)
        if kind == "good":
            return self.certify()
        if kind == "expired":
            return self.certify(not_before=now - 20 * DAY, not_after=now - DAY)
        if kind == "not_yet_valid":
            return self.certify(not_before=now + DAY, not_after=now + 20 * DAY)
        if kind == "wrong_name":
            return self.certify(names=["elsewhere.test"], addresses=[])
        if kind == "self_signed":
            return self.certify(self_signed=True)
        if kind == "unknown_authority":
            return Authority("Another authority").certify()
        if kind == "forged_signature":
            # Our name and our key's identifier, but the signature of another key.
            return self.certify(signer=ec.generate_private_key(ec.SECP256R1()))
        raise ValueError(f"{kind} is none of {', '.join(KINDS)}")

    def client(self, name="client.test"):
        """A client's certificate, for mutual TLS."""
        return self.certify(names=[name], addresses=[], usage=ExtendedKeyUsageOID.CLIENT_AUTH)

    def certify(self, *, names=("localhost",), addresses=("127.0.0.1",), not_before=None,
                not_after=None, usage=ExtendedKeyUsageOID.SERVER_AUTH, self_signed=False,
                signer=None):
        """A new key and a certificate for it; good for ten days unless told otherwise."""
        now = datetime.datetime.now(datetime.UTC)
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, (list(names) or ["x"])[0])])
        alternatives = [x509.DNSName(name) for name in names]
        alternatives += [x509.IPAddress(ipaddress.ip_address(a)) for a in addresses]
        certificate = (
            _builder(subject, subject if self_signed else self.name, key.public_key(),
                     not_before or now - DAY, not_after or now + 10 * DAY)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.KeyUsage(**_usage(digital_signature=True)), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(
                    (key if self_signed else self._key).public_key()
                ), critical=False,
            )
            .sign(signer or (key if self_signed else self._key), hashes.SHA256())
        )
        return Identity(
            certificate.public_bytes(serialization.Encoding.PEM),
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            ),
        )


def write_private(path, data):
    """Writes a file that only its owner can read, from its first byte on; replaces it at once."""
    path = pathlib.Path(path)
    fresh = path.with_name(f".{path.name}.{os.getpid()}.fresh")
    with contextlib.suppress(FileNotFoundError):
        fresh.unlink()
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb") as file:
        file.write(data.encode() if isinstance(data, str) else data)
    os.replace(fresh, path)
    return path


def _builder(subject, issuer, key, not_before, not_after):
    return (
        x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(not_before).not_valid_after(not_after)
    )


def _usage(**given):
    names = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment",
             "key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")
    return {name: given.get(name, False) for name in names}
