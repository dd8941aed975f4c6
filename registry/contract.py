"""The pixel contract: what every registered digit classifier takes and gives.

The input is MNIST's own image, white ink on black, unscaled. Scaling lives inside the model, so
training and serving cannot disagree about it.
"""

from registry.card import Signature, TensorSpec

IMAGE_SIDE = 28
IMAGE_PIXELS = IMAGE_SIDE * IMAGE_SIDE
DIGITS = 10

INPUT_NAME = "pixels"
OUTPUT_NAME = "probabilities"
NOT_A_DIGIT_NAME = "not_a_digit"

MODEL_FILE = "model.onnx"
INT8_MODEL_FILE = "model.int8.onnx"
"""The same model in eight bits; not every version has it."""

GOLDEN_FILE = "golden.json"
"""Images, and what the model said of them when it was registered; older versions have none.

A JSON object: `images` uint8 [N, 28, 28], compressed by zlib, in base64; `probabilities` [N, 10]
and `not_a_digit` [N], as MODEL_FILE gave them; `tolerance`, how far off an answer may be elsewhere.
"""

SIGNATURE = Signature(
    inputs=(TensorSpec(name=INPUT_NAME, dtype="uint8", shape=("N", IMAGE_SIDE, IMAGE_SIDE)),),
    outputs=(
        # Of the ten digits, given that the image is one of them: they sum to one.
        TensorSpec(name=OUTPUT_NAME, dtype="float32", shape=("N", DIGITS)),
        # How unlike a digit the image is, from 0 to 1; few digits get more than 0.5.
        TensorSpec(name=NOT_A_DIGIT_NAME, dtype="float32", shape=("N",)),
    ),
)
