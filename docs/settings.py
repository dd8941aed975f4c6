"""Write README's tables of settings anew from the code: `make settings`."""

import re
from collections.abc import Sequence
from pathlib import Path

from registry.configuration import Leaf, Settings, settings_of
from registry.settings import RegistrySettings
from service.settings import ServiceSettings
from training.settings import TrainingSettings

README = Path(__file__).parent.parent / "README.md"


def table(leaves: Sequence[Leaf]) -> str:
    """A row for each setting."""
    rows = ["| flag | variable | default | meaning |", "|---|---|---|---|"]
    for leaf in leaves:
        default = f" `{leaf.default}` " if leaf.default else " "
        rows.append(f"| `{leaf.flag}` | `{leaf.env}` |{default}| {leaf.field.description} |")
    return "\n".join(rows)


def own(program: type[Settings]) -> list[Leaf]:
    """The settings of a program without those that all share."""
    shared = {leaf.env for leaf in settings_of(RegistrySettings)}
    return [leaf for leaf in settings_of(program) if leaf.env not in shared]


def renewed(readme: str) -> str:
    """README with its three tables, in their order, as they should be."""
    tables = iter(
        [
            table(settings_of(RegistrySettings)),
            table(own(TrainingSettings)),
            table(own(ServiceSettings)),
        ]
    )
    pattern = r"\| flag \| variable \|.*?(?=\n\n)"
    return re.sub(pattern, lambda _: next(tables), readme, flags=re.DOTALL)


if __name__ == "__main__":
    README.write_text(renewed(README.read_text()))
