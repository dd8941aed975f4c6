"""The page to draw digits on."""

from flask import Blueprint, Response, current_app

routes = Blueprint("page", __name__)

# The page needs nothing from elsewhere, so nothing from elsewhere may run in it.
PAGE_POLICY = "default-src 'self'; img-src 'self' data: blob:; base-uri 'none'; form-action 'none'"


@routes.get("/")
def page() -> Response:
    """The page to draw digits on."""
    response = current_app.send_static_file("index.html")
    response.headers["Content-Security-Policy"] = PAGE_POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
