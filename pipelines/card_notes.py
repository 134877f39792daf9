"""What a card says beside its numbers: schema, limits, citations, how to build the same again."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction

from manifests.build import BuildManifest, OriginTerms
from manifests.ledger import Fate
from manifests.schema import SAMPLE_SCHEMA
from mixtures.recipe_file import builtin_names
from pipelines.card_data import languages
from pipelines.cells import percent

COLUMNS = {
    "id": "source/subset/digest over turns and media",
    "source": "the dataset it came from",
    "subset": "its part of that dataset",
    "modality": "text, image, multi_image or video",
    "category": "what is asked, such as captioning",
    "component": "path in the recipe of what drew it",
    "kind": "chat, or document: one assistant message, all of it learned",
    "messages": "roles system, user, assistant; items of type text and image, in order",
    "images": "images and frames, one for each item of type image",
    "videos": "empty: a clip is its frames",
    "media": "what each image is: image or frame, of which clip, when, how large",
    "num_tokens": "ids of the processor, control tokens included",
    "num_media_tokens": "of them `<image>`",
    "num_answer_tokens": "of them learned when only answers are",
    "num_text_tokens": "the rest",
    "license": "SPDX expression over its origins",
    "origins": "every upstream row that it came from, with its turns",
    "repeat": "k for the k-th pass over its component",
    "extra": "JSON of upstream fields that no column holds",
}
# `Li et al., Title, arXiv 2408.03326, 2024`: how cards cite a paper.
_PAPER = re.compile(
    r"(?P<who>[^,;]+) et al\., (?P<title>[^;]+?), (?P<where>[^,;]+), (?P<year>\d{4})"
)
_ARXIV = re.compile(r"arXiv (\d{4}\.\d{4,5})")


def schema_rows() -> list[Sequence[object]]:
    """The type without Arrow's names of list items."""
    types = {field.name: str(field.type).replace("item: ", "") for field in SAMPLE_SCHEMA}
    return [(name, types[name], COLUMNS[name]) for name in SAMPLE_SCHEMA.names]


def leaks(manifest: BuildManifest) -> list[Sequence[object]]:
    """Rows that were a benchmark's, by source; they are in no split."""
    found: dict[str, int] = {}
    for entry in manifest.funnel:
        count = entry.fates.get(Fate.LEAKED, 0)
        if count:
            found[entry.source] = found.get(entry.source, 0) + count
    return [(source, found[source]) for source in sorted(found)]


def bibtex(manifest: BuildManifest) -> str:
    """An entry a source, from the citation of its card; `and others` stands for `et al.`"""
    terms = {entry.source: entry for entry in manifest.terms if entry.citation != "none"}
    return "\n\n".join(_entry(terms[source]) for source in sorted(terms))


def _entry(terms: OriginTerms) -> str:
    paper = _PAPER.fullmatch(terms.citation)
    if paper is None:
        fields = {"title": terms.title, "note": terms.citation, "url": terms.homepage}
    else:
        fields = {"author": f"{paper['who']} and others", "title": paper["title"]}
        fields |= {"year": paper["year"], **_place(paper["where"])}
    lines = [f"  {name} = {{{_plain(value)}}}," for name, value in fields.items()]
    return "\n".join([f"@misc{{{terms.source},", *lines, "}"])


def _place(where: str) -> dict[str, str]:
    arxiv = _ARXIV.fullmatch(where)
    if arxiv:
        return {"eprint": arxiv[1], "archivePrefix": "arXiv"}
    return {"url": where} if "://" in where else {"note": where}


def _plain(value: str) -> str:
    """Text that ends neither a BibTeX field nor the code block that it stands in."""
    return re.sub(r"[{}`\\\s]+", " ", value).strip()


def rebuild(manifest: BuildManifest) -> list[str]:
    is_ours = manifest.recipe in builtin_names()
    words = ["build-mixture", "--stage" if is_ours else "--recipe"]
    words += [manifest.recipe if is_ours else f"{manifest.recipe}.yaml"]
    words += ["--seed", str(manifest.seed), "--licenses", manifest.licenses]
    if manifest.validation is not None:
        words += ["--holdout", f"{float(manifest.validation.share * 100):g}%"]
    recipe = "The recipe is built in" if is_ours else "The recipe was a file of its builder"
    return [
        "```",
        " ".join(words),
        "```",
        "",
        f"{recipe}; `plan.json` holds it whole, with sizes, tokenizer and everything else that "
        "decides. The same plan and the same upstream files give the same bytes: plan "
        f"`{manifest.plan_digest}`. These revisions were read:",
        "",
        *(f"- {_code(repo)} at {_code(at)}" for repo, at in sorted(manifest.revisions.items())),
        "",
        "`mixture verify FOLDER` proves a copy; `mixture diff` says how two builds differ.",
    ]


def _code(text: str) -> str:
    return f"`{' '.join(text.replace('`', '').split())}`"


def limits(manifest: BuildManifest) -> list[str]:
    """What a user should not take for granted; each line is true of this build."""
    named = ("commercial_use", "redistribution")
    unknown = {
        use: sorted({t.source for t in manifest.terms if getattr(t, use) == "unknown"})
        for use in named
    }
    found = {
        "Token counts are estimates: no tokenizer was named.": manifest.tokens_estimated,
        "Rows were not held against any benchmark.": not manifest.benchmarks,
        "Rows in any language were let in; which ones they are was not counted.": not languages(
            manifest
        ),
        "Terms do not say whether products may be made of rows of "
        f"{', '.join(unknown['commercial_use'])}.": unknown["commercial_use"],
        "Terms do not say whether rows may be published of "
        f"{', '.join(unknown['redistribution'])}.": unknown["redistribution"],
        "Clips are frames: no sound, and no motion between them.": any(
            part.modality == "video" for part in manifest.contents
        ),
        "Addresses of e-mail and IP were not looked for.": not manifest.masked_pii,
        f"Of {percent(_duplicates(manifest))} of the rows that were read a copy was found; what "
        "no rule finds is still there.": True,
    }
    return [f"- {line}" for line, is_so in found.items() if is_so]


def _duplicates(manifest: BuildManifest) -> Fraction:
    read = sum(entry.read for entry in manifest.funnel)
    copies = sum(entry.fates.get(Fate.DUPLICATE, 0) for entry in manifest.funnel)
    return Fraction(copies, max(read, 1))
