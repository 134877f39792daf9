"""The template filled in: all that comes from upstream is escaped, and nothing may run or load.

The page's policy allows its own script, by its hash, and pictures that are inside the page; so a
caption that got past the escaping would still be dead text.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from importlib.resources import files
from typing import Any

import jinja2
from markupsafe import Markup

from pipelines.cells import percent
from pipelines.report.charts import line_colour

# What mails, trackers and browsers take without complaint.
MAX_BYTES = 5_000_000


def render(facts: dict[str, Any]) -> bytes:
    """The page; equal facts, equal bytes."""
    script, style = asset("page.js"), asset("page.css")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
        f"script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )
    page = (
        environment()
        .get_template("page.html.j2")
        .render(**facts, policy=policy, script=Markup(script), style=Markup(style))
    )
    return page.encode("utf-8", "replace")


def environment(find: Callable[[str], str] | None = None) -> jinja2.Environment:
    """Escapes everything; `find` knows templates beside the report's own."""
    made = jinja2.Environment(
        loader=jinja2.FunctionLoader(find or asset),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "count": lambda value: f"{value:,}",
        "percent": percent,
        "words": lambda name: str(name).replace("_", " "),
        "part": lambda value, whole: round(100 * float(value) / float(whole or 1), 3),
    }
    made.globals["line_colour"] = line_colour
    return made


def asset(name: str) -> str:
    return files("pipelines.report").joinpath(name).read_text(encoding="utf-8")
