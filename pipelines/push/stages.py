"""Several builds in one repository: each lies in a folder of its own and is a config of the card.

The card at the top gains the stage's config and section and keeps everything else, whoever wrote
it; the build's own card stays beside its data, as the manifest lists it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import yaml

from manifests.build import BuildManifest
from manifests.errors import UsageError
from pipelines.card_data import (
    config,
    dataset_info,
    found_by,
    license_data,
    render_yaml,
    size_category,
    union,
)
from pipelines.push.terms import licenses_of, refuse_permissive_card

_FRONT = re.compile(r"\A---\s*\n(.*?)^---\s*?$\n?", re.MULTILINE | re.DOTALL)


def front_matter(card: str) -> dict[str, Any]:
    """The YAML of a card; empty where it has none."""
    found = _FRONT.match(card)
    try:
        data = yaml.safe_load(found[1]) if found else None
    except yaml.YAMLError as error:
        first = str(error).splitlines()[0]
        raise UsageError(
            f"the YAML on top of the card README.md cannot be read ({first}); mend it on the Hub"
        ) from error
    return data if isinstance(data, dict) else {}


def with_stage(card: str, manifest: BuildManifest, repo: str) -> str:
    """The card of the repository once this build is one of its configs."""
    data = front_matter(card)
    refuse_permissive_card(manifest, data, f"README.md of {repo}")
    body = _FRONT.sub("", card) or f"# {repo.partition('/')[2]}\n"
    return render_yaml(_merged(data, manifest)) + _with_section(body, manifest, repo)


def _merged(data: dict[str, Any], manifest: BuildManifest) -> dict[str, Any]:
    stage = manifest.recipe
    new = found_by(manifest)
    infos = _listed(data.get("dataset_info"))
    info = {"config_name": stage, **dataset_info(manifest)}
    mine = {
        **license_data(union(licenses_of(data), licenses_of(new))),
        **_unions(data, new, ("language", "task_categories", "tags")),
        "configs": _replaced(_listed(data.get("configs")), config(stage, manifest, f"{stage}/")),
        "dataset_info": _replaced(infos, info),
    }
    rows = sum(int(s.get("num_examples", 0)) for i in mine["dataset_info"] for s in i["splits"])
    return data | mine | {"size_categories": [size_category(rows)]}


def _unions(old: dict[str, Any], new: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    found = {name: union(_words(old.get(name)), _words(new.get(name))) for name in names}
    return {name: words for name, words in found.items() if words}


def _words(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value or ())


def _listed(value: Any) -> list[dict[str, Any]]:
    """One config's entry stands alone in a card, several in a list."""
    return [value] if isinstance(value, dict) else list(value or ())


def _replaced(entries: list[dict[str, Any]], mine: dict[str, Any]) -> list[dict[str, Any]]:
    """In the place of the entry of the same config, or last."""
    name = mine["config_name"]
    names = [entry.get("config_name", "default") for entry in entries]
    if name not in names:
        return [*entries, mine]
    return [mine if its == name else entry for its, entry in zip(names, entries, strict=True)]


def _with_section(body: str, manifest: BuildManifest, repo: str) -> str:
    first, last = f"<!-- stage {manifest.recipe} -->", f"<!-- end {manifest.recipe} -->"
    section = f"{first}\n{_section(manifest, repo)}\n{last}"
    before, mark, rest = body.partition(first)
    if not mark:
        return f"{body.rstrip()}\n\n{section}\n"
    return before + section + rest.partition(last)[2]


def _section(manifest: BuildManifest, repo: str) -> str:
    stage = manifest.recipe
    return "\n".join(
        [
            f"## {stage}",
            "",
            f"{manifest.num_rows:,} samples, {manifest.num_tokens:,} tokens for "
            f"`{manifest.processor}`; what they are, where they come from and their licenses: "
            f"[{stage}/README.md]({stage}/README.md).",
            "",
            "```python",
            "from datasets import load_dataset",
            f'load_dataset("{repo}", "{stage}", split="train")',
            "```",
        ]
    )
