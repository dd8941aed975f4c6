import numpy as np
from hypothesis import given
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from service.vision.components import components

MASKS = arrays.arrays(np.bool_, arrays.array_shapes(min_dims=2, max_dims=2, max_side=16))


def flooded(mask: NDArray[np.bool_]) -> list[set[tuple[int, int]]]:
    """The places of each component, by walking from neighbour to neighbour."""
    left = {(int(row), int(column)) for row, column in np.argwhere(mask)}
    found = []
    while left:
        reached, todo = set(), [left.pop()]
        while todo:
            row, column = todo.pop()
            reached.add((row, column))
            near = {(row + down, column + right) for down in (-1, 0, 1) for right in (-1, 0, 1)}
            todo += near & left
            left -= near
        found.append(reached)
    return found


@given(MASKS)
def test_components_are_those_that_a_flood_reaches(mask: NDArray[np.bool_]) -> None:
    found = components(mask)

    labelled = [
        {(int(row), int(column)) for row, column in np.argwhere(found.labels == label)}
        for label in range(1, len(found.areas) + 1)
    ]
    assert sorted(map(sorted, labelled)) == sorted(map(sorted, flooded(mask)))
    assert not found.labels[~mask].any()


@given(MASKS)
def test_components_are_measured_and_the_largest_is_first(mask: NDArray[np.bool_]) -> None:
    found = components(mask)

    for label, (area, box) in enumerate(zip(found.areas, found.boxes, strict=True), start=1):
        rows, columns = np.nonzero(found.labels == label)
        assert area == len(rows)
        assert box.tolist() == [rows.min(), columns.min(), rows.max() + 1, columns.max() + 1]
    assert (np.diff(found.areas) <= 0).all()
