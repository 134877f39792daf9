"""MathQA (Amini et al., 2019): multiple-choice word problems with rationales, in `MathQA.zip`.

Of its members only `train.json` is read; dev, test and challenge_test are held out. The question is
the problem with its options below, the answer the rationale with the letter below. Texts are
upstream's, spaces between all signs included, but for the quotation marks around a rationale.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any, ClassVar

from sources.chats import ZippedPairSource, take_text


class MathQA(ZippedPairSource):
    name: ClassVar[str] = "mathqa"
    version: ClassVar[int] = 1
    question: ClassVar[str] = "Problem"
    answer: ClassVar[str] = "Rationale"

    def is_rows(self, member: str) -> bool:
        return PurePosixPath(member).name == "train.json"

    def pair(self, values: dict[str, Any]) -> tuple[str, str]:
        problem, rationale = super().pair(values)
        options, letter = take_text(values, "options"), take_text(values, "correct")
        reasons = rationale.strip().strip('"').strip()
        answer = f"answer : {letter.strip()}"
        return f"{problem}\n{options}", f"{reasons}\n{answer}" if reasons else answer


SOURCE = MathQA()
