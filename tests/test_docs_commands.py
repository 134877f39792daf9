"""The tutorial and the how-to pages are run: every command, its exit code, what it printed.

`docs_pages.py` says what counts as agreement. What wants a Hub or a bucket has one on loopback.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import fsspec
import pytest
from moto.server import ThreadedMotoServer

from manifests.cards import load_card
from tests.conftest import Built
from tests.docs_pages import ROOT, Step, missing_line, run_step, steps_of
from tests.hub import Hub, serve
from tests.push_hub import TOKEN, PushHub, serve_pushes

# Commands that no test runs as the page has them, and why.
NOT_RUN = {
    "make setup": "makes the environment that the tests are run in",
    ".venv/bin/python -m pip install": "the same; needs a package registry",
    "make demo": "`.ci/run` runs it twice; its commands are those of the tutorial",
    "make test": "this is it",
    "ray start --head": "a cluster of several machines; tests/pipelines/test_engine.py has one",
    "ray start --address": "the same",
    "build-mixture --stage video --mirror s3://bucket/mirror": "the same",
}
# Of README, by how they begin.
README_NOT_RUN = {
    "make demo": "`.ci/run` runs it twice",
    "make test": "this is it",
    "build-mixture": "the real upstreams, and whole; the how-to pages build from samples",
    "mixture plan": "a mirror of the Hub; the tutorial plans",
    "mixture push": "tests/pipelines/push has a Hub on loopback",
    "mixture diff": "tests/pipelines/test_diff.py compares builds",
    "mixture sources check": "asks the Hub; tests/pipelines/test_source_check.py has a mirror",
    "train-reference": "200 steps; the tutorial takes 20",
}
HOW_TO = (
    "own-recipe",
    *(pytest.param(n, marks=pytest.mark.slow) for n in ("own-source", "own-filter", "resume")),
)
PAGES = (
    "docs/tutorial.md",
    *(f"docs/how-to/{path.name}" for path in (ROOT / "docs/how-to").iterdir()),
)


def _environment(folder: Path, **settings: str) -> dict[str, str]:
    """Of a user who has just come: no store, no token, the commands on the path."""
    unset = ("HF_TOKEN", "HF_ENDPOINT", "AWS_ENDPOINT_URL", "RAY_ADDRESS")
    kept = {name: value for name, value in os.environ.items() if name not in unset}
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return {**kept, "PATH": path, "HF_HOME": str(folder / "hf"), **settings}


def _run(page: str, folder: Path, **settings: str) -> None:
    steps = steps_of(page)
    assert steps
    for step in steps:
        run_step(step, folder, _environment(folder, **settings))


@pytest.fixture
def folder(tmp_path: Path, samples: Path) -> Path:
    """An empty folder with the samples that all tests share."""
    found = tmp_path / "reader"
    found.mkdir()
    (found / "samples").symlink_to(samples)
    return found


@pytest.mark.parametrize("name", HOW_TO)
def test_a_how_to_page(name: str, folder: Path) -> None:
    _run(f"docs/how-to/{name}.md", folder)


@pytest.mark.slow
def test_the_page_of_gated_sources(folder: Path, samples: Path) -> None:
    gated = frozenset(load_card("magpie").repos)
    with serve(Hub(samples, gated=gated, token="secret")) as hub:
        _run("docs/how-to/gated-sources.md", folder, **_on_hub(hub.url))


@pytest.mark.slow
def test_the_page_of_push(folder: Path) -> None:
    with serve_pushes(PushHub(folder / "hub")) as hub:
        _run("docs/how-to/push.md", folder, **_on_hub(hub.url), HF_TOKEN=TOKEN)
        assert hub.state("org/diagrams")["private"]


def _on_hub(url: str) -> dict[str, str]:
    return {"HF_ENDPOINT": url, "HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_XET": "1"}


@contextmanager
def _bucket(samples: Path) -> Iterator[dict[str, str]]:
    """A bucket on loopback with the sources of the page below `mirror/`; what makes it found."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        settings = {
            "AWS_ENDPOINT_URL": f"http://{host}:{port}",
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "loopback",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        files = fsspec.filesystem(
            "s3", endpoint_url=settings["AWS_ENDPOINT_URL"], key="key", secret="loopback"
        )
        # moto keeps one set of buckets a process: that of other tests is there still.
        if files.exists("bucket"):
            files.rm("bucket", recursive=True)
        files.mkdir("bucket")
        for name in ("magpie", "the_cauldron"):
            for repo in (found for found in load_card(name).repos if (samples / found).is_dir()):
                files.put(str(samples / repo), f"bucket/mirror/{repo}", recursive=True)
        yield settings
    finally:
        server.stop()


@pytest.mark.slow
def test_the_page_of_clusters(folder: Path, samples: Path) -> None:
    with _bucket(samples) as settings:
        _run("docs/how-to/ray-cluster.md", folder, **settings)


@pytest.mark.slow
def test_the_tutorial(folder: Path) -> None:
    pytest.importorskip("torch", reason="the tutorial trains: pip install 'smolmix[train]'")
    _run("docs/tutorial.md", folder)


@pytest.fixture
def demo(built: Built, tmp_path: Path) -> Path:
    """A folder that `make demo` was run in."""
    (tmp_path / "demo").mkdir()
    for name, place in (("samples", built.mirror), ("store", built.store), ("video", built.out)):
        (tmp_path / "demo" / name).symlink_to(place)
    return tmp_path


@pytest.mark.slow
def test_the_commands_of_the_readme(demo: Path) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    fences = re.findall(r"^```\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    lines = [re.sub(r"^\.venv/bin/|\s+#.*", "", line) for line in "".join(fences).splitlines()]
    verb = re.compile(r"(mixture|build-mixture|make|train-reference) ")
    commands = [line for line in lines if verb.match(line)]
    run = [line for line in commands if not line.startswith(tuple(README_NOT_RUN))]
    assert len(run) >= 8 and any("why demo/video" in line for line in run)
    step = Step(0, "\n".join(run), (), 0)
    run_step(step, demo, _environment(demo, SMOLMIX_HOME=str(demo / "demo")))


@pytest.mark.slow
def test_the_python_of_the_readme(demo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    fence = r"^```python\n(import smolmix\n.*?)^```$"
    (code,) = re.findall(fence, text, re.MULTILINE | re.DOTALL)
    monkeypatch.chdir(demo)
    found: dict[str, Any] = {}
    exec(code, found)
    assert found["view"].plan.total == found["rows"].num_rows == found["manifest"].num_rows
    assert found["dropped"].height > found["rows"].num_rows


@pytest.mark.parametrize("page", PAGES)
def test_a_command_is_run_or_named(page: str) -> None:
    """A fence without a language has commands that are not run, each of which `NOT_RUN` names."""
    text = (ROOT / page).read_text(encoding="utf-8")
    fences = re.findall(r"^```([^\n]*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    lines = "".join(body for kind, body in fences if not kind)
    unnamed = [line for line in lines.splitlines() if not line.startswith(tuple(NOT_RUN))]
    assert unnamed == []


@pytest.mark.parametrize(
    ("shown", "agrees"),
    [
        (["a 3 rows", "took 9.1 s"], True),
        (["a 4 rows", "took 9.1 s"], False),
        (["a 3 rows"], False),
        (["a 3 rows", "..."], True),
        (["...", "took 9 s"], True),
        (["took 9 s"], False),
        (["a ...", "│ took │ 1 s │"], True),
    ],
)
def test_what_agrees(shown: list[str], agrees: bool) -> None:
    assert (missing_line(shown, ["a 3 rows", "", "took 1.25 s"]) is None) == agrees
