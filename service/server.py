"""Run the application in a production WSGI server."""

import multiprocessing
import os
import signal
import socket
import threading
from collections.abc import Callable, Collection

from flask import Flask
from granian.constants import HTTPModes, Interfaces
from granian.log import LogLevels
from granian.server import Server

from service.settings import ServiceSettings


class CannotListenError(Exception):
    """The service cannot have the address where it should listen."""


def serve(
    app: Flask,
    settings: ServiceSettings,
    *,
    announce: Callable[[], None],
    in_worker: Callable[[], None],
) -> None:
    """Serve `app` until SIGINT, SIGTERM or SIGHUP; requests in flight are finished.

    The workers are forked from this process, so they share the loaded model's memory and start at
    once. Calls `announce` when the address is known to be free; raises CannotListenError otherwise.
    Each worker calls `in_worker` once: threads do not survive a fork, so this is where they start.
    """
    _check_address_is_free(settings.host, settings.port)
    multiprocessing.set_start_method("fork")
    server = Server(
        "service",
        address=settings.host,
        port=settings.port,
        interface=Interfaces.WSGI,
        workers=settings.workers,
        # Granian's own default is hundreds of threads that share one interpreter lock.
        blocking_threads=settings.threads,
        http=HTTPModes.http1,
        websockets=False,
        workers_kill_timeout=settings.grace_s,
        log_level=LogLevels.warning,
    )

    @server.on_startup
    def started() -> None:
        # Granian would start new workers; whoever closes the terminal means to stop.
        signal.signal(signal.SIGHUP, server.signal_handler_interrupt)
        # The workers, forked after this, begin with these signals blocked.
        stops = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
        _await(stops, server.signal_handler_interrupt)
        announce()

    server.serve(target_loader=lambda: _prepared(app, in_worker), wrap_loader=False)


def _prepared(app: Flask, in_worker: Callable[[], None]) -> Flask:
    """Prepare a new worker to be stopped by its parent alone, by SIGTERM, once.

    Ctrl-C reaches every process of a terminal, and a worker of Granian 2.8 that gets a second
    signal while it stops never ends.
    """
    # Granian's handler of the parent, inherited by the fork, would stop nothing here.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _await({signal.SIGTERM}, _stop_worker)
    in_worker()
    return app


def _stop_worker() -> None:
    stop = signal.getsignal(signal.SIGTERM)
    if not callable(stop):  # Granian has not come to set its own: nobody has been served yet.
        os._exit(0)
    stop(signal.SIGTERM, None)


def _await(signals: Collection[signal.Signals], stop: Callable[[], object]) -> None:
    """Call `stop` at the first of `signals`, in a thread of its own; threads to come block them.

    CPython acts on a signal only when the main thread wakes up. Where it comes while that goes to
    sleep, or two come at once and the kernel gives both to another thread, this may be never.
    """

    def wait() -> None:
        signal.sigwait(signals)
        stop()

    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    threading.Thread(target=wait, daemon=True).start()


def _check_address_is_free(host: str, port: int) -> None:
    """Granian's workers share their port, so it would share it with another service as well."""
    try:
        resolved = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        family, kind, protocol, _, address = resolved[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise CannotListenError(
            f"cannot listen on {host} port {port}: {error.strerror}; set PORT or --host to another"
        ) from None
