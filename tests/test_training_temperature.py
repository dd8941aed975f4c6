import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from training.network import build
from training.recipe import Recipe
from training.temperature import fit_temperature, with_temperature


def labelled_logits(count: int = 5_000) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits whose softmax is exactly the distribution of the labels."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(count, 10, generator=generator) * 3
    labels = logits.softmax(1).multinomial(1, generator=generator).squeeze(1)
    return logits, labels


@given(distortion=st.floats(0.05, 20))
@settings(max_examples=15)
def test_temperature_undoes_over_and_underconfidence(distortion: float) -> None:
    logits, labels = labelled_logits()

    temperature = fit_temperature(logits * distortion, labels)

    assert temperature == pytest.approx(distortion * fit_temperature(logits, labels), rel=1e-4)
    assert temperature == pytest.approx(distortion, rel=0.1)


def test_no_other_temperature_has_a_smaller_loss() -> None:
    logits, labels = labelled_logits(500)
    temperature = fit_temperature(logits, labels)

    def loss(at: float) -> float:
        return functional.cross_entropy(logits.double() / at, labels).item()

    assert loss(temperature) <= min(loss(temperature * 1.01), loss(temperature / 1.01))


def test_temperature_of_a_faultless_model_stays_finite() -> None:
    labels = torch.arange(10)

    temperature = fit_temperature(torch.eye(10) * 5, labels)

    assert 0 < temperature < 1


def test_temperature_is_folded_into_the_last_layer() -> None:
    network = build(Recipe())
    images = torch.randint(0, 256, (5, 28, 28), dtype=torch.uint8)

    scaled = with_temperature(network, 2.5)

    assert torch.allclose(scaled.logits(images), network.logits(images) / 2.5, atol=1e-6)
    assert torch.equal(scaled.layers[0].weight, network.layers[0].weight)
