import struct

import pytest

from training import mnist
from training.mnist import DatasetError, Mnist


def idx(magic: int, *shape: int, body: bytes | None = None) -> bytes:
    size = 1
    for length in shape:
        size *= length
    header = struct.pack(f">{1 + len(shape)}I", magic, *shape)
    return header + (bytes(size) if body is None else body)


def files(**changed: bytes) -> dict[str, bytes]:
    images, labels = idx(0x803, 2, 28, 28), idx(0x801, 2, body=b"\x07\x09")
    whole = {
        mnist.TRAIN_IMAGES: images,
        mnist.TRAIN_LABELS: labels,
        mnist.TEST_IMAGES: images,
        mnist.TEST_LABELS: labels,
    }
    return whole | {getattr(mnist, name): content for name, content in changed.items()}


def test_sample_holds_images_and_their_labels(sample: Mnist) -> None:
    assert sample.train.images.shape == (600, 28, 28)
    assert sample.test.images.shape == (200, 28, 28)
    assert set(sample.test.labels.tolist()) == set(range(10))


def test_labels_belong_to_their_images() -> None:
    parsed = mnist.parse(files())

    assert len(parsed.train) == 2
    assert parsed.train.labels.tolist() == [7, 9]


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"TRAIN_IMAGES": b"\x00\x00\x08"}, "ends within its header"),
        ({"TRAIN_IMAGES": idx(0x801, 2, 28, 28)}, "expected 0x00000803"),
        ({"TRAIN_IMAGES": idx(0x803, 2, 28, 28)[:-1]}, "its header says"),
        ({"TRAIN_IMAGES": idx(0x803, 2, 8, 8)}, "expected 28 by 28"),
        ({"TEST_LABELS": idx(0x801, 3)}, "2 images, .* 3 labels"),
        ({"TEST_LABELS": idx(0x801, 2, body=b"\x00\x0a")}, "labels from 0 to 9"),
    ],
)
def test_malformed_file_is_named(changed: dict[str, bytes], complaint: str) -> None:
    with pytest.raises(DatasetError, match=complaint):
        mnist.parse(files(**changed))
