"""How often the kernel tests ask: `--hypothesis-profile thorough` for more, where a test does not say so itself."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("thorough", max_examples=400)
