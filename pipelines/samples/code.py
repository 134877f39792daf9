"""Source files in many languages: small functions whose names and numbers differ."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from pipelines.samples.words import load_yaml, seeded

# language: (suffix, how a comment line begins, a function with NAME and the numbers N1 and N2)
_FORMS = {
    "c": ("c", "// ", "static int NAME(int x) {\n    return x * N1 + N2;\n}"),
    "cpp": (
        "cpp",
        "// ",
        "int NAME(const std::vector<int>& x) {\n    return x.size() * N1 + N2;\n}",
    ),
    "c-sharp": ("cs", "// ", "static int NAME(int x) => x * N1 + N2;"),
    "go": ("go", "// ", "func NAME(x int) int {\n\treturn x*N1 + N2\n}"),
    "java": ("java", "// ", "static int NAME(int x) {\n    return x * N1 + N2;\n}"),
    "javascript": ("js", "// ", "function NAME(x) {\n  return x * N1 + N2;\n}"),
    "markdown": ("md", "", "## NAME\n\nCall it with a number: it is multiplied by N1, plus N2."),
    "php": ("php", "// ", "function NAME(int $x): int {\n    return $x * N1 + N2;\n}"),
    "python": ("py", "# ", "def NAME(x):\n    return x * N1 + N2"),
    "ruby": ("rb", "# ", "def NAME(x)\n  x * N1 + N2\nend"),
    "rust": ("rs", "// ", "fn NAME(x: i64) -> i64 {\n    x * N1 + N2\n}"),
    "shell": ("sh", "# ", "NAME() {\n  echo $(( $1 * N1 + N2 ))\n}"),
    "sql": ("sql", "-- ", "CREATE VIEW NAME AS SELECT x * N1 + N2 AS y FROM readings;"),
    "swift": ("swift", "// ", "func NAME(_ x: Int) -> Int {\n    return x * N1 + N2\n}"),
    "typescript": (
        "ts",
        "// ",
        "export function NAME(x: number): number {\n  return x * N1 + N2;\n}",
    ),
}
_VERBS = ("scale", "shift", "weigh", "count", "fold", "rank", "price", "blend", "clip", "trace")
_NOUNS = ("order", "signal", "pixel", "ticket", "grain", "panel", "route", "vote", "lamp", "shelf")


class SourceFile(NamedTuple):
    path: str
    repo: str
    text: str
    blob_id: str


def source_file(language: str, *names: object) -> SourceFile:
    """A file of two to five functions, the same for the same names."""
    rng = seeded("code", language, *names)
    suffix, mark, function = _FORMS[language]
    topics = sorted(load_yaml("topics"))
    topic = rng.choice(topics)
    stem = f"{rng.choice(_VERBS)}_{rng.choice(_NOUNS)}_{rng.randint(1, 9999)}"
    parts = [f"{mark}Helpers for {topic}.", f"{mark}Readings are in units of {rng.randint(2, 99)}."]
    for number in range(rng.randint(2, 5)):
        name = f"{rng.choice(_VERBS)}_{rng.choice(_NOUNS)}_{number}"
        made = function.replace("NAME", name).replace("N1", str(rng.randint(2, 999)))
        parts.append(made.replace("N2", str(rng.randint(2, 9999))))
    text = "\n\n".join(["\n".join(parts[:2]), *parts[2:]]) + "\n"
    blob_id = hashlib.sha1(f"{language}/{names}/{text}".encode()).hexdigest()
    repo = f"{rng.choice(_NOUNS)}works/{topic.replace(' ', '-')}"
    return SourceFile(f"/src/{stem}.{suffix}", repo, text, blob_id)
