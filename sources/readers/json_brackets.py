"""Where the brackets of JSON text stand that are outside strings: numpy, a block at a time."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]


def find_brackets(data: bytes) -> tuple[Ints, Ints, npt.NDArray[np.bool_]]:
    """Places of brackets outside strings, the depth after each, and whether it opens.

    `data` must begin outside a string; depth 0 is where it begins. One `flatnonzero` for all that
    is looked for: it costs more than the comparisons.
    """
    block = np.frombuffer(data, dtype=np.uint8)
    wanted = (block & 0xD9) == 0x59  # []{} and the rare Y _ y DEL
    wanted |= block == 0x22
    places = np.flatnonzero(wanted)
    codes = block[places]
    quotes = codes == 0x22
    _drop_escaped(quotes, places, block)
    folded = codes | 0x20  # [ becomes {, and ] becomes }
    opens = folded == 0x7B
    brackets = (opens | (folded == 0x7D)) & (np.cumsum(quotes, dtype=np.int32) % 2 == 0)
    opens = opens[brackets]
    return places[brackets], np.cumsum(np.where(opens, 1, -1)), opens


def _drop_escaped(
    quotes: npt.NDArray[np.bool_], places: Ints, block: npt.NDArray[np.uint8]
) -> None:
    """Clear, in place, the quotes that an odd run of backslashes stands before."""
    doubtful = np.flatnonzero(quotes & (block[np.maximum(places - 1, 0)] == 0x5C))
    last = places[doubtful] - 1
    if not (block[np.maximum(last - 1, 0)] == 0x5C).any():
        quotes[doubtful] = False  # nearly always: each run is a single backslash
        return
    slashes = np.flatnonzero(block == 0x5C)
    is_first = np.diff(slashes, prepend=-2) != 1
    run_start = np.maximum.accumulate(np.where(is_first, slashes, 0))
    length = last - run_start[np.searchsorted(slashes, last)] + 1
    quotes[doubtful[length % 2 == 1]] = False
