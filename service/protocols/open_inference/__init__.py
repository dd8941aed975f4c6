"""The Open Inference Protocol, version 2, as Triton and KServe speak it.

https://github.com/kserve/open-inference-protocol, and Triton's extensions for binary tensors,
classification, statistics, model configuration and the model repository.
"""
