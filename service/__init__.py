"""Serve the registered model over HTTP: `python -m service`."""

import os

# onnxruntime tells its maker of every process that uses it, unless this is set before its import.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
