"""MetaMathQA in small: three rewrites of each question, in one JSON array."""

from __future__ import annotations

from pipelines.samples.kit import Kit
from pipelines.samples.questions import Questions, plant_pairs, write_json

SOURCE = "metamathqa"
REPO = "meta-math/MetaMathQA"
REPOS = (REPO,)
FILE = "MetaMathQA-395K.json"
_QUESTIONS = 12


def write(kit: Kit) -> None:
    ask = Questions(SOURCE, "Explain every step.")
    sheet = kit.sheet(SOURCE, "default", FILE)
    for number in range(_QUESTIONS * kit.scale):
        made = ask.problem()
        origin = ("GSM", "MATH")[number % 2]
        reversed_question = (
            f"Somebody solved a problem on {made.sub_topic.lower()} and found {made.answer}. This "
            f"was the problem: {made.question} Is the result right?"
        )
        for kind, query, response in (
            ("AnsAug", made.question, made.solution),
            (
                "Rephrased",
                f"Please work this out for me. {made.question}",
                f"Let us see. {made.solution}",
            ),
            ("FOBAR", reversed_question, f"We check it. {made.solution} So it is right."),
        ):
            sheet.add(
                {
                    "type": f"{origin}_{kind}",
                    "query": query,
                    "original_question": made.question,
                    "response": f"{response}\nThe answer is: {made.answer}",
                }
            )
    plant_pairs(sheet, "query", "response")
    sheet.plant("row_not_an_object", "GSM_SV")
    write_json(kit.folder / REPO / FILE, sheet.rows)
