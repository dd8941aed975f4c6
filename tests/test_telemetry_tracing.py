import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.telemetry.tracing import continue_trace, request_id

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"
AMAZON = "Root=1-67891233-abcdef012345678912345678;Parent=53995c3f42cd8ad8;Sampled=1"

HEXADECIMAL = set(string.hexdigits.lower())


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=128))
def test_name_that_the_client_gives_is_kept(name: str) -> None:
    assert request_id({"HTTP_X_REQUEST_ID": name}) == name


@pytest.mark.parametrize("name", ["", " ", "a b", "a\n", "a\x1b[31m", "ä", "x" * 129, "a\x7f"])
def test_name_that_would_spoil_a_log_is_replaced(name: str) -> None:
    made = request_id({"HTTP_X_REQUEST_ID": name})

    assert made != name
    assert len(made) == 32
    assert set(made) <= HEXADECIMAL


def test_names_are_not_given_twice() -> None:
    assert len({request_id({}) for _ in range(1000)}) == 1000


@pytest.mark.parametrize("header", ["HTTP_X_AMZN_TRACE_ID", "HTTP_LAMBDA_RUNTIME_TRACE_ID"])
def test_amazon_names_request_and_trace(header: str) -> None:
    assert request_id({header: AMAZON}) == "1-67891233-abcdef012345678912345678"
    assert continue_trace({header: AMAZON}).trace_id == "67891233abcdef012345678912345678"


@pytest.mark.parametrize(
    "value", ["", "Root=1-6789-abc", "Root=2-67891233-abcdef012345678912345678", "Self=1;x"]
)
def test_amazon_header_that_is_malformed_is_ignored(value: str) -> None:
    assert len(request_id({"HTTP_X_AMZN_TRACE_ID": value})) == 32


@pytest.mark.parametrize(("flags", "is_sampled"), [("00", False), ("01", True), ("ff", True)])
def test_trace_is_continued(flags: str, *, is_sampled: bool) -> None:
    trace = continue_trace({"HTTP_TRACEPARENT": f"00-{TRACE}-{PARENT}-{flags}"})

    assert (trace.trace_id, trace.parent_id) == (TRACE, PARENT)
    assert trace.is_sampled == is_sampled
    assert trace.span_id not in {PARENT, "0" * 16}


def test_version_to_come_may_say_more() -> None:
    header = f"cc-{TRACE}-{PARENT}-01-what-the-future-will-be-like"

    assert continue_trace({"HTTP_TRACEPARENT": header}).trace_id == TRACE


# Most are from the test suite of W3C Trace Context.
@pytest.mark.parametrize(
    "header",
    [
        "",
        f"00-{TRACE}-{PARENT}-01-extra",
        f"00-{TRACE}-{PARENT}-01-",
        f"ff-{TRACE}-{PARENT}-01",
        f"cc-{TRACE}-{PARENT}-01.what",
        f"00-{TRACE.upper()}-{PARENT}-01",
        f"00-{'0' * 32}-{PARENT}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE}-{PARENT}-.0",
        f"00-{TRACE}-{PARENT}",
        f"0-{TRACE}-{PARENT}-01",
        f"00-{TRACE[:-1]}-{PARENT}-01",
        f"00-{TRACE}-{PARENT}-01,00-{TRACE}-{PARENT}-01",
        f"00-{TRACE}-{PARENT}-01\n",
        f" 00-{TRACE}-{PARENT}-01",
        f"00-{TRACE}-{PARENT}-\u0660\u0661",
    ],
)
def test_malformed_trace_is_ignored(header: str) -> None:
    trace = continue_trace({"HTTP_TRACEPARENT": header})

    assert trace.trace_id != TRACE
    assert trace.parent_id is None
    assert len(trace.trace_id) == 32
    assert set(trace.trace_id + trace.span_id) <= HEXADECIMAL
