"""Exercises whose answers are computed: tables, puzzles, code, plans, corrected sentences.

Each takes a seeded generator and the number of times that it was asked before, by which it rotates
through its forms, so that texts stay far from one another.
"""

from __future__ import annotations

import random

from pipelines.samples.sums import GOODS, NAMES

_TOWNS = (
    "Lisbon",
    "Ghent",
    "Tartu",
    "Bergen",
    "Porto",
    "Zadar",
    "Utrecht",
    "Cork",
    "Matera",
    "Graz",
)
_ACTIVITIES = (
    "walk along the river to the old mill",
    "visit the museum of the town",
    "take the tram to the last stop and stroll back",
    "look for breakfast in the covered market",
    "climb the tower before the crowds arrive",
    "rent bicycles and follow the coast",
    "listen to the organ in the cathedral",
    "cook dinner with things from the market",
    "sit in the botanical garden with a book",
    "take a ferry to the other bank",
    "see a film in the little cinema by the station",
    "learn a few words of the language from the baker",
    "sketch the bridges from the quay",
    "browse the shops for old records",
    "join the free walk that starts at the town hall",
    "try the pool with the view of the hills",
)
# What a function does, its body with ITEMS for the argument, a remark.
_FUNCTIONS = (
    (
        "returns the most frequent item of a list",
        "counts = {}\nfor item in ITEMS:\n    counts[item] = counts.get(item, 0) + 1\n"
        "return max(counts, key=counts.get)",
        "It counts every item once, so it runs in linear time.",
    ),
    (
        "removes repeated items and keeps the order",
        "return list(dict.fromkeys(ITEMS))",
        "Dictionaries keep the order of insertion, so the first of each item stays.",
    ),
    (
        "splits a list into pieces of seven",
        "return [ITEMS[i:i + 7] for i in range(0, len(ITEMS), 7)]",
        "The last piece is shorter where the length is no multiple of seven.",
    ),
    (
        "computes the running total of some numbers",
        "total, result = 0, []\nfor value in ITEMS:\n    total += value\n"
        "    result.append(total)\nreturn result",
        "The standard library offers the same as itertools.accumulate.",
    ),
    (
        "groups words by their first letter",
        "groups = {}\nfor word in ITEMS:\n    groups.setdefault(word[0].lower(), []).append(word)\n"
        "return groups",
        "Empty words would raise an IndexError, so filter them out before.",
    ),
    (
        "tells whether a list is in ascending order",
        "return all(a <= b for a, b in zip(ITEMS, ITEMS[1:]))",
        "It stops at the first pair that is out of order.",
    ),
    (
        "finds the second largest number",
        "distinct = sorted(set(ITEMS))\nif len(distinct) < 2:\n"
        "    raise ValueError('need two distinct numbers')\nreturn distinct[-2]",
        "Sorting costs n log n; for very long lists heapq.nlargest is better.",
    ),
    (
        "turns a list of pairs into a dictionary of lists",
        "result = {}\nfor key, value in ITEMS:\n    result.setdefault(key, []).append(value)\n"
        "return result",
        "Unlike dict(), it keeps all values of a key that occurs more than once.",
    ),
    (
        "flattens a list of lists by one level",
        "return [inner for outer in ITEMS for inner in outer]",
        "Read the two loops from left to right, as if they were nested.",
    ),
    (
        "moves all zeros to the end",
        "kept = [value for value in ITEMS if value != 0]\n"
        "return kept + [0] * (len(ITEMS) - len(kept))",
        "The order of the other numbers does not change.",
    ),
    (
        "finds the longest run of equal neighbours",
        "best = run = 1\nfor before, after in zip(ITEMS, ITEMS[1:]):\n"
        "    run = run + 1 if before == after else 1\n    best = max(best, run)\nreturn best",
        "It assumes at least one element; check for that first.",
    ),
    (
        "rounds times in minutes up to full quarters of an hour",
        "return [-(-minutes // 15) * 15 for minutes in ITEMS]",
        "Floor division of the negated value is a compact way to round up.",
    ),
    (
        "swaps rows and columns of a table",
        "return [list(column) for column in zip(*ITEMS)]",
        "All rows must have the same length, or zip cuts them to the shortest.",
    ),
    (
        "checks brackets for balance",
        "depth = 0\nfor sign in ITEMS:\n    depth += (sign == '(') - (sign == ')')\n"
        "    if depth < 0:\n        return False\nreturn depth == 0",
        "A closing bracket that comes too early is found at once.",
    ),
)
# (wordy, plain)
_PHRASES = (
    ("The train was late due to the fact that it snowed", "The train was late because it snowed"),
    ("At this point in time the shop is closed", "The shop is closed now"),
    ("In the event that it rains we stay inside", "If it rains we stay inside"),
    ("We have a question with regard to the costs", "We have a question about the costs"),
    ("The bridge has the ability to carry lorries", "The bridge can carry lorries"),
    ("In spite of the fact that he was ill, he sang", "Although he was ill, he sang"),
    ("The road is closed for the purpose of repairs", "The road is closed for repairs"),
    ("A large number of visitors came by bus", "Many visitors came by bus"),
    ("Prior to the start of the season we paint the boats", "Before the season we paint the boats"),
    ("It is our intention to plant forty trees", "We mean to plant forty trees"),
    ("The pool is cleaned on a daily basis", "The pool is cleaned every day"),
    ("The hotel lies in close proximity to the lake", "The hotel lies near the lake"),
    ("They arrived at the decision to wait", "They decided to wait"),
    ("Until such time as the key is found, knock", "Until the key is found, knock"),
)


def table_summary(rng: random.Random, turn: int) -> tuple[str, str]:
    """A small table in words, with its total, mean and extremes."""
    count = 3 + turn % 4
    towns, values = rng.sample(_TOWNS, count), rng.sample(range(12, 240), count)
    goods = GOODS[turn % len(GOODS)]
    rows = ", ".join(f"{town} {value}" for town, value in zip(towns, values, strict=True))
    high, low = max(values), min(values)
    first, last = towns[values.index(high)], towns[values.index(low)]
    ask = rng.choice(
        [
            "Describe them in a few sentences and say which branch needs attention.",
            "Which numbers stand out?",
            "Write what the manager should know, in three sentences.",
        ]
    )
    answer = (
        f"Together the {count} branches sold {sum(values)} {goods}, {sum(values) / count:.2f} on "
        f"average. {first} leads with {high}, which is {high - low} more than {last} with only "
        f"{low}. I would look at {last} first and ask what {first} does differently."
    )
    return f"These are sales of {goods} by branch: {rows}. {ask}", answer


def puzzle(rng: random.Random, turn: int) -> tuple[str, str]:
    """An ordering puzzle with one solution."""
    people = rng.sample(NAMES, 3 + turn % 3)
    relations = (
        ("arrives before", "arrives first", "arrives last"),
        ("is older than", "is the oldest", "is the youngest"),
        ("lives further north than", "lives furthest north", "lives furthest south"),
        ("is taller than", "is the tallest", "is the shortest"),
    )
    relation, most, least = relations[turn % len(relations)]
    facts = [f"{a} {relation} {b}" for a, b in zip(people, people[1:], strict=False)]
    rng.shuffle(facts)
    user = f"We know this: {'; '.join(facts)}. Who {most}, and who {least}?"
    answer = (
        f"Put the statements in a row so that each begins where the one before ends: "
        f"{', '.join(people)}. The relation carries over along the row. Hence {people[0]} {most} "
        f"and {people[-1]} {least}."
    )
    return user, answer


def coding(rng: random.Random, turn: int) -> tuple[str, str]:
    """A small Python function on request."""
    does, body, remark = _FUNCTIONS[turn % len(_FUNCTIONS)]
    items = rng.choice(["values", "words", "readings", "entries", "scores", "labels", "orders"])
    name = rng.choice(["solve", "compute", "process", "handle", "apply", "run"]) + "_" + items
    user = rng.choice(
        [
            f"Write a Python function `{name}` that {does}; its argument is called `{items}`.",
            f"I need a helper `{name}({items})` in Python which {does}. No libraries, please.",
            f"How would you write `{name}` in Python, a function that {does}?",
        ]
    )
    code = "".join(f"    {line}\n" for line in body.replace("ITEMS", items).split("\n"))
    return user, f"```python\ndef {name}({items}):\n{code}```\n\nThis {does}. {remark}"


def itinerary(rng: random.Random, turn: int) -> tuple[str, str]:
    """A plan of two to four days in a town."""
    town, days = _TOWNS[turn % len(_TOWNS)], rng.randint(2, 4)
    budget = rng.randrange(20, 95, 5)
    who = rng.choice(["my parents", "two small children", "an old friend", "a group of students"])
    chosen = rng.sample(_ACTIVITIES, 2 * days)
    lines = [
        f"Day {day + 1}: in the morning {chosen[2 * day]}; after lunch {chosen[2 * day + 1]}."
        for day in range(days)
    ]
    close = f"That leaves about {budget // 2} euros a day for meals, and time to rest for {who}."
    user = f"Plan {days} unhurried days in {town} with {who}; we can spend {budget} euros a day."
    return user, "\n".join([*lines, close])


def editing(rng: random.Random, turn: int) -> tuple[str, str]:
    """Wordy sentences made plain."""
    wordy = rng.sample(_PHRASES, 3)
    name = NAMES[turn % len(NAMES)]
    before = ". ".join(long for long, _ in wordy)
    after = ". ".join(short for _, short in wordy)
    user = f'Make this note to {name} plainer without losing anything: "{before}."'
    return user, f'"{after}." All three sentences say the same as before, only shorter.'
