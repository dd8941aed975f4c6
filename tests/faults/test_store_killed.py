"""The store is killed by SIGKILL and started again, while others write to it."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from registry import audit
from registry.documents import sha256
from registry.probe import remember
from registry.settings import open_registry
from registry.store import Guarantee
from tests import programs
from tests.faults.writers import (
    acknowledged,
    await_acknowledged,
    check_nothing_is_lost,
    writing,
)
from tests.programs import QUICK_RECIPE, environment
from tests.registry_examples import DIGITS, PRODUCTION
from tests.registry_proxy import Fault, proxied
from tests.registry_servers import BUCKET, SeaweedFS
from tests.test_service_follower import variables

pytestmark = pytest.mark.faults


def test_nothing_acknowledged_is_lost_with_the_store(seaweed: SeaweedFS, tmp_path: Path) -> None:
    settings = seaweed.server.settings(tmp_path / "cache", s3_timeout_s=1)
    open_registry(settings).require_safe_writes()
    notes = tmp_path / "notes"
    notes.mkdir()

    with writing(settings, notes):
        programs.until(lambda: len(list(notes.iterdir())) == 3)
        await_acknowledged(notes, 5)
        seaweed.kill()
        seaweed.start()
        await_acknowledged(notes, 5)

    moves = [note for note in acknowledged(notes) if "sequence" in note]
    assert len(moves) > 3
    check_nothing_is_lost(open_registry(settings), acknowledged(notes))


@pytest.mark.parametrize("is_stored", [False, True])
def test_training_whose_store_is_killed_is_published_once(
    is_stored: bool, seaweed: SeaweedFS, tmp_path: Path
) -> None:
    """At the very request that makes it a version; what the training said then is done."""
    with proxied(seaweed.server) as (proxy, front):
        settings = front.settings(tmp_path / "cache", s3_timeout_s=2)
        remember(tmp_path / "cache", f"{front.endpoint} {BUCKET}", Guarantee.FULL)
        env = environment(
            **variables(settings),
            **QUICK_RECIPE,
            ZIFFER_TRAIN_EPOCHS=3,
            ZIFFER_TRAIN_CHECKPOINT_DIR=tmp_path / "checkpoints",
            ZIFFER_TRAIN_UNPUBLISHED_DIR=tmp_path / "unpublished",
        )
        commits = 0

        def plan(_: int) -> Fault:
            nonlocal commits
            request = proxy.requests[-1]
            commits += request.method == "PUT" and "/versions/" in request.path
            if commits == 1 and is_stored:
                commits += 1
                return Fault.UNANSWERED
            if commits:
                seaweed.kill()
                return Fault.LOST
            return Fault.NONE

        proxy.reset(plan)
        training = programs.run("training", env=env)
        proxy.reset()
        seaweed.start()
        (kept,) = (tmp_path / "unpublished").iterdir()
        advice = (kept / "how-to-publish.txt").read_text()
        (command,) = re.findall(r"^  python (-m registry publish .*)$", advice, re.MULTILINE)
        for _ in range(2):
            subprocess.run(
                [sys.executable, *shlex.split(command)], cwd=programs.ROOT, env=env, check=True
            )

        assert training.returncode == 1
        assert "Traceback" not in training.stderr
        assert advice.strip() in training.stderr
        registry = open_registry(settings)
        assert registry.versions(DIGITS) == [1]
        card = registry.card(DIGITS, 1)
        assert card.publish_id == kept.name
        for name, file in card.files.items():
            assert sha256(registry.fetch(card, name)) == file.digest
        registry.promote(card, PRODUCTION)
        assert audit.verify(registry.store, DIGITS, PRODUCTION).findings == ()
