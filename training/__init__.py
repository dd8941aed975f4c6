"""Train a digit classifier, export it as ONNX and register it: `python -m training`."""

import os

# onnxruntime tells its maker of every process that uses it, unless this is set before its import.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
