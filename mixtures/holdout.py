"""Which groups of rows are held out of training: a draw of each group that nothing else enters.

Neither the recipe's seed nor its shares count, so that arms of an ablation hold out the same rows.
"""

from __future__ import annotations

import re
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from manifests.errors import UsageError
from mixtures.draw import draws

# Another word here would hold out other rows of every mixture.
_PURPOSE = "holdout"
_SEED = 0
_MOST = Fraction(1, 2)
_SHARE = re.compile(r"(?P<number>\d+|\d*\.\d+)(?P<percent>%?)", re.ASCII)

_Draws = npt.NDArray[np.uint64]


def parse_holdout(text: str) -> Fraction:
    """`1%` or `0.01` as it is written, exactly; UsageError unless it is above 0 and below 50 %."""
    found = _SHARE.fullmatch(text.strip())
    if found is None:
        raise UsageError(f"{text!r} is not a share such as 1% or 0.01")
    share = Fraction(found["number"]) / (100 if found["percent"] else 1)
    if not 0 < share < _MOST:
        raise UsageError(f"{text} is not above 0 and below 50%; 1% is a good start")
    return share


def group_draws(hi: _Draws, lo: _Draws) -> _Draws:
    """The draw of each group, given by 16 bytes that name it; it stands for the group."""
    return draws(hi, lo, _SEED, _PURPOSE)


def is_held(groups: _Draws, share: Fraction) -> npt.NDArray[np.bool_]:
    """Whether each group, by its draw, is held out."""
    limit = share.numerator * (1 << 64) // share.denominator
    held: npt.NDArray[np.bool_] = groups < np.uint64(limit)
    return held
