"""Ed25519 signatures over what a card says of its model.

The statement that is signed leaves out what the registry adds (version number, time of publishing),
so a signature stays valid when a version is exported and imported elsewhere under the same name.
The `cryptography` package is imported when a signature is made or asked for.
"""

import base64
import importlib.util
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from registry.card import CardSignature, DraftCard, ModelCard, StoredFile
from registry.documents import canonical, sha256
from registry.errors import InvalidNameError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_PREFIX = "ed25519:"


def statement(name: str, draft: DraftCard, files: Mapping[str, StoredFile]) -> bytes:
    """The bytes that are signed: the model's name, its files' digests and all of the draft.

    Fields that have their default are left out, so that a release which adds one to the card does
    not make older signatures invalid.
    """
    return b"ziffer model card v1\n" + canonical(
        {
            "name": name,
            "files": {file: stored.model_dump() for file, stored in files.items()},
            "draft": draft.model_dump(mode="json", exclude_defaults=True),
        }
    )


class Signer:
    """A private key."""

    def __init__(self, key: "Ed25519PrivateKey") -> None:
        """Sign with `key`."""
        self._key = key

    @classmethod
    def read(cls, path: Path) -> "Signer":
        """The key in an unencrypted PEM file; raises InvalidNameError."""
        _require_cryptography()
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        try:
            key = load_pem_private_key(path.read_bytes(), password=None)
        except OSError as error:
            raise InvalidNameError(
                f"cannot read the signing key {path}: {error.strerror}"
            ) from None
        except (ValueError, TypeError):
            key = None
        if not isinstance(key, Ed25519PrivateKey):
            raise InvalidNameError(f"{path} holds no unencrypted Ed25519 private key in PEM form")
        return cls(key)

    @classmethod
    def create(cls, path: Path) -> "Signer":
        """A new key, written to `path`, which only its owner may read; raises InvalidNameError."""
        _require_cryptography()
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        key = Ed25519PrivateKey.generate()
        pem = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        try:
            path.touch(mode=0o600, exist_ok=False)
            path.write_bytes(pem)
        except OSError as error:
            raise InvalidNameError(f"cannot write the key {path}: {error.strerror}") from None
        return cls(key)

    @property
    def public_key(self) -> str:
        """The public key, as a policy states it."""
        return _PREFIX + base64.b64encode(self._key.public_key().public_bytes_raw()).decode()

    def sign(self, content: bytes) -> CardSignature:
        """The signature over a `statement`."""
        signature = base64.b64encode(self._key.sign(content)).decode()
        return CardSignature(key_id=key_id(self.public_key), signature=signature)


def key_id(public_key: str) -> str:
    """A short name for a public key."""
    return sha256(public_key.encode())[:16]


def signers(
    card: ModelCard, signatures: Iterable[CardSignature], keys: Mapping[str, str]
) -> list[str]:
    """The names in `keys` of those whose signature over `card` is valid."""
    given = list(signatures)
    content = statement(card.name, card.draft, card.files)
    return [
        name
        for name, key in keys.items()
        if any(one.key_id == key_id(key) and _is_valid(key, one, content) for one in given)
    ]


def _is_valid(public_key: str, signature: CardSignature, content: bytes) -> bool:
    _require_cryptography()
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key.removeprefix(_PREFIX)))
    try:
        key.verify(base64.b64decode(signature.signature), content)
    except (InvalidSignature, ValueError):
        return False
    return True


def _require_cryptography() -> None:
    if importlib.util.find_spec("cryptography") is None:
        raise InvalidNameError(
            "signatures need the package cryptography: pip install 'cryptography>=46'"
        )
