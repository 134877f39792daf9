"""`mixture doctor`: what it says of this machine, and of one where something is wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path

import pytest
from huggingface_hub import constants
from packaging.requirements import Requirement

from pipelines.doctor import decoders, hub, machine
from pipelines.doctor.finding import Finding
from tests.push_hub import TOKEN, PushHub, serve_pushes

_COMMAND = "import sys; from pipelines.cli import mixture; sys.exit(mixture())"


def doctor(*arguments: str) -> subprocess.CompletedProcess[str]:
    """In a process of its own: it starts a Ray of its own."""
    environment = os.environ | {"HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-c", _COMMAND, "doctor", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


def by_name(found: list[Finding]) -> dict[str, Finding]:
    return {one.what: one for one in found}


@pytest.mark.slow
def test_this_machine_builds(tmp_path: Path) -> None:
    done = doctor("--json", "--store", str(tmp_path / "store"), "--out", str(tmp_path / "out"))
    assert done.returncode == 0 and done.stderr == ""
    said = json.loads(done.stdout)
    states = {one["what"]: one["state"] for one in said["findings"]}
    assert said["runs"] is True and "broken" not in states.values()
    for name in ("python", "packages", "pictures", "clips", "ray", "out"):
        assert states[name] == "works", said
    assert states["network"] == "look" and list(tmp_path.iterdir()) == []


def test_a_store_that_cannot_be_written_stops_builds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A path below a file, since root may write anywhere."""
    from pipelines.cli import mixture

    (tmp_path / "file").write_text("not a folder")
    works = Finding("ray", "works", "seen elsewhere")
    monkeypatch.setattr(machine, "look_at_ray", lambda: works)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert mixture(["doctor", "--store", str(tmp_path / "file" / "store")]) == 1
    out = " ".join(capsys.readouterr().out.split())
    assert "builds cannot run here: store" in out and "is a file; name a folder" in out


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("numpy>=2", ""),
        ("numpy<1", "numpy is "),
        ("nobody-has-this", "nobody-has-this is missing"),
    ],
)
def test_a_package(text: str, words: str) -> None:
    found = machine._wrong(Requirement(text))
    assert found.startswith(words) and bool(found) == bool(words)


def test_every_extra_that_is_told_is_there() -> None:
    assert set(machine._EXTRAS) <= set(
        distribution("smolmix").metadata.get_all("Provides-Extra") or []
    )


def test_little_room_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "free_bytes", lambda where: 8_000_000_000)
    found = machine.look_at_store(str(tmp_path))
    assert found.state == "look" and "--cache-size 2GB" in found.to_do
    monkeypatch.setattr(machine, "free_bytes", lambda where: 8_000_000)
    assert machine.look_at_disk("out", str(tmp_path)).state == "look"


def test_a_decoder_that_reads_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clip is cut in the middle of what it begins with."""
    whole = decoders._write_clip

    def cut(path: Path) -> str:
        codec = whole(path)
        path.write_bytes(path.read_bytes()[:100])
        return codec

    monkeypatch.setattr(decoders, "_write_clip", cut)
    found = by_name(list(decoders.look_at_clips()))
    assert found["clips"].state == "broken" and "--force-reinstall av" in found["clips"].to_do
    assert found["clips, second backend"].state == "look"


def test_a_format_that_is_not_read_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoders, "_FORMATS", ("JPEG", "XYZ"))
    found = decoders.look_at_pictures()
    assert found.state == "look" and found.found.endswith("reads JPEG") and "XYZ" in found.to_do


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PushHub]:
    with serve_pushes(PushHub(tmp_path / "hub")) as found:
        monkeypatch.setattr(constants, "ENDPOINT", found.url)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        yield found


def test_a_hub_with_a_token(server: PushHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    gated = [card.repo for card in hub._gated_cards()]
    for repo in gated[1:]:
        server.create(repo, False)
    found = by_name(list(hub.look_at_hub()))
    assert found["network"].state == found["token"].state == "works"
    assert found["token"].found == "of org"
    assert found["gated sources"].found == f"closed: {gated[0]}"
    server.create(gated[0], False)
    assert by_name(list(hub.look_at_hub()))["gated sources"].state == "works"


def test_a_token_that_is_wrong_or_missing(server: PushHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    found = by_name(list(hub.look_at_hub()))
    assert "HTTP 401" in found["token"].found and "gated sources" not in found
    assert "hf_wrong" not in str(found)
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", "/nowhere")
    assert by_name(list(hub.look_at_hub()))["token"].found == "none"


def test_no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    found = by_name(list(hub.look_at_hub()))
    assert found["network"].state == found["token"].state == "look"
    assert "--mirror" in found["network"].to_do
