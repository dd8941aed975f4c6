"""Examples of bodies, by the name of their schema."""

from typing import Any

from service.protocols.openapi.kinds import title_of

_BLACK, _WHITE = 0, 255


def _seven() -> list[list[int]]:
    """A seven, 28 rows of 28."""
    rows = [[_BLACK] * 28 for _ in range(28)]
    for row in (7, 8):
        rows[row][8:21] = [_WHITE] * 13
    for row in range(9, 23):
        left = 18 - (row - 9) // 2
        rows[row][left : left + 3] = [_WHITE] * 3
    return rows


SEVEN = _seven()
_MODEL = {"name": "digits", "version": 3, "digest": "cf39" * 16}
_PROBABILITIES = [0.0, 0.001, 0.004, 0.002, 0.0, 0.0, 0.0, 0.99, 0.0, 0.003]
_VERDICT: dict[str, Any] = {
    "digit": 7,
    "confidence": 0.99,
    "rejected": None,
    "probabilities": _PROBABILITIES,
    "not_a_digit": 0.01,
}

EXAMPLES: dict[str, Any] = {
    "PixelsRequest": {"pixels": SEVEN},
    "Prediction": {
        **_VERDICT,
        "top": [
            {"digit": 7, "probability": 0.99},
            {"digit": 2, "probability": 0.004},
            {"digit": 9, "probability": 0.003},
        ],
        "model": _MODEL,
    },
    "NumberRead": {
        "number": "7",
        "digits": [
            {name: _VERDICT[name] for name in ("digit", "confidence", "rejected", "probabilities")}
            | {"box": {"left": 40, "top": 32, "width": 61, "height": 90}}
        ],
        "width": 280,
        "height": 140,
        "model": _MODEL,
    },
    "InstancesRequest": {"instances": [SEVEN]},
    "InstancesResponse": {
        "predictions": [_VERDICT],
        "model_name": "digits",
        "model_version": "3",
    },
    "ModelNames": {"models": ["digits"]},
    "ModelStatus": {
        "name": "digits",
        "ready": True,
        "model_version_status": [
            {
                "version": "3",
                "state": "AVAILABLE",
                "status": {"error_code": "OK", "error_message": ""},
            }
        ],
    },
    "InferenceRequest": {
        "id": "42",
        "inputs": [
            {
                "name": "pixels",
                "datatype": "UINT8",
                "shape": [1, 28, 28],
                "data": [pixel for row in SEVEN for pixel in row],
            }
        ],
        "outputs": [{"name": "probabilities"}],
    },
    "InferenceResponse": {
        "model_name": "digits",
        "model_version": "3",
        "id": "42",
        "parameters": {"model_digest": "cf39" * 16},
        "outputs": [
            {
                "name": "probabilities",
                "datatype": "FP32",
                "shape": [1, 10],
                "data": _PROBABILITIES,
            }
        ],
    },
    "RepositoryIndex": [{"name": "digits", "version": "3", "state": "READY"}],
    "Health": {"live": True, "ready": True},
    "Alive": {"status": "alive"},
    "ExecutionParameters": {
        "MaxConcurrentTransforms": 1,
        "BatchStrategy": "MULTI_RECORD",
        "MaxPayloadInMB": 5,
    },
}


def problem_example(kind: str, status: int, meaning: str) -> dict[str, Any]:
    """The body of an error of this kind."""
    return {
        "error": meaning,
        "type": f"/errors/{kind}",
        "title": title_of(kind),
        "status": status,
        "detail": meaning,
        "request_id": "2f0c8a1e",
    }
