"""`mixture push` to a Hub on loopback: fresh, again, changed, killed, refused."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from huggingface_hub import DatasetCard, HfApi, constants
from rich.console import Console

from manifests.build import BuildManifest, load_manifest, write_manifest
from manifests.errors import IntegrityError, UsageError, WorkError
from pipelines.build import build
from pipelines.cli import mixture
from pipelines.options import BuildOptions
from pipelines.push import run as push_run
from pipelines.push.hub import ConflictError
from pipelines.push.run import Asked, Pushed, push
from pipelines.verify import verify
from tests.conftest import Built
from tests.hub import Fault
from tests.push_hub import TOKEN, PushHub, serve_pushes

# huggingface_hub hands bodies to its HTTP client in the old way.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")
_COMMAND = "import sys; from pipelines.cli import mixture; sys.exit(mixture())"
_REPO = "org/name"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PushHub]:
    with serve_pushes(PushHub(tmp_path / "hub")) as server:
        files = f"{server.url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        monkeypatch.setattr(constants, "ENDPOINT", server.url)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", files)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        yield server


@pytest.fixture
def mine(small_built: Built, tmp_path: Path) -> Path:
    """A build that may be changed."""
    return shutil.copytree(small_built.out, tmp_path / "build")


def _push(source: Path | str, repo: str = _REPO, **more: object) -> Pushed:
    return push(replace(Asked(str(source), repo), **more), Console(quiet=True))  # type: ignore[arg-type]


def _pull(hub: PushHub, folder: Path, revision: str = "main", repo: str = _REPO) -> Path:
    api = HfApi(endpoint=hub.url)
    api.snapshot_download(repo, repo_type="dataset", revision=revision, local_dir=folder)
    return folder


def _environment(hub: PushHub, home: Path) -> dict[str, str]:
    """Of a process of its own that knows this Hub alone."""
    settings = {"HF_ENDPOINT": hub.url, "HF_HUB_DISABLE_XET": "1", "HF_HOME": str(home / "hf")}
    return {k: v for k, v in os.environ.items() if k != "HF_HUB_OFFLINE"} | settings


def _sizes(done: Pushed) -> tuple[int, int]:
    return sum(f.size for f in done.changes.sent), sum(f.size for f in done.changes.kept)


def _set(source: Path, **facts: object) -> BuildManifest:
    """The manifest with other facts, as if the build had been made so."""
    manifest = load_manifest(str(source)).model_copy(update=facts)
    write_manifest(str(source), manifest)
    return manifest


def _set_terms(source: Path, **facts: str) -> BuildManifest:
    first, *others = load_manifest(str(source)).terms
    return _set(source, terms=(first.model_copy(update=facts), *others))


def test_fresh_and_pulled_back(hub: PushHub, small_built: Built, tmp_path: Path) -> None:
    done = _push(small_built.out)
    manifest = load_manifest(str(small_built.out))
    listed = {file.path for file in manifest.files} | {"manifest.json", "report.html"}
    assert set(hub.tree(_REPO)) == listed and not done.changes.kept
    assert verify(str(_pull(hub, tmp_path / "pulled")), lambda path: None) == manifest
    assert done.tag == f"manifest-{manifest.digest()[:16]}"
    assert hub.commit_of(_REPO, done.tag) == hub.commit_of(_REPO, "main") == done.commit


def test_in_json(hub: PushHub, small_built: Built, capsys: pytest.CaptureFixture[str]) -> None:
    for has_new in (True, False):
        assert mixture(["push", str(small_built.out), _REPO, "--json"]) == 0
        said = json.loads(capsys.readouterr().out)
        assert said["commit"] == hub.commit_of(_REPO, "main") == hub.commit_of(_REPO, said["tag"])
        assert bool(said["sent"]) == bool(said["sent_bytes"]) == has_new
        assert len(said["sent"]) + len(said["kept"]) == len(hub.tree(_REPO))


def test_again_sends_nothing(hub: PushHub, small_built: Built) -> None:
    first = _push(small_built.out)
    put, commits = hub.put_bytes, len(hub.state(_REPO)["commits"])
    again = _push(small_built.out)
    assert not again.changes.sent and again.commit == first.commit
    assert (hub.put_bytes, len(hub.state(_REPO)["commits"])) == (put, commits)
    assert len(again.changes.kept) == len(first.changes.sent)


def test_after_one_ratio_changed(
    hub: PushHub, small_built: Built, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is as it was is not sent: here the ledgers of sources whose rows fared as before."""
    _push(small_built.out)
    text = Path(small_built.recipe).read_text()
    changed = text.replace("text, share: 20%", "text, share: 10%")
    changed = changed.replace("image, share: 50%", "image, share: 60%")
    (tmp_path / "small.yaml").write_text(changed)
    options = BuildOptions(
        recipe=str(tmp_path / "small.yaml"),
        mirror=str(small_built.mirror),
        store=str(small_built.store),
        out=str(tmp_path / "other"),
        engine="inline",
    )
    build(options, Console(quiet=True))
    put = hub.put_bytes
    done = _push(tmp_path / "other")
    sent, kept = _sizes(done)
    with capsys.disabled():
        print(f"\none ratio changed: {sent:,} bytes sent again, {kept:,} not", end=" ")
    assert {"manifest.json", "plan.json"} <= {file.place for file in done.changes.sent}
    assert hub.put_bytes - put <= sent
    pulled = _pull(hub, tmp_path / "pulled")
    assert verify(str(pulled), lambda path: None) == load_manifest(str(tmp_path / "other"))


def test_a_file_that_is_as_it_was_is_not_sent(hub: PushHub, mine: Path, tmp_path: Path) -> None:
    """And what an earlier build had beside is removed by the same commit."""
    first = _push(mine)
    hub.write(_REPO, "data/train-00009-of-00010.parquet", b"of a larger build")
    hub.write(_REPO, "notes.txt", b"someone's own")
    (mine / "report.html").write_text("<html></html>")
    before = len(hub.state(_REPO)["commits"])
    done = _push(mine)
    assert [file.place for file in done.changes.sent] == ["report.html"]
    assert done.changes.gone == ("data/train-00009-of-00010.parquet",)
    assert len(hub.state(_REPO)["commits"]) == before + 1
    assert set(hub.tree(_REPO)) == {f.place for f in first.changes.sent} | {
        "report.html",
        "notes.txt",
    }
    verify(str(_pull(hub, tmp_path / "pulled")), lambda path: None)


def test_in_parts(hub: PushHub, small_built: Built, tmp_path: Path) -> None:
    """Large objects go as the Hub's multipart transfer."""
    hub.part_bytes = 10_000
    _push(small_built.out)
    assert hub.requests["POST join"] > 0
    verify(str(_pull(hub, tmp_path / "pulled")), lambda path: None)


def test_more_files_than_a_commit_takes(
    hub: PushHub, small_built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Batches go to a pull request, and readers of main see all of them or none."""
    monkeypatch.setattr("pipelines.push.hub.MOST_OPERATIONS", 3)
    monkeypatch.setattr("pipelines.push.hub.BATCH_OPERATIONS", 2)
    done = _push(small_built.out)
    commits = hub.state(_REPO)["commits"]
    merged, first = commits[done.commit], commits[commits[done.commit]["parent"]]
    assert len(merged["tree"]) == len(done.changes.sent) and hub.requests["POST merge"] == 1
    assert first["tree"] == {} and first["parent"] is None
    verify(str(_pull(hub, tmp_path / "pulled")), lambda path: None)
    assert not _push(small_built.out).changes.sent


def test_killed_and_repeated(hub: PushHub, small_built: Built, tmp_path: Path) -> None:
    """Killed once a first large file was put: nothing is to be seen, and that is not put again."""
    env = _environment(hub, tmp_path)
    hub.put_delay_s = 0.3
    command = [sys.executable, "-c", _COMMAND, "push", str(small_built.out), _REPO]
    with subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 60
        while not list((hub.root / "lfs").glob("*")) and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
    time.sleep(0.5)
    hub.put_delay_s = 0
    there = {file.name for file in (hub.root / "lfs").iterdir()}
    assert there and hub.tree(_REPO) == {}
    put = hub.put_bytes
    done = _push(small_built.out)
    large = {file.sha256: file.size for file in done.changes.sent if file.size >= hub.lfs_from}
    large = {sha: size for sha, size in large.items() if (hub.root / "lfs" / sha).exists()}
    left = sum(size for sha, size in large.items() if sha not in there)
    assert hub.put_bytes - put == left < sum(large.values())
    verify(str(_pull(hub, tmp_path / "pulled")), lambda path: None)


def test_a_conflict(hub: PushHub, small_built: Built) -> None:
    """What someone else commits meanwhile is not overwritten; the next run adds to it."""
    hub.on_commit = lambda: hub.write(_REPO, "notes.txt", b"first")
    with pytest.raises(ConflictError, match="changed by someone else while this push ran"):
        _push(small_built.out)
    assert set(hub.tree(_REPO)) == {"notes.txt"}
    put = hub.put_bytes
    _push(small_built.out)
    assert hub.put_bytes == put and {"notes.txt", "manifest.json"} <= set(hub.tree(_REPO))


def test_a_commit_whose_answer_is_lost(
    hub: PushHub, small_built: Built, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next try meets our own commit, which is no conflict."""
    monkeypatch.setattr("sources.retries._FIRST_WAIT_S", 0.0)
    hub.lost_answers = 1
    done = _push(small_built.out)
    assert hub.requests["POST commit"] == 2
    assert hub.commit_of(_REPO, done.tag) == hub.commit_of(_REPO, "main") == done.commit


@pytest.mark.parametrize(
    "path", ["POST .*/preupload/", "POST .*/objects/batch", "PUT /lfs/", "POST .*/commit/", "tree"]
)
def test_server_errors_that_pass(
    hub: PushHub, small_built: Built, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sources.retries._FIRST_WAIT_S", 0.0)
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    hub.faults = [Fault(path, 503, times=2)]
    done = _push(small_built.out)
    assert hub.faults[0].times == 0 and set(hub.tree(_REPO)) == {
        file.place for file in done.changes.sent
    }


def test_server_errors_that_do_not_pass(
    hub: PushHub, small_built: Built, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sources.retries._FIRST_WAIT_S", 0.0)
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    hub.faults = [Fault("PUT /lfs/", 503, times=10_000)]
    with pytest.raises(WorkError, match=r"answers with HTTP 503 after 8 tries; run the same"):
        _push(small_built.out)
    assert hub.tree(_REPO) == {}


def test_tokens(hub: PushHub, small_built: Built, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match=r"may not write to other/name \(HTTP 403\)"):
        _push(small_built.out, "other/name")
    monkeypatch.setenv("HF_TOKEN", "hf_ThatOfSomeoneElse")
    with pytest.raises(UsageError, match=r"does not accept the token \(HTTP 401\)") as found:
        _push(small_built.out)
    assert "hf_ThatOfSomeoneElse" not in str(found.value)
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(hub.root / "token"))
    with pytest.raises(UsageError, match=r"only with a token: `hf auth login`, or set HF_TOKEN"):
        _push(small_built.out)


def test_no_network(hub: PushHub, small_built: Built, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(WorkError, match=r"cannot be reached \(no connection\); run the same"):
        _push(small_built.out)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(WorkError, match="is not asked, since HF_HUB_OFFLINE is set"):
        _push(small_built.out)


def test_a_build_that_does_not_hold(hub: PushHub, mine: Path) -> None:
    with (mine / "README.md").open("a") as card:
        card.write("more\n")
    with pytest.raises(IntegrityError, match=r"README\.md: the file has"):
        _push(mine)
    assert not hub.requests["POST create"]


def test_a_file_that_changes_while_it_is_sent(
    hub: PushHub, mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between proof and sending: seen by its digest, and nothing is shown."""

    def proved(build: str, on_file: object) -> BuildManifest:
        manifest = verify(build, lambda path: None)
        (mine / "plan.json").write_bytes(b" " * (mine / "plan.json").stat().st_size)
        return manifest

    monkeypatch.setattr(push_run, "verify", proved)
    with pytest.raises(IntegrityError, match=r"plan\.json has changed since it was verified"):
        _push(mine)
    assert hub.tree(_REPO) == {}


@pytest.mark.parametrize("name", ["name", "a/b/c", "org/na me", "org/", "../x"])
def test_names(hub: PushHub, small_built: Built, name: str) -> None:
    with pytest.raises(UsageError, match="the repository is named org/name"):
        _push(small_built.out, name)


@pytest.mark.parametrize("branch", ["a..b", "v 1", "refs/pr/1", "-x", "x/", "x."])
def test_branches(hub: PushHub, small_built: Built, branch: str) -> None:
    with pytest.raises(UsageError, match=r"is no name of a branch"):
        _push(small_built.out, revision=branch)


def test_builds_elsewhere(hub: PushHub) -> None:
    with pytest.raises(UsageError, match="s3://bucket/x is not on this machine"):
        _push("s3://bucket/x")


def test_private(hub: PushHub, small_built: Built) -> None:
    _push(small_built.out, private=True)
    assert hub.state(_REPO)["private"]
    hub.create("org/public")
    with pytest.raises(UsageError, match="is public, so --private would not hide"):
        _push(small_built.out, "org/public", private=True)
    assert hub.tree("org/public") == {}


def test_another_branch(hub: PushHub, small_built: Built, tmp_path: Path) -> None:
    done = _push(small_built.out, revision="next")
    assert hub.tree(_REPO) == {} and hub.commit_of(_REPO, "next") == done.commit
    pulled = _pull(hub, tmp_path / "pulled", revision=done.tag)
    verify(str(pulled), lambda path: None)


def test_what_may_not_be_published(hub: PushHub, mine: Path) -> None:
    source = _set_terms(mine, redistribution="no").terms[0].source
    with pytest.raises(UsageError, match=rf"rows of {source} may not be published .*--i-have"):
        _push(mine)
    assert not hub.requests
    _push(mine, has_rights=True)


def test_a_permissive_card(hub: PushHub, mine: Path) -> None:
    """The one in the repository, which a stage would be added to; it is no statement of ours."""
    manifest = _set_terms(mine, commercial_use="no")
    hub.create(_REPO)
    hub.write(_REPO, "README.md", b"---\nlicense: mit\n---\n# mine\n")
    words = rf"README\.md of {_REPO} says license mit, and no product .*{manifest.terms[0].source}"
    with pytest.raises(UsageError, match=words):
        _push(mine, stage_as_config=True)
    hub.write(_REPO, "README.md", b"---\nlicense: other\n---\n# mine\n")
    _push(mine, stage_as_config=True)


def test_what_is_not_of_a_build_is_left(hub: PushHub, mine: Path) -> None:
    hub.create(_REPO)
    hub.write(_REPO, "data/train.parquet", b"someone's")
    with pytest.raises(UsageError, match=r"holds data/train\.parquet, which is of no build"):
        _push(mine)
    _push(mine, "org/one")
    with pytest.raises(UsageError, match="holds one build, pushed without --stage-as-config"):
        _push(mine, "org/one", stage_as_config=True)
    _push(mine, "org/stages", stage_as_config=True)
    with pytest.raises(UsageError, match=r"holds builds as configs \(small/manifest\.json\)"):
        _push(mine, "org/stages")


@pytest.mark.slow
def test_stages(hub: PushHub, mine: Path, built: Built, tmp_path: Path) -> None:
    """Each keeps the others, their files, and what someone else wrote into the card."""
    hub.create(_REPO)
    hub.write(
        _REPO, "README.md", b"---\nlicense: other\npretty_name: Ours\n---\n# Ours\n\nBy us.\n"
    )
    _push(mine, stage_as_config=True)
    done = _push(built.out, stage_as_config=True, has_rights=True)
    assert {f.place.partition("/")[0] for f in done.changes.sent} == {"README.md", "video"}
    card = DatasetCard(hub.content(_REPO, "README.md").decode())
    data = card.data.to_dict()  # type: ignore[no-untyped-call]
    assert [c["config_name"] for c in data["configs"]] == ["small", "video"]
    assert [i["config_name"] for i in data["dataset_info"]] == ["small", "video"]
    assert data["pretty_name"] == "Ours" and {"other", "mit"} <= set(data["license"])
    assert "By us." in card.text and card.text.count("## video") == 1
    before = hub.content(_REPO, "README.md")
    again = _push(mine, stage_as_config=True)
    assert not again.changes.sent and hub.content(_REPO, "README.md") == before
    pulled = _pull(hub, tmp_path / "pulled")
    for stage in ("small", "video"):
        verify(str(pulled / stage), lambda path: None)


def test_a_card_that_is_no_yaml(hub: PushHub, mine: Path) -> None:
    hub.create(_REPO)
    hub.write(_REPO, "README.md", b"---\na: [\n---\n")
    with pytest.raises(UsageError, match="YAML on top of the card"):
        _push(mine, stage_as_config=True)


_LOAD = """
import sys
from datasets import load_dataset
from manifests.schema import SAMPLE_SCHEMA
from datasets import Features
for config, split in (("small", "train"), ("small", "validation"), ("video", "train")):
    first, count = None, 0
    whole = load_dataset("org/name", config, split=split)
    stream = load_dataset("org/name", config, split=split, streaming=True)
    wanted = Features.from_arrow_schema(SAMPLE_SCHEMA)
    assert whole.features == stream.features == wanted, (whole.features, stream.features)
    assert [row["id"] for row in stream.select_columns("id")] == whole["id"][:]
    # To the end: a stream that is left before it may hang the process's own end (docs/push.md).
    rows = list(stream)
    assert rows[0]["images"] == [] or rows[0]["images"][0].size
    print(config, split, len(whole))
"""


@pytest.mark.slow
def test_datasets_loads_it(
    hub: PushHub, samples: Path, small_built: Built, built: Built, tmp_path: Path
) -> None:
    """By config and split, streaming and not, in a process that knows only the Hub."""
    options = BuildOptions(
        recipe=small_built.recipe,
        mirror=str(samples),
        store=str(small_built.store),
        out=str(tmp_path / "held"),
        engine="inline",
        holdout=Fraction(1, 10),
    )
    build(options, Console(quiet=True))
    _push(tmp_path / "held", stage_as_config=True)
    _push(built.out, stage_as_config=True, has_rights=True)
    settings = {"HF_ENDPOINT": hub.url, "HF_HUB_DISABLE_XET": "1", "HF_HOME": str(tmp_path / "hf")}
    env = {k: v for k, v in os.environ.items() if k != "HF_HUB_OFFLINE"} | settings
    command = [sys.executable, "-c", _LOAD]
    done = subprocess.run(
        command, env=env, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    held, video = (load_manifest(str(place)) for place in (tmp_path / "held", built.out))
    assert held.validation is not None
    assert done.stdout.splitlines() == [
        f"small train {held.num_rows}",
        f"small validation {held.validation.num_rows}",
        f"video train {video.num_rows}",
    ]
