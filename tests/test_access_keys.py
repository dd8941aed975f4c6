"""API keys: their file, the command that makes them, and the ring that follows the file."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from registry.configuration import SettingsError
from service.access.__main__ import main
from service.access.key_ring import KeyRing
from service.access.keys import KeyEntry, describe, digest_of, new_key, parse

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def table(name: str, key: str, *scopes: str) -> str:
    entry = KeyEntry.model_validate(
        {"created": NOON, "scopes": scopes or ["predict"], "sha256": digest_of(key).hex()}
    )
    return describe(name, entry)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "keys.toml"


def make(file: Path, *arguments: str) -> int:
    return main(["new", *arguments, "--file", str(file)])


def test_printed_key_is_the_one_in_the_file(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert make(file, "laptop", "--scope", "predict") == 0
    key = capsys.readouterr().out.strip()

    assert key not in file.read_text()
    found = KeyRing(file, pytest.fail).find(key)
    assert found is not None
    assert found.name == "laptop"
    assert found.scopes == {"predict"}


def test_new_key_leaves_the_rest_of_the_file_alone(file: Path) -> None:
    before = f"# Ask Ada before you change this.\n{table('ada', 'A')}# No newline here"
    file.write_text(before)
    file.chmod(0o640)

    assert make(file, "bob", "--scope", "admin", "--scope", "predict", "--days", "30") == 0

    assert file.read_text().startswith(before)
    assert file.stat().st_mode & 0o777 == 0o640
    entries = parse(file.read_bytes(), "keys")
    assert list(entries) == ["ada", "bob"]
    assert entries["bob"].scopes == {"admin", "predict"}
    assert entries["bob"].expires is not None
    assert (entries["bob"].expires - entries["bob"].created).days == 30


def test_taken_name_changes_nothing(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(table("ada", "A"))

    assert make(file, "ada", "--scope", "admin") == 2

    output = capsys.readouterr()
    assert output.out == ""
    assert "has a key ada already" in output.err
    assert file.read_text() == table("ada", "A")


def test_list_shows_all_but_hashes(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(table("ada", "A", "admin"))

    assert main(["list", "--file", str(file)]) == 0

    shown = capsys.readouterr().out
    assert shown == "ada\tadmin\tcreated 2026-01-01\tnever expires\n"


def test_keys_are_long_and_all_different() -> None:
    keys = {new_key() for _ in range(100)}

    assert len(keys) == 100
    assert {len(key) for key in keys} == {len("ziffer_") + 43}  # 256 bits in base 64


@pytest.mark.parametrize("length", range(len(table("bob", "B"))))
def test_beginning_of_an_entry_is_no_key(length: int) -> None:
    written = table("ada", "A") + table("bob", "B")[:length]

    try:
        entries = parse(written.encode(), "keys")
    except SettingsError:
        return

    # All of the new key but the line's end, or none of it.
    whole = length == len(table("bob", "B")) - 1
    assert list(entries) == (["ada", "bob"] if whole else ["ada"])


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("sha256 = 1", r"keys: \[sha256\]: Input should be a valid dictionary"),
        ("[ada]", r"keys: \[ada\] created: Field required"),
        ("[ada", "keys is not valid TOML"),
        ("[ada]\n[ada]", "keys is not valid TOML"),
        ("\x00", "keys is not valid TOML"),
        ("a=" + "[" * 100_000, "keys is not valid TOML"),
        (table("ada", "A").replace("predict", "root"), "Input should be 'predict' or 'admin'"),
        (table("ada", "A").replace('"predict"', ""), r"\[ada\] scopes: .* at least 1 item"),
        (table("ada", "A").replace(":00Z", ":00"), "created: Input should have timezone info"),
        (table("ada", "A") + "limit = 5", r"\[ada\] limit: Extra inputs are not permitted"),
        (table("ada", "A") + table("bob", "A"), r"\[ada\] and \[bob\] have the same sha256"),
        (table("'a b'", "A"), r"keys: \[a b\]: String should match pattern"),
    ],
)
def test_wrong_file_is_refused_with_the_place(content: str, complaint: str) -> None:
    with pytest.raises(SettingsError, match=complaint):
        parse(content.encode(), "keys")


def test_key_in_the_place_of_its_hash_is_not_repeated() -> None:
    key = new_key()
    content = table("ada", "A").replace(digest_of("A").hex(), key)

    with pytest.raises(SettingsError, match=r"\[ada\] sha256") as refusal:
        parse(content.encode(), "keys")

    assert key not in str(refusal.value)


def test_missing_file_is_an_error_at_the_start(file: Path) -> None:
    with pytest.raises(SettingsError, match=r"keys\.toml: No such file"):
        KeyRing(file, pytest.fail)


def test_wrong_keys_are_not_found(file: Path) -> None:
    key = new_key()
    file.write_text(table("ada", key))
    ring = KeyRing(file, pytest.fail)

    assert ring.find(key) is not None
    for wrong in ("", key[:-1], key + "A", key.upper(), f" {key}", digest_of(key).hex(), "ü\udcff"):
        assert ring.find(wrong) is None


def test_changed_file_is_read_within_a_second(file: Path) -> None:
    file.write_text(table("ada", "A"))
    clock, lines = Clock(), list[str]()
    ring = KeyRing(file, lines.append, clock)

    file.write_text(table("bob", "B"))
    clock.now_s += 0.9
    assert ring.find("A") is not None
    clock.now_s += 0.2

    assert ring.find("A") is None
    assert ring.find("B") is not None
    assert lines == [f"{file} was read again: 1 API keys"]


def test_damaged_file_keeps_the_old_keys(file: Path) -> None:
    file.write_text(table("ada", "A"))
    clock, lines = Clock(), list[str]()
    ring = KeyRing(file, lines.append, clock)

    file.write_text("[ada")
    for _ in range(3):
        clock.now_s += 2
        assert ring.find("A") is not None
    file.unlink()
    for _ in range(3):
        clock.now_s += 2
        assert ring.find("A") is not None
    file.write_text(table("ada", "A"))
    clock.now_s += 2
    assert ring.find("A") is not None

    assert ["not valid TOML" in lines[0], "No such file" in lines[1], "read again" in lines[2]] == [
        True,
        True,
        True,
    ]
    assert len(lines) == 3
