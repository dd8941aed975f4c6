"""The wiring of the Flask application, and the way of a request through it."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, cast

from flask import Flask, Request, Response
from flask.sessions import NullSession, SessionInterface
from werkzeug.exceptions import HTTPException
from werkzeug.routing import MapAdapter

from service import errors
from service.drain import Drain
from service.errors import RequestError
from service.http import Answer
from service.protocols import health, kserve_v1, page, predict, sagemaker
from service.protocols.open_inference import repository as model_repository
from service.protocols.open_inference import routes as open_inference
from service.protocols.open_inference.statistics import Statistics
from service.protocols.vertex import vertex_routes
from service.settings import ServiceSettings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from service.access.gate import Gate
    from service.models import Models

PROTOCOLS = (
    health.routes,
    predict.routes,
    open_inference.routes,
    model_repository.routes,
    kserve_v1.routes,
    sagemaker.routes,
    page.routes,
)


def create_app(settings: ServiceSettings, models: "Models") -> "Application":
    """A WSGI application that answers with what `models` chooses."""
    app = Application("service", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes
    app.extensions["settings"] = settings
    app.extensions["models"] = models
    app.extensions["drain"] = Drain()
    app.extensions["statistics"] = Statistics(settings.workers)
    if settings.is_guarded:
        # Imported here: a service that only its owner reaches starts without it.
        from service.access.gate import open_gate

        app.gate = open_gate(settings)
    for routes in (*PROTOCOLS, vertex_routes(settings)):
        if routes is not None:
            app.register_blueprint(routes)
    return app


class _NoSessions(SessionInterface):
    """No cookies: nobody logs in."""

    _none = NullSession()

    def open_session(self, app: Flask, request: Request) -> NullSession:
        return self._none


class Application(Flask):
    """Flask without what this service does not use, which takes two thirds of a request's time.

    There are no sessions, no signals, no before- and after-request functions, and no hosts or
    subdomains to route by. All else is Flask's: routing, blueprints, contexts, static files.
    """

    session_interface = _NoSessions()
    gate: "Gate | None" = None

    def wsgi_app(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer one request."""
        context = self.request_context(environ)
        context.push()
        try:
            answer = self._answered(environ)
        finally:
            context.pop(None)
        if self.gate is not None:
            start_response = self.gate.adding_headers(environ, start_response)
        return answer(environ, start_response)

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Route by method and path alone; Flask would parse the host, twice."""
        if request is None:
            return None
        environ = request.environ
        return MapAdapter(
            self.url_map,
            server_name="localhost",
            script_name="/",
            subdomain="",
            url_scheme="http",
            path_info=environ["PATH_INFO"],
            default_method=environ["REQUEST_METHOD"],
            query_args=environ["QUERY_STRING"],
        )

    def do_teardown_request(self, *_: object) -> None:
        """Nothing is to be torn down."""

    def do_teardown_appcontext(self, *_: object) -> None:
        """Nothing is to be torn down."""

    def ensure_sync(self, func: Any) -> Any:  # noqa: ANN401 - as Flask has it
        """No view is a coroutine."""
        return func

    def _answered(self, environ: "WSGIEnvironment") -> Answer | Response:
        try:
            if "ziffer.refusal" in environ:
                raise environ["ziffer.refusal"]
            if self.gate is not None and (answer := self.gate.check(environ)) is not None:
                return answer
            return cast(Answer | Response, self.dispatch_request())
        except RequestError as error:
            return self._problem(error, environ)
        except HTTPException as exception:
            return self._problem(errors.of_http_exception(exception), environ)
        except Exception as exception:  # noqa: BLE001 - whatever it is, it is told as one sentence
            return self._problem(errors.of_bug(exception), environ)

    def _problem(self, error: RequestError, environ: "WSGIEnvironment") -> Answer:
        return errors.problem_answer(
            error, path=environ["PATH_INFO"], request_id=environ.get("ziffer.request_id")
        )
