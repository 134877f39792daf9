"""The formats by name."""

from __future__ import annotations

from manifests.errors import UsageError, nearest
from pipelines.export.columns import NanoVlm
from pipelines.export.documents import Text
from pipelines.export.format import Format
from pipelines.export.loose import Llava, Sharegpt
from pipelines.export.tars import Energon, WebDataset

FORMATS: dict[str, Format] = {
    made.name: made for made in (Llava(), Sharegpt(), NanoVlm(), Text(), WebDataset(), Energon())
}


def format_of(name: str) -> Format:
    if name not in FORMATS:
        names = ", ".join(FORMATS)
        raise UsageError(
            f"there is no format {name!r}; it is one of {names}{nearest(name, FORMATS)}"
        )
    return FORMATS[name]
