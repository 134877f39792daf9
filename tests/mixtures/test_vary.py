"""Arms of an ablation: shares are exact, sum to one, and leave what is not varied in proportion."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.errors import UsageError
from mixtures.recipe import Recipe
from mixtures.recipe_file import load_recipe, parse_recipe
from mixtures.vary import Group, arms_of, parse_vary, recipe_text, scaled, share_text, shares_of

BASE = """
name: base
description: three kinds, images in two parts
unit: samples
components:
  - {name: words, share: 20%, modality: text, sources: [magpie]}
  - {name: clips, share: 30%, modality: video, sources: [llava_video_178k]}
  - name: pictures
    share: 50%
    modality: image
    sources: [the_cauldron]
    components:
      - {name: docs, share: 40%, category: document}
      - {name: others, share: 60%, where: category != 'document'}
"""
AMOUNTS = """
name: amounts
description: by amount
unit: samples
components:
  - {name: words, take: 20, sources: [magpie]}
  - {name: pictures, take: 80, sources: [the_cauldron]}
"""


def _recipe(text: str = BASE) -> Recipe:
    return parse_recipe(text, "base.yaml")


WRONG = [
    (BASE, "wrods=5%", "recipe base has no component 'wrods'; did you mean 'words'?"),
    (BASE, "words", "write it as text=5%,14%,30%"),
    (BASE, "words=", "'' is no share"),
    (BASE, "words=0,5%", "it must be above 0"),
    (BASE, "words=5%,0.05", "5% is named twice"),
    (BASE, "words=5%,100%", "100% leaves nothing"),
    (BASE, "words=5%,120%", "must be above 0 and at most 1"),
    (AMOUNTS, "words=5%", "words is asked for by amount"),
]


@pytest.mark.parametrize(("text", "vary", "says"), WRONG, ids=[case[1] for case in WRONG])
def test_what_cannot_be_varied_is_told(text: str, vary: str, says: str) -> None:
    with pytest.raises(UsageError, match="^.*$") as told:
        parse_vary(vary, _recipe(text))
    assert says in str(told.value)


def test_a_component_is_varied_once() -> None:
    recipe = _recipe()
    with pytest.raises(UsageError, match="words twice"):
        arms_of(recipe, [parse_vary("words=5%", recipe), parse_vary("text=10%", recipe)])


def test_two_arms_never_share_a_folder() -> None:
    """Labels are rounded: these shares differ, and one recipe would have been trained as both."""
    recipe = _recipe()
    with pytest.raises(UsageError, match="two arms would be called words-33.3333"):
        arms_of(recipe, [parse_vary("words=33.33331%,33.33332%", recipe)])


@pytest.mark.parametrize(
    ("vary", "level", "expect"),
    [
        ("words=10%", "", {"words": "1/10", "clips": "27/80", "pictures": "9/16"}),
        ("image=60%", "", {"words": "4/25", "clips": "6/25", "pictures": "3/5"}),
        ("pictures/docs=70%", "pictures", {"docs": "7/10", "others": "3/10"}),
    ],
)
def test_an_arm_is_a_recipe_that_extends_the_one_that_is_varied(
    vary: str, level: str, expect: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "base.yaml").write_text(BASE)
    recipe = _recipe()
    (arm,) = arms_of(recipe, [parse_vary(vary, recipe)])
    assert arm.shares == {name: Fraction(share) for name, share in expect.items()}
    text = recipe_text("arm", "./base.yaml", "it's an arm", {level: arm.shares}, ["why"])
    (tmp_path / "arm.yaml").write_text(text)
    made = load_recipe(str(tmp_path / "arm.yaml"))
    assert shares_of(made, level) == arm.shares
    assert made.model_copy(
        update={n: getattr(recipe, n) for n in ("name", "description", "components")}
    ) == (recipe)
    assert made.description == "it's an arm"


def test_several_levels_stand_in_one_recipe(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text(BASE)
    recipe = _recipe()
    levels = {
        "": scaled(shares_of(recipe, ""), {Group("words", "", ("words",)): Fraction(1, 4)}),
        "pictures": {"docs": Fraction(1, 3), "others": Fraction(2, 3)},
    }
    text = recipe_text("new", "./base.yaml", "both", levels, [])
    (tmp_path / "new.yaml").write_text(text)
    made = load_recipe(str(tmp_path / "new.yaml"))
    assert {level: shares_of(made, level) for level in levels} == levels


def test_two_of_the_same_mixture_are_one_arm() -> None:
    recipe = _recipe()
    varied = [parse_vary("words=10%,20%", recipe), parse_vary("clips=30%,40%", recipe)]
    assert [arm.label for arm in arms_of(recipe, varied)] == ["words-10", "words-20", "clips-40"]


_PARTS = st.lists(st.integers(1, 1000), min_size=2, max_size=7)


@given(_PARTS, st.data())
def test_shares_sum_to_one_and_the_others_keep_their_ratios(
    parts: list[int], data: st.DataObject
) -> None:
    shares = {f"c{n}": Fraction(part, sum(parts)) for n, part in enumerate(parts)}
    members = data.draw(
        st.sets(st.sampled_from(sorted(shares)), min_size=1).filter(
            lambda some: len(some) < len(shares)
        )
    )
    asked = Fraction(data.draw(st.integers(1, 999)), 1000)
    group = Group("g", "", tuple(sorted(members)))
    found = scaled(shares, {group: asked})
    assert sum(found.values()) == 1 and group.share(found) == asked
    for some in (members, shares.keys() - members):
        assert len({found[name] / shares[name] for name in some}) == 1


@given(st.fractions(min_value=Fraction(1, 10**6), max_value=1, max_denominator=10**6))
def test_a_share_is_read_as_it_is_written(share: Fraction) -> None:
    from mixtures.shares import parse_share

    assert parse_share(share_text(share)) == share
