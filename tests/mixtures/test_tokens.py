from __future__ import annotations

import numpy as np

from mixtures.processors import get_processor
from mixtures.tokens import ESTIMATED, Template, image_ids, text_ids

SMALL = get_processor("smolvlm-256m")


def test_ids_are_those_of_the_layout_spelled_out() -> None:
    rows, columns, length = 3, 4, SMALL.ids_per_tile
    spelled: list[str] = []
    for row in range(rows):
        for column in range(columns):
            spelled += ["<fake>", f"<row_{row}_col_{column}>"] + ["<image>"] * length
        # The newline after the last row and the one before the global tile are one id.
        spelled += ["\n"] if row < rows - 1 else []
    spelled += ["\n\n", "<fake>", "<global-img>"] + ["<image>"] * length + ["<fake>"]
    all_ids, image_only = image_ids(SMALL, np.array([300]), np.array([200]))
    assert all_ids.tolist() == [len(spelled)]
    assert image_only.tolist() == [spelled.count("<image>")]


def test_a_vocabulary_without_a_double_newline() -> None:
    template = Template(newline=1, newlines=2, prompt_head=0, answer_head=3)
    size = np.array([300]), np.array([200])
    more = image_ids(SMALL, *size, template)[0] - image_ids(SMALL, *size)[0]
    assert more.tolist() == [1]
    assert template.prompt == 2 and ESTIMATED.prompt == 4


def test_text_is_rounded_up_from_41_bytes_for_10_ids() -> None:
    assert text_ids(np.array([0, 1, 4, 41, 42, 4100])).tolist() == [0, 1, 1, 10, 11, 1000]
