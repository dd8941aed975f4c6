"""Work is divided and read in pieces, of which none is lost or read twice."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from service.batch_prediction.errors import BatchError
from service.batch_prediction.inputs import Input, Kind, inputs_below
from service.batch_prediction.reading import read_slices
from service.batch_prediction.settings import Shard
from service.batch_prediction.units import divide, share
from service.errors import InputError
from tests.registry_memory import MemoryStore

PICTURES = st.builds(
    lambda number, size_bytes: Input(f"{number}.png", size_bytes, Kind.PICTURE),
    st.integers(0, 9999),
    st.integers(0, 1 << 26),
)


def npy(array: NDArray[np.generic]) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def images(count: int) -> NDArray[np.uint8]:
    """Images that can be told apart."""
    pixels = np.zeros((count, 784), np.uint8)
    pixels[:, 0], pixels[:, 1] = np.arange(count) % 256, np.arange(count) // 256
    return pixels


def read_back(store: MemoryStore, images_per_part: int) -> NDArray[np.uint8]:
    """All images of the one array in `store`, in the order of its units."""
    units = divide(inputs_below(store).files, images_per_part=images_per_part, files_per_part=1)
    found, count = [], 0
    for unit in units:
        for first, pixels in read_slices(store, unit, at_once=9):
            assert first == count
            assert 0 < len(pixels) <= 9
            count += len(pixels)
            found.append(pixels)
    return np.concatenate(found).reshape(-1, 784)


@given(
    count=st.integers(1, 70),
    images_per_part=st.integers(8, 40),
    dtype=st.sampled_from(["u1", "i2", ">u4", "i8"]),
    is_square=st.booleans(),
)
def test_slices_of_an_array_are_the_whole_of_it(
    count: int, images_per_part: int, dtype: str, is_square: bool
) -> None:
    store = MemoryStore()
    array = images(count).astype(dtype)
    store.put("a.npy", npy(array.reshape(-1, 28, 28) if is_square else array))

    assert np.array_equal(read_back(store, images_per_part), images(count))


@given(count=st.integers(1, 70), images_per_part=st.integers(8, 40))
def test_slices_of_bare_bytes_are_the_whole_of_them(count: int, images_per_part: int) -> None:
    store = MemoryStore()
    store.put("a.raw", images(count).tobytes())

    assert np.array_equal(read_back(store, images_per_part), images(count))


def test_an_archive_is_read_as_a_whole() -> None:
    store, file = MemoryStore(), io.BytesIO()
    np.savez_compressed(file, images(50))
    store.put("a.npz", file.getvalue())

    assert np.array_equal(read_back(store, 8), images(50))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no numpy",
        npy(images(40) / 255),
        npy(images(40).reshape(40, 56, 14)),
        npy(np.asfortranarray(images(40))),
        npy(images(40))[:-1],
        npy(np.full((40, 784), 256, np.int16)),
    ],
    ids=["empty", "garbage", "fractions", "other shape", "Fortran", "cut off", "too bright"],
)
def test_an_array_that_is_none_of_images_is_refused(content: bytes) -> None:
    store = MemoryStore()
    store.put("a.npy", content)
    units = divide(inputs_below(store).files, images_per_part=8, files_per_part=1)

    for unit in units:
        with pytest.raises(InputError):
            list(read_slices(store, unit, at_once=9))


def test_a_file_that_changes_meanwhile_stops_the_run() -> None:
    store = MemoryStore()
    store.put("a.npy", npy(images(40)))
    units = divide(inputs_below(store).files, images_per_part=8, files_per_part=1)
    store.put("a.npy", npy(images(40))[:-800])

    with pytest.raises(BatchError, match=r"a\.npy has changed"):
        list(read_slices(store, units[-1], at_once=9))


@given(st.lists(PICTURES, max_size=30, unique=True), st.integers(1, 9))
def test_every_picture_is_in_one_group(files: list[Input], files_per_part: int) -> None:
    units = divide(files, images_per_part=8, files_per_part=files_per_part)

    assert [file for unit in units for file in unit.files] == files
    assert all(len(unit.files) <= files_per_part for unit in units)
    assert all(unit.weight <= 1 << 26 or len(unit.files) == 1 for unit in units)
    assert len({unit.name for unit in units}) == len(units)


@given(st.integers(0, 40), st.integers(1, 12))
def test_every_unit_is_in_one_share(count: int, shards: int) -> None:
    files = [Input(f"{number}.png", 1, Kind.PICTURE) for number in range(count)]
    units = divide(files, images_per_part=8, files_per_part=1)

    shares = [share(units, Shard(index, shards)) for index in range(shards)]

    assert sorted(unit for one in shares for unit in one) == units
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_what_is_neither_picture_nor_array_is_skipped() -> None:
    store = MemoryStore()
    for key in ("a/notes.txt", "png", "b.PNG", "c.Npy", "folder/", "\udcff.png"):
        store.put(key, b"")

    found = inputs_below(store)

    assert [(file.key, file.kind) for file in found.files] == [
        ("b.PNG", "picture"),
        ("c.Npy", "npy"),
    ]
    assert found.skipped == ["a/notes.txt", "png", r"\udcff.png"]
