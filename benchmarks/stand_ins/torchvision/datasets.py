"""Nothing of torchvision, under any name."""

from torchvision.nothing import nothing as __getattr__  # noqa: F401


class VisionDataset:
    """Plain: it is inherited from beside torch's own, which have a metaclass."""
