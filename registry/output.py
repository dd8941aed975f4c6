"""End with standard output in order, whoever was to read it."""

import os
import sys


def finish_output() -> OSError | None:
    """Write what is left of standard output, and return why that cannot be done.

    What cannot be written is dropped: Python would try again as it exits, complain, and exit with
    a status of its own.
    """
    try:
        sys.stdout.flush()
    except OSError as error:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
        return error
    return None
