"""Services that others would write, which benchmarks.service measures ours against.

Each is started with the model's file in the variable MODEL and the port in PORT, in an environment
of its own, so it imports nothing of this project.
"""
