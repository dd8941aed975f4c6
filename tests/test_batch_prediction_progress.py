"""Progress is one line for people, a few lines of JSON for programs, and nothing on demand."""

import io
import json
from itertools import count
from typing import Literal

from service.batch_prediction.inputs import Input, Kind
from service.batch_prediction.progress import Progress
from service.batch_prediction.tally import Tally
from service.batch_prediction.units import divide

UNITS = divide(
    [Input(f"{number}.png", 100, Kind.PICTURE) for number in range(20)],
    images_per_part=8,
    files_per_part=1,
)
ONE = Tally(images=50, digits={}, rejected={}, errors=0, unreadable=())


def said(style: Literal["none", "text", "json"], *, step_s: float = 1) -> str:
    """All that is said of 20 parts of 50 images, one each `step_s` seconds."""
    stream, moments = io.StringIO(), count()
    progress = Progress(UNITS, stream, style, clock=lambda: next(moments) * step_s)
    for unit in UNITS:
        progress.step(unit, ONE)
    progress.end()
    return stream.getvalue()


def test_people_see_one_line_that_moves() -> None:
    lines = said("text").split("\r")

    assert lines[1].startswith("  5% █░░░░")
    assert "1 of 20 parts, 50 images, 50/s, 0:00:19 left" in lines[1]
    assert lines[20].startswith("100% ████")
    assert said("text").count("\n") == 1


def test_programs_get_a_line_every_five_seconds_and_the_last() -> None:
    lines = [json.loads(line) for line in said("json", step_s=2).splitlines()]

    assert [line["parts"] for line in lines] == [3, 6, 9, 12, 15, 18, 20]
    assert lines[0] == {
        "event": "progress",
        "parts": 3,
        "of": 20,
        "images": 150,
        "images_per_s": 25.0,
        "left_s": 34.0,
    }


def test_quiet_is_quiet() -> None:
    assert said("none") == ""
