"""Sealed documents: JSON that carries the SHA-256 of its own content.

Cards, log entries and pointers are stored sealed, so that a flipped bit or a torn read is found
before anything is believed. The form is canonical (sorted keys, no white space): equal content is
equal bytes.
"""

import hashlib
import json
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from registry.errors import IntegrityError

Document = TypeVar("Document", bound=BaseModel)


def sha256(content: bytes) -> str:
    """SHA-256 of `content`, in lower-case hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def seal(document: BaseModel) -> bytes:
    """The bytes to store for `document`."""
    return _sealed(document.model_dump(mode="json"))


def unseal(model: type[Document], body: bytes, *, key: str) -> Document:
    """The document in `body`, which was read from `key`.

    Raises IntegrityError where the bytes are not those that `seal` made.
    """
    try:
        content = json.loads(body)["content"]
        intact = _sealed(content) == body
    except (ValueError, TypeError, KeyError, RecursionError):
        intact = False
    if not intact:
        raise IntegrityError(f"{key} is damaged: its content does not match its own SHA-256")
    try:
        return model.model_validate_json(canonical(content))
    except ValidationError as error:
        raise IntegrityError(
            f"{key} is not a {model.__name__} that this release reads: {error}"
        ) from None


def canonical(content: Any) -> bytes:  # noqa: ANN401 - any JSON value
    """JSON in the one form that equal content has; raises ValueError for NaN and infinities."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def _sealed(content: Any) -> bytes:  # noqa: ANN401 - any JSON value
    body = canonical(content)
    return b'{"content":' + body + b',"sha256":"' + sha256(body).encode() + b'"}'
