"""`report.html` of a build: one page for people, made of the build, its ledger and the store.

`run.py` makes it; `scan.py` reads the rows without their media, `pairs.py` the ledger, `page.py`
fills the template. It is a view, not a fact: the manifest does not list it, and it can be made
again at any time (`mixture report`).
"""
