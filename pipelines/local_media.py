"""`--media NAME=DIR`: a user's own folder with media that a source's upstream does not ship.

The folder is one more root of the source, with `repo` LOCAL_MEDIA. Facts are keyed by paths below
it, so neither they nor a plan know where it lies.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from manifests.errors import UsageError, nearest
from manifests.storage import filesystem
from sources.base import LOCAL_MEDIA, Source
from sources.root import Root

LocalMedia = Sequence[tuple[str, str]]


def parse_media(text: str) -> tuple[str, str]:
    """(source, folder) of the option's NAME=DIR."""
    name, equals, folder = text.partition("=")
    if not (name and equals and folder):
        raise UsageError(f"--media {text}: it takes NAME=DIR, e.g. --media video_star=videos")
    return name, folder


def check_names(media: LocalMedia, drawn: Collection[str], known: Collection[str]) -> None:
    """Every name must be a source that the recipe draws on; UsageError otherwise."""
    for name, folder in media:
        if name in drawn:
            continue
        if name in known:
            raise UsageError(
                f"--media {name}={folder}: the recipe draws nothing from {name}; "
                f"its sources are {', '.join(sorted(drawn))}"
            )
        raise UsageError(
            f"--media {name}={folder}: there is no source {name!r}{nearest(name, known)}"
        )


def local_roots(source: Source, media: LocalMedia) -> list[Root]:
    """The source's folders among `media`, in order, each with something in it that it reads."""
    return [_root(source, folder) for name, folder in media if name == source.name]


def _root(source: Source, folder: str) -> Root:
    option, advice = f"--media {source.name}={folder}", source.card.local_media
    if advice is None:
        raise UsageError(f"{option}: {source.name} has no use for media of yours; see its card")
    fs, path = filesystem(folder)
    if not fs.isdir(path):
        raise UsageError(f"{option}: there is no folder {folder}; name {advice}")
    root = Root(folder, LOCAL_MEDIA)
    if not source.media(root):
        raise UsageError(f"{option}: the folder holds no media that it reads; name {advice}")
    return root
