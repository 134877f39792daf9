"""Looks at the Hub: whether it answers, whose token there is, and which gated sources it opens."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sources
from pipelines.doctor.finding import Finding
from sources.retries import is_unreached

_TIMEOUT_S = 10
_OFFLINE = "give builds --mirror URI, a copy of upstream's files"
_TOKEN = "for gated sources and for mixture push: `hf auth login`, or set HF_TOKEN"


def look_at_hub() -> Iterator[Finding]:
    """Asks the Hub three kinds of things, each at most 10 s."""
    from huggingface_hub import HfApi, constants, get_token

    api = HfApi()
    why = "HF_HUB_OFFLINE is set" if constants.HF_HUB_OFFLINE else _unreached(api.endpoint)
    if why:
        yield Finding("network", "look", f"the Hub is not reached ({why})", _OFFLINE)
    else:
        yield Finding("network", "works", f"{api.endpoint} answers")
    if get_token() is None:
        yield Finding("token", "look", "none", _TOKEN)
    elif why:
        yield Finding("token", "look", "there is one, which the Hub could not be asked about")
    else:
        yield from _token(api)


def _unreached(endpoint: str) -> str:
    from huggingface_hub import get_session

    try:
        get_session().get(endpoint, timeout=_TIMEOUT_S, follow_redirects=True)
    except Exception as error:
        if not is_unreached(error):
            raise
        return type(error).__name__
    return ""


def _token(api: Any) -> Iterator[Finding]:
    from huggingface_hub.errors import HfHubHTTPError

    try:
        name = api.whoami()["name"]
    except HfHubHTTPError as error:
        code = error.response.status_code
        yield Finding("token", "look", f"the Hub does not accept it (HTTP {code})", _TOKEN)
        return
    yield Finding("token", "works", f"of {name}")
    closed = [card.repo for card in _gated_cards() if not _opens(api, card.repo)]
    if closed:
        to_do = "ask for access on their pages, or build with --skip-unavailable"
        yield Finding("gated sources", "look", f"closed: {', '.join(closed)}", to_do)
    else:
        yield Finding("gated sources", "works", "all are open to this token")


def _gated_cards() -> list[Any]:
    cards = [source.card for source in sources.discover().values()]
    return [card for card in cards if card.gated and card.layout == "hub"]


def _opens(api: Any, repo: str) -> bool:
    from huggingface_hub.errors import HfHubHTTPError

    try:
        api.auth_check(repo, repo_type="dataset")
    except HfHubHTTPError:
        return False
    return True
