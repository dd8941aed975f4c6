"""Which view answers a request: Werkzeug's routing, with a short cut for most."""

from typing import TYPE_CHECKING, Any

from werkzeug.routing import Map, MapAdapter, Rule

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

Match = tuple[Rule, dict[str, Any]]


class Router:
    """Routes by method and path: there are no hosts, subdomains or prefixes."""

    def __init__(self, rules: Map) -> None:
        """Route as `rules`, which are complete, say."""
        self._rules = rules
        self._plain: dict[tuple[str, str], Rule] = {}
        for rule in rules.iter_rules():
            # Who asks for the OPTIONS of an address means those of all its rules.
            for method in () if rule.arguments else (rule.methods or set()) - {"OPTIONS"}:
                # Of rules for the same path, the first counts, as it does for Werkzeug.
                self._plain.setdefault((method, rule.rule), rule)

    def adapter(self, environ: "WSGIEnvironment") -> MapAdapter:
        """What finds the view for one request."""
        rule = self._plain.get((environ["REQUEST_METHOD"], environ["PATH_INFO"]))
        if rule is not None:
            return _Found(rule)
        return MapAdapter(
            self._rules,
            server_name="localhost",
            script_name="/",
            subdomain="",
            url_scheme="http",
            # Where it is empty (PEP 3333), Werkzeug would redirect to a host that it does not know.
            path_info=environ["PATH_INFO"] or "/",
            default_method=environ["REQUEST_METHOD"],
            query_args=environ["QUERY_STRING"],
        )


class _Found(MapAdapter):
    """An adapter that knows the answer."""

    def __init__(self, rule: Rule) -> None:
        self._rule = rule

    def match(self, *_: object, **__: object) -> Match:
        return self._rule, {}
