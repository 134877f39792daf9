"""Real documents for benchmarks of text filters, from files that the environment's packages bring.

Two kinds, each text once and as its authors wrote it: pages of the reference of Amazon's services
(botocore: one a call or data type, a paragraph or list item a line), and the documentation strings
of every installed package (line-wrapped, with tables, examples and lists). Together some 50 MB in
over 70,000 documents of 0.2 to 8 kB, in an order that a digest of each text decides.
"""

from __future__ import annotations

import gzip
import hashlib
import html
import importlib.metadata
import inspect
import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore
import orjson

_CHARS = (200, 8_000)
_STRING = re.compile(r'"""(.*?)"""', re.DOTALL)
_BREAK = re.compile(r"</?(?:p|li|ul|ol|dl|dt|dd|br|h\d|note|important)\b[^>]*>")
_TAG = re.compile(r"</?[a-z][^>]*>")
_BLANK = re.compile(r"\s*\n\s*")


def documents(number: int) -> list[str]:
    """This many different texts; the first ones of a larger number are those of a smaller.

    ValueError where the environment holds fewer.
    """
    found: dict[bytes, str] = {}
    for text in itertools.chain(_reference_pages(), _documentation_strings()):
        kept = text.strip()[: _CHARS[1]]
        if len(kept) >= _CHARS[0]:
            found[hashlib.sha256(kept.encode(errors="replace")).digest()] = kept
    if len(found) < number:
        raise ValueError(
            f"{number:,} documents asked for; the installed packages have {len(found):,}"
        )
    return [found[key] for key in sorted(found)[:number]]


def _reference_pages() -> Iterator[str]:
    data = Path(botocore.__file__).parent / "data"
    for path in sorted(data.glob("*/*/service-2.json.gz")):
        service = orjson.loads(gzip.decompress(path.read_bytes()))
        shapes = service["shapes"]
        for name, call in service["operations"].items():
            given = shapes[call["input"]["shape"]] if "input" in call else {}
            yield _page(name, call.get("documentation", ""), given)
        for name, shape in shapes.items():
            yield _page(name, shape.get("documentation", ""), shape)


def _page(title: str, about: str, shape: dict[str, Any]) -> str:
    parts = [f"<p>{title}</p>", about]
    for name, member in shape.get("members", {}).items():
        parts.append(f"<p>{name}</p>{member.get('documentation', '')}")
    text = _TAG.sub("", _BREAK.sub("\n", "\n".join(parts)))
    return _BLANK.sub("\n", html.unescape(text))


def _documentation_strings() -> Iterator[str]:
    for distribution in importlib.metadata.distributions():
        for file in distribution.files or []:
            path = Path(str(distribution.locate_file(file)))
            if path.suffix == ".py" and path.is_file():
                source = path.read_text("utf-8", errors="replace")
                yield from map(inspect.cleandoc, _STRING.findall(source))
