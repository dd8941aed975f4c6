"""Launch a fixed sequence of GPU operations at once."""

from collections.abc import Callable

import torch


def captured(work: Callable[[], object]) -> Callable[[], None]:
    """What does on a GPU all that `work` does, on the same tensors, in one launch (a CUDA graph).

    For a network this small, launching its two dozen operations one by one takes several times as
    long as they do. `work` is run a few times, must read and write the same memory each time and
    must not wait for the GPU.
    """
    # Libraries set themselves up in the first runs, which must not be captured, and not be on the
    # default stream: https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs
    warm_up = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    warm_up.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(warm_up):
        for _ in range(3):
            work()
    torch.cuda.current_stream().wait_stream(warm_up)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        work()
    return graph.replay
