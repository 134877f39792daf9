"""Exercises whose answers are computed: sums, tables, puzzles, code, plans, corrected sentences."""

from __future__ import annotations

import random

_NAMES = (
    "Anna",
    "Ben",
    "Clara",
    "David",
    "Esra",
    "Felix",
    "Grace",
    "Hugo",
    "Ines",
    "Jakob",
    "Lena",
)
_GOODS = ("notebooks", "apples", "tickets", "candles", "screws", "postcards", "tulips", "lanterns")
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
    "take the tram to the last stop and walk back",
    "look for breakfast in the covered market",
    "climb the tower before the crowds arrive",
    "rent bicycles and follow the coast",
    "listen to the organ in the cathedral",
    "cook dinner with things from the market",
    "sit in the botanical garden with a book",
    "take a ferry to the other bank",
    "see a film in the little cinema by the station",
    "learn a few words of the language from the baker",
)
# (what the function does, its code with the names NAME and ITEMS, what to say about it)
_FUNCTIONS = (
    (
        "returns the most frequent item of a list",
        "def NAME(ITEMS):\n    counts = {}\n    for item in ITEMS:\n"
        "        counts[item] = counts.get(item, 0) + 1\n    return max(counts, key=counts.get)",
        "It counts every item once, so it runs in linear time.",
    ),
    (
        "removes repeated items from a list and keeps their order",
        "def NAME(ITEMS):\n    return list(dict.fromkeys(ITEMS))",
        "Dictionaries keep the order of insertion, so the first of each item stays.",
    ),
    (
        "splits a list into pieces of equal length",
        "def NAME(ITEMS, size):\n    return [ITEMS[i:i + size] for i in range(0, len(ITEMS), size)]",
        "The last piece is shorter where the length is no multiple of the size.",
    ),
    (
        "computes the running total of a list of numbers",
        "def NAME(ITEMS):\n    total, result = 0, []\n    for value in ITEMS:\n"
        "        total += value\n        result.append(total)\n    return result",
        "The standard library offers the same as itertools.accumulate.",
    ),
    (
        "groups words by their first letter",
        "def NAME(ITEMS):\n    groups = {}\n    for word in ITEMS:\n"
        "        groups.setdefault(word[0].lower(), []).append(word)\n    return groups",
        "Empty words would raise an IndexError, so filter them out before.",
    ),
    (
        "tells whether a list is sorted in ascending order",
        "def NAME(ITEMS):\n    return all(a <= b for a, b in zip(ITEMS, ITEMS[1:]))",
        "It stops at the first pair that is out of order.",
    ),
    (
        "finds the second largest number of a list",
        "def NAME(ITEMS):\n    distinct = sorted(set(ITEMS))\n"
        "    if len(distinct) < 2:\n        raise ValueError('need two distinct numbers')\n"
        "    return distinct[-2]",
        "Sorting costs n log n; for very long lists heapq.nlargest is better.",
    ),
)
# (wordy, plain)
_PHRASES = (
    ("due to the fact that the train was late", "because the train was late"),
    ("at this point in time", "now"),
    ("in the event that it should rain", "if it rains"),
    ("with regard to the matter of costs", "about costs"),
    ("has the ability to carry", "can carry"),
    ("in spite of the fact that it was closed", "although it was closed"),
    ("for the purpose of repairs", "for repairs"),
    ("a large number of visitors", "many visitors"),
    ("prior to the start of the season", "before the season"),
    ("it is our intention to", "we mean to"),
    ("on a daily basis", "every day"),
    ("in close proximity to the station", "near the station"),
)


def word_problem(rng: random.Random) -> tuple[str, str]:
    """An everyday sum with its worked solution."""
    name, goods = rng.choice(_NAMES), rng.choice(_GOODS)
    boxes, each, given = rng.randint(3, 24), rng.randint(4, 36), rng.randint(2, 11)
    price = rng.choice([2, 3, 4, 5, 6, 8])
    left = boxes * each - given
    if rng.random() < 0.5:
        user = (
            f"{name} packs {goods} into {boxes} boxes with {each} in each, then gives {given} away. "
            f"How much are the rest worth at {price} coins apiece?"
        )
        answer = (
            f"There are {boxes} x {each} = {boxes * each} {goods} at first. After {given} are gone, "
            f"{boxes * each} - {given} = {left} remain. At {price} coins each they are worth "
            f"{left} x {price} = {left * price} coins."
        )
        return user, answer
    speed, hours, rest = rng.randint(11, 29), rng.randint(2, 6), rng.randint(3, 40)
    total = speed * hours + rest
    user = (
        f"{name} cycles for {hours} hours at {speed} kilometres an hour, rests, and then rides "
        f"another {rest} kilometres. The {goods} weigh {boxes} kilograms. How long is the way?"
    )
    answer = (
        f"The weight of the {goods} does not matter here. The first part is {hours} x {speed} = "
        f"{hours * speed} kilometres long. With the last {rest} kilometres the whole way is "
        f"{hours * speed} + {rest} = {total} kilometres."
    )
    return user, answer


def table_summary(rng: random.Random) -> tuple[str, str]:
    """A small table in words, with its total, mean and extremes."""
    towns = rng.sample(_TOWNS, 4)
    goods = rng.choice(_GOODS)
    values = rng.sample(range(12, 240), 4)
    rows = ", ".join(f"{town} {value}" for town, value in zip(towns, values, strict=True))
    high, low = max(values), min(values)
    user = (
        f"These are sales of {goods} by branch: {rows}. Describe them in a few sentences and say "
        "which branch needs attention."
    )
    answer = (
        f"Together the four branches sold {sum(values)} {goods}, which is {sum(values) / 4:.2f} on "
        f"average. {towns[values.index(high)]} leads with {high}, that is {high - low} more than "
        f"{towns[values.index(low)]}, which sold only {low} and therefore needs attention. The other "
        f"two lie between, at {sorted(values)[1]} and {sorted(values)[2]}."
    )
    return user, answer


def puzzle(rng: random.Random) -> tuple[str, str]:
    """An ordering puzzle with one solution."""
    people = rng.sample(_NAMES, 4)
    thing = rng.choice(
        ["arrives before", "is older than", "lives further north than", "is taller than"]
    )
    facts = [f"{a} {thing} {b}" for a, b in zip(people, people[1:], strict=False)]
    rng.shuffle(facts)
    user = f"Four friends are compared. {'; '.join(facts)}. Who comes first and who comes last?"
    chain = ", then ".join(people)
    answer = (
        f"Put the statements in a row so that each begins where the one before ends: {chain}. The "
        f"comparison carries over along the row, so {people[0]} comes first and {people[3]} comes "
        f"last. {people[1]} and {people[2]} stand between them, in this order."
    )
    return user, answer


def coding(rng: random.Random) -> tuple[str, str]:
    """A small Python function on request."""
    does, code, remark = rng.choice(_FUNCTIONS)
    items = rng.choice(["values", "words", "readings", "entries", "scores", "labels", "orders"])
    name = rng.choice(["solve", "compute", "process", "handle", "apply", "run"]) + "_" + items
    user = rng.choice(
        [
            f"Write a Python function `{name}` that {does}; its argument is called `{items}`.",
            f"I need a helper `{name}({items}, ...)` in Python which {does}. No libraries, please.",
        ]
    )
    code = code.replace("NAME", name).replace("ITEMS", items)
    return user, f"Here is a version that {does}:\n\n```python\n{code}\n```\n\n{remark}"


def itinerary(rng: random.Random) -> tuple[str, str]:
    """A plan of two to four days in a town."""
    town, days = rng.choice(_TOWNS), rng.randint(2, 4)
    budget = rng.randrange(20, 95, 5)
    who = rng.choice(["my parents", "two small children", "an old friend", "a group of students"])
    user = f"Plan {days} unhurried days in {town} with {who}; we can spend {budget} euros a day."
    chosen = rng.sample(_ACTIVITIES, 2 * days)
    lines = [
        f"Day {day + 1}: in the morning {chosen[2 * day]}; after lunch {chosen[2 * day + 1]}."
        for day in range(days)
    ]
    close = f"That leaves about {budget // 2} euros a day for meals, and time to rest for {who}."
    return user, "\n".join([*lines, close])


def editing(rng: random.Random) -> tuple[str, str]:
    """A wordy note made plain."""
    wordy = rng.sample(_PHRASES, 3)
    town, name = rng.choice(_TOWNS), rng.choice(_NAMES)
    user = (
        f'Make this note to {name} in {town} plainer: "We write {wordy[0][0]}, {wordy[1][0]}, and '
        f'{wordy[2][0]}."'
    )
    answer = (
        f'A plainer note to {name} in {town} reads: "We write {wordy[0][1]}, {wordy[1][1]}, and '
        f'{wordy[2][1]}." I replaced '
        + "; ".join(f"'{before}' by '{after}'" for before, after in wordy)
        + "."
    )
    return user, answer
