"""Which page an address names, and what it answers; whoever asks is let in already."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from manifests.errors import SmolmixError, masked
from pipelines.browse import play, views
from pipelines.browse.asked import Fields, one, whole_number
from pipelines.browse.context import Context
from pipelines.browse.page import ASSETS, load_asset, render
from pipelines.browse.pictures import as_shown
from pipelines.browse.views import View
from pipelines.progress import printable

_HTML = "text/html; charset=utf-8"
_MISSING = "There is no such page here."


@dataclass(frozen=True, slots=True)
class Answer:
    """`keeps`: whether a browser may show it again without asking."""

    status: int
    kind: str
    body: bytes
    keeps: bool = False


class Site:
    """Pages by the last part of their address."""

    def __init__(self, context: Context) -> None:
        self._context = context
        has_samples = context.build is not None
        first: Callable[[Context, Fields], View] = views.list_samples if has_samples else play.facts
        self._pages = {
            "": first,
            "rows": views.list_rows,
            "row": views.one_row,
            "thresholds": play.play,
        }
        if has_samples:
            self._pages["sample"] = views.one_sample
        self._pictures = {"stored": self._stored} | (
            {"picture": self._picture} if has_samples else {}
        )

    def answer(self, name: str, fields: Fields) -> Answer:
        """What an address gets; bad words in it get a page that says so."""
        try:
            if name in ASSETS:
                return Answer(200, f"{ASSETS[name]}; charset=utf-8", load_asset(name))
            if name in self._pictures:
                kind, data = as_shown(self._pictures[name](fields))
                return Answer(200, kind, data, keeps=True)
            if name in self._pages:
                return self._page(*self._pages[name](self._context, fields), status=200)
            return self._fault(_MISSING, 404)
        except (SmolmixError, OSError) as error:
            return self._fault(masked(printable(" ".join(str(error).split()))), 400)

    def broken(self) -> Answer:
        """Of a fault of ours, which the log has."""
        return self._fault("This page failed by a fault of smolmix; --log has where.", 500)

    def _fault(self, text: str, status: int) -> Answer:
        return self._page("fault", {"text": text}, status)

    def _page(self, template: str, facts: dict[str, Any], status: int) -> Answer:
        shared = {
            "where": self._context.where,
            "manifest": None if self._context.build is None else self._context.build.manifest,
            "store": self._context.store,
            "template": template,
        }
        return Answer(status, _HTML, render(template, shared | facts))

    def _picture(self, fields: Fields) -> bytes | None:
        assert self._context.build is not None, "a store has no samples"
        unit, row, number = (
            whole_number(one(fields, name), name) for name in ("file", "row", "number")
        )
        found = self._context.build.samples.pictures(unit, row)
        return found[number] if number < len(found) else None

    def _stored(self, fields: Fields) -> bytes | None:
        return self._context.handed.read(whole_number(one(fields, "number"), "number"))
