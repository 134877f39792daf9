"""The YAML of a dataset card: what `datasets` loads a build by, and the Hub finds it by."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import yaml

from manifests.build import DATA_FOLDER, TRAIN, VALIDATION, BuildManifest
from manifests.schema import features

_SIZES = (
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"),
)
# The Hub's names of licences that cards name; everything else is `other`, told in the card's table.
_HUB_LICENSES = {
    "Apache-2.0": "apache-2.0",
    "CC-BY-4.0": "cc-by-4.0",
    "CC-BY-NC-4.0": "cc-by-nc-4.0",
    "CC-BY-NC-SA-4.0": "cc-by-nc-sa-4.0",
    "CC-BY-SA-3.0": "cc-by-sa-3.0",
    "CC-BY-SA-4.0": "cc-by-sa-4.0",
    "CC0-1.0": "cc0-1.0",
    "MIT": "mit",
    "ODC-By-1.0": "odc-by",
}
_OTHER = "other"
_TASKS = {
    "text": "text-generation",
    "image": "image-text-to-text",
    "multi_image": "image-text-to-text",
    "video": "video-text-to-text",
}


def render_yaml(data: dict[str, Any]) -> str:
    return f"---\n{yaml.safe_dump(data, sort_keys=False, allow_unicode=True)}---\n"


def card_data(manifest: BuildManifest) -> dict[str, Any]:
    """Of a build that is a repository of its own."""
    return {
        "pretty_name": f"smolmix {manifest.recipe}",
        **found_by(manifest),
        "configs": [config("default", manifest)],
        "dataset_info": dataset_info(manifest),
    }


def found_by(manifest: BuildManifest) -> dict[str, Any]:
    """What the Hub's search knows a build by."""
    tasks = sorted({_TASKS[part.modality] for part in manifest.contents})
    found: dict[str, Any] = license_data(licenses(manifest))
    if languages(manifest):
        found["language"] = languages(manifest)
    if tasks:
        found["task_categories"] = tasks
    found["size_categories"] = [size_category(manifest.num_rows)]
    found["tags"] = ["smolmix", "vision-language", "multimodal"]
    return found


def license_data(names: list[str]) -> dict[str, Any]:
    if not names:
        return {}
    data: dict[str, Any] = {"license": names[0] if len(names) == 1 else names}
    return data | {"license_name": "per-source"} if _OTHER in names else data


def licenses(manifest: BuildManifest) -> list[str]:
    """The Hub's names of all licences that rows are under; `other` for what it has no name for.

    Rows that no product may be made of are never under permissive names alone.
    """
    parts = {part for terms in manifest.terms for part in re.split(r" AND ", terms.license)}
    found = {_HUB_LICENSES.get(part, _OTHER) for part in parts}
    is_told = any("-nc-" in name or name == _OTHER for name in found)
    if any(terms.commercial_use == "no" for terms in manifest.terms) and not is_told:
        found.add(_OTHER)
    return sorted(found)


def languages(manifest: BuildManifest) -> list[str]:
    """ISO codes that the language filter let in; empty where rows were not held to any."""
    for used in manifest.filters:
        if used.name == "language" and used.params and not used.policies:
            return sorted(used.params.get("languages", ()))
    return []


def size_category(rows: int) -> str:
    for limit, name in _SIZES:
        if rows < limit:
            return name
    return "n>10M"


def config(name: str, manifest: BuildManifest, folder: str = "") -> dict[str, Any]:
    """The data files of each split; `folder` is where the build lies in its repository."""
    files = [
        {"split": split, "path": f"{folder}{DATA_FOLDER}{split}-*.parquet"}
        for split in (split["name"] for split in _splits(manifest))
    ]
    return {"config_name": name, "data_files": files}


def dataset_info(manifest: BuildManifest) -> dict[str, Any]:
    splits = _splits(manifest)
    size = sum(split["num_bytes"] for split in splits)
    return {
        "features": _features_yaml(),
        "splits": splits,
        "download_size": size,
        "dataset_size": size,
    }


def _splits(manifest: BuildManifest) -> list[dict[str, Any]]:
    """Those that have files."""
    found = []
    for head in (TRAIN, VALIDATION):
        files = [file for file in manifest.files if file.path.startswith(head)]
        name = head.removeprefix(DATA_FOLDER).removesuffix("-")
        size, rows = sum(file.bytes for file in files), sum(file.rows for file in files)
        if files:
            found.append({"name": name, "num_bytes": size, "num_examples": rows})
    return found


def _features_yaml() -> list[dict[str, Any]]:
    """The features as `datasets` writes them in YAML; importing it for that would take a second."""
    return [{"name": name, **_yaml_feature(feature)} for name, feature in features().items()]


def _yaml_feature(feature: Any) -> dict[str, Any]:
    """`{dtype: string}`, `{list: int32}`, or a list of named fields under `list`."""
    if feature["_type"] == "List":
        inner = feature["feature"]
        if "_type" in inner:
            return {"list": _yaml_word(inner)}
        fields = [{"name": name, **_yaml_feature(field)} for name, field in inner.items()]
        return {"list": fields}
    return {"dtype": _yaml_word(feature)}


def _yaml_word(feature: dict[str, Any]) -> str:
    kind = str(feature["_type"])
    return str(feature["dtype"]) if kind == "Value" else kind.lower()


def union(first: Iterable[str], second: Iterable[str]) -> list[str]:
    return list(dict.fromkeys([*first, *second]))
