"""The settings of `python -m service`."""

from typing import ClassVar

from pydantic import Field

from registry.configuration import Settings, setting
from registry.settings import RegistrySettings


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
    max_body_bytes: int = setting(6_000_000, "largest request body", ge=1024, le=1 << 30)
    max_batch: int = setting(4096, "most images in one request", ge=1, le=1 << 16)
    max_image_pixels: int = setting(
        25_000_000, "largest image, by its width times its height", ge=784, le=1 << 30
    )
