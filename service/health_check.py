"""Ask the service in this container whether it lives: `python -m service.health_check`.

The image's HEALTHCHECK, without a curl in the image. The port is the one that PORT names.
"""

import os
import sys
from http.client import HTTPConnection, HTTPException

TIMEOUT_S = 4
"""Less than what Docker waits for it."""


def main() -> int:
    """Exit status 0 where the service answers, 1 where it does not."""
    connection = HTTPConnection("127.0.0.1", int(os.environ.get("PORT", "8000")), TIMEOUT_S)
    try:
        connection.request("GET", "/healthz")
        return 0 if connection.getresponse().status == 200 else 1
    except (OSError, HTTPException) as error:
        print(f"health check: {error}", file=sys.stderr)  # noqa: T201 - Docker keeps it
        return 1


if __name__ == "__main__":
    sys.exit(main())
