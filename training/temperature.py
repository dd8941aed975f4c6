"""Temperature scaling: make the model's confidence mean what it says (Guo et al., 2017).

A network that was trained to be right is often surer than it is right, or less sure. Dividing its
logits by one number, fitted on images that it was not trained on, mends most of that and changes no
answer. Folded into the last layer it costs nothing.
"""

import torch
from torch import Tensor

from training.network import Network

_NEWTON_STEPS = 50
_LARGEST_STEP = 0.5


def fit_temperature(logits: Tensor, labels: Tensor) -> float:
    """The temperature T that makes the cross-entropy of softmax(z / T) smallest.

    `logits` [N, 10] and `labels` int64 [N] are of images that the network was not trained on. The
    cross-entropy is convex in β = 1/T, so Newton's method on ln β, with short steps, finds it.
    """
    logits = logits.double()
    of_label = logits.gather(1, labels.unsqueeze(1)).squeeze(1)
    log_beta = 0.0
    for _ in range(_NEWTON_STEPS):
        beta = torch.tensor(log_beta).exp().item()
        probabilities = (beta * logits).softmax(1)
        mean = (probabilities * logits).sum(1)
        variance = (probabilities * (logits - mean.unsqueeze(1)).square()).sum(1)
        slope = beta * (mean - of_label).mean().item()
        curvature = beta**2 * variance.mean().item() + abs(slope)
        step = max(-_LARGEST_STEP, min(_LARGEST_STEP, slope / max(curvature, 1e-12)))
        log_beta -= step
    return 1 / torch.tensor(log_beta).exp().item()


def with_temperature(network: Network, temperature: float) -> Network:
    """A copy of `network` whose logits are divided by `temperature`."""
    scaled = network.to(network.parameters.device)
    for values in scaled.layers[-1]:
        values.div_(temperature)
    return scaled
