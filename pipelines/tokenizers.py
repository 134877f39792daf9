"""Tokenizers by name or path, and kept in the store by digest, where all tasks find them.

Only tokenizer.json is read, which is data: no code of a model's runs.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from manifests.errors import IntegrityError, UsageError
from manifests.storage import exists, join, read_bytes, write_bytes
from pipelines.store import mark_files_used
from pipelines.text_counter import TextCounter
from sources.retries import with_retries

_FILE = "tokenizer.json"
_HUB_ID = re.compile(r"(?P<repo>[\w.-]+/[\w.-]+)(@(?P<revision>[\w./-]+))?")


@dataclass(frozen=True, slots=True)
class TokenizerRef:
    """A tokenizer.json: what it is called, its SHA-256 (hex), and where the store keeps it.

    Of the Hub it is called `owner/name@commit`; of a path by the last part of it.
    """

    name: str
    fingerprint: str
    uri: str


def open_tokenizer(spec: str | None, store: str) -> TokenizerRef | None:
    """The tokenizer that `--tokenizer SPEC` names, put into the store; none where none is named.

    `spec` is a folder, a tokenizer.json, or a Hub id with or without @revision. UsageError where it
    is none of these, or cannot count what the chat template makes.
    """
    if spec is None:
        return None
    name, data = _read(spec)
    fingerprint = hashlib.sha256(data).hexdigest()
    TextCounter(data, spec)
    uri = join(store, "tokenizers", f"{fingerprint}.json")
    if not exists(uri):
        write_bytes(uri, data)
    mark_files_used([uri])
    return TokenizerRef(name, fingerprint, uri)


@lru_cache(maxsize=2)
def load_tokenizer(ref: TokenizerRef) -> TextCounter:
    """Its counter, once a process; about 0.2 s."""
    data = read_bytes(ref.uri)
    if hashlib.sha256(data).hexdigest() != ref.fingerprint:
        raise IntegrityError(
            f"{ref.uri} is not the tokenizer that its name says; remove the file and run the "
            "command again"
        )
    return TextCounter(data, ref.name)


def _read(spec: str) -> tuple[str, bytes]:
    path = Path(spec)
    if path.is_dir():
        if not (path / _FILE).is_file():
            raise UsageError(
                f"--tokenizer {spec}: the folder has no {_FILE}; a tokenizer of another form can "
                f"be saved as one with transformers' AutoTokenizer"
            )
        return path.resolve().name, (path / _FILE).read_bytes()
    if path.is_file():
        return path.name, path.read_bytes()
    found = _HUB_ID.fullmatch(spec)
    if found is None:
        raise UsageError(
            f"--tokenizer {spec}: there is no such file or folder, and it is no Hub id "
            "(owner/name, owner/name@revision)"
        )
    return _download(found["repo"], found["revision"])


def _download(repo: str, revision: str | None) -> tuple[str, bytes]:
    from huggingface_hub import HfApi, hf_hub_download

    def download() -> tuple[str, bytes]:
        commit = HfApi().model_info(repo, revision=revision).sha
        file = hf_hub_download(repo, _FILE, revision=commit)
        return f"{repo}@{commit}", Path(file).read_bytes()

    return with_retries(download, f"hf://{repo}", repo)
