"""Schemathesis: thousands of requests made from our OpenAPI, whose answers must be as it says."""

import subprocess
import sys
from pathlib import Path

from tests.clients.conftest import Guarded

# A schema cannot say that data is as long as a shape, that a string is base64, or bytes an image.
_UNFIT_CHECKS = "positive_data_acceptance"


def report_of(url: str, *options: str) -> str:
    """What the tool reports; all its other checks must hold: no 5xx is among them."""
    command = [str(Path(sys.executable).with_name("schemathesis")), "run", f"{url}/openapi.json"]
    limits = ["--max-examples", "10", "--seed", "1", "--exclude-checks", _UNFIT_CHECKS]
    done = subprocess.run(
        [*command, *limits, "--no-color", *options], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_operation_answers_as_it_is_described(url: str) -> None:
    assert " passed" in report_of(url)


def test_a_service_with_keys_refuses_as_it_is_described(guarded: Guarded) -> None:
    header = ["--header", f"Authorization: {guarded.headers['Authorization']}"]
    # Who unloads the model in between gets 503 elsewhere, as it should be.
    without_changes = ["--exclude-path-regex", "/(un)?load$"]

    assert " passed" in report_of(f"http://{guarded.address}", *header, *without_changes)
