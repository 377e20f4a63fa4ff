"""Certificates and keys for tests."""

from __future__ import annotations

import ipaddress
import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import NameOID

AUDIENCE = "https://iam.api.cloud.yandex.net/iam/v1/tokens"


def self_signed(folder: Path) -> tuple[Path, Path]:
    """A self-signed certificate for this machine; returns the files of the certificate and of its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    cert_file, key_file = folder / "cert.pem", folder / "key.pem"
    cert_file.write_bytes(certificate.public_bytes(Encoding.PEM))
    key_file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return cert_file, key_file


def service_account_key() -> dict[str, Any]:
    """A key as `yc iam key create` writes it."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return {
        "id": "ajekey00000000000000",
        "service_account_id": "ajeaccount0000000000",
        "created_at": "2026-01-01T00:00:00Z",
        "key_algorithm": "RSA_2048",
        "public_key": public.decode(),
        "private_key": private.decode(),
    }


def public_half(key: dict[str, Any], folder: Path) -> Path:
    """A file with the public part of a key."""
    path = folder / "public.json"
    path.write_text(json.dumps({name: value for name, value in key.items() if name != "private_key"}))
    return path


def signed(key: dict[str, Any], *, kid: str = "", algorithm: str = "PS256", **claims: Any) -> str:
    """A signed request for a token; `claims` replace those of a service account, None removes one."""
    now = int(time.time())
    usual = {"iss": key["service_account_id"], "aud": AUDIENCE, "iat": now, "exp": now + 3600}
    payload = {name: value for name, value in (usual | claims).items() if value is not None}
    return jwt.encode(payload, key["private_key"], algorithm=algorithm, headers={"kid": kid or key["id"]})
