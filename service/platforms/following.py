"""Go with the aliases in a process that is frozen between requests."""

import threading
import time
from collections.abc import Callable

# To ask takes some 20 ms, and to go over to another version some 100 ms.
_LONGEST_WAIT_S = 0.5


class Following:
    """Asks what the aliases name when a request comes, at most once in an interval.

    A request waits for the outcome, but not long: a check that takes longer goes on beside the
    answer, and where the process is frozen meanwhile, when the next request comes.
    """

    def __init__(self, check: Callable[[], object], interval_s: float) -> None:
        """Call `check`, which does not raise, every `interval_s` seconds; 0: never."""
        self._check = check
        self._interval_s = interval_s
        self._asked_s = time.time()
        self._checking: threading.Thread | None = None

    def catch_up(self, remaining_s: float) -> None:
        """Ask if it is time to; `remaining_s` is what is left for the request."""
        # By the calendar, as other clocks may stand still while the process is frozen.
        now_s = time.time()
        if not self._interval_s or 0 <= now_s - self._asked_s < self._interval_s:
            return
        self._asked_s = now_s
        if self._checking is None or not self._checking.is_alive():
            self._checking = threading.Thread(target=self._check, name="follow", daemon=True)
            self._checking.start()
        self._checking.join(min(_LONGEST_WAIT_S, remaining_s / 2))
