"""The same model behind LitServe, as its documentation has it.

python lit_serve.py
"""

import os
from typing import Any

import litserve
import numpy as np
import onnxruntime


class Digits(litserve.LitAPI):
    """Reads digits."""

    def setup(self, device: str) -> None:
        """Load the model."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(os.environ["MODEL"], options)

    def decode_request(self, request: dict[str, Any]) -> Any:
        """The pixels."""
        return np.array(request["pixels"], np.uint8).reshape(1, 28, 28)

    def predict(self, pixels: Any) -> Any:
        """Ask the model."""
        return self.session.run(["probabilities"], {"pixels": pixels})[0][0]

    def encode_response(self, probabilities: Any) -> dict[str, Any]:
        """The answer."""
        return {"digit": int(probabilities.argmax()), "probabilities": probabilities.tolist()}


if __name__ == "__main__":
    litserve.LitServer(Digits(), accelerator="cpu").run(
        port=int(os.environ["PORT"]), log_level="warning", generate_client_file=False
    )
