"""The OpenAPI document as people read it: chapters, commands to try, tables of members."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from service.http import JSON

Document = dict[str, Any]

# Where the commands shown look for the service and find their files.
SERVICE = "http://127.0.0.1:8000"
_SUFFIXES = {
    "application/jsonlines": "jsonl",
    "application/octet-stream": "bin",
    "application/x-npy": "npy",
    "application/x-npz": "npz",
    "text/csv": "csv",
}
_LONGEST_LINE = 90
_LONGEST_LIST = 10
_SHOWN_ITEMS = 4


class Request(NamedTuple):
    """One form of a body, and how to send it."""

    media_types: str
    curl: str
    example: str
    schema: str


class Answer(NamedTuple):
    """One answer."""

    status: str
    description: str
    media_types: str
    example: str
    schema: str
    kinds: list[str]
    """Of errors."""


class Entry(NamedTuple):
    """One operation."""

    id: str
    method: str
    path: str
    summary: str
    description: str
    is_open: bool
    """Whether it needs no key where all others do."""
    parameters: list[Document]
    requests: list[Request]
    answers: list[Answer]


class Chapter(NamedTuple):
    """The operations of one protocol."""

    title: str
    entries: list[Entry]


class Member(NamedTuple):
    """A member of a body."""

    name: str
    type: str
    is_required: bool
    description: str


def chapters(document: Document) -> list[Chapter]:
    """All operations by their tags, in the order of both."""
    entries = [
        (operation["tags"][0], _entry(document, path, method, operation))
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    chapters = [
        Chapter(tag["name"], [entry for name, entry in entries if name == tag["name"]])
        for tag in document["tags"]
    ]
    return [chapter for chapter in chapters if chapter.entries]


def members(schema: Document) -> list[Member]:
    """What the objects of a schema hold."""
    required = schema.get("required", [])
    return [
        Member(name, type_in_words(part), name in required, part.get("description", ""))
        for name, part in schema.get("properties", {}).items()
    ]


def type_in_words(schema: Document) -> str:
    """The type of a value, as short as it can be said."""
    if "$ref" in schema:
        return _name(schema)
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return " or ".join(dict.fromkeys(map(type_in_words, schema[several])))
    if "const" in schema or "enum" in schema:
        return " or ".join(json.dumps(value) for value in schema.get("enum", [schema.get("const")]))
    return _plain_type(schema)


def _plain_type(schema: Document) -> str:
    kind = schema.get("type", "any value")
    if kind == "array":
        length = f"{schema['maxItems']} × " if "maxItems" in schema else "list of "
        return length + type_in_words(schema.get("items", {}))
    if "minimum" in schema and "maximum" in schema:
        return f"{kind} {schema['minimum']} to {schema['maximum']}"
    return str(kind)


def _entry(document: Document, path: str, method: str, operation: Document) -> Entry:
    return Entry(
        operation["operationId"],
        method.upper(),
        path,
        operation["summary"],
        operation.get("description", ""),
        operation.get("security") == [],
        [_resolved(document, part) for part in operation.get("parameters", [])],
        list(_requests(document, path, method, operation)),
        [_answer(document, status, answer) for status, answer in operation["responses"].items()],
    )


def _requests(document: Document, path: str, method: str, operation: Document) -> Iterator[Request]:
    url = f"{SERVICE}{path}".replace("{version}", "1").replace("{name}", "digits")
    url = url.replace("{model}", document["components"]["parameters"]["model"]["schema"]["enum"][0])
    content = operation.get("requestBody", {}).get("content", {})
    if not content:
        verb = "" if method == "get" else "--request POST "
        yield Request("", f"curl {verb}{url}", "", "")
    images = [media_type for media_type in content if media_type.startswith("image/")]
    for media_type, form in content.items():
        if media_type in images[1:]:  # They are sent alike.
            continue
        types = ", ".join(images) if media_type in images else media_type
        example = _example(document, form)
        yield Request(types, _curl(media_type, url), example, _name(form["schema"]))


def _curl(media_type: str, url: str) -> str:
    if media_type == JSON:
        return f"curl --json @request.json {url}"
    if media_type == "multipart/form-data":
        return f"curl --form image=@digit.png {url}"
    family, _, kind = media_type.partition("/")
    file = f"digit.{kind}" if family == "image" else f"images.{_SUFFIXES[media_type]}"
    return f"curl --data-binary @{file} --header 'Content-Type: {media_type}' {url}"


def _answer(document: Document, status: str, answer: Document) -> Answer:
    content = answer.get("content", {})
    form: Document = next(iter(content.values()), {})
    is_problem = _name(form.get("schema", {})) == "Problem"
    return Answer(
        status,
        answer["description"],
        ", ".join(content),
        "" if is_problem else _example(document, form),
        _name(form.get("schema", {})),
        list(form["examples"]) if is_problem else [],
    )


def _example(document: Document, form: Document) -> str:
    for example in form.get("examples", {}).values():
        return written(_resolved(document, example)["value"])
    return ""


def written(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """`value` as JSON for people: long lists are cut short, long objects broken into lines."""
    line = _line(value)
    return line if len(line) <= _LONGEST_LINE else _line(value, between=",\n ")


def _line(value: Any, *, between: str = ", ") -> str:  # noqa: ANN401 - any JSON value
    if isinstance(value, dict):
        parts = [f"{json.dumps(name)}: {_line(part)}" for name, part in value.items()]
        return f"{{{between.join(parts)}}}"
    if isinstance(value, list):
        shown = value[:_SHOWN_ITEMS] if len(value) > _LONGEST_LIST else value
        dots = ["…"] if len(shown) < len(value) else []
        return f"[{', '.join([*map(_line, shown), *dots])}]"
    return json.dumps(value, ensure_ascii=False)


def _resolved(document: Document, part: Document) -> Document:
    if "$ref" not in part:
        return part
    found = document
    for name in part["$ref"].removeprefix("#/").split("/"):
        found = found[name]
    return found


def _name(schema: Document) -> str:
    """The name of a schema in the components; empty where it has none."""
    reference: str = schema.get("$ref", "")
    return reference.rpartition("/")[2]
