"""Keep an average of the parameters over the last steps, which generalizes better than any one.

An exponential moving average, as Polyak and Juditsky's (1992) average with a short memory.
"""

from torch import Tensor


class Average:
    """The average in `parameters`, updated in place after every step."""

    def __init__(self, parameters: Tensor, weight: float) -> None:
        """`weight` is that of the past, from 0 to 1."""
        self.parameters = parameters
        self._weight = weight

    def update(self, newest: Tensor, steps: int) -> None:
        """Take in the parameters after `steps` steps."""
        # At first the average is short, so that it does not remember the initial parameters.
        weight = min(self._weight, steps / (steps + 10))
        self.parameters.lerp_(newest, 1 - weight)
