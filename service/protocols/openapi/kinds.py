"""What each kind of error means: /errors/KIND, which is the `type` of an error."""

from typing import NamedTuple


class Kind(NamedTuple):
    """A kind of error."""

    status: int
    meaning: str
    """What was wrong, and what to do."""


KINDS = {
    "invalid-input": Kind(400, "The input cannot be read; `error` says why."),
    "invalid-json": Kind(400, "The body is not JSON (RFC 8259): NaN and Infinity are not either."),
    "invalid-npy": Kind(400, "The body is not a file of numpy, or not one that numpy writes."),
    "invalid-base64": Kind(400, "A picture file in JSON is not base64 (RFC 4648)."),
    "invalid-encoding": Kind(400, "The body is not compressed as its Content-Encoding says."),
    "incomplete-body": Kind(400, "The body ends before all of it has come: send it again."),
    "bad-header": Kind(400, "A header does not fit the body that it describes."),
    "shape-mismatch": Kind(
        400, "Images are 28 rows of 28 pixels, or 784 pixels; `errors` says what was found where."
    ),
    "size-mismatch": Kind(400, "There are more or fewer bytes or values than the shape says."),
    "pixel-value": Kind(
        400,
        "Pixels are whole numbers from 0 (black) to 255 (white ink). Fractions are refused, as "
        "nobody can tell whether they are of 1 or of 255: multiply those from 0 to 1 by 255.",
    ),
    "empty-batch": Kind(400, "A request is about one image at least."),
    "wrong-datatype": Kind(400, "Images are UINT8: convert them before you send them."),
    "wrong-type": Kind(400, "A value in the JSON is of another type than expected."),
    "wrong-data": Kind(400, "The data of a tensor is missing, doubled, or not a list."),
    "wrong-inputs": Kind(400, "The model takes one input."),
    "wrong-outputs": Kind(400, "Each output can be asked for once."),
    "wrong-parameter": Kind(400, "A parameter has a value that it cannot have."),
    "unknown-input": Kind(400, "The model takes no input of this name; its metadata has them."),
    "unknown-output": Kind(400, "The model gives no output of this name; its metadata has them."),
    "override-refused": Kind(
        400, "Models are loaded as they were registered: publish another version, and promote it."
    ),
    "invalid-request": Kind(400, "The request cannot be answered; `error` says why."),
    "bad-request": Kind(400, "The request is not HTTP as it should be."),
    "unauthorized": Kind(401, "An API key is missing, unknown or expired: send a valid one."),
    "forbidden": Kind(403, "The API key is not good for this: it lacks the scope."),
    "not-found": Kind(404, "There is nothing at this address."),
    "model-not-found": Kind(404, "There is no such model, or no such version of it."),
    "method-not-allowed": Kind(405, "The address has no such method; the header Allow has them."),
    "too-slow": Kind(408, "The body did not come in time: send it again."),
    "too-large": Kind(
        413,
        "The body, what it decompresses to, an image or the number of images is over the limit.",
    ),
    "batch-too-large": Kind(413, "There are more images than one request may hold: send several."),
    "unsupported-type": Kind(
        415, "The Content-Type or Content-Encoding is none that is read here; `error` lists them."
    ),
    "requested-range-not-satisfiable": Kind(416, "The file has no such range of bytes."),
    "rate-limited": Kind(429, "You ask more often than you may: wait as Retry-After says."),
    "internal": Kind(500, "The service failed; the fault is logged under the request's id."),
    "bad-gateway": Kind(502, "The registry no longer has what it once had."),
    "model-unavailable": Kind(503, "The model cannot answer now: try again after Retry-After."),
    "overloaded": Kind(503, "There is more to do than can be done: try again after Retry-After."),
}


def title_of(kind: str) -> str:
    """The kind in words."""
    return kind.replace("-", " ").capitalize()
