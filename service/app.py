"""The wiring of the Flask application, and nothing else."""

from flask import Flask

from service import errors
from service.classifier import Served
from service.protocols.page import page
from service.routes import routes
from service.settings import ServiceSettings


def create_app(settings: ServiceSettings, served: Served) -> Flask:
    """A WSGI application that answers with what is `served` at the moment."""
    app = Flask("service", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes
    app.extensions["settings"] = settings
    app.extensions["served"] = served
    app.register_blueprint(routes)
    app.register_blueprint(page)
    errors.register(app)
    return app
