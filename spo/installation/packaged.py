"""The manifests that install the operator: the same file in a checkout, in an installed wheel and in the simulator."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

# In a checkout a link to the top-level `deploy/`; in a wheel the files themselves, as package data.
DIRECTORY = Path(__file__).parent.parent / "deploy"
EVERYTHING = "operator.yaml"


def manifests() -> list[dict[str, Any]]:
    """Every object of the installation, in the order in which a cluster takes them.

    Raises FileNotFoundError if the package was built without them.
    """
    file = DIRECTORY / EVERYTHING
    if not file.exists():
        raise FileNotFoundError(f"there is no {file}: this installation of spo is incomplete, install it again")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the one in C where PyYAML has it: ten times as fast
    return [each for each in yaml.load_all(file.read_text(encoding="utf-8"), Loader=loader) if each]
