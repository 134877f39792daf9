"""Nothing of torchvision, under any name."""

from torchvision.nothing import nothing as __getattr__  # noqa: F401
