"""Open what keeps the trials: a journal in a file, or a database."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import optuna
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

# After so long, whoever holds the journal's lock must have died.
_LOCK_GRACE_S = 10

# SQLite lets one process write at a time; the others wait.
_SQLITE_WAIT_S = 60


class StorageError(Exception):
    """The trials cannot be kept, or not be read; the text says where, and why."""


def open_storage(address: str) -> BaseStorage:
    """The storage at `address`, a path or a database's; raises StorageError."""
    with reporting(address):
        return _open_database(address) if "://" in address else _open_journal(Path(address))


@contextmanager
def reporting(address: str) -> Iterator[None]:
    """Turn what fails in the storage into a StorageError that hides a database's password."""
    try:
        yield
    except (SQLAlchemyError, ImportError, OSError) as error:
        raise StorageError(_explain(address, error)) from None
    except optuna.exceptions.StorageInternalError as error:
        raise StorageError(_explain(address, error.__cause__ or error)) from None


def _open_database(address: str) -> RDBStorage:
    waiting = {"connect_args": {"timeout": _SQLITE_WAIT_S}} if address.startswith("sqlite") else {}
    try:
        return RDBStorage(address, waiting)
    # Tables of another version of Optuna; an address with a port that is no number.
    except (RuntimeError, ValueError) as error:
        raise StorageError(_explain(address, error)) from None


def _open_journal(path: Path) -> JournalStorage:
    path = path.resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = JournalFileOpenLock(str(path), grace_period=_LOCK_GRACE_S)
    try:
        _cut_torn_line(path, lock)
        return JournalStorage(JournalFileBackend(str(path), lock))
    except (ValueError, KeyError, TypeError):
        raise StorageError(
            f"--storage is '{path}', but that file is no journal of trials"
        ) from None


def _cut_torn_line(path: Path, lock: JournalFileOpenLock) -> None:
    """Forget the line that a process did not live to finish; the next would continue it."""
    if not path.exists():
        return
    lock.acquire()
    try:
        with path.open("rb+") as journal:
            content = journal.read()
            if not content.endswith(b"\n"):
                journal.truncate(content.rfind(b"\n") + 1)
    finally:
        lock.release()


def shown(address: str) -> str:
    """The address for people: without its password."""
    if "://" not in address:
        return address
    return make_url(address).render_as_string(hide_password=True)


def _explain(address: str, error: BaseException) -> str:
    try:
        address = shown(address)
    except (SQLAlchemyError, ValueError):  # It may hold a password.
        return "--storage cannot be read: expected a path or an address such as sqlite:///path"
    if isinstance(error, ImportError):
        return f"cannot use --storage {address}: its driver is not installed ({error.__cause__})"
    reason = getattr(error, "orig", None) or getattr(error, "strerror", None) or error
    first, *_ = str(reason).strip().splitlines() or [type(error).__name__]
    return f"cannot use --storage {address}: {first}"
