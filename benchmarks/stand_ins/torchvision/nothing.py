"""Names that may be imported, subclassed, called and asked for more names, and do nothing."""

from __future__ import annotations

from typing import Any


class _Kind(type):
    def __getattr__(cls, name: str) -> Any:
        return nothing(name)


class _Nothing(metaclass=_Kind):
    def __init__(self, *args: object, **kwargs: object) -> None:
        pass

    def __call__(self, *args: object, **kwargs: object) -> Any:
        return self

    def __getattr__(self, name: str) -> Any:
        return nothing(name)


def nothing(name: str) -> Any:
    """A class of that name; AttributeError of those that Python itself asks for."""
    if name.startswith("__"):
        raise AttributeError(name)
    return _Kind(name, (_Nothing,), {})
