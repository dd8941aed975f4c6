"""Train a digit classifier, export it as ONNX and register it: `python -m training`."""
