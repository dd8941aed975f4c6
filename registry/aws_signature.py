"""Sign a GET request to S3 as AWS asks, without boto3.

"Authenticating Requests: Using the Authorization Header (AWS Signature Version 4)", Amazon S3 API
Reference, https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
"""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

_ALGORITHM = "AWS4-HMAC-SHA256"
_NO_BODY = hashlib.sha256(b"").hexdigest()


class Credentials(NamedTuple):
    """What AWS knows a caller by."""

    access_key_id: str
    secret_access_key: str
    session_token: str | None = None
    """Only temporary credentials have one."""

    def __repr__(self) -> str:
        """Without the secrets: tracebacks and logs are read by others."""
        return f"Credentials({self.access_key_id!r}, …)"


def signed_headers(
    credentials: Credentials, region: str, path: str, headers: Mapping[str, str], at: datetime
) -> dict[str, str]:
    """`headers`, which hold Host, and those that let S3 believe them and `path`.

    `path` is percent-encoded, as it goes over the wire; `at` is in UTC, and S3 takes no request
    that is a quarter of an hour off.
    """
    signed = {name.lower(): value for name, value in headers.items()}
    signed["x-amz-content-sha256"] = _NO_BODY
    signed["x-amz-date"] = f"{at:%Y%m%dT%H%M%SZ}"
    if credentials.session_token:
        signed["x-amz-security-token"] = credentials.session_token
    names = ";".join(sorted(signed))
    scope = f"{at:%Y%m%d}/{region}/s3/aws4_request"
    to_sign = "\n".join(
        [_ALGORITHM, signed["x-amz-date"], scope, _sha256(_canonical_request(path, signed))]
    )
    signature = _hmac(_signing_key(credentials, scope), to_sign).hex()
    signed["authorization"] = (
        f"{_ALGORITHM} Credential={credentials.access_key_id}/{scope},"
        f"SignedHeaders={names},Signature={signature}"
    )
    return signed


def _canonical_request(path: str, headers: Mapping[str, str]) -> str:
    names = sorted(headers)
    lines = [f"{name}:{' '.join(headers[name].split())}\n" for name in names]
    return "\n".join(["GET", path, "", "".join(lines), ";".join(names), _NO_BODY])


def _signing_key(credentials: Credentials, scope: str) -> bytes:
    """The secret, bound to one day, region and service."""
    key = f"AWS4{credentials.secret_access_key}".encode()
    for part in scope.split("/"):
        key = _hmac(key, part)
    return key


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
