"""The settings of `python -m service`."""

from typing import ClassVar

from pydantic import Field

from registry.configuration import Settings, setting
from registry.settings import AliasName, RegistrySettings


class ServiceSettings(Settings):
    """What to serve, and how."""

    env_prefix: ClassVar[str] = "ZIFFER_SERVE_"

    registry: RegistrySettings = Field(default_factory=RegistrySettings)

    host: str = setting("127.0.0.1", "address to listen on; 0.0.0.0 for every interface")
    port: int = setting(8000, "port to listen on", env="PORT", ge=1, le=65535)
    workers: int = setting(1, "processes that answer requests", ge=1, le=256)
    threads: int = setting(4, "threads in each process", ge=1, le=256)
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
        4, "versions that stay in memory; those that an alias names do in any case", ge=1, le=1000
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
    max_image_pixels: int = setting(
        25_000_000, "largest image, by its width times its height", ge=784, le=1 << 30
    )
