"""The whole step: open rows of all parts in, the same with what near duplicates match out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from manifests.cards import SourceCard
from mixtures.likeness import NearText
from mixtures.recipe import Recipe
from pipelines.alike import texts
from pipelines.alike.apply import apply_tasks
from pipelines.alike.bands import band_tasks
from pipelines.alike.facts import Preference, facts_tasks
from pipelines.alike.files import near_path
from pipelines.alike.keys import keys_tasks
from pipelines.alike.media import Classes
from pipelines.alike.numbers import Numbers
from pipelines.alike.same import same_tasks
from pipelines.alike.texts import near_text
from pipelines.alike.verify import verify_tasks
from pipelines.alike.walk import label_tasks, num_walks, walk_tasks
from pipelines.alike.wanted import read_wanted, wanted_tasks
from pipelines.engine import Task
from pipelines.measures import EMBEDDING, find
from pipelines.near import MEDIA_VERSION
from pipelines.parts import Part, subset_codes

Run = Callable[[str, Sequence[Task]], list[dict[str, Any]]]

_STAGE = "near"
_USES = ("yes", "unknown", "no")


def near_versions(recipe: Recipe) -> dict[str, str]:
    """Of the rules that near duplicates are found by: others give other rows."""
    asked = recipe.near_duplicates
    if asked is None:
        return {}
    found = {"near_texts": str(texts.VERSION)} if asked.text is not None else {}
    if asked.image is not None or asked.video is not None:
        found["near_media"] = str(MEDIA_VERSION)
    if asked.image is not None and asked.image.model is not None:
        found["near_model"] = find(recipe.filter_ref(EMBEDDING)).fingerprint
    return found


def find_near(
    run: Run,
    parts: Sequence[Part],
    recipe: Recipe,
    cards: Mapping[str, SourceCard],
    store: str,
    scratch: str,
) -> list[str]:
    """Paths of the open rows, one a part."""
    preference = preference_of(recipe, cards)
    classes = _media(run, parts, recipe, preference, store, scratch)
    merging = recipe.merge != "none"
    keyed = _by_number(run(_STAGE, keys_tasks(scratch, parts, classes, merging)))
    asked = near_text(recipe)
    if asked is None:
        return [result["path"] for result in keyed]
    tasks = facts_tasks(scratch, parts, recipe, preference, classes)
    counts = tuple(int(result["rows"]) for result in _by_number(run(_STAGE, tasks)))
    return _among(run, Numbers(scratch, counts), parts, asked)


def _media(
    run: Run,
    parts: Sequence[Part],
    recipe: Recipe,
    preference: Preference,
    store: str,
    scratch: str,
) -> Classes:
    """Which media stand for others; none where the recipe does not ask."""
    asked = recipe.near_duplicates
    assert asked is not None, "what asks for nothing is not here"
    if asked.image is None and asked.video is None:
        return Classes()
    # It brings Pillow, which a plan does without that has nothing to find.
    from pipelines.near_media import media_classes
    from pipelines.near_sorts import wanted_sorts

    run(_STAGE, wanted_tasks(scratch, parts, preference))
    wanted = read_wanted(scratch, parts)
    sorts = wanted_sorts(asked, recipe.filter_ref(EMBEDDING))
    found = media_classes(run, wanted, sorts, store, near_path(scratch, "media"))
    return Classes.write(scratch, found)


def _among(run: Run, numbers: Numbers, parts: Sequence[Part], asked: NearText) -> list[str]:
    same = len(run(_STAGE, same_tasks(numbers)))
    met = run(_STAGE, band_tasks(numbers, same, asked.bands))
    folders = [part.row_folders for part in parts]
    alike = run(_STAGE, verify_tasks(numbers, met, folders, asked))
    walks = num_walks(sum(result["pairs"] for result in alike))
    run(_STAGE, label_tasks(numbers, len(alike), walks))
    run(_STAGE, walk_tasks(numbers, len(alike), walks))
    opened = _by_number(run(_STAGE, apply_tasks(numbers, same, walks)))
    return [result["path"] for result in opened]


def preference_of(recipe: Recipe, cards: Mapping[str, SourceCard]) -> Preference:
    """Sources that the recipe prefers in its order; then what may be used commercially, by name."""
    preferred = recipe.near_duplicates.prefer if recipe.near_duplicates else ()
    priority, uses = [], []
    for code in subset_codes(cards):
        name, _, subset = code.partition("/")
        is_named = name in preferred
        priority.append(preferred.index(name) if is_named else len(preferred))
        (found,) = [s for s in cards[name].subsets if s.name == subset]
        uses.append(_USES.index(cards[name].commercial_use_of(found)))
    ranked = sorted(range(len(uses)), key=lambda place: (uses[place], place))
    return Preference(tuple(priority), tuple(ranked.index(place) for place in range(len(uses))))


def _by_number(results: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(results, key=lambda result: int(result["number"]))
