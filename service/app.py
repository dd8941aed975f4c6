"""The wiring of the Flask application, and nothing else."""

from flask import Flask

from service import errors
from service.models import Models
from service.routes import routes
from service.settings import ServiceSettings


def create_app(settings: ServiceSettings, models: Models) -> Flask:
    """A WSGI application that answers with what the `models` say."""
    app = Flask("service", static_folder="page", static_url_path="/page")
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes
    app.extensions["settings"] = settings
    app.extensions["models"] = models
    app.register_blueprint(routes)
    errors.register(app)
    return app
