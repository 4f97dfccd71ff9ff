"""`spo install` and `spo uninstall` against a simulated cluster: what they leave, however they are cut off (J9)."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest

from scenarios.command_line import CommandLine as Person
from spo.doors.ports import Unavailable
from spo.doors.wire import ApiRequest
from spo.installation.clean_up import remove
from spo.installation.install import install, watch
from spo.installation.live import Live, RequestRefused
from spo.installation.removal import Removal
from spo.installation.uninstall import operators_elsewhere, uninstall
from spo.model import kinds
from spo.model.resource import DAEMONSETS, DEPLOYMENTS, LEASES, NAMESPACES, PODS, SECCOMP_PROFILES
from spo.render.install import IMAGE, NAMESPACE, PULL_POLICY, manifests
from spo.render.rbac import MANAGER
from spo.render.uninstall_hook import AT_HOME, everywhere, uninstall_hook
from spo.render.uninstall_hook import NAME as HOOK
from spo.sim.api.access.authn import User
from spo.sim.api.http import Request, Response
from spo.testbed.uninstall_in_pod import Answer
from spo.testbed.world import SimulatedWorld, boot

ROOT = "/var/lib/kubelet/seccomp/operator"
PATIENCE_S = 30.0


class Cut(BaseException):
    """The command was killed here."""


class CommandLine(Person):
    """One who can be cut off."""

    def __init__(self, world: SimulatedWorld) -> None:
        super().__init__(world)
        self.requests = 0
        self.cut_before = 0  # the request before which the command is killed; 0: never
        self.keep_installation = False

    def send(self, call: ApiRequest) -> Answer:
        self.requests += 1
        if self.requests == self.cut_before:
            raise Cut
        return super().send(call)

    def uninstall(self) -> int:
        keep = self.keep_installation
        removal = Removal(self.live, NAMESPACE, PATIENCE_S, self.said.append, keep_installation=keep)
        return uninstall(removal, "", self.said.append)

    def left(self) -> dict[str, list[str]]:
        """All of the operator's that can be found: objects, and files by node."""
        client = self.world.cluster.client()
        found: dict[str, list[str]] = {}
        for manifest in manifests():
            resource = self.world.cluster.resource(manifest["apiVersion"], manifest["kind"])
            if resource is None or resource in kinds.resources():
                continue
            space = f"metadata.name={manifest['metadata']['name']}"
            if client.list(resource, manifest["metadata"].get("namespace", ""), fields=space):
                found.setdefault(resource.kind, []).append(manifest["metadata"]["name"])
        for node in self.world.cluster.nodes.values():
            if files := [path for path, _ in node.disk.below(ROOT)]:
                found[node.name] = files
        return found


SLEEPER: dict[str, Any] = {
    "apiVersion": SECCOMP_PROFILES.api_version,
    "kind": "SeccompProfile",
    "metadata": {"name": "sleeper", "namespace": "default"},
    "spec": {"defaultAction": "SCMP_ACT_ALLOW"},
}


@pytest.fixture
def desk() -> CommandLine:
    world = boot(nodes=2)
    world.you.create(SECCOMP_PROFILES, SLEEPER)
    world.cluster.rest(60)
    assert len(list(world.cluster.nodes["node-1"].disk.below(ROOT))) == 4  # with two bases and our own
    return CommandLine(world)


def use_sleeper(desk: CommandLine) -> None:
    """A pod that runs under the profile, and goes on."""
    profile = {"type": "Localhost", "localhostProfile": "operator/default/sleeper.json"}
    container = {"name": "main", "image": "nginx", "securityContext": {"seccompProfile": profile}}
    pod = {"metadata": {"name": "user", "namespace": "default"}, "spec": {"containers": [container]}}
    desk.world.you.create(PODS, pod)
    assert desk.world.cluster.run_until(lambda: phase(desk, "user") == "Running", 60)


def phase(desk: CommandLine, name: str) -> str:
    return str(desk.world.you.get(PODS, "default", name)["status"].get("phase"))


def test_uninstalling_leaves_nothing(desk: CommandLine) -> None:
    assert desk.uninstall() == 0

    assert desk.left() == {}
    assert not any("finalizer" in line for line in desk.said), "the operator was there to let go by itself"


def test_uninstalling_twice_says_that_there_is_nothing(desk: CommandLine) -> None:
    desk.uninstall()
    desk.said.clear()

    assert desk.uninstall() == 0
    assert desk.said == ["nothing of the operator is here"]


def test_a_pod_that_uses_a_profile_cannot_hold_the_uninstallation(desk: CommandLine) -> None:
    use_sleeper(desk)

    assert desk.uninstall() == 0

    assert desk.left() == {}
    assert any("sleeper" in line and "in use" in line for line in desk.said)
    assert phase(desk, "user") == "Running"


def test_without_an_operator_finalizers_and_files_go_all_the_same(desk: CommandLine) -> None:
    client = desk.world.cluster.client()
    client.delete(SECCOMP_PROFILES, "default", "sleeper")
    client.delete(NAMESPACES, "", NAMESPACE)  # somebody took the short way
    desk.world.cluster.run(120)

    assert desk.uninstall() == 0

    assert desk.left() == {}


def test_a_node_that_is_away_is_named(desk: CommandLine) -> None:
    desk.world.cluster.stop_node("node-2")
    desk.world.cluster.run(120)

    assert desk.uninstall() == 1

    assert list(desk.left()) == ["node-2"]
    assert any("files may be left" in line and "node-2: the node is not ready" in line for line in desk.said)


@pytest.mark.parametrize("operator", ["alive", "dead"])
def test_a_finalizer_of_somebody_else_is_named_and_left(desk: CommandLine, operator: str) -> None:
    if operator == "dead":
        desk.live.delete(DEPLOYMENTS, NAMESPACE, MANAGER)
        desk.world.cluster.run(10)
    finalizers = ["example.com/mine", "spo.x-k8s.io/profile"]
    patch = {"metadata": {"finalizers": finalizers}}
    desk.world.you.patch(SECCOMP_PROFILES, "default", "sleeper", patch)

    assert desk.uninstall() == 1

    assert any("example.com/mine" in line for line in desk.said)
    left = desk.world.you.get(SECCOMP_PROFILES, "default", "sleeper")
    assert left["metadata"]["finalizers"] == ["example.com/mine"]


def test_a_namespace_that_others_made_stays(desk: CommandLine) -> None:
    desk.world.you.patch(NAMESPACES, "", NAMESPACE, {"metadata": {"labels": {"app": None}}})

    assert desk.uninstall() == 0

    assert desk.left() == {"Namespace": [NAMESPACE]}


def killed_again_and_again(desk: CommandLine) -> tuple[int, int]:
    """Each run is killed one request later than the one before, in the state that those left, until one ends.

    Gives its exit code, and how many runs there were.
    """
    for cut in count(1):
        desk.requests, desk.cut_before = 0, cut
        try:
            return desk.uninstall(), cut
        except Cut:
            desk.world.cluster.run(2)
    raise AssertionError("count() does not end")


def test_killed_anywhere_it_can_be_run_again(desk: CommandLine) -> None:
    use_sleeper(desk)
    code, runs = killed_again_and_again(desk)

    assert code == 0
    assert desk.left() == {}
    assert runs > 40, "the story is about a command that makes many requests"


# -- as the hook of the Helm chart, in a pod ---------------------------------------------------------------------------


def start_hook(desk: CommandLine) -> None:
    """What Helm does before it deletes a release."""
    for manifest in uninstall_hook(NAMESPACE, IMAGE, PULL_POLICY):
        resource = desk.world.cluster.resource(manifest["apiVersion"], manifest["kind"])
        assert resource is not None
        desk.world.you.create(resource, manifest)


def hook_ends(desk: CommandLine) -> dict[str, Any]:
    """The Job's status when it has ended, which it must before Helm loses its patience."""
    jobs = desk.world.cluster.resource("batch/v1", "Job")
    assert jobs is not None

    def status() -> dict[str, Any]:
        return dict(desk.world.you.get(jobs, NAMESPACE, HOOK).get("status") or {})

    assert desk.world.cluster.run_until(lambda: "succeeded" in status() or "failed" in status(), 285)
    return status()


def words_of_hook(desk: CommandLine) -> list[str]:
    """What its pod wrote."""
    (pod,) = desk.world.you.list(PODS, NAMESPACE, labels=f"name={HOOK}")
    call = ApiRequest("GET", PODS.path(NAMESPACE, pod["metadata"]["name"], "log"))
    return desk.send(call).body.decode().splitlines()


def made_by_the_operator(desk: CommandLine) -> list[Any]:
    made = (*kinds.resources(), DAEMONSETS, LEASES)
    return [each for resource in made for each in desk.world.you.list(resource)]


def test_the_hook_removes_all_but_what_helm_installed(desk: CommandLine) -> None:
    before = desk.left()

    start_hook(desk)

    assert hook_ends(desk).get("succeeded") == 1
    assert [
        line.split()[0] for line in words_of_hook(desk)
    ] == "deleting stopping stopping cleaning deleting the".split()
    assert made_by_the_operator(desk) == []
    assert desk.left() == {kind: names for kind, names in before.items() if not kind.startswith("node-")}


# Not asked for with the manager there, and without it. (An apply asks for `create` where nothing is there yet.)
NOT_NEEDED = {"answers": ("daemonsets", "get"), "is gone": ("serviceaccounts", "get")}


@pytest.mark.parametrize("manager", NOT_NEEDED)
def test_the_hook_uses_all_of_its_rights_and_ends_though_a_pod_uses_a_profile(desk: CommandLine, manager: str) -> None:
    use_sleeper(desk)
    if manager == "is gone":
        desk.live.delete(DEPLOYMENTS, NAMESPACE, MANAGER)
        desk.world.cluster.run(10)
    asked: set[tuple[str, str]] = set()

    def listen(request: Request, user: User, response: Response) -> None:
        if user.name == f"system:serviceaccount:{NAMESPACE}:{HOOK}":
            assert response.status != 403, request.path
            asked.add(right(request))

    desk.world.cluster.api.observers.append(listen)
    start_hook(desk)

    assert hook_ends(desk).get("succeeded") == 1
    assert made_by_the_operator(desk) == []
    assert not [name for name in desk.left() if name.startswith("node-")]
    granted = {(resource.plural, verb) for resource, _, verbs in (*everywhere(), *AT_HOME) for verb in verbs}
    assert granted - asked == {("pods", "create"), NOT_NEEDED[manager]}


def right(request: Request) -> tuple[str, str]:
    """Resource and verb of a request of the command."""
    parts = request.path.strip("/").split("/")
    rest = parts[2 if parts[0] == "api" else 3 :]
    if rest[0] == "namespaces" and len(rest) > 2:
        rest = rest[2:]
    verb = {"GET": "get" if len(rest) > 1 else "list", "PATCH": "patch", "DELETE": "delete"}[request.method]
    return rest[0], verb


def test_the_hook_fails_and_says_why_when_a_node_is_away(desk: CommandLine) -> None:
    desk.world.cluster.stop_node("node-2")
    desk.world.cluster.run(120)

    start_hook(desk)

    assert hook_ends(desk).get("failed") == 1
    assert words_of_hook(desk)[-1].endswith("operator: node-2: the node is not ready")


def test_kept_installations_killed_anywhere_can_be_run_again(desk: CommandLine) -> None:
    use_sleeper(desk)
    desk.keep_installation = True
    code, _ = killed_again_and_again(desk)

    assert code == 0
    assert made_by_the_operator(desk) == []
    assert "Deployment" in desk.left()


def test_a_silent_server_is_asked_again_and_then_named(desk: CommandLine) -> None:
    silence = 3

    def send(call: ApiRequest) -> Answer:
        nonlocal silence
        silence -= 1
        return Answer(503, b"") if silence >= 0 else desk.send(call)

    live = Live(send, "spo", desk)
    assert live.get(NAMESPACES, "", "default") is not None

    silence = 1000
    with pytest.raises(Unavailable, match="/namespaces/default: HTTP 503"):
        live.get(NAMESPACES, "", "default")


def test_a_refusal_says_what_was_refused(desk: CommandLine) -> None:
    with pytest.raises(RequestRefused, match=r"PATCH /api/v1/namespaces/Not_A_Name: .*Not_A_Name"):
        desk.live.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "Not_A_Name"}})


def test_a_dry_run_changes_nothing(desk: CommandLine) -> None:
    before = desk.world.cluster.store.revision

    plan = Removal(desk.live, NAMESPACE, PATIENCE_S, desk.said.append).plan()

    assert desk.world.cluster.store.revision == before
    assert plan[0].startswith("delete the profiles default/sleeper, ")
    assert plan[-1] == f"delete Namespace {NAMESPACE}"


def test_the_operator_in_another_namespace_is_found(desk: CommandLine) -> None:
    assert operators_elsewhere(desk.live, "elsewhere") == NAMESPACE
    assert operators_elsewhere(desk.live, NAMESPACE) == ""


def test_installing_again_after_uninstalling_works(desk: CommandLine) -> None:
    desk.uninstall()
    desk.said.clear()

    install(desk.live, manifests(), desk.said.append)

    assert watch(desk.live, NAMESPACE, IMAGE, 120, desk.said.append)
    assert "manager 2/2 · daemons 2/2 · spod RUNNING" in desk.said[-1]
    assert not watch(desk.live, NAMESPACE, "another:1", 5, desk.said.append), "the pods run another image"


def test_cleaning_a_node_removes_our_directory_and_no_other(tmp_path: Any) -> None:
    for name in ("operator/default/a.json", "operator/b.tmp", "mine.json"):
        (tmp_path / "seccomp" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "seccomp" / name).write_text("{}")

    assert remove(tmp_path) == 2
    assert [path.name for path in (tmp_path / "seccomp").iterdir()] == ["mine.json"]
    assert remove(tmp_path) == 0


def test_cleaning_a_node_does_not_follow_a_symlink(tmp_path: Any) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/kept").write_text("")
    (tmp_path / "seccomp").mkdir()
    (tmp_path / "seccomp/operator").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(OSError, match="symbolic link"):
        remove(tmp_path)
    assert (tmp_path / "elsewhere/kept").exists()
