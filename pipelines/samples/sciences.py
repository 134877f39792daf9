"""Problems of the sciences with worked solutions, by subject; mathematics is one of them."""

from __future__ import annotations

import random

from pipelines.samples.problems import MATH, Maker, Problem


def _motion(rng: random.Random) -> Problem:
    mass, speed = rng.randint(2, 90) * 10, rng.randint(3, 40)
    energy = mass * speed * speed / 2
    what = rng.choice(("cart", "boat", "sledge", "lift cabin"))
    return Problem(
        f"A {what} of {mass} kg moves at {speed} m/s. What is its kinetic energy, and from which "
        "height would it have to fall to have as much?",
        f"The energy is m v^2 / 2 = {energy:.0f} J. A fall from height h gives m g h, so h = "
        f"v^2 / (2 g) = {speed * speed / 19.62:.2f} m, whatever the mass.",
        f"{energy:.0f} J",
        "Mechanics",
        "Energy",
    )


def _circuit(rng: random.Random) -> Problem:
    volts, first, second = rng.choice([6, 9, 12, 24, 48]), rng.randint(2, 60), rng.randint(2, 60)
    return Problem(
        f"Resistors of {first} and {second} ohms lie in series at {volts} volts. Which current "
        "flows, and which voltage lies across the second?",
        f"In series they add up to {first + second} ohms, so the current is "
        f"{volts / (first + second):.3f} A. Across the second lie "
        f"{volts * second / (first + second):.2f} volts.",
        f"{volts / (first + second):.3f} A",
        "Electricity",
        "Ohm's law",
    )


_COMPOUNDS = (
    ("water", "H2O", 18.02),
    ("table salt", "NaCl", 58.44),
    ("carbon dioxide", "CO2", 44.01),
    ("glucose", "C6H12O6", 180.16),
    ("chalk", "CaCO3", 100.09),
    ("ammonia", "NH3", 17.03),
)


def _moles(rng: random.Random) -> Problem:
    name, formula, molar = rng.choice(_COMPOUNDS)
    grams = rng.randint(5, 950)
    return Problem(
        f"How many moles are {grams} g of {name} ({formula}), and how many particles is that?",
        f"The molar mass of {formula} is {molar} g/mol, so {grams} g are {grams / molar:.3f} mol. "
        f"Times 6.022e23 that is about {grams / molar * 6.022e23:.3e} particles.",
        f"{grams / molar:.3f} mol",
        "Stoichiometry",
        "Moles",
    )


def _dilution(rng: random.Random) -> Problem:
    strong, weak, volume = rng.randint(4, 12), rng.randint(1, 3), rng.randint(2, 80) * 25
    take = weak * volume / strong
    return Problem(
        f"How much of a {strong} molar acid gives {volume} ml of a {weak} molar solution?",
        f"The amount of acid stays the same: {strong} x V = {weak} x {volume}, so V = {take:.1f} "
        "ml. Pour the acid into the water, never the other way round, and fill up.",
        f"{take:.1f} ml",
        "Solutions",
        "Dilution",
    )


def _growth(rng: random.Random) -> Problem:
    start, minutes, times = rng.randint(2, 90) * 10, rng.choice([20, 25, 30, 40]), rng.randint(3, 9)
    total = start * 2**times
    return Problem(
        f"A culture of {start} bacteria doubles every {minutes} minutes. How many are there after "
        f"{times * minutes} minutes, and why does it not go on for ever?",
        f"There are {times} doublings, so {start} x 2^{times} = {total} bacteria. Food runs out "
        "and waste piles up; growth then slows down until as many die as are born.",
        str(total),
        "Microbiology",
        "Population growth",
    )


def _cross(rng: random.Random) -> Problem:
    plants, trait = (
        rng.randint(12, 400) * 4,
        rng.choice(("purple flowers", "tall stems", "round seeds")),
    )
    return Problem(
        f"Two pea plants, both heterozygous for {trait}, have {plants} offspring. How many show "
        "the recessive trait, and how many are pure-bred for the dominant one?",
        f"The cross gives AA, Aa and aa as 1 : 2 : 1. So {plants // 4} are expected to be "
        f"recessive, {plants // 4} pure-bred dominant, and {plants // 2} carry both.",
        str(plants // 4),
        "Genetics",
        "Monohybrid crosses",
    )


SUBJECTS: dict[str, tuple[Maker, ...]] = {
    "math": MATH,
    "physics": (_motion, _circuit),
    "chemistry": (_moles, _dilution),
    "biology": (_growth, _cross),
}
