"""One module a source: writes its rows in upstream's layout (see pipelines/samples/kit.py)."""
