"""The reference trainer: reads a build and trains a SmolVLM on it, to prove the build end to end.

    build_rows -> pictures, prompts -> items (worker processes) -> packing -> steps -> checkpoints

It knows nothing of sources or of how a build is made. The model is transformers' own; everything
before it (tiles, ids, labels, packing) is here, small enough to be read and held against
transformers' processor (tests/trainer).
"""
