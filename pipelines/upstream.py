"""Where upstream files lie (mirror or Hub), which a build needs, and what names their facts."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from manifests.cards import SourceCard
from manifests.errors import SmolmixError, UnavailableError, UsageError
from manifests.ids import key_digest
from manifests.storage import exists, is_local, join, local_path
from sources.base import ALL_SUBSETS, LOCAL_MEDIA, MediaShard, RowShard, Source
from sources.retries import final_error, with_retries
from sources.root import FileRef, Root

# A local file up to this size is identified by its digest; a larger one by size, time of change and
# the digest of its ends, since reading an archive twice to name it would double the work.
_DIGEST_WHOLE_BYTES = 64 << 20
_DIGEST_END_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Upstream:
    """One source as this build reads it: its shards, in a stable order, and their roots.

    `subsets` are those that the recipe draws on, None for all: a file may hold others beside them.
    """

    source: Source
    rows: tuple[tuple[Root, RowShard], ...]
    media: tuple[tuple[Root, MediaShard], ...]
    subsets: frozenset[str] | None = None

    def absent(self, subsets: set[str] | None) -> list[str]:
        """Wanted subsets that no file was found of; nothing can be said of files that hold all."""
        found = {shard.subset for _, shard in self.rows}
        if ALL_SUBSETS in found:
            return []
        wanted = [subset.name for subset in self.source.card.subsets]
        return [n for n in wanted if n not in found and (subsets is None or n in subsets)]


def make_root(card: SourceCard, repo: str, mirror: str | None) -> Root:
    """The root of one upstream repository: below the mirror, or where it really lives."""
    if card.layout == "folder" and repo != card.repo:
        return Root(repo, repo, card.revision)
    if card.layout == "folder" and mirror is None:
        raise UsageError(
            f"source {card.name} is your own data: say in the recipe where they lie, as in "
            f"`{card.name}: {{NAME: {{path: data/chat.jsonl}}}}`, and name {card.name}/NAME"
        )
    if mirror is not None:
        folder = card.name if card.layout == "url" else repo
        return Root(join(mirror, folder), repo, card.revision)
    if card.layout == "url" and repo in card.media_repos:
        base, _, name = repo.rpartition("/")  # the address of one archive, on another server
        return Root(base, repo, card.revision, (name,))
    if card.layout == "url":
        return Root(repo, repo, card.revision, card.files)
    return hub_root(repo, card.revision)


def hub_root(repo: str, revision: str) -> Root:
    """A Hub dataset at the commit that the revision stands for now."""
    commit = _commit(repo, revision)
    return Root(f"hf://datasets/{repo}@{commit}", repo, commit)


@cache
def _commit(repo: str, revision: str) -> str:
    """The commit that a branch or tag of a Hub dataset stands for now."""
    from huggingface_hub import HfApi

    def find() -> str:
        info = HfApi().dataset_info(repo, revision=revision)
        if info.gated:  # what it is called may be read by everyone: ask now, not hours later
            HfApi().auth_check(repo, repo_type="dataset")
        return info.sha or revision

    return with_retries(find, f"hf://datasets/{repo}", repo)


def find_upstream(
    source: Source,
    subsets: set[str] | None,
    mirror: str | None,
    limit: int | None,
    local: Sequence[Root] = (),
) -> Upstream:
    """The source's shards for `subsets` (None: all), cut to `limit` rows a subset.

    `local` are folders of the user's that hold media which upstream does not ship.
    With a limit, media are taken from the head of the first archive of each subset, and rows are
    those whose media lie there. A source without any row shard is an error: it is missing.
    """
    rows: list[tuple[Root, RowShard]] = []
    media: list[tuple[Root, MediaShard]] = []
    for repo in source.card.repos_of(subsets):
        root, found_rows, found_media = _list_shards(source, repo, mirror)
        rows += [(root, shard) for shard in found_rows if _wanted(shard.subset, subsets)]
        media += [(root, shard) for shard in found_media if _serves(shard, subsets)]
    for root in local:
        media += [(root, shard) for shard in source.media(root) if _serves(shard, subsets)]
    if not rows:
        where = f"below the mirror {mirror}" if mirror else f"at {source.card.repo}"
        raise UnavailableError(
            f"source {source.name} has no annotation files {where}; "
            "`mixture samples DIR` writes a small mirror that can be built offline"
        )
    if limit is not None:
        rows = _limit_rows(rows, limit)
        media = _limit_media(media, limit, source.media_in_rows)
    named = None if subsets is None else frozenset(subsets)
    return Upstream(source, tuple(rows), tuple(media), named)


def check_mirror(mirror: str) -> None:
    try:
        found = exists(mirror)
    except Exception as error:  # network libraries raise of everything
        raise final_error(error, mirror) from error
    if not found:
        raise UsageError(
            f"the mirror {mirror} does not exist; `mixture samples {mirror}` writes a small one"
        )


def _list_shards(
    source: Source, repo: str, mirror: str | None
) -> tuple[Root, list[RowShard], list[MediaShard]]:
    try:
        root = make_root(source.card, repo, mirror)
        return root, source.rows(root), source.media(root)
    except Exception as error:
        raise unavailable(source.name, repo, error) from error


def unavailable(name: str, repo: str, error: Exception, kind: str = "source") -> SmolmixError:
    """What to tell of an upstream that raised: network libraries raise of everything."""
    if isinstance(error, SmolmixError):
        return error  # a mirror's own files give SourceError
    where = repo if "://" in repo else f"hf://datasets/{repo}"
    return UnavailableError(f"{kind} {name}: {final_error(error, where, repo)}")


def _wanted(subset: str, subsets: set[str] | None) -> bool:
    return subsets is None or subset == ALL_SUBSETS or subset in subsets


def _serves(shard: MediaShard, subsets: set[str] | None) -> bool:
    return any(_wanted(subset, subsets) for subset in (shard.subset, *shard.others))


def _limit_rows(rows: Sequence[tuple[Root, RowShard]], limit: int) -> list[tuple[Root, RowShard]]:
    """Every subset's first `limit` rows: ranges are cut where their length is known."""
    kept: list[tuple[Root, RowShard]] = []
    left: dict[str, int] = {}
    for root, shard in rows:
        rest = left.setdefault(shard.subset, limit)
        if rest <= 0:
            continue
        stop = shard.start + rest
        cut = replace(shard, stop=stop if shard.stop is None else min(stop, shard.stop))
        # A shard without a known end may be shorter than the limit; the next file of its subset is
        # then not opened: a taste needs one.
        left[shard.subset] = rest - ((cut.stop or 0) - cut.start)
        kept.append((root, cut))
    return kept


def _limit_media(
    media: Sequence[tuple[Root, MediaShard]], limit: int, in_rows: bool
) -> list[tuple[Root, MediaShard]]:
    kept: list[tuple[Root, MediaShard]] = []
    left: dict[str, int] = {}
    for root, shard in media:
        # Archives that belong to no one subset hold different ones each: every head is taken.
        place = shard.files[0].path
        if shard.stop is not None:  # loose files: of each top folder
            place = place.split("/", 1)[0] if "/" in place else ""
        subset = place if shard.subset == ALL_SUBSETS else shard.subset
        rest = left.setdefault(subset, limit)
        if rest <= 0:
            continue
        stop = shard.start + rest
        cut = replace(shard, stop=stop if shard.stop is None else min(stop, shard.stop))
        is_known = in_rows or shard.stop is not None
        left[subset] = rest - ((cut.stop or 0) - cut.start) if is_known else 0
        kept.append((root, cut))
    return kept


def _digest_ends(path: Path, size: int) -> str:
    state = hashlib.blake2b(digest_size=16)
    with path.open("rb") as handle:
        if size <= _DIGEST_WHOLE_BYTES:
            return hashlib.file_digest(handle, "sha256").hexdigest()
        state.update(handle.read(_DIGEST_END_BYTES))
        handle.seek(-_DIGEST_END_BYTES, 2)
        state.update(handle.read())
    return f"{state.hexdigest()}-{path.stat().st_mtime_ns}"


def file_identity(root: Root, file: FileRef) -> str:
    """What tells this version of an upstream file from another: etag, else digest."""
    if file.etag:
        return f"{file.path}:{file.size}:{file.etag}"
    if is_local(root.uri) and root.repo == LOCAL_MEDIA:
        # A user's folder may hold half a million clips, too many to read at every plan.
        path = local_path(join(root.uri, file.path))
        changed = path.stat().st_mtime_ns if path.exists() else 0  # a link may lead nowhere
        return f"{file.path}:{file.size}:{changed}"
    if is_local(root.uri):
        digest = _digest_ends(local_path(join(root.uri, file.path)), file.size)
        return f"{file.path}:{file.size}:{digest}"
    return f"{file.path}:{file.size}"


def card_digest(card: SourceCard) -> str:
    """Of what a row task takes from the card: each subset's category and license."""
    facts = [(s.name, s.category, s.license or card.license) for s in card.subsets]
    return key_digest("card", *facts)


def media_key(root: Root, shard: MediaShard, fingerprint: str, makers: str) -> str:
    """Names a media task's output: files, range, adapter, and all that makes bytes."""
    identities = [file_identity(root, file) for file in shard.files]
    return key_digest("media", root.repo, identities, shard.start, shard.stop, fingerprint, makers)


def row_key(root: Root, shard: RowShard, facts: str, available: str) -> str:
    """Names a row task's output; `available` is the digest of the media keys a limit looks at."""
    identity = file_identity(root, shard.file)
    return key_digest("rows", root.repo, identity, shard.start, shard.stop, facts, available)
