"""A command that cannot go on, though its input is good. `spo` tells it in a line."""

from __future__ import annotations


class Failed(Exception):
    """What went wrong, as the reader gets it; exit code 3: it is no verdict."""
