"""What platforms that run containers expect of a program, in the words of the service's settings.

SageMaker: https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html
Cloud Run: https://cloud.google.com/run/docs/container-contract
Vertex AI: https://cloud.google.com/vertex-ai/docs/predictions/custom-container-requirements
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from registry.configuration import SettingsError
from registry.keys import MODELS
from service.cpus import available_cpus
from service.settings import ServiceSettings

_EVERYWHERE = {"ZIFFER_SERVE_HOST": "0.0.0.0"}  # noqa: S104 - in a container, whose port is mapped

# SIGTERM comes when no more requests do, so there is nothing to drain, and Cloud Run kills after
# ten seconds: workers get two of them to end in.
_CLOUD_RUN = _EVERYWHERE | {"ZIFFER_SERVE_DRAIN_S": "0", "ZIFFER_SERVE_GRACE_S": "8"}

_SAGEMAKER_MODEL = Path("/opt/ml/model")


def on_platform(
    arguments: Sequence[str],
    environ: Mapping[str, str],
    *,
    sagemaker_model: Path = _SAGEMAKER_MODEL,
) -> tuple[Sequence[str], dict[str, str]]:
    """The arguments and the environment of the program with what the platform implies.

    What is set already stays, and flags come before all of it.
    """
    implied: dict[str, str] = {}
    if environ.get("AIP_HTTP_PORT"):
        implied |= _EVERYWHERE
    if environ.get("K_SERVICE"):
        implied |= _CLOUD_RUN
    if arguments and arguments[0] == "serve":
        arguments = arguments[1:]
        implied |= _sagemaker(sagemaker_model)
    return arguments, implied | {name: value for name, value in environ.items() if value}


def _sagemaker(model: Path) -> dict[str, str]:
    """What `docker run IMAGE serve` means: the machine is the container's alone."""
    implied = _EVERYWHERE | {
        "SAGEMAKER_BIND_TO_PORT": "8080",
        "ZIFFER_SERVE_WORKERS": str(available_cpus()),
    }
    # There SageMaker unpacks model.tar.gz, where there is one.
    return implied | {"ZIFFER_STORE": str(model)} if (model / MODELS).is_dir() else implied


def refuse_unreadable_artifacts(settings: ServiceSettings, environ: Mapping[str, str]) -> None:
    """Raise SettingsError where Vertex AI's artifacts are all that says what to serve."""
    uri = environ.get("AIP_STORAGE_URI")
    if uri and "store" not in settings.registry.model_fields_set:
        raise SettingsError(
            f"AIP_STORAGE_URI is {uri!r}: artifacts of Vertex AI cannot be read; import the model "
            "without them and set ZIFFER_STORE, to s3://bucket/prefix with ZIFFER_S3_ENDPOINT_URL="
            "https://storage.googleapis.com and an HMAC key for a bucket of Cloud Storage"
        )
