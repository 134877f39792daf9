"""Policies: what is asked of rows by their kind of source; thresholds of one wreck another.

    filters: {roles: {}, turn_length: {max_chars: 8192}}   # for all rows
    policies:
      code: {turn_length: {max_chars: 65536}}   # these parameters over those above
      chart: {turn_length: off}
      web: {gopher_quality: {}}                 # on for rows of this policy alone

A row's policy follows from its kind, its own modality and its category, by `BY_CATEGORY`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Discriminator, Tag, WithJsonSchema

Policy = Literal["web", "chat", "math", "code", "document_image", "chart", "photo", "video"]
POLICIES: tuple[Policy, ...] = get_args(Policy)

# YAML 1.1 reads a bare `off` as false, 1.2 as a word.
_Off = Annotated[
    Literal["off"],
    BeforeValidator(lambda value: "off" if value is False else value),
    WithJsonSchema({"enum": ["off", False]}),
]
# What a policy may say of a filter: other parameters, or that it does not judge here.
Choice = Annotated[
    Annotated[Mapping[str, Any], Tag("<mapping>")] | Annotated[_Off, Tag("<word>")],
    Discriminator(lambda value: "<mapping>" if isinstance(value, Mapping) else "<word>"),
]

_DOCUMENT = "document"
# What rows of no category below are: the first is of documents, the others of chats by modality.
PLAIN: Mapping[str, Policy] = {
    _DOCUMENT: "web",
    "text": "chat",
    "image": "photo",
    "multi_image": "photo",
    "video": "video",
}
# Images are asked by what is on them: letters on paper, screens and slates, or drawn figures.
_IMAGES: Mapping[str, Policy] = {
    "document": "document_image",
    "handwriting": "document_image",
    "ocr": "document_image",
    "table": "document_image",
    "chart": "chart",
}
BY_CATEGORY: Mapping[str, Mapping[str, Policy]] = {
    _DOCUMENT: {"code": "code", "math": "math", "math_text": "math"},
    "text": {"code": "code", "math": "math", "math_text": "math", "reasoning": "math"},
    "image": _IMAGES,
    "multi_image": _IMAGES,
    "video": {},
}


def policy_of(kind: str | None, modality: str | None, category: str | None) -> Policy:
    """The policy of a row; what has no known kind or modality is asked as a chat of text."""
    form = _DOCUMENT if kind == _DOCUMENT else modality
    if form is None or form not in PLAIN:
        form = "text"
    return BY_CATEGORY[form].get(category or "", PLAIN[form])


@dataclass(frozen=True, slots=True)
class Setting:
    """What a recipe says of one filter: parameters that are not its default, or None for off.

    `given` is for rows of all policies that `others` does not name.
    """

    given: Mapping[str, Any] | None
    others: Mapping[Policy, Mapping[str, Any] | None]


def filter_settings(
    filters: Mapping[str, Mapping[str, Any]], policies: Mapping[Policy, Mapping[str, Choice]]
) -> dict[str, Setting]:
    """Every filter that is on somewhere, in the order of judging: those of a policy alone last."""
    named = [name for said in policies.values() for name, choice in said.items() if choice != "off"]
    return {
        name: Setting(
            filters.get(name),
            {
                policy: _given(filters.get(name, {}), said[name])
                for policy, said in policies.items()
                if name in said
            },
        )
        for name in dict.fromkeys([*filters, *named])
    }


def _given(everywhere: Mapping[str, Any], choice: Choice) -> Mapping[str, Any] | None:
    return None if choice == "off" else {**everywhere, **choice}
