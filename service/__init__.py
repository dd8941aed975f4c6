"""Serve the registered model over HTTP: `python -m service`."""
