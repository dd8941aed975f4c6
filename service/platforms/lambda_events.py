"""What a Lambda function is invoked with: requests in HTTP, requests without, and anything else."""

import base64
import binascii
from typing import Any, NamedTuple

import orjson

from service.http import JSON

Event = dict[str, Any]

_WARM_UPS = frozenset({"aws.events", "aws.scheduler", "serverless-plugin-warmup"})

_KNOWN = (
    "it takes HTTP requests of a function URL, an API Gateway or a load balancer, and, invoked "
    'directly, {"pixels": …}, {"image": "…in base64"} or {"instances": […]}'
)


class EventError(Exception):
    """An event that cannot be answered; the text is for whoever invoked the function."""

    def __init__(self, kind: str, message: str) -> None:
        """Say `message`; `kind` is one word for programs, as `service.errors` has them."""
        super().__init__(message)
        self.kind = kind


class DirectRequest(NamedTuple):
    """What an event without HTTP asks, as if it had come over HTTP."""

    path: str
    content_type: str
    body: bytes


def is_http(event: Event) -> bool:
    """Whether the event is a request of a function URL, an API Gateway or a load balancer."""
    context = event.get("requestContext")
    if event.get("version") == "2.0":
        return isinstance(context, dict) and "http" in context and "rawPath" in event
    return "httpMethod" in event and "path" in event


def is_warm_up(event: Event) -> bool:
    """Whether a schedule or a plugin asks for nothing but that the function be there."""
    is_scheduled = event.get("detail-type", "Scheduled Event") == "Scheduled Event"
    return is_scheduled and event.get("source") in _WARM_UPS


def direct_request(event: object, model: str) -> DirectRequest:
    """What somebody asks who invoked the function directly; raises EventError."""
    if isinstance(event, dict):
        if "pixels" in event:
            return DirectRequest("/predict", JSON, _json(event))
        if "image" in event:
            content = _file(event["image"])
            return DirectRequest("/predict", "application/octet-stream", content)
        if "instances" in event:
            return DirectRequest(f"/v1/models/{model}:predict", JSON, _json(event))
    raise EventError("unknown-event", f"This function answers no {_described(event)}: {_KNOWN}.")


def without_doubtful_headers(event: Event) -> Event:
    """The HTTP event without headers that could pass for others, once `-` becomes `_`."""
    kept = {
        member: {
            name: value
            for name, value in event[member].items()
            if "_" not in name and name.lower() != "proxy"
        }
        for member in ("headers", "multiValueHeaders")
        if event.get(member)
    }
    return {"headers": {}} | event | kept


def client_address(event: Event) -> str:
    """Who sent the HTTP request, as AWS saw it: a client may write any X-Forwarded-For."""
    context = event.get("requestContext") or {}
    address = (context.get("http") or context.get("identity") or {}).get("sourceIp")
    if address:
        return str(address)
    multiple = event.get("multiValueHeaders") or {}
    headers = {name.lower(): value for name, value in (event.get("headers") or multiple).items()}
    hops = headers.get("x-forwarded-for") or ""
    # A load balancer appends whom it got the request from.
    return str(hops if isinstance(hops, str) else hops[-1]).rpartition(",")[2].strip()


def without_stage(event: Event, path: str) -> str:
    """`path` without the name of an API's stage, which only API Gateway's second version has."""
    stage = (event.get("requestContext") or {}).get("stage", "$default")
    if event.get("version") != "2.0" or not f"{path}/".startswith(f"/{stage}/"):
        return path
    return path[len(stage) + 1 :] or "/"


def _json(event: Event) -> bytes:
    try:
        return orjson.dumps(event)
    except TypeError:  # Whole numbers of more than 64 bits.
        raise EventError("pixel-value", "Pixels are whole numbers from 0 to 255.") from None


def _file(encoded: object) -> bytes:
    try:
        return base64.b64decode(encoded, validate=True)  # type: ignore[arg-type]
    except (binascii.Error, TypeError, ValueError):
        raise EventError("invalid-base64", "image is not an image file in base64.") from None


def _described(event: object) -> str:
    """Where the event comes from, or what it looks like."""
    if not isinstance(event, dict):
        return f"{type(event).__name__}"
    records = event.get("Records")
    first = records[0] if isinstance(records, list) and records else {}
    if isinstance(first, dict):
        sender = first.get("eventSource") or first.get("EventSource") or event.get("source")
        if sender:
            return f"events of {str(sender)[:64]}"
    return f"event with {', '.join(str(name)[:32] for name in list(event)[:8]) or 'nothing'} in it"
