"""Say how far a run is: to people as one line that moves, to programs as lines of JSON."""

import json
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Literal, TextIO

from service.batch_prediction.tally import Tally
from service.batch_prediction.units import Unit

_BAR_WIDTH = 24

# How often something is said at most.
_TEXT_INTERVAL_S, _JSON_INTERVAL_S = 0.1, 5.0


class Progress:
    """Counts what was predicted since the start, and says so now and then."""

    def __init__(
        self,
        todo: list[Unit],
        stream: TextIO,
        style: Literal["none", "text", "json"],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Nothing of `todo` is done yet; say so on `stream`."""
        self._parts = len(todo)
        self._weight = sum(unit.weight for unit in todo) or 1
        self._stream = stream
        self._style = style
        self._clock = clock
        self._began = self._said = clock()
        self._parts_done = self._weight_done = self._images = 0

    def step(self, unit: Unit, tally: Tally) -> None:
        """One more part is there."""
        self._parts_done += 1
        self._weight_done += unit.weight
        self._images += tally.images
        interval_s = _TEXT_INTERVAL_S if self._style == "text" else _JSON_INTERVAL_S
        now = self._clock()
        if now - self._said >= interval_s or self._parts_done == self._parts:
            self._said = now
            self._say(max(now - self._began, 1e-9))

    def end(self) -> None:
        """Leave the line to whoever writes next."""
        if self._style == "text" and self._parts_done:
            self._write("\n")

    def _say(self, passed_s: float) -> None:
        share = self._weight_done / self._weight if self._parts_done < self._parts else 1.0
        rate = self._images / passed_s
        left_s = passed_s * (1 - share) / share if share else 0.0
        if self._style == "text":
            bar = ("█" * round(share * _BAR_WIDTH)).ljust(_BAR_WIDTH, "░")
            self._write(
                f"\r{share:4.0%} {bar} {self._parts_done:,} of {self._parts:,} parts, "
                f"{self._images:,} images, {rate:,.0f}/s, "
                f"{timedelta(seconds=round(left_s))} left \x1b[K"
            )
        elif self._style == "json":
            line = {
                "event": "progress",
                "parts": self._parts_done,
                "of": self._parts,
                "images": self._images,
                "images_per_s": round(rate, 1),
                "left_s": round(left_s, 1),
            }
            self._write(f"{json.dumps(line)}\n")

    def _write(self, text: str) -> None:
        with suppress(OSError):  # A full disk, or nobody who reads, costs lines and not the run.
            self._stream.write(text)
            self._stream.flush()
