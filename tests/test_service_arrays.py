"""Images as files of numpy, CSV and bare bytes."""

import io
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from service.arrays import images_of_bytes, images_of_csv, images_of_npy, images_of_npz
from service.errors import InputError, TooLargeError

IMAGES = np.arange(2 * 784, dtype=np.uint32).reshape(2, 28, 28).astype(np.uint8)


def npy(array: NDArray[np.generic]) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def npz(content: bytes, *, names: int = 1, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for number in range(names):
            archive.writestr(f"arr_{number}.npy", content)
    return file.getvalue()


def header(text: str) -> bytes:
    """A file of numpy that begins with this header, and ends with it."""
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


@pytest.mark.parametrize(
    "array",
    [
        IMAGES,
        IMAGES.reshape(2, 784),
        IMAGES.astype(np.int64),
        IMAGES.astype(">u2"),
        np.asfortranarray(IMAGES),
    ],
)
def test_every_array_of_whole_numbers_is_read(array: NDArray[np.generic]) -> None:
    assert np.array_equal(images_of_npy(npy(array)), IMAGES)
    assert np.array_equal(images_of_npz(npz(npy(array)), limit=100_000), IMAGES)


@pytest.mark.parametrize("array", [IMAGES[0], IMAGES[0].ravel()])
def test_one_image_needs_no_batch(array: NDArray[np.uint8]) -> None:
    assert np.array_equal(images_of_npy(npy(array)), IMAGES[:1])


@pytest.mark.parametrize(
    ("array", "complaint"),
    [
        (IMAGES[:0], r"got \[0, 28, 28\]"),
        (IMAGES[:, :27], r"got \[2, 27, 28\]"),
        (np.uint8(7), r"got \[\]"),
        (IMAGES[None], r"got \[1, 2, 28, 28\]"),
        (IMAGES / np.float32(255), "multiply fractions from 0 to 1 by 255.*got float32"),
        (IMAGES > 0, "got bool"),
        (IMAGES.astype(np.int16) * 2, "whole numbers from 0 to 255, got 510"),
        (IMAGES.astype(np.int16) - 1, "whole numbers from 0 to 255, got -1"),
        (np.array([["a"] * 784]), "got <U1"),
    ],
)
def test_other_arrays_are_refused(array: NDArray[np.generic], complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        images_of_npy(npy(np.asarray(array)))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x93NUMPY",
        npy(IMAGES)[:40],
        npy(np.array([None])),
        header("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}"),
        header("-" * 1000 + "1"),
        header("(" * 1000),
        header("{" * 60_000),
        header("{'descr': [('a', '|u1')], 'fortran_order': False, 'shape': (784,)}"),
        header("{'descr': '|u1', 'fortran_order': False, 'shape': (0, 10**40)}"),
        header(f"{{'descr': '|u1', 'fortran_order': False, 'shape': (0, {10**40})}}"),
        header(f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({10**40},)}}"),
        header("{'descr': '|u1', 'fortran_order': False, 'shape': (-1,)}"),
        header("{'descr': '|u1', 'fortran_order': False, 'shape': 784}"),
        header("{'descr': '|u1'}"),
        header("[]"),
    ],
)
def test_damaged_and_malicious_files_of_numpy_are_refused(body: bytes) -> None:
    with pytest.raises(InputError):
        images_of_npy(body)


@given(st.binary(max_size=300))
def test_no_header_of_numpy_is_a_fault(rest: bytes) -> None:
    with pytest.raises(InputError):
        images_of_npy(b"\x93NUMPY\x01\x00" + rest)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        npz(npy(IMAGES))[:-30],
        npz(npy(IMAGES), names=0),
        npz(npy(IMAGES), names=2),
        npz(npy(IMAGES), method=zipfile.ZIP_LZMA),
        npz(npy(IMAGES), method=zipfile.ZIP_BZIP2),
        npz(b"not numpy"),
    ],
)
def test_other_zip_files_are_refused(body: bytes) -> None:
    with pytest.raises(InputError):
        images_of_npz(body, limit=100_000)


@given(st.data())
def test_no_damage_to_a_zip_file_is_a_fault(data: st.DataObject) -> None:
    body = bytearray(npz(npy(IMAGES)))
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))

    try:
        images = images_of_npz(bytes(body), limit=100_000)
    except InputError:
        return
    assert images.shape[1:] == (28, 28)


def test_a_zip_bomb_is_not_unpacked() -> None:
    bomb = npz(bytes(50_000_000))

    assert len(bomb) < 60_000
    with pytest.raises(TooLargeError, match="more than the 100,000 bytes"):
        images_of_npz(bomb, limit=100_000)


def test_each_line_of_csv_is_an_image() -> None:
    lines = "\r\n".join(",".join(map(str, image.ravel())) for image in IMAGES)

    assert np.array_equal(images_of_csv(f"{lines}\r\n\r\n".encode()), IMAGES)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("", "lines of 784 numbers, got none"),
        ("\n\n", "lines of 784 numbers, got none"),
        ("0,1", "784 numbers in line 1, got 2"),
        (",".join("0" * 785), "got 785"),
        (",".join(["256", *"0" * 783]), "from 0 to 255 in line 1, got 256"),
        (",".join(["-1", *"0" * 783]), "from 0 to 255 in line 1, got -1"),
        (",".join(["0.5", *"0" * 783]), "from 0 to 255 in line 1, got 0.5"),
        (",".join(["1_0", *"0" * 783]), "from 0 to 255 in line 1, got 1_0"),
        (",".join(["9" * 5000, *"0" * 783]), "from 0 to 255 in line 1, got 999"),
        (",".join(["", *"0" * 783]), "from 0 to 255 in line 1, got ,0"),
        (",".join("0" * 784) + "\n\n0", "784 numbers in line 2, got 1"),
    ],
)
def test_other_csv_is_refused(line: str, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        images_of_csv(line.encode())


def test_bytes_lie_one_image_behind_the_other() -> None:
    assert np.array_equal(images_of_bytes(IMAGES.tobytes()), IMAGES)


@pytest.mark.parametrize("length", [0, 1, 783, 785])
def test_a_part_of_an_image_is_refused(length: int) -> None:
    with pytest.raises(InputError, match=f"a multiple of 784 bytes, got {length} bytes"):
        images_of_bytes(bytes(length))
