"""What a program in a pod is to whoever runs it."""

from __future__ import annotations

from typing import Protocol


class Process(Protocol):
    """A role at work: somebody calls `tick` when news has come or when its next wish is due."""

    def tick(self) -> float | None:
        """Take in the news, do what is due; gives the time of the next wish, in seconds since 1970."""
