"""Ask the service in this container whether it lives: `python -m service.health_check`.

The image's HEALTHCHECK, without a curl in the image. The environment names the port.
"""

import os
import sys
from http.client import HTTPConnection, HTTPException

# Where the setting comes from, in its order; to import the settings would take too long.
PORTS = ("AIP_HTTP_PORT", "SAGEMAKER_BIND_TO_PORT", "PORT")

TIMEOUT_S = 4
"""Less than what Docker waits for it."""


def main() -> int:
    """Exit status 0 where the service answers, 1 where it does not."""
    port = next(filter(None, map(os.environ.get, PORTS)), "8000")
    try:
        connection = HTTPConnection("127.0.0.1", int(port), timeout=TIMEOUT_S)
        connection.request("GET", "/healthz")
        return 0 if connection.getresponse().status == 200 else 1
    except (OSError, HTTPException, ValueError) as error:
        print(f"health check: {error}", file=sys.stderr)  # noqa: T201 - Docker keeps it
        return 1


if __name__ == "__main__":
    sys.exit(main())
