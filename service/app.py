"""The wiring of the Flask application, and nothing else."""

from flask import Flask

from service import errors
from service.classifier import Served
from service.routes import routes
from service.settings import ServiceSettings


def create_app(settings: ServiceSettings, served: Served) -> Flask:
    """A WSGI application that answers with what is `served` at the moment."""
    app = Flask("service", static_folder="page", static_url_path="/page")
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes
    app.extensions["settings"] = settings
    app.extensions["served"] = served
    app.register_blueprint(routes)
    errors.register(app)
    return app
