"""What `mixture store` counts and removes: known paths alone, on a disk and in an object store."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import fsspec
import pytest

from manifests import storage
from pipelines import store_files
from pipelines.cli import mixture
from pipelines.store import mark_used
from pipelines.store_files import scan, summary

Printed = pytest.CaptureFixture[str]

KEYS = ("0123456789abcdef", "fedcba9876543210", "00000000deadbeef")
DAY_S = 24 * 60 * 60
# What is no store's own, and must outlive everything.
FOREIGN = (
    "thesis.txt",
    "media/notes.txt",
    "benchmarks/notes-mine/done.json",
    "media/photos/holiday/done.json",
    "rows/magpie/0123456789abcdef/x.parquet",
    f"backup/media/magpie/{KEYS[0]}/done.json",
    "downloads/mine.zip",
    "weights/mine.bin",
    "tokenizers/mine.json",
    "near/mine/000000/done.json",
)


def dead_process() -> int:
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    return done.pid


def facts() -> dict[str, bytes]:
    """A store of two sources, one of them with a folder that was never finished."""
    media, rows = json.dumps({"media": 3}).encode(), json.dumps({"samples": 4, "rejected": 1})
    return {
        f"media/magpie/{KEYS[0]}/done.json": media,
        f"media/magpie/{KEYS[0]}/pack-000.tar": b"x" * 100,
        f"media/magpie/{KEYS[0]}/measures/roles-1.parquet": b"x" * 10,
        f"rows/magpie/a_b/{KEYS[1]}/done.json": rows.encode(),
        f"rows/magpie/a_b/{KEYS[2]}/samples.arrow": b"x" * 50,
        f"rows/the_cauldron/ai2d/{KEYS[0]}/done.json": rows.encode(),
        f"benchmarks/mmlu_pro-{KEYS[0]}/done.json": b"{}",
        f"benchmarks/mmlu_pro-{KEYS[0]}/texts.parquet": b"x" * 20,
        f"benchmarks/mmlu_pro-{KEYS[1]}/texts.parquet": b"x",
        f"weights/{KEYS[0] * 4}/weights.bin": b"x" * 5,
        f"weights/{KEYS[1] * 4}/config.json": b"x",
        f"weights/{KEYS[1] * 4}/model.safetensors": b"x" * 6,
        f"tokenizers/{KEYS[2] * 4}.json": b"x" * 3,
        f"near/image-{KEYS[0]}/000000/codes-00000.arrow": b"x" * 4,
        f"near/image-{KEYS[0]}/000000/done.json": b"{}",
        f"near/image-{KEYS[0]}/000001/done.json": b"{}",
        f"downloads/{KEYS[0] * 2}-7-big.zip": b"x" * 7,
        f"downloads/{KEYS[1] * 2}-9-other.zip.part": b"x",
    }


@pytest.fixture(params=["disk", "objects"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    uri = str(tmp_path / "store") if request.param == "disk" else "memory://access-store"
    storage.remove_tree(uri)
    for path, data in {**facts(), **dict.fromkeys(FOREIGN, b"mine")}.items():
        storage.write_bytes(storage.join(uri, path), data)
    return uri


def age(store: str, seconds: float, pattern: str = "*") -> None:
    """Make the store's files that fit look as if they were written so long ago."""
    then = time.time() - seconds
    if storage.is_local(store):
        for path in Path(store).rglob(pattern):
            os.utime(path, (then, then))
        return
    fs = fsspec.filesystem("memory")
    for path, file in fs.store.items():
        if path.startswith("/access-store/"):
            file.modified = file.created = type(file.created).fromtimestamp(
                then, file.created.tzinfo
            )


def collect(store: str, printed: Printed, *more: str) -> list[str]:
    assert mixture(["store", "gc", "--store", store, "--json", *more]) == 0
    removed: list[str] = json.loads(printed.readouterr().out)["removed"]
    return removed


def test_what_is_there(store: str, capsys: Printed) -> None:
    assert mixture(["store", "ls", "--store", store, "--json"]) == 0
    lines = {line["source"]: line for line in json.loads(capsys.readouterr().out)["sources"]}
    counts = ("folders", "rows", "media", "incomplete")
    assert {name: tuple(line[c] for c in counts) for name, line in lines.items()} == {
        "benchmarks": (1, 0, 0, 1),
        "downloads": (1, 0, 0, 1),
        "magpie": (2, 5, 3, 1),
        "models": (3, 0, 0, 0),
        "near": (1, 0, 0, 0),
        "the_cauldron": (1, 5, 0, 0),
    }
    size = sum(len(data) for path, data in facts().items() if "/magpie/" in path)
    assert lines["magpie"]["bytes"] == size
    assert abs(lines["magpie"]["used"] - time.time()) < 60
    assert mixture(["store", "ls", "--store", store]) == 0
    table = capsys.readouterr().out
    assert "magpie" in table and "last used (UTC)" in table


def test_what_may_be_under_way_stays(store: str, capsys: Printed) -> None:
    assert collect(store, capsys) == []


MODELS = [
    f"tokenizers/{KEYS[2] * 4}.json",
    *(f"weights/{key * 4}" for key in KEYS[:2]),
]
INCOMPLETE = [
    f"downloads/{KEYS[1] * 2}-9-other.zip.part",
    f"rows/magpie/a_b/{KEYS[2]}",
    f"benchmarks/mmlu_pro-{KEYS[1]}",
]
NEAR = f"near/image-{KEYS[0]}"
OPTIONS: list[tuple[list[str], list[str]]] = [
    ([], INCOMPLETE),
    (
        ["--source", "magpie"],
        [f"media/magpie/{KEYS[0]}", f"rows/magpie/a_b/{KEYS[1]}", INCOMPLETE[1]],
    ),
    (["--source", "magpie", "--older-than", "3"], [INCOMPLETE[1]]),
    (["--older-than", "3"], INCOMPLETE),
    (
        ["--older-than", "1"],
        [
            *(f"downloads/{KEYS[0] * 2}-7-big.zip", INCOMPLETE[0]),
            *(f"media/magpie/{KEYS[0]}", f"rows/magpie/a_b/{KEYS[1]}", INCOMPLETE[1]),
            f"rows/the_cauldron/ai2d/{KEYS[0]}",
            *(f"benchmarks/mmlu_pro-{key}" for key in KEYS[:2]),
            *MODELS,
            NEAR,
        ],
    ),
    (["--source", "near"], [NEAR]),
    (["--source", "models"], MODELS),
]


@pytest.mark.parametrize(("options", "removed"), OPTIONS, ids=[" ".join(o) for o, _ in OPTIONS])
def test_what_is_removed(
    options: list[str], removed: list[str], store: str, capsys: Printed
) -> None:
    age(store, 2 * DAY_S)
    before = storage.list_files(store)
    assert sorted(collect(store, capsys, "--dry-run", *options)) == sorted(removed)
    assert storage.list_files(store) == before
    assert sorted(collect(store, capsys, *options)) == sorted(removed)
    gone = {path for path in before if any(f"{path}/".startswith(f"{r}/") for r in removed)}
    assert set(storage.list_files(store)) == set(before) - gone
    assert set(FOREIGN) <= set(storage.list_files(store))


def test_a_kill_while_pairs_are_removed_leaves_whole_steps(
    store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last step goes first, and of each its record: what is left is what was known before."""
    (entry,) = [entry for entry in scan(store) if entry.kind == "near"]

    def killed(uri: str) -> None:
        storage.remove_tree(uri)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(store_files, "remove_tree", killed)
        store_files.remove(store, entry)
    left = [path for path in storage.list_files(store) if path.startswith(NEAR)]
    assert left == [f"{NEAR}/000000/codes-00000.arrow", f"{NEAR}/000000/done.json"]
    store_files.remove(store, entry)
    assert not storage.exists(storage.join(store, NEAR))


def test_a_build_that_reads_facts_keeps_them(tmp_path: Path, capsys: Printed) -> None:
    store = str(tmp_path)
    for path, data in facts().items():
        storage.write_bytes(storage.join(store, path), data)
    age(store, 9 * DAY_S)
    mark_used([storage.join(store, f"media/magpie/{KEYS[0]}"), "memory://nowhere", "/nowhere"])
    removed = collect(store, capsys, "--older-than", "5", "--source", "magpie")
    assert f"media/magpie/{KEYS[0]}" not in removed and len(removed) == 2


def test_what_a_killed_process_left(tmp_path: Path, capsys: Printed) -> None:
    store, dead = str(tmp_path), dead_process()
    kept = [f".tmp-spool-{os.getpid()}/clip.mp4", f"media/a/{KEYS[0]}/.tmp-{os.getpid()}-x"]
    lost = [f".tmp-spool-{dead}/clip.mp4", f"media/a/{KEYS[0]}/.tmp-{dead}-x"]
    for path in (*kept, *lost, f"media/a/{KEYS[0]}/done.json"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("{}")
    lines = {line["source"]: line for line in summary(scan(store))}
    assert lines["temporary files"]["incomplete"] == 2 and lines["a"]["incomplete"] == 2
    assert collect(store, capsys) == [f".tmp-spool-{dead}", lost[1]]
    assert all((tmp_path / path).exists() for path in kept)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("ls --store {tmp}/no", "there is no store {tmp}/no; name one with --store"),
        ("gc --store {tmp} --source magpi", "the store holds nothing of 'magpi'; did you mean"),
        ("ls --store {tmp} --dry-run", "belong to `mixture store gc`"),
        ("gc --store {tmp} --older-than 0", "argument --older-than: 0 is not at least 1"),
        ("rm --store {tmp}", "invalid choice: 'rm'"),
    ],
)
def test_wrong_usage(line: str, words: str, tmp_path: Path, capsys: Printed) -> None:
    storage.write_bytes(str(tmp_path / f"media/magpie/{KEYS[0]}/done.json"), b"{}")
    assert mixture(["store", *line.format(tmp=tmp_path).split()]) == 2
    error = capsys.readouterr().err
    assert words.format(tmp=tmp_path) in error and error.count("\n") == 1
