"""What can be done with versions: delete, annotate, compare, search, export and import, check."""

import io
import json
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry import bundle, checkup, comparison, deletion, keys, notes, search
from registry.card import Outcomes
from registry.catalog import Registry
from registry.documents import seal
from registry.errors import (
    DeletedError,
    IntegrityError,
    InUseError,
    InvalidNameError,
    NotFoundError,
)
from registry.signing import Signer
from registry.store import Guarantee
from registry.terms import parse
from tests.registry_examples import DIGITS, PRODUCTION, draft, publish
from tests.registry_memory import MemoryStore


@pytest.fixture
def registry() -> Registry:
    return Registry(MemoryStore())


class TestDeleting:
    """Deleting names what is lost, and refuses what is needed."""

    def test_a_deleted_version_is_gone_but_its_number_is_not(self, registry: Registry) -> None:
        publish(registry, b"1")
        publish(registry, b"2")

        deletion.delete(registry.store, DIGITS, 2, reason="trained on the test set")

        with pytest.raises(DeletedError, match=r"version 2 was deleted at .*: trained on the test"):
            registry.card(DIGITS, 2)
        assert publish(registry, b"3").version == 3
        assert registry.versions(DIGITS) == [3, 2, 1]

    def test_what_is_lost_is_named(self, registry: Registry) -> None:
        registry.publish(DIGITS, {"model.onnx": b"same", "extra": b"only here"}, draft())
        publish(registry, b"same")

        lost = deletion.loss(registry.store, DIGITS, 1)

        assert list(lost.only_here) == ["extra"]
        assert lost.size_bytes == 9
        assert registry.card(DIGITS, 1) == lost.card

    def test_what_an_alias_names_cannot_be_deleted(self, registry: Registry) -> None:
        registry.promote(publish(registry), PRODUCTION)

        with pytest.raises(InUseError, match="version 1 is needed: production named it"):
            deletion.delete(registry.store, DIGITS, 1, reason="a drill")
        assert registry.card(DIGITS, 1).version == 1

    def test_an_alias_that_is_moved_there_meanwhile_wins(self, registry: Registry) -> None:
        store = registry.store
        assert isinstance(store, MemoryStore)
        card = publish(registry)

        def promote_first(operation: str, key: str) -> None:
            if operation == "replace":
                store.before = lambda operation, key: None
                registry.promote(card, PRODUCTION)

        store.before = promote_first
        with pytest.raises(InUseError):
            deletion.delete(store, DIGITS, 1, reason="a drill")

        assert registry.card(DIGITS, 1) == card

    def test_nothing_is_deleted_twice(self, registry: Registry) -> None:
        publish(registry)
        deletion.delete(registry.store, DIGITS, 1, reason="a drill")

        with pytest.raises(DeletedError):
            deletion.delete(registry.store, DIGITS, 1, reason="a drill")
        with pytest.raises(NotFoundError):
            deletion.delete(registry.store, DIGITS, 9, reason="a drill")


class TestNotes:
    """What is learned later lies beside the card."""

    def test_notes_are_kept_in_order(self, registry: Registry) -> None:
        card = publish(registry)
        notes.annotate(registry.store, card, text="looks fine")
        notes.annotate(registry.store, card, tags={"team": "vision"}, metrics={"f1": 0.9})

        first, second = notes.notes(registry.store, DIGITS, 1)

        assert (first.text, second.tags, second.metrics) == (
            "looks fine",
            {"team": "vision"},
            {"f1": 0.9},
        )
        assert registry.card(DIGITS, 1) == card

    def test_a_later_note_hides_an_earlier_one(self, registry: Registry) -> None:
        card = publish(registry)
        for team in ("vision", "letters"):
            notes.annotate(registry.store, card, tags={"team": team})

        known = notes.with_notes(card, notes.notes(registry.store, DIGITS, 1))

        assert known.tags == {"team": "letters"}

    def test_versions_do_not_share_notes(self, registry: Registry) -> None:
        first, second = publish(registry, b"1"), publish(registry, b"2")
        notes.annotate(registry.store, first, text="mine")

        assert notes.notes(registry.store, DIGITS, second.version) == []


class TestSearch:
    """Versions are found by name, tag, metric and parameter."""

    @pytest.fixture
    def registry(self, registry: Registry) -> Registry:
        publish(registry, b"1", draft(0.95))
        publish(registry, b"2", draft(0.98, tags={"team": "vision"}, recipe={"width": 128}))
        publish(registry, b"3", draft(0.99), model="letters")
        notes.annotate(
            registry.store, registry.card(DIGITS, 1), tags={"team": "vision"}, metrics={"f1": 0.5}
        )
        return registry

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ([], ["digits 2", "digits 1", "letters 1"]),
            (["accuracy>0.97"], ["digits 2", "letters 1"]),
            (["accuracy>=0.95", "accuracy<0.99"], ["digits 2", "digits 1"]),
            (["name=letters"], ["letters 1"]),
            (["name!=letters", "version>1"], ["digits 2"]),
            (["tag.team=vision"], ["digits 2", "digits 1"]),
            (["f1<0.6"], ["digits 1"]),
            (["recipe.width=64"], ["digits 1", "letters 1"]),
            (["commit=0123abc", "recipe.width>64"], ["digits 2"]),
            (["unknown>0"], []),
            (["name>0"], []),
        ],
    )
    def test_every_condition_must_hold(
        self, registry: Registry, query: list[str], expected: list[str]
    ) -> None:
        found = search.search(registry.store, query)

        assert [f"{card.name} {card.version}" for card in found] == expected

    def test_deleted_versions_are_not_found(self, registry: Registry) -> None:
        deletion.delete(registry.store, DIGITS, 2, reason="a drill")

        assert [card.version for card in search.search(registry.store, [], model=DIGITS)] == [1]

    @pytest.mark.parametrize("text", ["", "accuracy", ">0.9", "accuracy 0.9", "a b>1"])
    def test_what_is_no_condition_is_refused(self, registry: Registry, text: str) -> None:
        with pytest.raises(InvalidNameError, match="write NAME OPERATOR VALUE"):
            search.search(registry.store, [text])

    @given(st.floats(allow_nan=False), st.floats(allow_nan=False))
    def test_numbers_are_compared_as_numbers(self, value: float, limit: float) -> None:
        assert parse(f"a>{limit!r}").holds(value) == (value > limit)
        assert parse(f"a<={limit!r}").holds(value) == (value <= limit)
        assert parse(f"a={limit!r}").holds(value) == (value == limit)


class TestComparison:
    """A comparison shows what matters and nothing else."""

    def test_equal_drafts_do_not_differ(self, registry: Registry) -> None:
        assert comparison.differences(publish(registry), publish(registry)) == []

    def test_differences_have_their_path(self, registry: Registry) -> None:
        left = publish(registry, b"1", draft(0.95, tags={"team": "vision"}))
        right = publish(registry, b"1", draft(0.97, recipe={"hidden_layers": 4, "width": 64}))

        found = {d.path: (d.left, d.right) for d in comparison.differences(left, right)}

        assert found == {
            "metrics.accuracy": (0.95, 0.97),
            "recipe.hidden_layers": (3, 4),
            "tags": (None, {}),
            "tags.team": ("vision", None),
        }

    def test_numbers_say_by_how_much(self, registry: Registry) -> None:
        left, right = publish(registry, draft=draft(0.95)), publish(registry, draft=draft(0.97))

        [difference] = comparison.differences(left, right)

        assert str(difference) == "metrics.accuracy: 0.95 → 0.97 (+0.02)"

    def test_outcomes_are_counted_not_spelled_out(self, registry: Registry) -> None:
        outcomes = [
            Outcomes.of([n < right for n in range(100)], test_set="a" * 64) for right in (95, 97)
        ]
        left, right = (publish(registry, draft=draft(outcomes=one)) for one in outcomes)

        [difference] = comparison.differences(left, right)

        assert (difference.left, difference.right) == ("95 of the examples", "97 of the examples")


class TestBundle:
    """A version travels as one file."""

    def test_a_version_survives_the_journey(self, registry: Registry, tmp_path: Path) -> None:
        card = registry.publish(DIGITS, {"model.onnx": b"model", "extra": b""}, draft())
        other = Registry(MemoryStore())
        publish(other, b"one that was there before")

        bundle.export(registry, card, tmp_path / "v1.tar")
        imported = bundle.import_version(other, tmp_path / "v1.tar")

        assert (imported.version, imported.draft, imported.files) == (2, card.draft, card.files)
        assert other.fetch(imported, "model.onnx") == b"model"

    def test_importing_again_changes_nothing(self, registry: Registry, tmp_path: Path) -> None:
        bundle.export(registry, publish(registry), tmp_path / "v1.tar")
        other = Registry(MemoryStore())

        first = bundle.import_version(other, tmp_path / "v1.tar")

        assert bundle.import_version(other, tmp_path / "v1.tar") == first

    def test_signatures_travel_along(self, registry: Registry, tmp_path: Path) -> None:
        registry.signer = Signer.create(tmp_path / "publisher.pem")
        approver = Signer.create(tmp_path / "approver.pem")
        card = publish(registry)
        notes.sign(registry.store, card, approver)
        other = Registry(MemoryStore())

        bundle.export(registry, card, tmp_path / "v1.tar")
        imported = bundle.import_version(other, tmp_path / "v1.tar")

        assert len(notes.signatures(other.store, imported)) == 2

    def test_the_same_version_makes_the_same_bytes(
        self, registry: Registry, tmp_path: Path
    ) -> None:
        card = publish(registry)
        for name in ("a", "b"):
            bundle.export(registry, card, tmp_path / name)

        assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()

    def test_it_is_an_oci_image_layout(self, registry: Registry, tmp_path: Path) -> None:
        bundle.export(registry, publish(registry), tmp_path / "v1.tar")

        with tarfile.open(tmp_path / "v1.tar") as tar:
            tar.extractall(tmp_path / "layout", filter="data")
        layout = tmp_path / "layout"
        index = json.loads((layout / "index.json").read_bytes())
        manifest = read_blob(layout, index["manifests"][0])
        assert json.loads((layout / "oci-layout").read_bytes()) == {"imageLayoutVersion": "1.0.0"}
        assert json.loads(manifest)["layers"][0]["annotations"] == {
            "org.opencontainers.image.title": "model.onnx"
        }
        assert read_blob(layout, json.loads(manifest)["layers"][0]) == b"model"

    def test_nothing_is_overwritten(self, registry: Registry, tmp_path: Path) -> None:
        (tmp_path / "v1.tar").write_bytes(b"mine")

        with pytest.raises(InvalidNameError, match="cannot write"):
            bundle.export(registry, publish(registry), tmp_path / "v1.tar")

    @given(data=st.data())
    def test_any_flipped_bit_of_content_is_found(self, data: st.DataObject) -> None:
        registry = Registry(MemoryStore())
        card = publish(registry)
        intact = bundle.pack(card, {"model.onnx": b"model"})
        bit = data.draw(st.integers(0, len(intact) * 8 - 1))
        damaged = bytearray(intact)
        damaged[bit // 8] ^= 1 << bit % 8

        try:
            unpacked = bundle.unpack(bytes(damaged))
        except IntegrityError:
            return
        # A bit of tar's padding or of a time stamp says nothing.
        assert unpacked == (card, {"model.onnx": b"model"})

    @pytest.mark.parametrize("body", [b"", b"no tar" * 200, None])
    def test_what_is_no_bundle_is_refused(self, body: bytes | None) -> None:
        if body is None:
            empty = io.BytesIO()
            tarfile.open(fileobj=empty, mode="w").close()
            body = empty.getvalue()

        with pytest.raises(IntegrityError, match="the bundle is not"):
            bundle.unpack(body)


def read_blob(layout: Path, descriptor: dict[str, str]) -> bytes:
    return (layout / "blobs/sha256" / descriptor["digest"].removeprefix("sha256:")).read_bytes()


class TestCheckup:
    """The doctor finds what is wrong, and repairs what can be."""

    @pytest.fixture
    def registry(self, registry: Registry) -> Registry:
        for number in range(3):
            registry.promote(publish(registry, b"%d" % number), PRODUCTION)
        return registry

    def test_a_sound_registry_has_no_findings(self, registry: Registry) -> None:
        found = checkup.examine(registry.store, deep=True)

        assert found.findings == ()
        assert (found.models, found.versions, found.blobs, found.blob_bytes) == (1, 3, 3, 3)
        assert found.guarantee is Guarantee.FULL

    def test_an_empty_store_has_no_findings(self) -> None:
        assert checkup.examine(MemoryStore()).findings == ()

    def test_lost_bytes_are_found(self, registry: Registry) -> None:
        registry.store.delete(keys.blob(registry.card(DIGITS, 2).files["model.onnx"].digest))

        [finding] = checkup.examine(registry.store).findings

        assert finding.where == "digits version 2, model.onnx"
        assert "has lost blobs/sha256/" in finding.what

    def test_damaged_bytes_are_found_by_looking_deep(self, registry: Registry) -> None:
        registry.store.put(keys.blob(registry.card(DIGITS, 2).files["model.onnx"].digest), b"X")

        assert checkup.examine(registry.store).findings == ()
        [finding] = checkup.examine(registry.store, deep=True).findings
        assert "is damaged" in finding.what

    def test_a_damaged_card_is_found_and_stops_nothing(self, registry: Registry) -> None:
        registry.store.put(keys.card(DIGITS, 1), b"{}")

        [finding] = checkup.examine(registry.store).findings

        assert finding.where == keys.card(DIGITS, 1)

    def test_a_gap_is_found(self, registry: Registry) -> None:
        registry.store.delete(keys.card(DIGITS, 2))

        [finding] = checkup.examine(registry.store).findings

        assert finding.what == "is missing: a gap"

    @pytest.mark.parametrize("harm", ["behind", "damaged", "gone"])
    def test_a_pointer_is_repaired_from_the_log(self, registry: Registry, harm: str) -> None:
        pointer = keys.pointer(DIGITS, PRODUCTION)
        if harm == "behind":
            registry.store.put(pointer, seal(registry.log(DIGITS, PRODUCTION)[1]))
        elif harm == "damaged":
            registry.store.put(pointer, b"{}")
        else:
            registry.store.delete(pointer)
        assert checkup.examine(registry.store).findings

        found = checkup.examine(registry.store, repair=True)

        assert found.repaired == ("digits@production: brought the pointer up to the log",)
        assert found.findings == ()
        assert registry.resolve(DIGITS, PRODUCTION).card.version == 3

    def test_a_store_for_one_writer_is_a_finding(self, registry: Registry) -> None:
        assert isinstance(registry.store, MemoryStore)
        registry.store.kept_apart = Guarantee.NONE

        [finding] = checkup.examine(registry.store).findings

        assert finding.where == "store"
