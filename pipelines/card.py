"""The dataset card of a build: YAML that `datasets` loads by, then what the mixture is made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from manifests.build import BuildManifest
from pipelines.card_contents import content_tables
from pipelines.card_data import card_data, render_yaml
from pipelines.card_notes import bibtex, leaks, limits, rebuild, schema_rows
from pipelines.cells import percent


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    lines += ["| " + " | ".join(_cell(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def _cell(value: object) -> str:
    text = f"{value:,}" if isinstance(value, int) else str(value)
    return text.replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")


def _shares(manifest: BuildManifest) -> str:
    whole = sum(part.amount for part in manifest.components if "/" not in part.name)
    rows = [
        (
            part.name,
            f"{float(part.share):.2%}",
            f"{part.amount / whole:.2%}",
            part.asked,
            part.amount,
            part.rows,
        )
        for part in manifest.components
    ]
    unit = manifest.unit.replace("_", " ")
    header = ("component", "asked share", "achieved share", f"asked {unit}", unit, "rows")
    return markdown_table(header, rows) + _missing(manifest)


def _contents(manifest: BuildManifest) -> list[str]:
    """Nothing of a build of before contents were counted."""
    tables = content_tables(manifest)
    if not tables:
        return []
    note = (
        f"The same rows by what they are; shares are asked of components, in "
        f"{manifest.unit.replace('_', ' ')}, so of some values none is asked."
    )
    blocks = [block for header, rows in tables for block in (markdown_table(header, rows), "")]
    return [note, "", *blocks]


def _missing(manifest: BuildManifest) -> str:
    if not manifest.missing:
        return ""
    named = "\n".join(f"- {_cell(path)}: {_cell(why)}" for path, why in manifest.missing.items())
    return f"\n\nBuilt without these, the ratios of the others kept:\n\n{named}"


def _funnel(manifest: BuildManifest) -> str:
    fates = sorted({fate for entry in manifest.funnel for fate in entry.fates})
    rows = [
        (entry.source, entry.subset, entry.read, *(entry.fates.get(fate, 0) for fate in fates))
        for entry in manifest.funnel
    ]
    return markdown_table(("source", "subset", "read", *fates), rows)


def _policies(manifest: BuildManifest) -> list[str]:
    """What was asked otherwise of some kinds of source; nothing where all were asked the same."""
    rows = [
        (use.name, kind, _params(params))
        for use in manifest.filters
        if use.policies
        for kind, params in [*use.policies.items(), ("all others", use.params)]
    ]
    if not rows:
        return []
    note = "Filters judge a row by its kind of source; these ask other things of some."
    header = ("filter", "kind of source", "parameters")
    return ["## Filters by kind of source", "", note, "", markdown_table(header, rows), ""]


def _masked(manifest: BuildManifest) -> list[str]:
    if not manifest.masked_pii:
        return []
    kinds = " and ".join(kind.replace("_", " ") for kind in manifest.masked_pii)
    return [f"E-mail addresses and public IP addresses in rows of {kinds} are replaced.", ""]


def _benchmarks(manifest: BuildManifest) -> list[str]:
    if not (manifest.benchmarks or manifest.not_held_against):
        return []
    lines = []
    if manifest.benchmarks:
        held = [f"{name} ({revision[:12]})" for name, revision in manifest.benchmarks.items()]
        lines.append(f"Rows were held against the held-out splits of {', '.join(held)}.")
    if manifest.not_held_against:
        named = ", ".join(manifest.not_held_against)
        lines.append(f"Rows were not held against {named}: scores on these may be those of leaks.")
    found = leaks(manifest)
    if not found:
        return ["## Benchmarks", "", " ".join(lines), ""]
    lines.append("These rows were a benchmark's and are in no split:")
    table = markdown_table(("source", "rows that leaked"), found)
    return ["## Benchmarks", "", " ".join(lines), "", table, ""]


def _validation(manifest: BuildManifest) -> list[str]:
    held = manifest.validation
    if held is None:
        return []
    told = (
        f"{held.num_rows:,} rows are held out of training as split `validation`, each once: of "
        f"media, and of texts without any, {percent(held.share)}, with their near copies. "
        f"Counts above are of `train`. {held.shares_media:,} rows more are in neither split, since "
        "they show media of both."
    )
    lines = [markdown_table(("component", "validation rows"), list(held.rows.items())), ""]
    return ["## Held out", "", told, "", *(lines if held.rows else [])]


def _params(params: dict[str, Any] | None) -> str:
    if params is None:
        return "off"
    return ", ".join(f"{name} {value}" for name, value in sorted(params.items())) or "on"


def _licenses(manifest: BuildManifest) -> str:
    rows = [
        (
            terms.title,
            ", ".join(terms.subsets),
            terms.license,
            terms.commercial_use,
            terms.redistribution,
            terms.homepage,
            terms.citation,
        )
        for terms in manifest.terms
    ]
    header = ("source", "subsets", "license", "commercial use", "redistribution", "page", "cite")
    return markdown_table(header, rows)


def _attributions(manifest: BuildManifest) -> str:
    lines = dict.fromkeys(terms.attribution for terms in manifest.terms)
    return "\n".join(f"- {_cell(line)}" for line in lines)


def _let_in(manifest: BuildManifest) -> str:
    texts = {
        "all": "Rows of any licence were let in.",
        "permissive": "Only rows were let in that a product may be trained on.",
        "non-commercial": "Only rows were let in whose terms of use are known.",
    }
    left_out = ", ".join(manifest.skipped)
    note = f" Left out, because they could not be reached: {left_out}." if left_out else ""
    return texts[manifest.licenses] + note


def render_card(manifest: BuildManifest) -> str:
    """README.md of a build: a pure function of its manifest."""
    tokens = "estimated, no tokenizer was named" if manifest.tokens_estimated else "counted"
    return "\n".join(
        [
            render_yaml(card_data(manifest)),
            f"# {manifest.recipe} mixture",
            "",
            f"{manifest.num_rows:,} samples built by smolmix from recipe `{manifest.recipe}` with "
            f"seed {manifest.seed}; plan `{manifest.plan_digest[:16]}`. Tokens are for processor "
            f"`{manifest.processor}` ({tokens}): {manifest.num_tokens:,} in all.",
            "",
            "```python",
            "from datasets import load_dataset",
            'sample = load_dataset("PATH_OR_REPO", split="train")[0]  # messages, decoded images',
            "```",
            "",
            "With `streaming=True` the first rows come after 70 MB or less, whatever the size.",
            "",
            "## Asked and achieved",
            "",
            _shares(manifest),
            "",
            *_contents(manifest),
            "## What became of every upstream row",
            "",
            _funnel(manifest),
            "",
            "One line for each of them is in `ledger/`; `mixture why BUILD ID` reads it.",
            "",
            *_policies(manifest),
            *_masked(manifest),
            *_benchmarks(manifest),
            *_validation(manifest),
            "## Known limits",
            "",
            *limits(manifest),
            "",
            "## Columns",
            "",
            markdown_table(("column", "type", "what it is"), schema_rows()),
            "",
            "## How to build it again",
            "",
            *rebuild(manifest),
            "",
            "## Licenses and sources",
            "",
            _let_in(manifest),
            "",
            _licenses(manifest),
            "",
            "Whoever publishes this mixture carries these lines:",
            "",
            _attributions(manifest),
            "",
            "```bibtex",
            bibtex(manifest),
            "```",
            "",
        ]
    )
