"""Whether a build may be published: what its rows' terms say against what its card says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from manifests.build import BuildManifest, OriginTerms
from manifests.errors import UsageError

# Of the Hub's own names, those under which a reader takes it that a product may be trained.
_PERMISSIVE = {
    *("apache-2.0", "mit", "bsd", "bsd-2-clause", "bsd-3-clause", "bsd-3-clause-clear", "isc"),
    *("unlicense", "zlib", "wtfpl", "cc0-1.0", "pddl", "odc-by", "odbl", "openrail"),
    *("cc", "cc-by-2.0", "cc-by-2.5", "cc-by-3.0", "cc-by-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0"),
    *("cdla-permissive-1.0", "cdla-permissive-2.0", "cdla-sharing-1.0"),
}


def refuse_unpublishable(manifest: BuildManifest, has_rights: bool) -> None:
    """Rows that their terms forbid to publish need someone who says that he has the rights."""
    found = [terms for terms in manifest.terms if terms.redistribution == "no"]
    if found and not has_rights:
        raise UsageError(
            f"rows of {_named(found)} may not be published by their terms; build without them "
            "(--exclude), or say --i-have-the-rights if you have them"
        )


def refuse_permissive_card(manifest: BuildManifest, card: dict[str, Any], where: str) -> None:
    """A card whose licences all let products be made, over rows of which none may be made."""
    found = [terms for terms in manifest.terms if terms.commercial_use == "no"]
    licenses = licenses_of(card)
    if found and licenses and set(licenses) <= _PERMISSIVE:
        raise UsageError(
            f"{where} says license {', '.join(licenses)}, and no product may be made of rows of "
            f"{_named(found)}; add their license to the card, or build with --licenses permissive"
        )


def unknown_terms(manifest: BuildManifest) -> str:
    """The sources whose terms do not say whether rows may be published; empty where all do."""
    return _named([terms for terms in manifest.terms if terms.redistribution == "unknown"])


def licenses_of(card: dict[str, Any]) -> list[str]:
    found = card.get("license") or []
    return [str(name).lower() for name in ([found] if isinstance(found, str) else found)]


def _named(terms: Sequence[OriginTerms]) -> str:
    return ", ".join(dict.fromkeys(entry.source for entry in terms))
