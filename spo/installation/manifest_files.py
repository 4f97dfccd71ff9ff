"""The files below `deploy/`: what installs the operator, made from `spo.render`."""

from __future__ import annotations

from collections.abc import Mapping

from spo.installation import chart, crds
from spo.installation.files import MADE_FROM_RENDER, in_yaml
from spo.render.install import IMAGE, NAMESPACE, files, manifests

ALL_HEADER = MADE_FROM_RENDER + (
    "# Everything, in the order of installation. The API needs a moment to serve a new kind: if a client says that it\n"
    "# does not know SeccompProfile, apply this file once more.\n"
)


def texts(namespace: str = NAMESPACE, image: str = IMAGE) -> Mapping[str, str]:
    """The files below `deploy/` by name: the parts, `operator.yaml` with all of them in one, and the Helm chart."""
    parts = {name: MADE_FROM_RENDER + in_yaml(part) for name, part in files(namespace, image).items()}
    definitions = {f"crds/{name}": text for name, text in crds.texts().items()}
    helm = {f"chart/{name}": text for name, text in chart.texts(image).items()}
    return {**parts, **definitions, "operator.yaml": ALL_HEADER + in_yaml(manifests(namespace, image)), **helm}
