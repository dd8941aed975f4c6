"""The description of the service: for programs, and rendered for people."""

from typing import TYPE_CHECKING, Any

import orjson
from flask import Blueprint, Flask, Response, current_app, redirect, request
from werkzeug.exceptions import NotFound

from service.access.headers import PAGE_HEADERS
from service.http import Answer, json_answer
from service.protocols.page import content_policy

if TYPE_CHECKING:
    from werkzeug.wrappers import Response as BaseResponse

routes = Blueprint("docs", __name__)

# There is no script in it.
DOCS_HEADERS = {
    "Content-Security-Policy": content_policy(style_src="'self'", img_src="data:"),
    "Cache-Control": "no-cache",
    **dict(PAGE_HEADERS),
}


@routes.get("/openapi.json")
def description() -> Answer:
    """This description of all routes (OpenAPI 3.1)."""
    return Answer(orjson.dumps(_document(current_app)))


@routes.get("/docs")
def page() -> Response:
    """The same, rendered for people; once, as it takes twenty milliseconds."""
    if "docs" not in current_app.extensions:
        # Imported here: as below.
        from service.protocols.openapi.markup import render

        current_app.extensions["docs"] = render(_document(current_app))
    return Response(current_app.extensions["docs"], headers=DOCS_HEADERS)


@routes.get("/errors/<kind>")
def error_kind(kind: str) -> "Answer | BaseResponse":
    """What a kind of error means, which is what the `type` of an error points to."""
    # Imported here: as below.
    from service.protocols.openapi.kinds import KINDS, title_of

    if kind not in KINDS:
        raise NotFound("There is no such kind of error.")
    if "text/html" in request.environ.get("HTTP_ACCEPT", ""):
        return redirect(f"../docs#{kind}", 303)
    status, meaning = KINDS[kind]
    return json_answer(
        {"type": f"/errors/{kind}", "title": title_of(kind), "status": status, "meaning": meaning}
    )


def _document(app: Flask) -> dict[str, Any]:
    """Made when it is first asked for."""
    if "openapi" not in app.extensions:
        # Imported here: most services are never asked, and pydantic's schemas take their time.
        from service.protocols.openapi.document import describe

        app.extensions["openapi"] = describe(app)
    document: dict[str, Any] = app.extensions["openapi"]
    return document
