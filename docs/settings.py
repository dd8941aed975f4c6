"""Write docs/settings.md anew from the code: `make settings`."""

from collections.abc import Sequence
from pathlib import Path

from registry.configuration import Leaf, Settings, settings_of
from registry.settings import RegistrySettings
from service.batch_prediction.settings import BatchSettings
from service.settings import ServiceSettings
from training.population.settings import PopulationSettings
from training.search.settings import SearchSettings
from training.settings import TrainingSettings

PAGE = Path(__file__).with_name("settings.md")

INTRODUCTION = """\
# Settings

Each is a flag and an environment variable; the flag comes first, and of several variables the first
that is set. An empty variable counts as unset.
A value that is not allowed, or a variable that begins with `ZIFFER_` and is no setting of any
program, stops the program with a message. `make settings` writes this page from the code.
"""

# In this order: what all programs share, then what each adds.
PROGRAMS: dict[str, tuple[type[Settings], str]] = {
    "All programs": (RegistrySettings, "Where the registry is, and which model of it is meant."),
    "`python -m training`": (
        TrainingSettings,
        "What a recipe does not say of itself is as in the textbook's, whose values are the "
        "defaults shown. `--config` names a TOML file with any of these settings by name.",
    ),
    "`python -m training.search`": (
        SearchSettings,
        "In addition to the recipe, the data and the device, which are as above.",
    ),
    "`python -m training.population`": (
        PopulationSettings,
        "In addition to the recipe, the data, the device and the registry, which are as above.",
    ),
    "`python -m service`": (ServiceSettings, "Set by the platform, so there is no file."),
    "`python -m service.batch_prediction`": (
        BatchSettings,
        "[batch.md](batch.md) tells what they are for.",
    ),
}


def page() -> str:
    """The page as it should be."""
    parts, seen = [INTRODUCTION], set[str]()
    for title, (program, sentence) in PROGRAMS.items():
        own = [leaf for leaf in settings_of(program) if leaf.env not in seen]
        seen |= {leaf.env for leaf in own}
        parts.append(f"## {title}\n\n{sentence}\n\n{table(own)}\n")
    return "\n".join(parts)


def table(leaves: Sequence[Leaf]) -> str:
    """A row for each setting."""
    rows = ["| flag | variable | default | meaning |", "|---|---|---|---|"]
    for leaf in leaves:
        default = f" `{leaf.default}` " if leaf.default else " "
        variables = ", ".join(f"`{name}`" for name in leaf.variables)
        rows.append(f"| `{leaf.flag}` | {variables} |{default}| {leaf.field.description} |")
    return "\n".join(rows)


if __name__ == "__main__":
    PAGE.write_text(page())
