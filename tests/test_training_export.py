import numpy as np
import onnx
import pytest
import torch

from registry.contract import SIGNATURE
from tests import programs
from training.activations import ACTIVATIONS, ActivationName
from training.errors import TrainingError
from training.evaluate import answer, evaluate
from training.export import PARITY_TOLERANCE, check_parity, to_onnx
from training.losses import LOSSES, LossName
from training.mnist import Digits, Mnist
from training.network import Network, build
from training.recipe import Recipe
from training.train import train

CCE: LossName = "categorical_cross_entropy"


@pytest.fixture(scope="module")
def trained(sample: Mnist) -> Network:
    recipe = Recipe(epochs=5, learning_rate=0.1, batch_size=20)
    model = build(recipe)
    list(train(model, sample.train, recipe))
    return model


@pytest.mark.parametrize("hidden_layers", [0, 1, 2, 3, 4])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_export_computes_what_the_network_does(
    hidden_layers: int, activation: ActivationName, sample: Mnist
) -> None:
    network = build(Recipe(hidden_layers=hidden_layers, activation=activation))

    difference = check_parity(to_onnx(network, CCE), network, CCE, sample.test.images)

    assert 0 < difference <= PARITY_TOLERANCE


@pytest.mark.parametrize("loss", LOSSES)
def test_probabilities_mean_what_the_loss_says(
    loss: LossName, trained: Network, sample: Mnist
) -> None:
    logits = trained.logits(torch.tensor(sample.test.images))
    output = logits.sigmoid() if loss == "binary_cross_entropy" else logits.exp()

    probabilities = answer(to_onnx(trained, loss), sample.test.images).probabilities

    expected = (output / output.sum(1, keepdim=True)).numpy()
    assert np.allclose(probabilities, expected, atol=1e-5)


def test_export_has_the_registered_signature(trained: Network) -> None:
    graph = onnx.load_from_string(to_onnx(trained, CCE)).graph

    def spec(value: onnx.ValueInfoProto) -> tuple[str, str, tuple[int | str, ...]]:
        tensor = value.type.tensor_type
        dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type).name
        return value.name, dtype, tuple(d.dim_param or d.dim_value for d in tensor.shape.dim)

    declared = [tuple(s.model_dump().values()) for s in (*SIGNATURE.inputs, *SIGNATURE.outputs)]
    assert [spec(value) for value in (*graph.input, *graph.output)] == declared


def test_probabilities_sum_to_one_for_any_batch(trained: Network) -> None:
    images = np.random.default_rng(0).integers(0, 256, (7, 28, 28), np.uint8)

    answers = answer(to_onnx(trained, CCE), images)

    assert answers.probabilities.shape == (7, 10)
    assert np.allclose(answers.probabilities.sum(1), 1, atol=1e-6)
    alone = answer(to_onnx(trained, CCE), images[3:4])
    assert np.array_equal(answers.probabilities[3:4], alone.probabilities)
    assert np.array_equal(answers.not_a_digit[3:4], alone.not_a_digit)


@pytest.mark.parametrize("loss", LOSSES)
def test_exported_graph_says_what_is_no_digit(
    loss: LossName, trained: Network, sample: Mnist
) -> None:
    level = 1.5
    onnx_file = to_onnx(trained, loss, level)

    check_parity(onnx_file, trained, loss, sample.test.images, level)

    logits = LOSSES[loss].log_probabilities(trained.logits(torch.tensor(sample.test.images)))
    with_another_class = torch.cat([logits, torch.full((len(logits), 1), level)], 1)
    expected = with_another_class.softmax(1)[:, 10].numpy()
    assert np.allclose(answer(onnx_file, sample.test.images).not_a_digit, expected, atol=1e-6)


def test_export_gives_the_same_bytes_again(trained: Network) -> None:
    assert to_onnx(trained, CCE) == to_onnx(trained, CCE)


def test_file_holds_the_trained_weights_exactly(trained: Network) -> None:
    tensors = onnx.load_from_string(to_onnx(trained, CCE)).graph.initializer
    stored = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in tensors}

    for index, layer in enumerate(trained.layers):
        assert np.array_equal(stored[f"weight_{index}"], layer.weight.numpy())
        assert np.array_equal(stored[f"bias_{index}"], layer.bias.numpy())


def test_slightly_changed_weights_break_parity(trained: Network, sample: Mnist) -> None:
    content = to_onnx(trained, CCE)
    other = trained.to(torch.float32)
    other.layers[0].weight.mul_(1.0001)

    with pytest.raises(TrainingError, match="differs from the trained one"):
        check_parity(content, other, CCE, sample.test.images)


def test_network_of_nan_breaks_parity(trained: Network, sample: Mnist) -> None:
    broken = trained.to(torch.float32)
    broken.layers[-1].bias[0] = torch.nan

    with pytest.raises(TrainingError, match="differs from the trained one by up to nan"):
        check_parity(to_onnx(broken, CCE), broken, CCE, sample.test.images)


def test_export_names_nothing_of_this_machine(trained: Network) -> None:
    content = to_onnx(trained, CCE)

    for secret in (str(programs.ROOT), "site-packages", ".py", torch.__file__):
        assert secret.encode() not in content


def test_changed_weight_breaks_parity(trained: Network, sample: Mnist) -> None:
    content = to_onnx(trained, CCE)
    other = build(Recipe(seed=99))

    with pytest.raises(TrainingError, match="differs from the trained one"):
        check_parity(content, other, CCE, sample.test.images)


def test_evaluation_counts_what_was_read_as_what(trained: Network, sample: Mnist) -> None:
    content = to_onnx(trained, CCE)
    predicted = answer(content, sample.test.images).probabilities
    labels = sample.test.labels

    scores = evaluate(content, sample.test)

    assert scores.accuracy == np.mean(predicted.argmax(1) == labels)
    assert scores.loss == pytest.approx(-np.log(predicted[range(200), labels]).mean(), rel=1e-6)
    assert scores.confusion.sum() == 200
    assert np.diag(scores.confusion).sum() == round(scores.accuracy * 200)
    assert scores.confusion[4].sum() == 20


def test_evaluation_of_a_certain_error_is_finite(trained: Network) -> None:
    certain = trained.to(torch.float32)
    certain.layers[-1].bias[0] = 1e4
    wrong = Digits(np.zeros((1, 28, 28), np.uint8), np.array([1], np.uint8))

    assert 80 < evaluate(to_onnx(certain, CCE), wrong).loss < 100
