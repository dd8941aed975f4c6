"""Run the application in a production server, and stop it without losing a request."""

import math
import multiprocessing
import os
import select
import signal
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from flask import Flask
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.mp import MPServer

from service.errors import CannotListenError
from service.serving import direct
from service.serving.drain import Drain
from service.serving.gateway import Gateway
from service.settings import ServiceSettings

_STOPS = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}

# Headers of more than this are refused, and bodies are received in pieces of at most this size:
# each connection may hold as much. Granian's own default is 400 kB.
_BUFFER_BYTES = 65_536

# Where so many workers die within so many seconds, replacing them is of no use.
_MOST_DEATHS, _DEATHS_WITHIN_S = 10, 60


def serve(
    app: Flask,
    settings: ServiceSettings,
    *,
    announce: Callable[[], None],
    in_worker: Callable[[], None],
) -> None:
    """Serve `app` until SIGINT, SIGTERM or SIGHUP; requests in flight are finished.

    At SIGTERM the service first drains: `app.extensions["drain"]` says so, and it serves on for
    `drain_s` seconds, or until the next signal, so that whoever sends it requests can turn away.

    The workers are forked from this process, so they share the loaded model's memory and start at
    once; one that dies is replaced. Calls `announce` when the address is known to be free; raises
    CannotListenError otherwise. Each worker calls `in_worker` once: threads do not survive a fork,
    so this is where they start.
    """
    address = _free_address(settings.host, settings.port)
    drain: Drain = app.extensions["drain"]
    server = _server(address, settings)

    @server.on_startup  # type: ignore[untyped-decorator] # as the server
    def started() -> None:
        signals = _Signals()
        if server.interrupt_signal:  # By Granian's own handlers, which were there until now.
            drain.stop()
        _in_thread(partial(_stop_when_told, signals, server, drain, settings))
        announce()

    prepared = partial(_prepared, app, settings, in_worker, parent=os.getpid())
    server.serve(target_loader=prepared, wrap_loader=False)


def _server(address: str, settings: ServiceSettings) -> Any:  # noqa: ANN401 - it has no types
    multiprocessing.set_start_method("fork")
    server = MPServer(
        "service",
        address=address,
        port=settings.port,
        interface=Interfaces.RSGI,
        loop=direct.NAME,  # type: ignore[arg-type] # Granian takes what is registered.
        workers=settings.workers,
        respawn_failed_workers=True,
        backpressure=settings.max_connections,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(
            header_read_timeout=round(settings.header_timeout_s * 1000),
            max_buffer_size=_BUFFER_BYTES,
        ),
        websockets=False,
        workers_kill_timeout=2,  # After `grace_s` seconds: see _end.
        log_level=LogLevels.warning,
    )
    server.respawned_wrks = _Replacements()  # type: ignore[assignment] # all that Granian asks
    return server


class _Replacements:
    """Stands in for Granian's record of when it replaced which worker.

    Granian ends the service, healthy workers included, where one dies again within seconds of that.
    Two requests in a row that cost a worker its life must not cost everybody else the service.
    """

    def __init__(self) -> None:
        """Nobody has died yet."""
        self._deaths: deque[float] = deque(maxlen=_MOST_DEATHS)

    def get(self, worker: int, default: float) -> float:
        """When `worker`, which has just died, was replaced: long ago, unless there is no hope."""
        now = time.monotonic()
        self._deaths.append(now)
        is_hopeless = len(self._deaths) == _MOST_DEATHS and now - self._deaths[0] < _DEATHS_WITHIN_S
        return now if is_hopeless else -math.inf

    def __setitem__(self, worker: int, replaced_s: float) -> None:
        """Granian says when; deaths are enough to go by."""

    def clear(self) -> None:
        """Granian begins its record anew with each death."""


class _Signals:
    """The signals that stop the service, to be waited for by one thread.

    The kernel gives a signal to any thread that does not block it, such as one that OpenBLAS began
    when numpy was imported. CPython then calls its handler when the main thread next wakes up,
    which may be never; but whichever thread it was writes to the wakeup descriptor at once.
    """

    def __init__(self) -> None:
        """Catch them from now on; workers that are forked after this begin with them blocked."""
        self._received, wakeup = os.pipe()
        os.set_blocking(wakeup, False)
        signal.set_wakeup_fd(wakeup, warn_on_full_buffer=False)
        for number in _STOPS:
            signal.signal(number, lambda *_: None)
        signal.pthread_sigmask(signal.SIG_BLOCK, _STOPS)

    def wait(self, timeout_s: float | None = None) -> int | None:
        """The next signal; None where there is none in time."""
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPS)
        ready, _, _ = select.select([self._received], [], [], timeout_s)
        return os.read(self._received, 1)[0] if ready else None


def _stop_when_told(
    signals: _Signals,
    server: Any,  # noqa: ANN401 - as above
    drain: Drain,
    settings: ServiceSettings,
) -> None:
    """Wait for a signal, drain where it leaves time for that, and stop."""
    if signals.wait() == signal.SIGTERM:
        drain.begin()
        signals.wait(settings.drain_s)
    drain.stop()
    _end(server.wrks, settings.grace_s)
    server.signal_handler_interrupt()


def _end(workers: list[Any], grace_s: float) -> None:
    """Tell `workers`, which may still become more, to end, and wait for that.

    Granian would do so as well, but warns of a worker that has ended as of one that has not.
    """
    grace_ends = time.monotonic() + grace_s
    while time.monotonic() < grace_ends:
        for worker in workers:
            if not worker.interrupt_by_parent:
                worker.terminate()
        if not any(worker.is_alive() for worker in workers):
            break
        time.sleep(0.01)


def _prepared(
    app: Flask, settings: ServiceSettings, in_worker: Callable[[], None], *, parent: int
) -> Gateway:
    """Prepare a new worker of `parent` to be stopped by that alone, or by its death."""
    gateway = Gateway(app, settings, app.extensions["drain"])
    _in_thread(partial(_stop_with_parent, gateway, app.extensions["drain"], parent))
    _favour_throughput()
    in_worker()
    return gateway


def _favour_throughput() -> None:
    """Let a thread that has work finish its turn.

    Granian's thread for the network wakes up twice for each request; if it interrupted the one that
    answers each time, as threads do that wake up, every request would take a tenth longer.
    """
    with suppress(AttributeError, OSError):  # Linux has this, and a sandbox may forbid it.
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def _stop_with_parent(gateway: Gateway, drain: Drain, parent: int) -> None:
    """Stop the worker once.

    Ctrl-C reaches every process of a terminal, and systemd tells every process of a service: what
    comes before the parent stops is not for the worker to act on, or it would not drain.
    """
    while os.getppid() == parent:
        if signal.sigtimedwait({signal.SIGTERM}, 1) and drain.is_stopping:
            break
    if gateway.loop is None:  # Nobody has been served yet.
        os._exit(0)
    gateway.loop.call_soon_threadsafe(_raise_once)


def _raise_once() -> None:
    """Let Granian's handler of SIGTERM run, once: a second time would block its worker."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    signal.raise_signal(signal.SIGTERM)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})


def _in_thread(work: Callable[[], None]) -> None:
    threading.Thread(target=work, daemon=True).start()


def _free_address(host: str, port: int) -> str:
    """The address of `host`, found to be free.

    Granian's workers share their port, so it would share it with another service as well.
    """
    try:
        # A name of bytes, or Python would import what encodes foreign letters in names.
        name = host.encode() if host.isascii() else host
        resolved = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
        family, kind, protocol, _, address = resolved[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise CannotListenError(
            f"cannot listen on {host} port {port}: {error.strerror}; set PORT or --host to another"
        ) from None
    return str(address[0])
