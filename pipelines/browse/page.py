"""Templates filled in, and the page's own style and script. All that comes from upstream is escaped
by the report's environment, and the policy of every answer lets nothing else run or load."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from pipelines.progress import human_bytes
from pipelines.report.page import asset, environment

POLICY = (
    "default-src 'none'; img-src 'self' data:; style-src 'self'; script-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# What pages load beside themselves.
ASSETS = {"browse.css": "text/css", "browse.js": "text/javascript"}


def _find(name: str) -> str:
    """A template of this package, else one of the report's."""
    here = files("pipelines.browse").joinpath(name)
    return here.read_text(encoding="utf-8") if here.is_file() else asset(name)


def _number(value: float) -> str:
    """Whole as it is, others to six digits: in a form it must be the number that it was."""
    return str(value) if isinstance(value, int) else f"{value:.6g}"


def _score(value: object) -> str:
    if value is None or isinstance(value, bool):
        return {None: "-", True: "yes", False: "no"}[value]
    return _number(value) if isinstance(value, (int, float)) else str(value)


def render(name: str, facts: dict[str, Any]) -> bytes:
    page = _ENVIRONMENT.get_template(f"{name}.html.j2").render(**facts)
    return page.encode("utf-8", "replace")


_ENVIRONMENT = environment(_find)
_ENVIRONMENT.filters |= {"bytes": human_bytes, "number": _number, "score": _score}


def load_asset(name: str) -> bytes:
    """Style or script; pages look as the report does."""
    text = _find(name)
    return (asset("page.css") + text if name.endswith(".css") else text).encode()
