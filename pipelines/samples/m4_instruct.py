"""M4-Instruct in small: one JSON array, two zips and a split one, and the rows for LLaVA-Hound."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

from pipelines.samples import archives, broken
from pipelines.samples.diagrams import draw_panel, make_matrix
from pipelines.samples.hound import Hound
from pipelines.samples.pairs import Pair, edited_pair, view
from pipelines.samples.stock import Gallery, jpeg
from pipelines.samples.truth import Place, Sheet, Truth
from pipelines.samples.words import seeded

SOURCE = "m4_instruct"
REPO = "lmms-lab/M4-Instruct-Data"
FILE, VIDEO_FILE = "m4_instruct_annotations.json", "m4_instruct_video.json"
EDIT, DREAM, RAVEN = "HQ-Edit-Diff", "dreamsim", "RAVEN"
_NUM_ROWS = 42
_NUM_VIDEO_ROWS = 40
# What upstream's metadata says: rows of the sub-dataset, and its task.
_METADATA = {
    EDIT: (98_675, "What's the difference between 2 images?"),
    DREAM: (15_941, "Choose the image that is more similar to the reference."),
    RAVEN: (35_000, "Complete the matrix."),
}
_RAVEN_ASK = (
    "Here is a Raven's Progressive Matrix in a three-by-three form. You are provided with the "
    "first eight elements in eight images, please select the last one from four choices following "
    "the structural and analogical relations.\nChoice list:"
)
Row = dict[str, Any]


class _Zips:
    """Members by zip; each sub-dataset hides its images below another outer folder."""

    def __init__(self) -> None:
        self.edit: list[archives.Member] = []
        self.dream: list[archives.Member] = []
        self.raven: dict[str, bytes] = {}

    def put_edit(self, number: int, data: bytes) -> str:
        """As rows have it: `HQ-Edit/images/83425.jpg`."""
        path = f"HQ-Edit/images/{number}.jpg"
        self.edit.append((path, data))
        return path

    def put_dream(self, name: str, data: bytes) -> str:
        """The rows' first folder is missing in the zip."""
        self.dream.append((f"images/{name}.jpg", data))
        return f"dreamsim/images/{name}.jpg"

    def put_raven(self, panel: tuple[int, int, int]) -> str:
        """An outer folder stands above what rows say; panels are shared by rows."""
        path = "RAVEN/images/cell_{}{}{}.jpeg".format(*panel)
        if f"RAVEN_train_images/{path}" not in self.raven:
            self.raven[f"RAVEN_train_images/{path}"] = jpeg(draw_panel(panel), 90)
        return path

    def write(self, folder: Path) -> None:
        (folder / "HQ-Edit.zip").write_bytes(archives.zip_file(self.edit))
        raven = sorted(self.raven.items())
        (folder / "RAVEN_train_images.zip").write_bytes(archives.zip_file(raven))
        first, last = archives.split_zip(self.dream)
        (folder / "dreamsim_split.z01").write_bytes(first)
        (folder / "dreamsim_split.zip").write_bytes(last)


def write(
    folder: Path, truth: Truth, scale: int, gallery: Gallery, hound: Hound
) -> tuple[Pair, Place]:
    """Returns a clean pair of images and where it stands, for a copy in another source."""
    repo = folder / REPO
    repo.mkdir(parents=True, exist_ok=True)
    zips, book = _Zips(), _Book(truth)
    for number in range(_NUM_ROWS * scale):
        pair = edited_pair(gallery, "hq-edit", number)
        place = book.add(EDIT, _edit(zips, number, pair))
        if number == 3:
            twin = pair, place
        book.add(DREAM, _dream(zips, number, gallery))
        book.add(RAVEN, _raven(zips, number))
        if number == 2 * _NUM_ROWS // 3:
            _plant(book, zips, gallery)
    (repo / FILE).write_bytes(orjson.dumps(book.rows))
    zips.write(repo)
    videos = Sheet(truth, SOURCE, "llava_hound", VIDEO_FILE)
    hound.fill_m4(videos, _NUM_VIDEO_ROWS * scale)
    (repo / VIDEO_FILE).write_bytes(orjson.dumps(videos.rows, option=orjson.OPT_INDENT_2))
    return twin


class _Book:
    """The one annotation file: rows of all sub-datasets, numbered together."""

    def __init__(self, truth: Truth) -> None:
        self.rows: list[Any] = []
        self._truth = truth

    def add(self, dataset: str, row: Any) -> Place:
        self.rows.append(row)
        return Place(SOURCE, dataset, FILE, len(self.rows) - 1)

    def plant(self, defect: str, dataset: str, row: Any, matched: int | None = None) -> None:
        twin = None if matched is None else Place(SOURCE, dataset, FILE, matched)
        self._truth.plant(defect, self.add(dataset, row), twin)

    def clean(self, dataset: str, number: int) -> tuple[int, Row]:
        """The `number`-th row of a sub-dataset, and its place in the file."""
        found = [
            index for index, row in enumerate(self.rows) if row["metadata"]["dataset"] == dataset
        ]
        return found[number], self.rows[found[number]]


def _row(dataset: str, number: int, value: str, answer: str, images: list[str]) -> Row:
    count, task = _METADATA[dataset]
    return {
        "sample_id": number,
        "conversations": [{"from": "human", "value": value}, {"from": "gpt", "value": answer}],
        "image": images,
        "choice_list": None,
        "metadata": {
            "dataset": dataset,
            "split": "train",
            "num_sample": count,
            "task_instruction": task,
            "question_type": "multi-choice" if dataset == RAVEN else "open-ended",
        },
    }


def _edit(zips: _Zips, number: int, pair: Pair) -> Row:
    first = 83_425 + 2 * number
    images = [zips.put_edit(first, pair.first), zips.put_edit(first + 1, pair.second)]
    # Some rows have no marker at all: their images stand before the question.
    marker = "" if number % 10 == 9 else "<image><image>\n"
    return _row(EDIT, number, f"{marker}{pair.question}", pair.answer, images)


def _dream(zips: _Zips, number: int, gallery: Gallery) -> Row:
    """A reference, a changed copy of it and another picture, in either order."""
    rng = seeded("dreamsim", number)
    close = edited_pair(gallery, "dreamsim", number)
    scene, image = view(gallery, "dreamsim other", number + 7)
    other = jpeg(image)
    swapped = rng.random() < 0.5
    shown = [close.first, other, close.second] if swapped else [close.first, close.second, other]
    names = [f"{kind}_{number:05d}" for kind in ("ref", "left", "right")]
    paths = [zips.put_dream(name, data) for name, data in zip(names, shown, strict=True)]
    which, rest = ("third", "second") if swapped else ("second", "third")
    ask = (
        "Which of the last two images is more like the first one, and why?",
        "Compare the second and the third image with the first. Which is closer to it?",
    )[number % 2]
    answer = (
        f"The {which} image is closer to the first: it is the same picture after a small edit. The "
        f"{rest} image shows {scene.subject}."
    )
    return _row(DREAM, number, f"<image><image><image>\n{ask}", answer, paths)


def _raven(zips: _Zips, number: int) -> Row:
    rng = seeded("raven", number)
    matrix = make_matrix(rng)
    choices = rng.sample([matrix.panels[8], *matrix.wrong], 4)
    paths = [zips.put_raven(panel) for panel in (*matrix.panels[:8], *choices)]
    listed = "\n".join(f"{letter}. <image>" for letter in "ABCD")
    letter = "ABCD"[choices.index(matrix.panels[8])]
    return _row(RAVEN, number, f"{'<image>' * 8}\n{_RAVEN_ASK}\n{listed}", letter, paths)


def _said(row: Row, number: int, value: str) -> Row:
    turns = [dict(turn) for turn in row["conversations"]]
    turns[number]["value"] = value
    return {**row, "conversations": turns}


def _plant(book: _Book, zips: _Zips, gallery: Gallery) -> None:
    place, row = book.clean(EDIT, 5)
    book.plant("exact_duplicate", EDIT, row, place)
    _, row = book.clean(EDIT, 6)
    book.plant("too_few_markers", EDIT, _said(row, 0, "<image>\nWhat has changed here?"))
    book.plant("too_many_markers", EDIT, _said(row, 0, "<image><image><image>\nWhat has changed?"))
    book.plant("marker_in_answer", EDIT, _said(row, 1, "The change is seen in <image>."))
    book.plant("missing_file", EDIT, {**row, "image": [row["image"][0], "HQ-Edit/images/1.jpg"]})
    asked = {"from": "human", "value": "Look again."}
    turns = [row["conversations"][0], asked, row["conversations"][1]]
    book.plant("two_users_in_a_row", EDIT, {**row, "conversations": turns})
    book.plant("conversation_empty", EDIT, {**row, "conversations": []})
    book.plant("conversation_missing", EDIT, {**row, "conversations": None})
    held_out = {**row, "metadata": {**row["metadata"], "split": "test"}}
    book.plant("held_out_split", EDIT, held_out)
    book.plant("empty_answer", DREAM, _said(book.clean(DREAM, 4)[1], 1, "\n"))
    spoken = [{"from": "observer", "value": "Ready."}, *book.clean(DREAM, 5)[1]["conversations"]]
    book.plant("unknown_role", DREAM, {**book.clean(DREAM, 5)[1], "conversations": spoken})
    _plant_images(book, zips, gallery)


def _plant_images(book: _Book, zips: _Zips, gallery: Gallery) -> None:
    """Rows whose images are broken, or cannot be told from another."""
    fresh = [edited_pair(gallery, "hq-edit planted", number) for number in range(4)]
    first = max(400, len(zips.edit))  # beyond the numbers of all clean rows
    rows = [_edit(zips, first + number, pair) for number, pair in enumerate(fresh)]
    cut = zips.put_edit(90_001, broken.truncated(fresh[0].second))
    book.plant("truncated_jpeg", EDIT, {**rows[0], "image": [rows[0]["image"][0], cut]})
    page = zips.put_edit(90_002, broken.WEB_PAGE)
    book.plant("web_page_as_image", EDIT, {**rows[1], "image": [page, rows[1]["image"][1]]})
    for part, data in (("part_1", fresh[2].first), ("part_2", fresh[3].first)):
        zips.edit.append((f"{part}/HQ-Edit/images/90003.jpg", data))
    unclear = "HQ-Edit/images/90003.jpg"
    book.plant("ambiguous_file", EDIT, {**rows[2], "image": [unclear, rows[2]["image"][1]]})
