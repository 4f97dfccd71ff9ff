"""What `render.seccomp.render` raises, whatever the reason: one name for all who only tell it."""

from __future__ import annotations


class NotRenderable(Exception):
    """No file would mean to a runtime what the profile says; the message is why."""
