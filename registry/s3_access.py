"""Where a bucket is and with whose credentials, if settings and environment say so plainly.

boto3 finds both in many more ways: profiles, files, roles, metadata services, proxies. Whatever is
not plain is left to it, so what stands here is all that is understood here.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import SplitResult

from registry.aws_signature import Credentials
from registry.settings import RegistrySettings

_UNDERSTOOD = {
    "AWS_ACCESS_KEY_ID",
    "AWS_CA_BUNDLE",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
}

# These say nothing about S3: AWS sets them in Lambda.
_IRRELEVANT = ("AWS_EXECUTION_ENV", "AWS_LAMBDA_", "AWS_REGION", "AWS_XRAY_")

_PROXIES = {"http_proxy", "https_proxy", "all_proxy"}

# Those of the partition `aws`: elsewhere the domain is another.
_REGION = re.compile(r"(af|ap|ca|eu|il|me|mx|sa|us)-[a-z]+-\d")

# A name that is no alias of something else, and that a certificate for *.s3.amazonaws.com covers.
_BUCKET = re.compile(r"(?!.*--)(?!.*-s3alias$)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")


class Access(NamedTuple):
    """All that it takes to read from a bucket."""

    endpoint_url: str
    """The server's address."""
    bucket_url: str
    """The bucket's: on AWS it has a host of its own, on other servers a path."""
    region: str
    credentials: Credentials
    ca_bundle: str | None = None
    """File with the certificates to trust; None: the system's."""


def plain_access(
    settings: RegistrySettings, bucket: str, environ: Mapping[str, str]
) -> Access | None:
    """How to read from `bucket`, exactly as boto3 would; None where only boto3 knows."""
    credentials = _credentials(settings, environ)
    endpoint_url = _endpoint_url(settings, environ)
    region = settings.s3_region or environ.get("AWS_DEFAULT_REGION") or "us-east-1"
    if not credentials or not _BUCKET.fullmatch(bucket) or not _is_plain(environ):
        return None
    if endpoint_url:
        # A custom endpoint within AWS, such as a VPC's, follows rules of its own.
        if "amazonaws." in endpoint_url or "@" in endpoint_url:
            return None
        bucket_url = f"{endpoint_url.rstrip('/')}/{bucket}"
    elif _REGION.fullmatch(region):
        host = "s3.amazonaws.com" if region == "us-east-1" else f"s3.{region}.amazonaws.com"
        endpoint_url = f"https://{host}"
        bucket_url = (
            f"https://{host}/{bucket}" if settings.s3_path_style else f"https://{bucket}.{host}"
        )
    else:
        return None
    ca_bundle = environ.get("AWS_CA_BUNDLE") or environ.get("REQUESTS_CA_BUNDLE") or None
    return Access(endpoint_url, bucket_url, region, credentials, ca_bundle)


def _credentials(settings: RegistrySettings, environ: Mapping[str, str]) -> Credentials | None:
    secret, token = settings.s3_secret_access_key, settings.s3_session_token
    if settings.s3_access_key_id and secret:
        return Credentials(
            settings.s3_access_key_id,
            secret.get_secret_value(),
            token.get_secret_value() if token else None,
        )
    given = environ.get("AWS_ACCESS_KEY_ID"), environ.get("AWS_SECRET_ACCESS_KEY")
    if settings.s3_access_key_id or secret or token or not given[0] or not given[1]:
        return None
    return Credentials(given[0], given[1], environ.get("AWS_SESSION_TOKEN") or None)


def _endpoint_url(settings: RegistrySettings, environ: Mapping[str, str]) -> str | None:
    return (
        settings.s3_endpoint_url
        or environ.get("AWS_ENDPOINT_URL_S3")
        or environ.get("AWS_ENDPOINT_URL")
    )


def _is_plain(environ: Mapping[str, str]) -> bool:
    """Whether nothing in the environment could make boto3 ask otherwise than we do."""
    unknown = (
        name.lower() in _PROXIES
        or (
            name.startswith("AWS_") and name not in _UNDERSTOOD and not name.startswith(_IRRELEVANT)
        )
        for name, value in environ.items()
        if value
    )
    # As boto3 looks for them; a user without a home, as in containers, has a folder "~".
    home = environ.get("HOME") or os.path.expanduser("~")  # noqa: PTH111 - as above
    files = (Path(home, ".aws", name) for name in ("config", "credentials"))
    return not any(unknown) and not any(file.exists() for file in files)


def host_of(url: SplitResult) -> str:
    """What to send as Host: the port is left out where the scheme implies it."""
    return url.netloc.removesuffix({"http": ":80", "https": ":443"}[url.scheme])
