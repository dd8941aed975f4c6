"""The programs that benchmarks.training measures: each trains the textbook's network when asked.

    python -m benchmarks.training_contenders NAME FILE.npz

waits for a line on standard input, trains for one epoch on one thread, validates, and answers with
a line of JSON; and so on until the input ends. Each contender imports only what it needs, because
Keras lives in an environment of its own.
"""

import itertools
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

SIZES = (784, 64, 64, 10)
BATCH = 128
LEARNING_RATE = 0.01
FOREVER = 10**5

RSS_UNIT = 1 if sys.platform == "darwin" else 1024
"""Bytes in one unit of getrusage's ru_maxrss."""


class Data(NamedTuple):
    """Images uint8 [N, 28, 28] and labels uint8 [N] to train on, and others to validate on."""

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    validation_images: NDArray[np.uint8]
    validation_labels: NDArray[np.uint8]


class Turns:
    """Begins an epoch when the driver says so, and tells it what the epoch took."""

    def begin(self) -> None:
        """Wait for one's turn; ends the process when there is none left."""
        if not sys.stdin.readline():
            sys.exit()
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def end(self, accuracy: float | None) -> None:
        """Report the epoch, with the accuracy on the validation images after it."""
        cpu, wall = time.process_time() - self._cpu, time.perf_counter() - self._wall
        peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * RSS_UNIT / 2**20
        turn = {"cpu_s": cpu, "wall_s": wall, "peak_mib": peak_mib, "accuracy": accuracy}
        print(json.dumps(turn), flush=True)


def ours(data: Data, turns: Turns, device: str = "cpu") -> None:
    """This project's loop, as `python -m training` runs it."""
    from training.device import pick_device
    from training.mnist import Digits
    from training.network import build
    from training.recipe import Recipe
    from training.train import train

    one_thread()
    digits = Digits(
        np.concatenate([data.images, data.validation_images]),
        np.concatenate([data.labels, data.validation_labels]),
    )
    recipe = Recipe(recipe="textbook", epochs=FOREVER, validation_size=len(data.validation_labels))
    epochs = train(build(recipe).to(pick_device(device)), digits, recipe)
    while True:
        turns.begin()
        validation = next(epochs).validation
        assert validation
        turns.end(validation.accuracy)


def keras(data: Data, turns: Turns) -> None:
    """Keras 3 on TensorFlow, as its own introduction to MNIST trains a dense network.

    One call of `fit` for all epochs, on pixels that were scaled before: what it does once is not
    counted.
    """
    os.environ |= {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}
    import tensorflow

    tensorflow.config.threading.set_intra_op_parallelism_threads(1)
    tensorflow.config.threading.set_inter_op_parallelism_threads(1)
    from keras import Input, Sequential, callbacks, layers, optimizers, utils

    *hidden, outputs = SIZES[1:]
    model = Sequential(
        [
            Input((SIZES[0],)),
            *(layers.Dense(width, activation="relu") for width in hidden),
            layers.Dense(outputs, activation="softmax"),
        ]
    )
    model.compile(
        optimizer=optimizers.SGD(LEARNING_RATE),
        loss="categorical_crossentropy",
        metrics=["accuracy"],
    )

    def prepared(images: NDArray[np.uint8], labels: NDArray[np.uint8]) -> tuple[Any, Any]:
        pixels = images.reshape(len(images), -1).astype(np.float32) / 255
        return pixels, utils.to_categorical(labels, outputs)

    model.fit(
        *prepared(data.images, data.labels),
        batch_size=BATCH,
        epochs=FOREVER,
        verbose=0,
        validation_data=prepared(data.validation_images, data.validation_labels),
        callbacks=[
            callbacks.LambdaCallback(
                on_epoch_begin=lambda epoch, logs: turns.begin(),
                on_epoch_end=lambda epoch, logs: turns.end(logs["val_accuracy"]),
            )
        ],
    )


def pytorch(data: Data, turns: Turns) -> None:
    """The loop of PyTorch's tutorials: a Dataset, a DataLoader, autograd and torch.optim.

    The Dataset is torchvision's MNIST without its detour through PIL.
    """
    import torch
    from torch import nn
    from torch.utils.data import DataLoader, Dataset

    one_thread()

    class Images(Dataset[tuple[torch.Tensor, int]]):
        def __init__(self, images: NDArray[np.uint8], labels: NDArray[np.uint8]) -> None:
            self.images, self.labels = torch.tensor(images), torch.tensor(labels)

        def __len__(self) -> int:
            return len(self.labels)

        def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
            return self.images[index].float() / 255, int(self.labels[index])

    training = Images(data.images, data.labels)
    validation = Images(data.validation_images, data.validation_labels)
    model = nn.Sequential(
        nn.Flatten(),
        nn.Linear(SIZES[0], SIZES[1]),
        nn.ReLU(),
        nn.Linear(SIZES[1], SIZES[2]),
        nn.ReLU(),
        nn.Linear(SIZES[2], SIZES[3]),
    )
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), LEARNING_RATE)

    def epoch(digits: Images, *, train: bool) -> float:
        """The accuracy; the loss is added up as well, as all others do."""
        total, correct = 0.0, 0
        with torch.set_grad_enabled(train):
            for pixels, labels in DataLoader(digits, BATCH, shuffle=train):
                logits = model(pixels)
                loss = criterion(logits, labels)
                if train:
                    optimizer.zero_grad()
                    loss.backward()
                    optimizer.step()
                total += loss.item() * len(labels)
                correct += int((logits.argmax(1) == labels).sum().item())
        return correct / len(digits)

    while True:
        turns.begin()
        epoch(training, train=True)
        turns.end(epoch(validation, train=False))


def products(data: Data, turns: Turns) -> None:
    """The floor: the matrix products of an epoch and its validation, and nothing else.

    They are those of all 784 pixels, which is more than the network needs (training/pixels.py).
    """
    import torch

    one_thread()
    steps = {n: products_of_a_step(n) for n in (BATCH, len(data.labels) % BATCH)}
    validations = {n: products_of_a_step(n) for n in (BATCH, len(data.validation_labels) % BATCH)}
    epoch = [product for n in batch_sizes(data.labels) for product in steps[n]]
    epoch += [
        product
        for n in batch_sizes(data.validation_labels)
        for product in validations[n][: len(SIZES) - 1]
    ]
    while True:
        turns.begin()
        for one, other, out in epoch:
            torch.mm(one, other, out=out)
        turns.end(None)


def products_of_a_step(images: int) -> list[Any]:
    """Factors and a place for the result: first those of the forward pass, then the others."""
    from torch import empty_like, rand

    forward, backward = [], []
    for index, (fan_in, fan_out) in enumerate(itertools.pairwise(SIZES)):
        values, sums, weight = rand(images, fan_in), rand(images, fan_out), rand(fan_out, fan_in)
        forward.append((values, weight.t(), sums))
        backward.append((sums.t(), values, empty_like(weight)))
        if index:
            backward.append((sums, weight, empty_like(values)))
    return forward + backward


def batch_sizes(labels: NDArray[np.uint8]) -> list[int]:
    """The sizes of an epoch's minibatches."""
    return [len(labels[start : start + BATCH]) for start in range(0, len(labels), BATCH)]


def one_thread() -> None:
    """Let PyTorch use one thread, as `python -m training` does."""
    import torch

    torch.set_num_threads(1)


CONTENDERS: dict[str, Callable[[Data, Turns], None]] = {
    "ours": ours,
    "gpu": partial(ours, device="cuda"),
    "keras": keras,
    "pytorch": pytorch,
    "products": products,
}


if __name__ == "__main__":
    with np.load(sys.argv[2]) as file:
        CONTENDERS[sys.argv[1]](Data(*(file[name] for name in Data._fields)), Turns())
