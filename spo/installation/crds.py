"""The operator's CustomResourceDefinitions as files, made from `spo.model`."""

from __future__ import annotations

from collections.abc import Mapping

from spo.installation.files import in_yaml
from spo.model.crd import definitions

HEADER = "# Made from spo/model by `spo crds`. Change it there.\n"


def texts() -> Mapping[str, str]:
    """The files by name: one for each kind."""
    return {f"{crd['spec']['names']['plural']}.yaml": HEADER + in_yaml([crd]) for crd in definitions()}
