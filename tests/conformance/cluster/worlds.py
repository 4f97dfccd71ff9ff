"""The API servers that a Cluster door is tried on: each can be asked directly, by somebody with all rights."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

import pytest
import yaml

from spo.doors.ports import Cluster
from spo.doors.wire import JSON, MERGE_PATCH, ApiRequest
from spo.model.resource import DAEMONSETS, NAMESPACES, SERVICE_ACCOUNTS, Resource
from spo.real.cluster import RealCluster
from spo.real.transport import Patience, Transport
from spo.sim.api.access.authn import ADMIN_TOKEN
from spo.sim.api.http import Request
from spo.sim.api.server import ApiServer
from spo.sim.keys import Keys
from spo.sim.store import Store
from spo.sim.timeline import SECOND_NS, Timeline
from spo.testbed.cluster_door import Hearing, SimCluster

ROOT = Path(__file__).parents[3]
CRDS = sorted((ROOT / "deploy/crds").glob("*.yaml"))
ASK_FOR_IT = "SPO_REAL"  # 1: there is a real cluster, and the current kubeconfig may be used
MANAGER = "spo-test"
SHORT = Patience(watch_s=10, pause_s=0.2, pause_s_max=1.0)


class World(Protocol):
    """One API server with our CRDs."""

    namespace: str

    def door(self, account: str = "") -> Cluster:
        """A process starts, as admin or as this service account of the namespace: it knows nothing yet."""

    def send(self, call: ApiRequest) -> tuple[int, Any]:
        """Ask as admin; gives status and body."""

    def pass_time(self) -> None:
        """A moment goes by."""

    def close(self) -> None: ...


class Driver:
    """Short ways to ask, for both worlds."""

    namespace: str
    send: Callable[[ApiRequest], tuple[int, Any]]

    def made(self, resource: Resource, manifest: Mapping[str, Any], namespace: str = "") -> Any:
        """Create; must work."""
        body = {"apiVersion": resource.api_version, "kind": resource.kind, **manifest}
        place = namespace or self.namespace
        return self._must(ApiRequest("POST", resource.path(place), (), JSON, json.dumps(body).encode()))

    def patched(self, resource: Resource, name: str, patch: Any, subresource: str = "") -> Any:
        path = resource.path(self.namespace, name, subresource)
        return self._must(ApiRequest("PATCH", path, (), MERGE_PATCH, json.dumps(patch).encode()))

    def removed(self, resource: Resource, name: str) -> None:
        options = b'{"gracePeriodSeconds":0,"propagationPolicy":"Background"}'
        self._must(ApiRequest("DELETE", resource.path(self.namespace, name), (), JSON, options))

    def got(self, resource: Resource, name: str) -> Any:
        """The object, or None: there is none."""
        status, body = self.send(ApiRequest("GET", resource.path(self.namespace, name)))
        return None if status == 404 else body

    def skip_if_operated(self) -> None:
        """An operator that runs there writes to the same objects: then nothing can be said of them."""
        if self.send(ApiRequest("GET", DAEMONSETS.path("security-profiles-operator", "spod")))[0] == 200:
            pytest.skip("the operator runs in this cluster, and writes to profiles too")

    def listed(self, resource: Resource) -> Any:
        return self._must(ApiRequest("GET", resource.path(self.namespace)))

    def _must(self, call: ApiRequest) -> Any:
        status, body = self.send(call)
        assert status < 300, f"{call.method} {call.path}: {status} {body}"
        return body


class Simulated(Driver):
    """The API server in process, without controllers."""

    def __init__(self, ours: bool = True) -> None:
        """`ours`: with our CRDs."""
        self.timeline = Timeline()
        keys = Keys(self.timeline.rng)
        self.api = ApiServer(Store(), self.timeline, keys, service_account_admission=False)
        self.namespace = "here"
        self.made(NAMESPACES, {"metadata": {"name": self.namespace}})
        for crd in CRDS if ours else ():
            body = json.dumps(yaml.safe_load(crd.read_text())).encode()
            self._must(ApiRequest("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", (), JSON, body))
        for _ in range(100):
            self.pass_time()

    def door(self, account: str = "") -> SimCluster:
        token = self.api.keys.service_account_token(self.namespace, account) if account else ADMIN_TOKEN
        return SimCluster(self.api, self.timeline, token, manager=MANAGER, wake=_nobody, hearing=Hearing())

    def send(self, call: ApiRequest) -> tuple[int, Any]:  # type: ignore[override]
        headers = {"Authorization": f"Bearer {ADMIN_TOKEN}", "Content-Type": call.content_type}
        response = self.api.handle(Request(call.method, call.path, call.query, headers, call.body))
        return response.status, json.loads(response.body)

    def pass_time(self) -> None:
        self.timeline.run_until(self.timeline.now_ns + SECOND_NS // 10)

    def close(self) -> None:
        """Nothing is left of it anyway."""


class Real(Driver):
    """The API server of the current kubeconfig; everything in a namespace of its own, which goes at the end."""

    def __init__(self, scratch: Path, server: str = "", kubeconfig: Path | None = None) -> None:
        """`server`: another way to it (a proxy), for its doors. `kubeconfig`: of another API server."""
        self._scratch = scratch
        self._server = server
        self._kubeconfig = kubeconfig or Path(os.environ["KUBECONFIG"])
        self._transport = Transport(self._kubeconfig, agent=MANAGER)
        self._doors: list[RealCluster] = []
        self.namespace = f"door-{uuid4().hex[:8]}"
        self.troubles: list[str] = []
        self.made(NAMESPACES, {"metadata": {"name": self.namespace}})
        # Pods need it; a controller makes it, sooner or later, where there are controllers.
        account = b'{"metadata":{"name":"default"}}'
        self.send(ApiRequest("POST", SERVICE_ACCOUNTS.path(self.namespace), (), JSON, account))

    def door(self, account: str = "", patience: Patience = SHORT) -> RealCluster:
        transport = self._transport_of(account, patience)
        door = RealCluster(transport, MANAGER, _nobody, self.troubles.append)
        self._doors.append(door)
        return door

    def send(self, call: ApiRequest) -> tuple[int, Any]:  # type: ignore[override]
        answer = self._transport.send(call)
        return answer.status, json.loads(answer.body)

    def pass_time(self) -> None:
        time.sleep(0.03)

    def close(self) -> None:
        for door in self._doors:
            door.close()
        for resource in ("configmaps", "pods"):
            self.send(
                ApiRequest("DELETE", f"/api/v1/namespaces/{self.namespace}/{resource}", (("gracePeriodSeconds", "0"),))
            )
        self.send(ApiRequest("DELETE", NAMESPACES.path("", self.namespace)))

    def _transport_of(self, account: str, patience: Patience) -> Transport:
        config = yaml.safe_load(self._kubeconfig.read_text())
        if account:
            path = SERVICE_ACCOUNTS.path(self.namespace, account, "token")
            asked = self._must(ApiRequest("POST", path, (), JSON, b'{"spec":{"expirationSeconds":3600}}'))
            for user in config["users"]:
                user["user"] = {"token": asked["status"]["token"]}
        if self._server:
            for cluster in config["clusters"]:
                cluster["cluster"]["server"] = self._server
        file = self._scratch / f"kubeconfig-{len(self._doors)}"
        file.write_text(yaml.safe_dump(config))
        return Transport(file, MANAGER, patience)


def need_a_real_cluster() -> None:
    """Skips, with the reason, unless somebody said that there is one to use."""
    if os.environ.get(ASK_FOR_IT) != "1":
        pytest.skip(f"{ASK_FOR_IT}=1 does not say that the cluster of KUBECONFIG may be used")
    if not os.environ.get("KUBECONFIG"):
        pytest.skip("KUBECONFIG names no cluster")


def made_world(name: str, scratch: Path) -> Any:
    if name == "over https":
        from tests.conformance.cluster.over_https import OverHttps  # it is a Real

        return OverHttps(scratch)
    return Simulated() if name == "simulated" else Real(scratch)


@contextmanager
def world_named(name: str, scratch: Path) -> Iterator[Any]:
    if name == "real":
        need_a_real_cluster()
    world = made_world(name, scratch)
    try:
        yield world
    finally:
        world.close()


def _nobody() -> None:
    """Nobody waits to be woken: the tests look for themselves."""
