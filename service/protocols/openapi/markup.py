"""The OpenAPI document as a page for people, which needs neither scripts nor anything from afar."""

import re
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup, escape

from service.protocols.openapi.kinds import KINDS, title_of
from service.protocols.openapi.reading import chapters, members, type_in_words

TEMPLATES = Path(__file__).parents[2] / "templates"


def render(document: dict[str, Any]) -> str:
    """The page."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"code": _code, "members": members, "type_in_words": type_in_words}
    return environment.get_template("docs.html").render(
        info=document["info"],
        chapters=chapters(document),
        kinds=KINDS,
        title_of=title_of,
        schemas=document["components"]["schemas"],
    )


def _code(text: str) -> Markup:
    """`text` with what is between backticks as code, which is how docstrings have it."""
    return Markup(re.sub("`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped
