"""Serve the registered model over HTTP: `python -m service`."""

import os

# numpy's BLAS would start a thread for each core as it is imported; no product here is so large.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# pydantic would look for plugins in the metadata of every package that is installed.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

# onnxruntime tells its maker of every process that uses it, unless this is set before its import.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
