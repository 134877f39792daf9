"""Makes the report: reads the build once, then the ledger, then what is shown, and fills the page.

Cost: the rows without their media, the ledger a file at a time, and a row group (32 MB) for each of
at most 96 samples; so memory does not grow with the build but by what the ledger holds of
duplicates and leaks.
"""

from __future__ import annotations

from typing import Any

from manifests.build import BuildManifest, load_manifest
from manifests.errors import WorkError
from manifests.storage import join, write_bytes
from pipelines.build_store import open_build_store
from pipelines.ledger_view import LedgerView, ledger_view
from pipelines.report import charts, tables
from pipelines.report.bins import SECONDS, half_octaves
from pipelines.report.page import MAX_BYTES, render
from pipelines.report.pairs import find_pairs
from pipelines.report.picks import settle
from pipelines.report.samples import read_samples
from pipelines.report.scan import MEDIA_ROWS, Scan, scan
from pipelines.report.thumbs import Room

REPORT_NAME = "report.html"
# Characters of pictures: of samples and of pairs. Where the page is still too large, less.
_SAMPLES_ROOM = 2_600_000
_PAIRS_ROOM = 900_000
_TRIES = (1.0, 0.5, 0.2, 0.0)
# Bars of the chart of cluster sizes.
_SIZES = (2, 3, 4, 5, 6, 8, 10, 20, 50, 100, 1000)


def write_report(build: str, out: str | None = None, store: str | None = None) -> str:
    """Write the page of a finished build, into it or where `out` says; returns where."""
    manifest = load_manifest(build)
    where = out or join(build, REPORT_NAME)
    write_bytes(where, make_report(build, manifest, store))
    return where


def make_report(build: str, manifest: BuildManifest, store: str | None) -> bytes:
    """The page's bytes: the same for the same build and store, below MAX_BYTES."""
    found = scan(build, manifest)
    ledger = ledger_view(build, None, "filter", None)
    facts = _facts(manifest, found, ledger)
    for part in _TRIES:
        page = render(facts | _shown(build, store, found, part))
        if len(page) <= MAX_BYTES:
            return page
    raise WorkError(f"the report of {build} has {len(page):,} bytes without a picture")


def _shown(build: str, store: str | None, found: Scan, part: float) -> dict[str, Any]:
    """Samples and pairs, with so much of the room for their pictures."""
    picks = None if found.picks is None else settle(found.picks)
    room = Room(int(_SAMPLES_ROOM * part))
    samples = [] if picks is None else read_samples(build, picks, room)
    pairs = find_pairs(build, open_build_store(build, store), Room(int(_PAIRS_ROOM * part)))
    options = {
        name: sorted({getattr(sample, name) for sample in samples})
        for name in ("source", "modality", "category")
    }
    sizes = charts.histogram("Clusters of duplicates", "rows in the cluster", pairs.sizes, _SIZES)
    return {"samples": samples, "options": options, "pairs": pairs, "sizes": sizes}


def _facts(manifest: BuildManifest, found: Scan, ledger: LedgerView) -> dict[str, Any]:
    furthest = dict(zip(found.curve.names, found.curve.furthest.tolist(), strict=True))
    shares = tables.shares(manifest, furthest)
    tops = [part.name for part in manifest.components if "/" not in part.name]
    lines = found.curve.lines(tops)
    fates, flows, more_flows = tables.flows(manifest)
    return {
        "manifest": manifest,
        "shares": shares,
        "top": max((max(s.asked, s.achieved) for s in shares), default=1),
        "more_shares": max(len(manifest.components) - tables.MAX_ROWS, 0),
        "steps": tables.funnel(ledger.groups),
        "drops": tables.drops(ledger.groups),
        "fates": fates,
        "flows": flows,
        "more_flows": more_flows,
        "modalities": tables.by_modality(found.contents.to_dicts()),
        "licenses": tables.licenses(manifest),
        "attributions": list(dict.fromkeys(terms.attribution for terms in manifest.terms)),
        "distributions": _distributions(found),
        "curve": charts.curve(lines, tops),
        "tops": tops,
        "media_rows": found.media_rows,
        "is_all_media": found.media_rows < MEDIA_ROWS,
    }


def _distributions(found: Scan) -> list[charts.Chart]:
    edges = half_octaves(1 << 30)
    made = [
        charts.stacked("Tokens of a sample", "tokens", found.tokens, edges),
        charts.histogram("Longest edge of images", "pixels", found.image_edges, edges, "image"),
        charts.histogram("Longest edge of frames", "pixels", found.frame_edges, edges, "video"),
        charts.histogram(
            "Time of a clip's last frame", "seconds", found.clip_seconds, SECONDS, "video"
        ),
        charts.histogram("Frames of a clip", "frames", found.clip_frames, edges, "video"),
    ]
    return [chart for chart in made if chart.rows]
