"""The leanest service that FastAPI allows: no validation, no metrics, no limits.

python lean_fastapi.py
"""

import os

import numpy as np
import onnxruntime
import orjson
import uvicorn
from fastapi import FastAPI, Request, Response

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1
session = onnxruntime.InferenceSession(os.environ["MODEL"], options)
app = FastAPI()


@app.post("/predict")
async def predict(request: Request) -> Response:
    """`{"pixels": 28 rows of 28}` in, the digit and its probabilities out."""
    pixels = np.array(orjson.loads(await request.body())["pixels"], np.uint8)
    (probabilities,) = session.run(["probabilities"], {"pixels": pixels.reshape(1, 28, 28)})
    answer = {
        "digit": int(probabilities[0].argmax()),
        "confidence": float(probabilities[0].max()),
        "probabilities": probabilities[0],
    }
    body = orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY)
    return Response(body, media_type="application/json")


if __name__ == "__main__":
    uvicorn.run(
        app, port=int(os.environ["PORT"]), log_level="warning", access_log=False, loop="uvloop"
    )
