"""As many processes as a machine has room for, and no more than a container may use."""

import os
from pathlib import Path

import pytest

from service.cpus import available_cpus


@pytest.mark.parametrize(
    ("quota", "expected"),
    [
        ("max 100000\n", 8),
        ("200000 100000\n", 2),
        ("150000 100000\n", 1),
        ("5000 100000\n", 1),
        ("6400000 100000\n", 8),
    ],
)
def test_a_containers_quota_counts(
    quota: str, expected: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    file = tmp_path / "cpu.max"
    file.write_text(quota)

    assert available_cpus(file) == expected


def test_a_system_without_affinities_counts_its_cpus(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 6)

    assert available_cpus(tmp_path / "none") == 6
