"""A request that came by RSGI is what PEP 3333 says."""

from dataclasses import dataclass, field

from service.serving.environ import environ_of


class Headers(list[tuple[str, str]]):
    """The headers of a request, in their order."""

    def items(self) -> list[tuple[str, str]]:
        return self


@dataclass
class Scope:
    """A request as Granian has it."""

    headers: Headers = field(default_factory=Headers)
    path: str = "/predict"
    query_string: str = ""
    http_version: str = "1.1"
    client: str = "192.0.2.7:51234"
    server: str = "127.0.0.1:8000"
    scheme: str = "http"
    method: str = "POST"


def test_request_is_described() -> None:
    headers = Headers([("host", "x"), ("content-type", "image/png"), ("content-length", "3")])

    environ = environ_of(Scope(headers, query_string="top_k=1"))

    assert environ["REQUEST_METHOD"] == "POST"
    assert environ["PATH_INFO"] == "/predict"
    assert environ["QUERY_STRING"] == "top_k=1"
    assert environ["SERVER_PROTOCOL"] == "HTTP/1.1"
    assert (environ["SERVER_NAME"], environ["SERVER_PORT"]) == ("127.0.0.1", "8000")
    assert (environ["REMOTE_ADDR"], environ["REMOTE_PORT"]) == ("192.0.2.7", "51234")
    assert environ["HTTP_HOST"] == "x"
    assert environ["CONTENT_TYPE"] == "image/png"
    assert environ["CONTENT_LENGTH"] == "3"


def test_path_is_bytes_in_latin_1() -> None:
    environ = environ_of(Scope(path="/models/züge"))

    assert environ["PATH_INFO"].encode("latin-1").decode() == "/models/züge"


def test_address_of_ip_version_6_has_no_brackets() -> None:
    environ = environ_of(Scope(client="[2001:db8::1]:443"))

    assert (environ["REMOTE_ADDR"], environ["REMOTE_PORT"]) == ("2001:db8::1", "443")


def test_headers_that_come_twice_are_joined() -> None:
    headers = Headers([("accept", "a"), ("cookie", "a=1"), ("accept", "b"), ("cookie", "b=2")])

    environ = environ_of(Scope(headers))

    assert environ["HTTP_ACCEPT"] == "a,b"
    assert environ["HTTP_COOKIE"] == "a=1; b=2"


def test_headers_that_mean_harm_or_the_connection_are_left_out() -> None:
    names = ("proxy", "x_forwarded_for", "connection", "transfer-encoding", "te")

    environ = environ_of(Scope(Headers([(name, "x") for name in names])))

    assert not [name for name in environ if name.startswith("HTTP_")]


def test_invented_headers_are_not_remembered_without_end() -> None:
    for number in range(2_000):
        environ = environ_of(Scope(Headers([(f"x-{number}", "1")])))

        assert environ[f"HTTP_X_{number}"] == "1"
