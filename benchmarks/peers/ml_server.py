"""The same model behind MLServer, as a runtime of one's own.

python ml_server.py
"""

import asyncio
import os

import numpy as np
import onnxruntime
from mlserver import MLModel, MLServer, ModelSettings, Settings
from mlserver.codecs import NumpyCodec
from mlserver.settings import ModelParameters
from mlserver.types import InferenceRequest, InferenceResponse


class Digits(MLModel):
    """Reads digits."""

    async def load(self) -> bool:
        """Load the model."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(os.environ["MODEL"], options)
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Ask the model."""
        pixels = NumpyCodec.decode_input(payload.inputs[0]).astype(np.uint8)
        (probabilities,) = self.session.run(["probabilities"], {"pixels": pixels})
        output = NumpyCodec.encode_output("probabilities", probabilities)
        return InferenceResponse(model_name=self.name, outputs=[output])


async def main() -> None:
    """Serve within this one process, which is the fastest that MLServer has."""
    port = int(os.environ["PORT"])
    settings = Settings(
        debug=False,
        http_port=port,
        grpc_port=port + 1,
        metrics_endpoint=None,
        parallel_workers=0,
        use_structured_logging=False,
    )
    server = MLServer(settings)
    model = ModelSettings(
        name="digits", implementation=Digits, parameters=ModelParameters(version="1")
    )
    await server.start([model])


if __name__ == "__main__":
    asyncio.run(main())
