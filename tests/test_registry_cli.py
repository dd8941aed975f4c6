"""`python -m registry`: every command, as people and as programs use it."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from registry import keys
from registry.__main__ import main
from registry.catalog import Registry
from registry.local import LocalStore
from registry.settings import RegistrySettings, open_registry
from tests.registry_examples import DIGITS, PRODUCTION, draft, publish

ROOT = Path(__file__).parent.parent
Program = Callable[..., tuple[int, str]]


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """A registry where the environment says that it is."""
    for name in [name for name in os.environ if name.startswith("ZIFFER_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("ZIFFER_STORE", str(tmp_path / "store"))
    return open_registry(RegistrySettings(store=str(tmp_path / "store")))


@pytest.fixture
def program(registry: Registry, capsys: pytest.CaptureFixture[str]) -> Program:
    """Run one command: its exit status, and what it printed."""

    def run(*arguments: str) -> tuple[int, str]:
        status = main(arguments)
        printed = capsys.readouterr()
        return status, printed.out + printed.err

    return run


@pytest.fixture
def read(registry: Registry, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """Run one command with --json: what it printed."""

    def run(*arguments: str) -> Any:  # noqa: ANN401 - any JSON value
        main([*arguments, "--json"])
        return json.loads(capsys.readouterr().out)

    return run


def test_publish_takes_files_and_a_card(
    program: Program, registry: Registry, tmp_path: Path
) -> None:
    (tmp_path / "model.onnx").write_bytes(b"model")
    (tmp_path / "card.json").write_text(draft().model_dump_json())
    command = ["publish", str(tmp_path / "model.onnx"), "--card", str(tmp_path / "card.json")]

    assert program(*command) == (0, "published digits version 1\n")
    assert registry.fetch(registry.card(DIGITS, 1), "model.onnx") == b"model"
    assert program(*command, "--publish-id", "run-17") == (0, "published digits version 2\n")
    assert program(*command, "--publish-id", "run-17") == (0, "published digits version 2\n")


def test_publish_takes_a_directory(program: Program, registry: Registry, tmp_path: Path) -> None:
    (tmp_path / "files/report").mkdir(parents=True)
    (tmp_path / "files/model.onnx").write_bytes(b"model")
    (tmp_path / "files/report/loss.svg").write_bytes(b"<svg/>")
    (tmp_path / "card.json").write_text(draft().model_dump_json())
    command = ["publish", str(tmp_path / "files"), "--card", str(tmp_path / "card.json")]

    assert program(*command) == (0, "published digits version 1\n")
    card = registry.card(DIGITS, 1)
    assert sorted(card.files) == ["model.onnx", "report/loss.svg"]
    assert registry.fetch(card, "report/loss.svg") == b"<svg/>"


def test_publish_refuses_an_empty_directory(program: Program, tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()

    status, printed = program("publish", str(tmp_path / "files"), "--card", "card.json")

    assert status == 2
    assert "there is no file in" in printed


@pytest.mark.parametrize(
    ("card", "message"), [("{}", "recipe: Field required"), (None, "cannot read")]
)
def test_publish_says_what_the_card_lacks(
    program: Program, tmp_path: Path, card: str | None, message: str
) -> None:
    (tmp_path / "model.onnx").write_bytes(b"model")
    if card:
        (tmp_path / "card.json").write_text(card)

    status, printed = program(
        "publish", str(tmp_path / "model.onnx"), "--card", str(tmp_path / "card.json")
    )

    assert status == 2
    assert message in printed


def test_list_shows_versions_metrics_and_aliases(program: Program, registry: Registry) -> None:
    registry.promote(publish(registry, b"1"), PRODUCTION)
    publish(registry, b"2", draft(0.98))

    status, printed = program("list")

    lines = printed.splitlines()
    assert status == 0
    assert lines[0].split() == ["model", "version", "created", "(UTC)", "metrics", "aliases"]
    assert "accuracy 0.98" in lines[1]
    assert lines[2].endswith("production")


def test_show_tells_all_of_one_version(
    program: Program, read: Callable[..., Any], registry: Registry
) -> None:
    card = publish(registry)
    registry.promote(card, PRODUCTION)
    program("note", "1", "--tag", "team=vision", "--metric", "f1=0.5", "--text", "looks fine")

    status, printed = program("show")

    assert status == 0
    assert "team=vision" in printed
    assert card.files["model.onnx"].digest in printed
    assert read("show", "1")["notes"][0]["text"] == "looks fine"
    assert read("show", "@production") == read("show", "1")


def test_show_of_an_unset_alias_exits_with_4(program: Program) -> None:
    status, printed = program("show")

    assert status == 4
    assert "registry: digits has no alias 'production'" in printed


def test_promote_rollback_and_log(program: Program, registry: Registry) -> None:
    for number in range(2):
        publish(registry, b"%d" % number)
    assert program("promote", "1", "--expect", "none")[0] == 0
    assert program("promote", "2", "--expect", "1", "--reason", "better")[0] == 0
    assert program("rollback", "--expect", "2", "--reason", "worse")[0] == 0

    status, printed = program("log")

    assert status == 0
    told = [line.split() for line in printed.splitlines()[1:]]
    assert [(line[0], line[3], line[4], line[-1]) for line in told] == [
        ("3", "rollback", "1", "worse"),
        ("2", "promote", "2", "better"),
        ("1", "promote", "1", told[2][-1]),
    ]


def test_a_conflict_exits_with_3(program: Program, registry: Registry) -> None:
    registry.promote(publish(registry, b"1"), PRODUCTION)
    publish(registry, b"2")

    status, printed = program("promote", "2", "--expect", "7")

    assert status == 3
    assert "is at version 1, expected version 7" in printed


def test_a_refusal_exits_with_6_and_is_listed(
    program: Program, read: Callable[..., Any], registry: Registry
) -> None:
    publish(registry, draft=draft(0.2))

    status, printed = program("promote", "1", "--reason", "it is friday")

    assert status == 6
    assert "accuracy is 0.2, off by 0.3" in printed
    assert "accuracy>=0.5" in program("log", "--refusals")[1]
    assert read("log", "--refusals")[0]["reason"] == "it is friday"


def test_force_shows_what_it_overruled(program: Program, registry: Registry) -> None:
    publish(registry, draft=draft(0.2))

    assert program("promote", "1", "--force")[0] == 6
    status, printed = program("promote", "1", "--force", "--reason", "a drill")

    assert status == 0
    assert "overruled: accuracy>=0.5" in printed
    assert "promote (forced)" in program("log")[1]


def test_log_verify_prints_an_anchor_and_holds_to_it(
    program: Program, read: Callable[..., Any], registry: Registry
) -> None:
    registry.promote(publish(registry, b"1"), PRODUCTION)
    status, printed = program("log", "--verify")
    anchor = printed.split()[-1]
    assert status == 0
    assert program("log", "--verify", "--anchor", anchor)[0] == 0

    registry.store.delete(keys.log_entry(DIGITS, PRODUCTION, 1))
    status, printed = program("log", "--verify", "--anchor", anchor)

    assert status == 5
    assert "entries were removed" in printed
    assert len(read("log", "--verify", "--anchor", anchor)["findings"]) == 2


def test_log_as_of_answers_who_was_production(program: Program, registry: Registry) -> None:
    registry.promote(publish(registry), PRODUCTION)

    assert "is version 1 since" in program("log", "--as-of", "2999-01-01T00:00:00")[1]
    assert program("log", "--as-of", "2000-01-01")[0] == 4


def test_diff_and_search(program: Program, registry: Registry) -> None:
    publish(registry, b"1", draft(0.95))
    publish(registry, b"1", draft(0.98))

    assert program("diff", "1", "2") == (0, "metrics.accuracy: 0.95 → 0.98 (+0.03)\n")
    assert program("diff", "1", "1") == (0, "no difference\n")
    assert len(program("search", "accuracy>0.97")[1].splitlines()) == 2
    assert program("search", "nonsense")[0] == 2


def test_verify_reads_every_byte_and_names_who_signed(
    program: Program, read: Callable[..., Any], registry: Registry, tmp_path: Path
) -> None:
    card = publish(registry)
    public = read("keygen", str(tmp_path / "ci.pem"))["public_key"]
    (tmp_path / "policy.json").write_text(json.dumps({"keys": {"ci": public}}))
    policy = ["--policy", str(tmp_path / "policy.json")]
    assert "signed by nobody" in program("verify", "1", *policy)[1]

    assert program("sign", "1", "--signing-key", str(tmp_path / "ci.pem"))[0] == 0
    assert read("verify", "1", *policy)["signed_by"] == ["ci"]

    registry.store.put(keys.blob(card.files["model.onnx"].digest), b"X")
    status, printed = program("verify", "1")
    assert status == 5
    assert "is damaged" in printed


def test_gc_is_a_dry_run_unless_told(program: Program, registry: Registry) -> None:
    registry.store.put(keys.blob("a" * 64), b"garbage")

    status, printed = program("gc", "--grace-days", "0")
    assert status == 0
    assert "nothing was done: this was a dry run" in printed
    assert registry.store.listing(keys.BLOBS)

    assert "set aside   1" in program("gc", "--grace-days", "0", "--apply")[1]
    assert not registry.store.listing(keys.BLOBS)
    assert program("gc", "--hold-hours", "1")[0] == 2


def test_doctor_finds_and_repairs(program: Program, registry: Registry) -> None:
    registry.promote(publish(registry), PRODUCTION)
    assert program("doctor", "--deep")[0] == 0
    registry.store.delete(keys.pointer(DIGITS, PRODUCTION))

    status, printed = program("doctor")
    assert status == 5
    assert "WRONG      digits@production" in printed

    status, printed = program("doctor", "--repair")
    assert status == 0
    assert "repaired   digits@production" in printed


def test_delete_tells_first_and_wants_a_reason(program: Program, registry: Registry) -> None:
    registry.promote(publish(registry, b"1"), PRODUCTION)
    publish(registry, b"2")

    assert "version 2, with model.onnx (1 B), would be lost" in program("delete", "2")[1]
    assert program("delete", "2", "--apply")[0] == 2
    assert program("delete", "1")[0] == 6
    assert program("delete", "2", "--apply", "--reason", "a drill")[0] == 0
    assert program("show", "2")[0] == 4


def test_fetch_writes_one_file_of_a_version(
    program: Program, registry: Registry, tmp_path: Path
) -> None:
    publish(registry, b"the model")
    path = tmp_path / "fetched.onnx"

    assert program("fetch", "model.onnx", "1", "--output", str(path))[0] == 0
    assert path.read_bytes() == b"the model"
    assert program("fetch", "model.onnx", "1", "--output", str(path))[0] == 2
    assert program("fetch", "no.such.file", "1")[0] == 4


def test_export_and_import(program: Program, registry: Registry, tmp_path: Path) -> None:
    publish(registry)
    file = str(tmp_path / "v1.tar")

    assert program("export", file, "1")[0] == 0
    assert program("import", file) == (0, "imported as digits version 2\n")
    assert program("export", file, "1")[0] == 2
    (tmp_path / "v1.tar").write_bytes(b"torn")
    assert program("import", file)[0] == 5


def test_an_unknown_command_is_wrong_usage(program: Program) -> None:
    with pytest.raises(SystemExit) as caught:
        program("frobnicate")

    assert caught.value.code == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["list", "--store", "ftp://x"], "ftp:// is no kind of store"),
        (["list", "--model", "No Name"], "is not a name"),
        (["list", "--s3-checksums", "never"], "when_supported"),
        (["list", "--policy", "/nowhere/policy.json"], "cannot read the policy"),
        (["list", "--signing-key", "/nowhere/key.pem"], "cannot read the signing key"),
    ],
)
def test_an_impossible_setting_is_named(
    program: Program, arguments: list[str], message: str
) -> None:
    status, printed = program(*arguments)

    assert status == 2
    assert message in printed


def test_errors_are_json_too(program: Program, read: Callable[..., Any]) -> None:
    assert read("show")["error"] == "NotFoundError"


def test_every_command_is_listed_and_explained(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])

    listed = capsys.readouterr().out
    commands = (
        "publish list show diff search note promote rollback log watch "
        "verify reproduce gc doctor delete fetch export import sign keygen"
    )
    for command in commands.split():
        assert re.search(rf"^    {command}\s", listed, re.MULTILINE)
    assert "exit status:" in listed


def test_watch_prints_each_move(registry: Registry) -> None:
    registry.promote(publish(registry, b"1"), PRODUCTION)
    second = publish(registry, b"2")
    command = [sys.executable, "-m", "registry", "watch", "--interval", "0.01", "--json"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        first = json.loads(process.stdout.readline())
        registry.promote(second, PRODUCTION)
        moved = json.loads(process.stdout.readline())
        process.kill()

    assert [first["card"]["version"], moved["card"]["version"]] == [1, 2]


def test_a_directory_needs_neither_boto3_nor_numpy(registry: Registry) -> None:
    registry.promote(publish(registry), PRODUCTION)
    program = (
        "import sys; from registry.__main__ import main;"
        "assert main(['show']) == 0; assert main(['doctor']) == 0;"
        "sys.exit(bool({'boto3', 'botocore', 'numpy', 'cryptography'} & sys.modules.keys()))"
    )

    told = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert (told.returncode, told.stderr) == (0, "")


def test_a_directory_needs_the_standard_library_and_pydantic_alone(registry: Registry) -> None:
    assert isinstance(registry.store, LocalStore)
    program = (
        "import sys; before = set(sys.modules);"
        "from registry.__main__ import main; main(['doctor']);"
        "files = {n: sys.modules[n].__dict__.get('__file__') for n in sys.modules.keys() - before};"
        "print(*{n.split('.')[0] for n, file in files.items() if 'site-packages' in str(file)})"
    )

    told = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )

    foreign = set(told.stdout.splitlines()[-1].split())
    assert foreign <= {
        "annotated_types",
        "pydantic",
        "pydantic_core",
        "typing_extensions",
        "typing_inspection",
    }
