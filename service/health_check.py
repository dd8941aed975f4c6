"""Ask the service in this container whether it lives: `python -m service.health_check`.

<<<<<<< HEAD
The image's HEALTHCHECK, without a curl in the image. It knows the port from the environment, as the
service does, but not from the service's flags.
=======
The image's HEALTHCHECK, without a curl in the image. The environment names the port.
>>>>>>> platforms
"""

import os
import sys
from http.client import HTTPConnection, HTTPException

<<<<<<< HEAD
PORT_VARIABLES = ("PORT", "AIP_HTTP_PORT", "SAGEMAKER_BIND_TO_PORT")
=======
# Where the setting comes from, in its order; to import the settings would take too long.
PORTS = ("AIP_HTTP_PORT", "SAGEMAKER_BIND_TO_PORT", "PORT")
>>>>>>> platforms

TIMEOUT_S = 4
"""Less than what Docker waits for it."""


def main() -> int:
    """Exit status 0 where the service answers, 1 where it does not."""
<<<<<<< HEAD
    named = filter(None, map(os.environ.get, PORT_VARIABLES))
    connection = HTTPConnection("127.0.0.1", int(next(named, "8000")), timeout=TIMEOUT_S)
=======
    port = next(filter(None, map(os.environ.get, PORTS)), "8000")
    connection = HTTPConnection("127.0.0.1", int(port), TIMEOUT_S)
>>>>>>> platforms
    try:
        connection.request("GET", "/healthz")
        return 0 if connection.getresponse().status == 200 else 1
    except (OSError, HTTPException) as error:
        print(f"health check: {error}", file=sys.stderr)  # noqa: T201 - Docker keeps it
        return 1


if __name__ == "__main__":
    sys.exit(main())
