"""`mixture export`: a finished build in the shape that another trainer reads (docs/export.md).

`run.py` goes over the build, `formats.py` lists the shapes; each is a module of its own.
"""
