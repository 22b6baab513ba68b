"""Who vouches for a model bundle: an Ed25519 signature over its manifest, which covers every other file."""

import base64
import binascii
import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from config.errors import ConfigError, NodeError

SIGNATURE: Final = "signature.json"
"""Beside the manifest."""
ALGORITHM: Final = "Ed25519"
"""RFC 8032."""
PURPOSE: Final = b"mvi-node model bundle, format 1\n"
"""Signed before the manifest, so that the signature of any other document is none of a bundle."""


class ModelRefusedError(NodeError):
    """A bundle that must not be installed or used.

    Parameters
    ----------
    code
        Stable, for example ``"MB-UNSIGNED"``.
    message
        One sentence that says what to do.
    """

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(f"{code}: {message}")


def fingerprint(key: Ed25519PublicKey) -> str:
    """Return the SHA-256 of a raw public key, hexadecimal."""
    return hashlib.sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()


def read_public_keys(paths: Iterable[Path]) -> dict[str, Ed25519PublicKey]:
    """Read PEM files, by fingerprint.

    Raises
    ------
    ConfigError
        A file holds no Ed25519 public key.
    """
    keys: dict[str, Ed25519PublicKey] = {}
    for path in paths:
        try:
            key = load_pem_public_key(path.read_bytes())
        except (OSError, ValueError, UnsupportedAlgorithm) as error:
            raise ConfigError([f"{path} is no readable public key in PEM"]) from error
        if not isinstance(key, Ed25519PublicKey):
            raise ConfigError([f"{path} is no Ed25519 key; make one with `openssl genpkey -algorithm ed25519`"])
        keys[fingerprint(key)] = key
    return keys


def read_private_key(path: Path) -> Ed25519PrivateKey:
    """Read a PEM file without a password.

    Raises
    ------
    ConfigError
        The file holds no Ed25519 private key, or one with a password.
    """
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ConfigError([f"{path} is no readable private key in PEM without a password"]) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigError([f"{path} is no Ed25519 key; make one with `openssl genpkey -algorithm ed25519`"])
    return key


def signed(manifest: bytes, key: Ed25519PrivateKey) -> bytes:
    """Return the content of the signature file for the bytes of a manifest."""
    document = {
        "algorithm": ALGORITHM,
        "key": fingerprint(key.public_key()),
        "signature": base64.b64encode(key.sign(PURPOSE + manifest)).decode(),
    }
    return json.dumps(document, indent=2).encode() + b"\n"


def check_signature(manifest: bytes, signature: bytes | None, trusted: Mapping[str, Ed25519PublicKey]) -> str:
    """Return the fingerprint of the trusted key that signed `manifest`.

    Raises
    ------
    ModelRefusedError
        ``MB-UNSIGNED``, ``MB-KEY`` (another key signed it), ``MB-SIGNATURE`` (it was changed after signing).
    """
    if signature is None:
        raise ModelRefusedError("MB-UNSIGNED", "the bundle is not signed; ask who trained it for a signed one")
    try:
        document = json.loads(signature)
        signer, value = str(document["key"]), base64.b64decode(document["signature"], validate=True)
    except (ValueError, KeyError, TypeError, binascii.Error) as error:
        raise ModelRefusedError(
            "MB-SIGNATURE", f"{SIGNATURE} cannot be read; get the bundle again from who signed it"
        ) from error
    if signer not in trusted:
        raise ModelRefusedError(
            "MB-KEY",
            f"the bundle is signed by the key {signer[:16]}, which is not trusted here; name its public key with "
            "--key or in model.trusted_keys",
        )
    try:
        trusted[signer].verify(value, PURPOSE + manifest)
    except InvalidSignature as error:
        raise ModelRefusedError(
            "MB-SIGNATURE", "the bundle was changed after it was signed; get it again from who signed it"
        ) from error
    return signer
