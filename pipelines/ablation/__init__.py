"""`mixture ablate` and `mixture refine`: train arms of a recipe, and propose a better one.

arms (mixtures/vary.py) -> builds of one size -> runs (trainer/arms.py, by its name)
-> record (ablation.json) -> table.md, plot.svg -> a fitted step (mixtures/refine.py)
"""
