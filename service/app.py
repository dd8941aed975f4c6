"""The wiring of the Flask application, and the way of a request through it."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn, cast

from flask import Flask, Request, Response
from flask.sessions import NullSession, SessionInterface
from werkzeug.exceptions import HTTPException
from werkzeug.routing import MapAdapter, Rule

from service import errors
from service.errors import RequestError
from service.http import Answer
from service.protocols import docs, health, kserve_v1, metrics, page, predict, sagemaker
from service.protocols.open_inference import repository as model_repository
from service.protocols.open_inference import routes as open_inference
from service.protocols.open_inference.statistics import Statistics
from service.protocols.vertex import vertex_routes
from service.router import Router
from service.serving.drain import Drain
from service.settings import ServiceSettings
from service.telemetry.telemetry import Telemetry
from service.verdict import Thresholds

if TYPE_CHECKING:
    from _typeshed import OptExcInfo
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from service.access.gate import Gate
    from service.models.served import Models
    from service.telemetry.exchange import Exchange

PROTOCOLS = (
    health.routes,
    predict.routes,
    open_inference.routes,
    model_repository.routes,
    kserve_v1.routes,
    sagemaker.routes,
    metrics.routes,
    page.routes,
    docs.routes,
)


def create_app(
    settings: ServiceSettings, models: "Models", telemetry: Telemetry | None = None
) -> "Application":
    """A WSGI application that answers with what `models` chooses, and tells `telemetry`."""
    app = Application("service", static_folder=None)
    app.telemetry = app.extensions["telemetry"] = telemetry or Telemetry(settings)
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes
    # An address has one way to write it: a redirection would have to know the service's own name.
    app.url_map.merge_slashes = False
    app.extensions["settings"] = settings
    app.extensions["models"] = models
    app.extensions["drain"] = Drain()
    app.extensions["thresholds"] = Thresholds(
        settings.not_a_digit_threshold, settings.confidence_threshold
    )
    app.extensions["statistics"] = Statistics(settings.workers)
    if settings.vertex_predict_route:
        app.json_paths = (*errors.JSON_PATHS, settings.vertex_predict_route)
    if settings.is_guarded:
        # Imported here: a service that only its owner reaches starts without it.
        from service.access.gate import open_gate

        app.gate = open_gate(settings, open_paths=filter(None, [settings.vertex_health_route]))
    # Vertex AI's come first: it may call them as others are called.
    for routes in (vertex_routes(settings), *PROTOCOLS):
        if routes is not None:
            app.register_blueprint(routes)
    app.router = Router(app.url_map)
    return app


class _Route(Rule):
    """A rule that finds views by addresses, but no addresses of views: nobody asks for them.

    To prepare for it would take werkzeug as long as to import itself.
    """

    def _compile_builder(self, append_unknown: bool = True) -> Any:  # noqa: ANN401 - as the base
        return _no_address


def _no_address(rule: Rule, **values: Any) -> NoReturn:  # noqa: ANN401 - any value of a rule
    raise NotImplementedError(f"{rule.rule} is a route without addresses: url_for is not used here")


def _start(
    start_response: "StartResponse",
    added: list[tuple[str, str]],
    status: str,
    headers: list[tuple[str, str]],
    exc_info: "OptExcInfo | None" = None,
    /,
) -> Callable[[bytes], object]:
    """Begin an answer that has the headers `added` as well."""
    return start_response(status, headers + added, exc_info)


class _Request(Request):
    """A request that closes uploaded files where there are any, and looks for none elsewhere."""

    def close(self) -> None:
        if "files" in self.__dict__:
            super().close()


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

    request_class = _Request
    session_interface = _NoSessions()
    router: Router
    url_rule_class = _Route
    telemetry: Telemetry
    gate: "Gate | None" = None
    json_paths = errors.JSON_PATHS
    """What the paths begin with whose errors are application/json, not application/problem+json."""

    def wsgi_app(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer one request."""
        exchange = self.telemetry.begin(environ)
        context = self.request_context(environ)
        context.push()
        try:
            answer = self._answered(environ, exchange)
        finally:
            context.pop(None)
        self.telemetry.end(exchange, environ, answer, context.request.url_rule)
        added = self._headers(environ, exchange, answer)
        return answer(environ, partial(_start, start_response, added))

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Route by method and path alone; Flask would parse the host, twice."""
        return None if request is None else self.router.adapter(request.environ)

    def do_teardown_request(self, *_: object) -> None:
        """Nothing is to be torn down."""

    def do_teardown_appcontext(self, *_: object) -> None:
        """Nothing is to be torn down."""

    def ensure_sync(self, func: Any) -> Any:  # noqa: ANN401 - as Flask has it
        """No view is a coroutine."""
        return func

    def _headers(
        self, environ: "WSGIEnvironment", exchange: "Exchange", answer: Answer | Response
    ) -> list[tuple[str, str]]:
        """What every answer says, and what it says of the model that it rests on."""
        headers = [("X-Request-Id", exchange.request_id)]
        inference = getattr(answer, "inference", None)
        if inference is not None:
            classifier = inference.classifier
            headers += [
                ("X-Model-Version", str(classifier.card.version)),
                ("X-Model-Digest", classifier.digest),
                inference.stages.header(),
            ]
        return headers if self.gate is None else headers + self.gate.headers(environ)

    def _answered(self, environ: "WSGIEnvironment", exchange: "Exchange") -> Answer | Response:
        try:
            if "ziffer.refusal" in environ:
                raise environ["ziffer.refusal"]
            gate = None if "ziffer.is_admitted" in environ else self.gate
            if gate is not None and (answer := gate.check(environ)) is not None:
                return answer
            return cast(Answer | Response, self.dispatch_request())
        except RequestError as error:
            return self._problem(error, environ, exchange)
        except HTTPException as exception:
            return self._problem(errors.of_http_exception(exception), environ, exchange)
        except Exception as exception:  # noqa: BLE001 - whatever it is, it is told as one sentence
            return self._problem(errors.of_bug(exception), environ, exchange)

    def _problem(
        self, error: RequestError, environ: "WSGIEnvironment", exchange: "Exchange"
    ) -> Answer:
        exchange.error = error.kind
        is_json = environ["PATH_INFO"].startswith(self.json_paths)
        return errors.problem_answer(error, is_json=is_json, request_id=exchange.request_id)
