from __future__ import annotations

import numpy as np
import pytest

from pipelines.near.characters import (
    ALONE,
    BLANK,
    DIGIT,
    LETTER,
    MARK,
    OPERATOR,
    UNSEEN,
    flags_of_one,
    folded,
    look_up,
    tables,
)


@pytest.mark.parametrize(
    ("chars", "flags"),
    [
        ("aZ\u00e9\u0416\u05d0\u0905\uac00", LETTER),
        ("7\u0663", LETTER | DIGIT),
        ("\u4e00\u3042\u30ab\u3005\u0e01\u0eab\u1780\u1000\U00020000", ALONE),
        ("=+<>$^\u20ac\u2211\U0001f600", ALONE),
        ("\u0301\u0e31\u094d", MARK),
        ("%*/-\u2212", OPERATOR),
        (" ", BLANK),
        ("\u00ad\u200b\u200d\ufeff\ufe0f", UNSEEN),
        (".,;:!?'\"_()[]{}#&@\\|~`\u3002\u2014\t\n\u00a0\x00", 0),
    ],
)
def test_kinds(chars: str, flags: int) -> None:
    assert {char: flags_of_one(char) for char in chars} == dict.fromkeys(chars, flags)


def test_tables_hold_what_the_rule_says_of_every_character() -> None:
    flags, values = tables()
    codes = np.random.default_rng(0).choice(len(flags), 5_000, replace=False)
    assert flags[codes].tolist() == [flags_of_one(chr(code)) for code in codes]
    same = {folded(chr(code)): values[code] for code in codes}
    assert all(same[folded(chr(code))] == values[code] for code in codes)
    assert len(set(same.values())) == len(same)


def test_letters_are_one_in_either_case() -> None:
    assert [folded(char) for char in "A\u03a3\u03c2\u0130"] == ["a", "\u03c3", "\u03c3", "\u0130"]


def test_what_is_beyond_the_table_parts_words() -> None:
    flags, _ = look_up(np.array([0x10FFFF, 0xE0100], np.uint32))
    assert flags.tolist() == [0, 0]
