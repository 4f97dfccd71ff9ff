"""A kopf operator that uses most of kopf: what test_kopf.py runs."""

from __future__ import annotations

import asyncio
from typing import Any

import kopf
import kubernetes

GROUP = "kopf.example.com"
THINGS = (GROUP, "v1", "things")


@kopf.on.login()
def login(**arguments: Any) -> Any:
    return kopf.login_with_kubeconfig(**arguments)


@kopf.on.startup()
def configure(settings: kopf.OperatorSettings, **_: Any) -> None:
    settings.peering.name = "things"
    settings.peering.mandatory = True
    settings.peering.lifetime = 10
    settings.persistence.finalizer = f"{GROUP}/finalizer"
    settings.persistence.progress_storage = kopf.AnnotationsProgressStorage(prefix=GROUP)


@kopf.index("configmaps", labels={"index": "me"})
def indexed(name: str, **_: Any) -> Any:
    return {name: name}


@kopf.on.create(*THINGS)
def made(spec: Any, patch: Any, name: str, namespace: str, retry: int, **_: Any) -> Any:
    if retry == 0:
        raise kopf.TemporaryError("not at the first try", delay=0.2)
    child = {"metadata": {"name": f"{name}-child"}, "data": {"word": spec["word"]}}
    kopf.adopt(child)
    kubernetes.client.CoreV1Api().create_namespaced_config_map(namespace, child)
    patch.status["made"] = True


@kopf.on.update(*THINGS, field="spec.word")
def renamed(new: str, patch: Any, **_: Any) -> None:
    patch.status["word"] = new


@kopf.on.field(*THINGS, field="metadata.labels.tier")
def moved(new: str, patch: Any, **_: Any) -> None:
    patch.status["tier"] = new


@kopf.on.delete(*THINGS)
def gone(retry: int, **_: Any) -> None:
    if retry == 0:
        raise kopf.TemporaryError("not at the first try", delay=0.2)


@kopf.timer(*THINGS, interval=0.3)
def tick(patch: Any, status: Any, **_: Any) -> None:
    patch.status["ticks"] = status.get("ticks", 0) + 1


@kopf.daemon(*THINGS)
async def stay(stopped: Any, **_: Any) -> None:
    while not stopped:
        await asyncio.sleep(0.1)


@kopf.on.event("pods", labels={"app": kopf.PRESENT})
def seen(**_: Any) -> None:
    pass
