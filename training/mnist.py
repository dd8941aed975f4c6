"""MNIST: 70,000 handwritten digits of 28 by 28 pixels (LeCun, Cortes and Burges, 1998)."""

import hashlib
import struct
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from registry.contract import DIGITS, IMAGE_SIDE

TRAIN_IMAGES = "train-images-idx3-ubyte"
TRAIN_LABELS = "train-labels-idx1-ubyte"
TEST_IMAGES = "t10k-images-idx3-ubyte"
TEST_LABELS = "t10k-labels-idx1-ubyte"

CHECKSUMS = {
    TRAIN_IMAGES: "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    TRAIN_LABELS: "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    TEST_IMAGES: "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    TEST_LABELS: "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
"""SHA-256 of the four files, uncompressed."""

# An IDX header: two zero bytes, the type of an element (8: uint8), the number of dimensions.
_IMAGES_MAGIC = 0x00000803
_LABELS_MAGIC = 0x00000801


class DatasetError(Exception):
    """The data set is not to be had, or is not what it should be."""


@dataclass(frozen=True)
class Digits:
    """Images uint8 [N, 28, 28], white ink on black, and their labels uint8 [N] from 0 to 9."""

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, some: slice) -> "Digits":
        return Digits(self.images[some], self.labels[some])

    @property
    def digest(self) -> str:
        """SHA-256 of the images and their labels, in their order."""
        # Piece by piece: put together, they would be another 47 MB.
        digest = hashlib.sha256(np.ascontiguousarray(self.images).data)
        digest.update(np.ascontiguousarray(self.labels).data)
        return digest.hexdigest()


@dataclass(frozen=True)
class Mnist:
    """The training set and the test set."""

    train: Digits
    test: Digits


def parse(files: Mapping[str, bytes]) -> Mnist:
    """The data set in its four IDX files (name to uncompressed bytes); raises DatasetError."""
    return Mnist(
        train=_digits(files, TRAIN_IMAGES, TRAIN_LABELS),
        test=_digits(files, TEST_IMAGES, TEST_LABELS),
    )


def _digits(files: Mapping[str, bytes], images_name: str, labels_name: str) -> Digits:
    images = _read_idx(files[images_name], images_name, _IMAGES_MAGIC)
    labels = _read_idx(files[labels_name], labels_name, _LABELS_MAGIC)
    if len(images) != len(labels):
        raise DatasetError(
            f"{images_name} holds {len(images)} images, {labels_name} {len(labels)} labels"
        )
    if images.shape[1:] != (IMAGE_SIDE, IMAGE_SIDE):
        raise DatasetError(
            f"{images_name} holds images of {images.shape[1:]}, expected 28 by 28 pixels"
        )
    if len(labels) == 0 or labels.max() >= DIGITS:
        raise DatasetError(f"{labels_name} must hold labels from 0 to 9, and at least one")
    return Digits(images, labels)


def _read_idx(content: bytes, name: str, magic: int) -> NDArray[np.uint8]:
    """The array in an IDX file of uint8 (the format is described on MNIST's own page)."""
    dimensions = magic & 0xFF
    header = struct.Struct(f">{1 + dimensions}I")
    if len(content) < header.size:
        raise DatasetError(f"{name} ends within its header")
    found, *shape = header.unpack_from(content)
    if found != magic:
        raise DatasetError(f"{name} begins with {found:#010x}, expected {magic:#010x}")
    values = np.frombuffer(content, np.uint8, offset=header.size)
    if values.size != np.prod(shape):
        raise DatasetError(f"{name} holds {values.size} bytes of data, its header says {shape}")
    return values.reshape(shape)
