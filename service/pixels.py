"""Read the 28 by 28 pixels that the model wants out of a request, whatever form it has."""

import numpy as np
from flask import Request
from numpy.typing import NDArray
from pydantic import ValidationError
from werkzeug.exceptions import RequestEntityTooLarge

from service.errors import BlankImageError, InputError, UnsupportedTypeError
from service.schemas import PixelsRequest
from service.vision import prepare
from service.vision.ink import MIN_CONTRAST

_FORM_FIELD = "image"

# What clients call a body of bytes: curl's --data-binary says the second when it is told nothing.
_ANY_BYTES = frozenset({"", "application/x-www-form-urlencoded", "application/octet-stream"})


def read_pixels(request: Request, *, max_image_pixels: int) -> NDArray[np.uint8]:
    """The image uint8 [28, 28] in `request`; raises InputError.

    JSON pixels are taken as they are; an image file is normalized.
    """
    if request.mimetype == "application/json":
        return _from_json(_body(request))
    prepared = prepare(_image_file(request), max_pixels=max_image_pixels)
    if not len(prepared.candidates):
        raise _blank()
    first: NDArray[np.uint8] = prepared.candidates[0]
    return first


def _image_file(request: Request) -> bytes:
    if request.mimetype == "multipart/form-data":
        return _from_form(request)
    if request.mimetype in _ANY_BYTES or request.mimetype.startswith("image/"):
        return _body(request)
    raise UnsupportedTypeError(
        f"Content-Type {request.mimetype} is not supported: send an image (image/*), a form with "
        f"a file in the field {_FORM_FIELD!r} (multipart/form-data), or application/json."
    )


def _body(request: Request) -> bytes:
    body = request.get_data(cache=False)
    # A chunked body has no length to refuse it by, and Werkzeug stops at the limit without a word.
    if request.content_length is None and len(body) >= (
        request.max_content_length or len(body) + 1
    ):
        raise RequestEntityTooLarge
    return body


def _from_form(request: Request) -> bytes:
    file = request.files.get(_FORM_FIELD)
    if file is None:
        found = ", ".join([*request.files, *request.form]) or "none"
        raise InputError(
            f"The form has no file in a field named {_FORM_FIELD!r}; its fields are: {found}."
        )
    content: bytes = file.read()
    return content


def _from_json(content: bytes) -> NDArray[np.uint8]:
    try:
        pixels = PixelsRequest.model_validate_json(content).pixels
    except ValidationError as error:
        problems = [
            {"where": ".".join(map(str, problem["loc"])), "problem": problem["msg"]}
            for problem in error.errors(include_url=False, include_input=False)[:5]
        ]
        first = problems[0]
        raise InputError(
            f"{first['where'] or 'The body'}: {first['problem']}; expected an object with "
            "'pixels', 28 rows of 28 whole numbers from 0 to 255.",
            problems=problems,
        ) from None
    image = np.array(pixels, np.uint8)
    if int(image.max()) - int(image.min()) < MIN_CONTRAST:
        raise _blank()
    return image


def _blank() -> BlankImageError:
    return BlankImageError(
        "The image is blank: nothing in it stands out from the background.", reason="blank"
    )
