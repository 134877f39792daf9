"""A stand-in for torchvision, whose build on PyPI does not load beside a torch for CPUs.

Peers import it for networks and data sets that no benchmark touches. Put the folder above on
PYTHONPATH of a peer's process, and never on ours.
"""

from torchvision.nothing import nothing as __getattr__  # noqa: F401
