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
    threads: int = setting(
        4, "threads in each process for work that takes long, such as images", ge=1, le=256
    )
    queue_limit: int = setting(
        64, "requests that may wait for one of the threads; more are refused", ge=0, le=100_000
    )
    max_connections: int = setting(
        1024, "connections that each process holds; more wait to be accepted", ge=16, le=100_000
    )
    header_timeout_s: float = setting(
        10,
        "seconds for the head of a request, and between requests on one connection",
        gt=0,
        le=600,
    )
    body_timeout_s: float = setting(10, "seconds for the body of a request", gt=0, le=3600)
    drain_s: float = setting(
        5, "seconds of serving on at SIGTERM while readiness is refused", ge=0, le=3600
    )
    grace_s: int = setting(
        10, "seconds that requests in flight have to finish when the service stops", ge=1, le=3600
    )
    follow_interval_s: float = setting(
        5, "seconds until the service asks again what the alias names; 0: never", ge=0, le=86400
    )
    max_body_bytes: int = setting(6_000_000, "largest request body", ge=1024, le=1 << 30)
    max_image_pixels: int = setting(
        25_000_000, "largest image, by its width times its height", ge=784, le=1 << 30
    )
