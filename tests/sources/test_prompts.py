"""The questions that we ask where upstream has none."""

from __future__ import annotations

from collections import Counter

import pytest

from sources import cord_v2, iiw400, moviechat, rendered_text, sharegpt4video, vript, websight
from sources.conversations import choose_prompt

MODULES = (cord_v2, iiw400, moviechat, rendered_text, sharegpt4video, vript, websight)
TABLES = {module.__name__: module.PROMPTS for module in MODULES}


@pytest.mark.parametrize("prompts", TABLES.values(), ids=list(TABLES))
def test_each_prompt_has_its_share(prompts: tuple[str, ...]) -> None:
    assert len(set(prompts)) == len(prompts)
    drawn = Counter(choose_prompt(prompts, f"answer {number}") for number in range(600))
    assert set(drawn) == set(prompts)
    assert max(drawn.values()) < 2 * min(drawn.values())


def test_the_same_answer_is_asked_the_same() -> None:
    assert choose_prompt(("a", "b", "c"), "x") == choose_prompt(("a", "b", "c"), "x")
    assert choose_prompt(("a",), "\ud800") == "a"
