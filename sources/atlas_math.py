"""AtlasMathSets (AtlasUnified/atlas-math-sets): generated sums, JSON Lines, two generations.

Older rows have instruction, input, output and answer; newer ones add answer_words, difficulty,
topic and subtopic and may have no `output`: then `answer` is the reply. `input` repeats the sum of
the instruction in symbols and is not part of the question. Validation and test are held out.
"""

from __future__ import annotations

from typing import Any, ClassVar

from sources.chats import PairSource, take_text


class AtlasMath(PairSource):
    name: ClassVar[str] = "atlas_math"
    version: ClassVar[int] = 1
    question: ClassVar[str] = "instruction"
    answer: ClassVar[str] = "output"
    required: ClassVar[tuple[tuple[str, ...], ...]] = (
        ("instruction", "output"),
        ("instruction", "answer"),
    )

    def pair(self, values: dict[str, Any]) -> tuple[str, str]:
        reply = "answer" if values.get(self.answer) is None else self.answer
        return take_text(values, self.question), take_text(values, reply)


SOURCE = AtlasMath()
