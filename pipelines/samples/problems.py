"""Problems of school mathematics with worked solutions; their numbers make each its own."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import NamedTuple

from pipelines.samples.sums import GOODS, NAMES, word_problem


class Problem(NamedTuple):
    """A question, its solution in sentences, and the bare answer."""

    question: str
    solution: str
    answer: str
    topic: str
    sub_topic: str


Maker = Callable[[random.Random], Problem]


def _linear(rng: random.Random) -> Problem:
    a, x, b = rng.randint(2, 19), rng.randint(-30, 40), rng.randint(-90, 90)
    c = a * x + b
    sign, undo = ("+", "Subtract") if b >= 0 else ("-", "Add")
    name = rng.choice("xyzt")
    return Problem(
        f"Solve ${a}{name} {sign} {abs(b)} = {c}$ for ${name}$.",
        f"{undo} {abs(b)} on both sides: ${a}{name} = {c - b}$. Divide by {a}: "
        f"${name} = \\boxed{{{x}}}$.",
        str(x),
        "Algebra",
        "Linear equations",
    )


def _quadratic(rng: random.Random) -> Problem:
    p, q = sorted(rng.sample([n for n in range(-15, 16) if n], 2))
    total, product = p + q, p * q
    return Problem(
        f"The roots of a quadratic polynomial add up to {total} and their product is {product}. "
        "Find the larger root.",
        f"The polynomial is $t^2 - ({total})t + ({product})$. Its discriminant is "
        f"${total**2 - 4 * product} = {q - p}^2$, so the roots are {p} and {q}. The larger one is "
        f"$\\boxed{{{q}}}$.",
        str(q),
        "Algebra",
        "Quadratic polynomials",
    )


def _system(rng: random.Random) -> Problem:
    old, kid = rng.randint(4, 14), rng.randint(2, 9)
    first, second = (rng.randint(2, 6), rng.randint(1, 5)), (rng.randint(1, 5), rng.randint(6, 9))
    costs = [a * old + b * kid for a, b in (first, second)]
    det = first[0] * second[1] - second[0] * first[1]
    return Problem(
        f"A museum takes {costs[0]} euros from {first[0]} adults with {first[1]} children, and "
        f"{costs[1]} euros from {second[0]} adults with {second[1]} children. What does each "
        "ticket cost?",
        f"Let $a$ and $c$ be the prices: ${first[0]}a + {first[1]}c = {costs[0]}$ and "
        f"${second[0]}a + {second[1]}c = {costs[1]}$. The determinant is {det}, and elimination "
        f"gives $a = {old}$ and $c = {kid}$. Adults pay {old} euros, children {kid}.",
        f"{old} and {kid}",
        "Algebra",
        "Systems of equations",
    )


def _series(rng: random.Random) -> Problem:
    start, step, count = rng.randint(1, 40), rng.randint(2, 15), rng.randint(8, 60)
    last = start + (count - 1) * step
    total = count * (start + last) // 2
    return Problem(
        f"A theatre has {count} rows. The first has {start} seats and each further one {step} "
        "more. How many seats are there?",
        f"The last row has {start} + {count - 1} x {step} = {last} seats. The mean row has half "
        f"of {start + last}, and {count} such rows hold {total} seats.",
        str(total),
        "Sequences",
        "Arithmetic series",
    )


def _urn(rng: random.Random) -> Problem:
    red, blue = rng.randint(3, 18), rng.randint(2, 17)
    total = red + blue
    top, bottom = red * (red - 1), total * (total - 1)
    common = math.gcd(top, bottom)
    return Problem(
        f"A bag holds {red} red and {blue} blue {rng.choice(('marbles', 'buttons', 'tokens'))}. "
        "Two are drawn without putting the first back. How likely are two red ones?",
        f"The first is red with probability {red}/{total}, the second then with "
        f"{red - 1}/{total - 1}. The product is {top}/{bottom} = {top // common}/"
        f"{bottom // common}, about {top / bottom:.3f}.",
        f"{top // common}/{bottom // common}",
        "Probability",
        "Drawing without replacement",
    )


def _triangle(rng: random.Random) -> Problem:
    m = rng.randint(2, 9)
    n, k = rng.randint(1, m - 1), rng.randint(1, 7)
    a, b, c = k * (m * m - n * n), k * 2 * m * n, k * (m * m + n * n)
    return Problem(
        f"The legs of a right triangle measure {a} cm and {b} cm. Find its hypotenuse, its "
        "perimeter and its area.",
        f"By Pythagoras $c^2 = {a}^2 + {b}^2 = {c * c}$, so $c = {c}$ cm. The perimeter is "
        f"{a + b + c} cm and the area {a} x {b} / 2 = {a * b // 2} square centimetres.",
        f"{c} cm",
        "Geometry",
        "Right triangles",
    )


def _mean(rng: random.Random) -> Problem:
    scores = [rng.randint(41, 99) for _ in range(rng.randint(4, 7))]
    name, goal = rng.choice(NAMES), rng.randint(60, 90)
    needed = goal * (len(scores) + 1) - sum(scores)
    return Problem(
        f"{name} has scored {', '.join(map(str, scores))}. Which score does {name} need next for "
        f"a mean of {goal}?",
        f"So far the sum is {sum(scores)}. A mean of {goal} over {len(scores) + 1} tests takes "
        f"{goal * (len(scores) + 1)} points, so the next score must be {needed}.",
        str(needed),
        "Statistics",
        "Means",
    )


def _remainder(rng: random.Random) -> Problem:
    base, power, mod = rng.randint(2, 12), rng.randint(11, 60), rng.choice([7, 9, 11, 13, 17])
    result = pow(base, power, mod)
    return Problem(
        f"What is the remainder of ${base}^{{{power}}}$ on division by {mod}?",
        f"Square again and again and reduce modulo {mod} each time; write {power} as "
        f"{power:b} in binary to see which squares are multiplied. The result is "
        f"$\\boxed{{{result}}}$.",
        str(result),
        "Number theory",
        "Modular arithmetic",
    )


def _slope(rng: random.Random) -> Problem:
    a, b, n, x = rng.randint(2, 9), rng.randint(2, 30), rng.randint(2, 5), rng.randint(1, 6)
    value = a * n * x ** (n - 1) - b
    return Problem(
        f"Let $f(x) = {a}x^{n} - {b}x$. Find the slope of its graph at $x = {x}$.",
        f"The derivative is $f'(x) = {a * n}x^{{{n - 1}}} - {b}$. At {x} it equals "
        f"{a * n * x ** (n - 1)} - {b} = $\\boxed{{{value}}}$.",
        str(value),
        "Calculus",
        "Derivatives",
    )


def _everyday(rng: random.Random) -> Problem:
    question, solution = word_problem(rng, rng.randrange(6))
    numbers = [word.strip(".,") for word in solution.split() if word.strip(".,").isdigit()]
    return Problem(question, solution, numbers[-1], "Arithmetic", "Word problems")


MATH: tuple[Maker, ...] = (
    _linear,
    _everyday,
    _quadratic,
    _series,
    _system,
    _urn,
    _everyday,
    _triangle,
    _mean,
    _remainder,
    _slope,
)


def arithmetic(rng: random.Random) -> tuple[str, str]:
    """(the sum in symbols, its result), with numbers of up to nine digits."""
    left, right = (rng.randrange(10 ** rng.randint(1, 8), 10**9) for _ in range(2))
    sign = rng.choice("+-")
    return f"{left} {sign} {right}", str(left + right if sign == "+" else left - right)


def shopping(rng: random.Random) -> tuple[str, int, int, int]:
    """A buyer, how many things at which price, and what is paid in all."""
    count, price = rng.randint(3, 97), rng.randint(2, 49)
    return f"{rng.choice(NAMES)} buys {count} {rng.choice(GOODS)}", count, price, count * price
