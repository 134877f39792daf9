"""Everyday sums with their worked solutions; six kinds take turns."""

from __future__ import annotations

import random

NAMES = ("Anna", "Ben", "Clara", "David", "Esra", "Felix", "Grace", "Hugo", "Ines", "Jakob", "Lena")
GOODS = ("notebooks", "apples", "tickets", "candles", "screws", "postcards", "tulips", "lanterns")


def word_problem(rng: random.Random, turn: int) -> tuple[str, str]:
    return _KINDS[turn % len(_KINDS)](rng)


def _boxes(rng: random.Random) -> tuple[str, str]:
    name, goods = rng.choice(NAMES), rng.choice(GOODS)
    boxes, each, given = rng.randint(3, 24), rng.randint(4, 36), rng.randint(2, 11)
    price = rng.choice([2, 3, 4, 5, 6, 8])
    left = boxes * each - given
    return (
        f"{name} packs {goods} into {boxes} boxes with {each} in each, then gives {given} away. "
        f"How much are the rest worth at {price} coins apiece?",
        f"There are {boxes} x {each} = {boxes * each} {goods} at first. After {given} are gone, "
        f"{left} remain. At {price} coins each they are worth {left} x {price} = "
        f"{left * price} coins.",
    )


def _ride(rng: random.Random) -> tuple[str, str]:
    name = rng.choice(NAMES)
    speed, hours, rest = rng.randint(11, 29), rng.randint(2, 6), rng.randint(3, 40)
    return (
        f"On Saturday {name} rode a bicycle at {speed} kilometres an hour for {hours} hours, had a "
        f"picnic, and covered the last {rest} kilometres by train. How long was the whole way?",
        f"Riding for {hours} hours at that speed makes {hours} x {speed} = {hours * speed} "
        f"kilometres. The train adds {rest}, so {name} travelled {hours * speed + rest} kilometres "
        "in all.",
    )


def _garden(rng: random.Random) -> tuple[str, str]:
    length, width, gate = rng.randint(12, 60), rng.randint(7, 40), rng.randint(1, 4)
    fence = 2 * (length + width) - gate
    return (
        f"A rectangular garden is {length} metres long and {width} metres wide. How much fence "
        f"does it need if a gate of {gate} metres is left open, and what is its area?",
        f"Once around the garden is 2 x ({length} + {width}) = {2 * (length + width)} metres. "
        f"Without the gate {fence} metres of fence remain. The area is {length} x {width} = "
        f"{length * width} square metres.",
    )


def _ages(rng: random.Random) -> tuple[str, str]:
    young, old = rng.sample(NAMES, 2)
    age, gap, years = rng.randint(6, 30), rng.randint(3, 25), rng.randint(2, 15)
    return (
        f"{old} is {gap} years older than {young}, and together they are {2 * age + gap} years "
        f"old. How old will each of them be in {years} years?",
        f"Take away the difference: {2 * age + gap} - {gap} = {2 * age}, and half of it is {age}. "
        f"So {young} is {age} and {old} is {age + gap} now. In {years} years they will be "
        f"{age + years} and {age + gap + years}.",
    )


def _percent(rng: random.Random) -> tuple[str, str]:
    goods = rng.choice(GOODS)
    price, off = rng.randrange(40, 400, 20), rng.choice([5, 10, 15, 20, 25, 35])
    cut = price * off / 100
    return (
        f"A crate of {goods} costs {price} euros. The shop takes {off} percent off in the sale. "
        "What does one pay, and how many crates can be bought with 1000 euros?",
        f"{off} percent of {price} euros are {cut:.2f} euros, so the sale price is "
        f"{price - cut:.2f} euros. With 1000 euros one can buy {int(1000 // (price - cut))} whole "
        "crates.",
    )


def _tank(rng: random.Random) -> tuple[str, str]:
    inflow, outflow = rng.randint(12, 40), rng.randint(3, 11)
    minutes = rng.randint(8, 50)
    volume = (inflow - outflow) * minutes
    return (
        f"Water runs into a tank at {inflow} litres a minute while {outflow} litres a minute leak "
        f"out. When does the tank hold {volume} litres, if it was empty?",
        f"Each minute {inflow} - {outflow} = {inflow - outflow} litres stay in the tank. To reach "
        f"{volume} litres it takes {volume} / {inflow - outflow} = {minutes} minutes.",
    )


_KINDS = (_boxes, _ride, _garden, _ages, _percent, _tank)
