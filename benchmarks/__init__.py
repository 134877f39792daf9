"""Side-by-side runs against peers: `python -m benchmarks [NAME...]`; README.md has the figures."""
