"""The settings of `python -m service`."""

from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from registry.configuration import Settings, setting
from registry.settings import AliasName, RegistrySettings


def _origins(text: str) -> str:
    # Imported here: few services have other origins.
    from service.access.cors import parse_origins

    parse_origins(text)
    return text


def _route(path: str) -> str:
    if not path.startswith("/") or set(path) & set("<>?#") or path == "/":
        raise ValueError("expected a path such as /predict-digits")
    return path


class ServiceSettings(Settings):
    """What to serve, and how."""

    env_prefix: ClassVar[str] = "ZIFFER_SERVE_"

    registry: RegistrySettings = Field(default_factory=RegistrySettings)

    host: str = setting("127.0.0.1", "address to listen on; 0.0.0.0 for every interface")
    port: int = setting(
        8000,
        "port to listen on",
        env="PORT",
        platforms=("AIP_HTTP_PORT", "SAGEMAKER_BIND_TO_PORT"),
        ge=1,
        le=65535,
    )
    workers: int = setting(1, "processes that answer requests", ge=1, le=256)
    threads: int = setting(
        4, "threads in each process for work that takes long, such as images", ge=1, le=256
    )
    queue_limit: int = setting(
        64, "requests that may wait for one of the threads; more are refused", ge=0, le=100_000
    )
    max_connections: int = setting(
        4096, "connections that each process holds; more wait to be accepted", ge=16, le=100_000
    )
    header_timeout_s: float = setting(
        10,
        "seconds for the head of a request, and between requests on one connection",
        gt=0,
        le=600,
    )
    body_timeout_s: float = setting(
        10,
        "seconds for the body of a request, and for its client to go on reading the answer",
        gt=0,
        le=3600,
    )
    drain_s: float = setting(
        5, "seconds of serving on at SIGTERM while readiness is refused", ge=0, le=3600
    )
    grace_s: int = setting(
        10, "seconds that requests in flight have to finish when the service stops", ge=1, le=3600
    )
    follow_interval_s: float = setting(
        5, "seconds until the service asks again what the alias names; 0: never", ge=0, le=86400
    )
    wait_for_model: bool = setting(
        False, "start without a model, not ready, and serve when the alias names one"
    )
    loaded_versions: int = setting(
        4, "versions that stay in memory beside those that an alias names", ge=1, le=1000
    )
    canary_alias: AliasName | None = setting(
        None, "alias of a version that answers a share of the requests"
    )
    canary_percent: float = setting(0, "the canary's share of the requests", ge=0, le=100)
    shadow_alias: AliasName | None = setting(
        None, "alias of a version that reads a copy of the requests and is compared"
    )
    shadow_percent: float = setting(100, "share of the requests to copy", ge=0, le=100)
    max_body_bytes: int = setting(6_000_000, "largest request body", ge=1024, le=1 << 30)
    max_batch: int = setting(4096, "most images in one request", ge=1, le=1 << 20)
    max_image_pixels: int = setting(
        25_000_000, "largest image, by its width times its height", ge=784, le=1 << 30
    )
    api_keys: Path | None = setting(
        None,
        "file of API keys, which python -m service.access makes; unset: everybody may predict, "
        "nobody may load models",
    )
    metrics_need_key: bool = setting(False, "ask for an API key at /metrics, too")
    rate_limit: float = setting(
        0,
        "requests a second that an API key, or an address where there are no keys, may send; "
        "0: any number",
        ge=0,
        le=1e6,
    )
    rate_burst: int = setting(20, "requests that may come at once before that", ge=1, le=1_000_000)
    trusted_proxies: int = setting(
        0, "proxies in front that append the client's address to X-Forwarded-For", ge=0, le=10
    )
    cors_origins: Annotated[str, AfterValidator(_origins)] | None = setting(
        None, "other origins whose pages may ask, separated by commas, or * for all; unset: none"
    )

    access_log: Literal["none", "json", "text"] = setting(
        "none", "a line on standard output for each request: none, json or text"
    )
    otlp_endpoint: str | None = setting(
        None, "address of an OpenTelemetry collector, such as http://localhost:4318, to send traces"
    )

    @property
    def is_guarded(self) -> bool:
        """Whether requests are checked at all before they are answered."""
        return bool(self.api_keys or self.rate_limit or self.cors_origins)

    not_a_digit_threshold: float = setting(
        0.5, "an image more likely than this to be no digit is rejected; 1: none is", ge=0, le=1
    )
    confidence_threshold: float = setting(
        0.5, "a digit less likely than this is rejected; 0: none is", ge=0, le=1
    )
    vertex_health_route: Annotated[str, AfterValidator(_route)] | None = setting(
        None, "another address of the readiness, which Vertex AI sets", env="AIP_HEALTH_ROUTE"
    )
    vertex_predict_route: Annotated[str, AfterValidator(_route)] | None = setting(
        None, "another address of V1's predict, which Vertex AI sets", env="AIP_PREDICT_ROUTE"
    )

    @model_validator(mode="after")
    def _share_is_of_something(self) -> Self:
        if self.canary_percent and not self.canary_alias:
            raise ValueError(
                f"--canary-percent is {self.canary_percent:g}, but no --canary-alias says of what"
            )
        return self
