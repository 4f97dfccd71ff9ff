"""A kind that is new in the table of our kinds is known everywhere: nobody has to remember a second list.

The kind is made up: a budget of syscalls, with files on the nodes. Nothing of the operator acts on it; what becomes of
its objects, the tests write.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, ClassVar

import pytest
import yaml
from msgspec import Struct, field
from msgspec.structs import replace

from scenarios.command_line import CommandLine
from spo.cli.main import main
from spo.doors.file_watch import is_profile
from spo.doors.ports import Unavailable
from spo.events import Key
from spo.installation import packaged
from spo.installation.install import install
from spo.installation.live import place
from spo.installation.removal import Removal
from spo.installation.uninstall import uninstall
from spo.intents import Patch, Plan, RemoveFile, WriteFile
from spo.model import kinds
from spo.model.crd import definitions
from spo.model.kinds import READ, Files, OurKind, Removed, Rights, States
from spo.model.meta import Condition, ObjectMeta
from spo.model.reasons import REASONS, Reason
from spo.model.resource import CRDS, GROUP, Resource
from spo.model.rule import rule
from spo.observe.counters import Counters
from spo.observe.observer import Done, Failed, Observer
from spo.render.install import NAMESPACE, manifests
from spo.render.rbac import rbac
from spo.render.uninstall_hook import everywhere
from spo.report.describe import Actor, describe
from spo.sim.store import Change, Store, StoreKey
from spo.testbed import trial
from spo.testbed.world import SimulatedWorld, boot

BUDGETS = Resource(GROUP, "v1alpha1", "syscallbudgets", "SyscallBudget")
FINALIZER = "spo.x-k8s.io/budget"


class BudgetSpec(Struct, frozen=True):
    """What is asked for."""

    most: Annotated[int, rule("How many syscalls.", minimum=1)]


class BudgetStatus(Struct, frozen=True, omit_defaults=True):
    """How it stands."""

    conditions: tuple[Condition, ...] = ()
    phase: str = ""


class SyscallBudget(Struct, frozen=True, omit_defaults=True):
    """How many syscalls a namespace may use."""

    RESOURCE: ClassVar[Resource] = BUDGETS

    spec: BudgetSpec
    metadata: ObjectMeta = field(default_factory=ObjectMeta)
    status: BudgetStatus = field(default_factory=BudgetStatus)


KIND = OurKind(
    noun=SyscallBudget,
    by_users=True,
    singular="syscallbudget",
    short="sb",
    columns=({"name": "Phase", "type": "string", "jsonPath": ".status.phase"},),
    states=States("Kept", "Overdrawn", frozenset({"Paused"})),
    rights=Rights(manager_everywhere=(("", READ), ("status", ("patch",))), daemon_at_home=(("", ("get",)),)),
    files=Files(".budget", "CannotSaveSyscallBudget", "CannotRemoveSyscallBudget"),
    cannot_update="CannotUpdateSyscallBudget",
    metric="syscall_budget",
    removed=Removed.BY_THE_OPERATOR,
    finalizer=FINALIZER,
)

Object = dict[str, Any]
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def in_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kinds, "OURS", (*kinds.OURS, KIND))
    assert KIND.files is not None
    for word in (KIND.cannot_update, KIND.files.cannot_save, KIND.files.cannot_remove):
        monkeypatch.setitem(REASONS, word, Reason(True, "Ask for less."))
    monkeypatch.setattr(packaged, "manifests", manifests)  # deploy/, as `spo manifests` would write it anew


def budget(name: str, most: Any = 7, **status: Any) -> Object:
    """As a user writes it; with a status: as a server gives it back."""
    metadata = {"namespace": "shop", "name": name}
    obj = {"apiVersion": BUDGETS.api_version, "kind": BUDGETS.kind, "metadata": metadata, "spec": {"most": most}}
    if not status:
        return obj
    set_by_server = {"uid": f"uid-of-{name}", "creationTimestamp": "2026-01-01T00:00:00Z", "resourceVersion": "7"}
    return {**obj, "metadata": {**metadata, **set_by_server}, "status": status}


def ready(status: str, reason: str = "", message: str = "") -> list[Object]:
    return [{"type": "Ready", "status": status, "reason": reason, "message": message}]


KEPT = budget("kept", phase="Kept", conditions=ready("True", "Available", "3 of 7 are used"))
PAUSED = budget("paused", phase="Paused", conditions=ready("False", "Paused", "as you wish"))
OVERDRAWN = budget("overdrawn", phase="Overdrawn", conditions=ready("False", "TooMany", "9 of 7 are used"))
SILENT = budget("silent")


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """A command, with these objects in a file."""

    def run(command: str, *objects: Object, more: str = "") -> tuple[int, str, str]:
        file = tmp_path / "objects.yaml"
        file.write_text(yaml.safe_dump_all(objects))
        code = main([*command.split(), "-f", str(file), *more.split()])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


# -- what is installed -------------------------------------------------------------------------------------------------


def test_it_is_defined() -> None:
    (crd,) = [each for each in definitions() if each["spec"]["names"]["kind"] == BUDGETS.kind]
    (version,) = crd["spec"]["versions"]
    assert crd["metadata"]["name"] == BUDGETS.storage
    assert crd["spec"]["names"]["shortNames"] == ["sb"]
    assert version["subresources"] == {"status": {}}
    assert version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["most"]["minimum"] == 1


def test_manager_daemons_and_the_uninstall_hook_may_do_with_it_what_the_table_says() -> None:
    granted = [
        (manifest["kind"], manifest["metadata"]["name"], resource, tuple(rule["verbs"]))
        for manifest in rbac(NAMESPACE)
        for rule in manifest.get("rules", ())
        for resource in rule["resources"]
        if resource.startswith(BUDGETS.plural)
    ]
    assert granted == [
        ("ClusterRole", "security-profiles-operator", "syscallbudgets", READ),
        ("ClusterRole", "security-profiles-operator", "syscallbudgets/status", ("patch",)),
        ("Role", "spod", "syscallbudgets", ("get",)),
    ]
    assert (BUDGETS, "", ("list", "delete", "patch")) in everywhere()


def test_it_is_installed_and_uninstalled_with_its_objects_whoever_holds_them() -> None:
    person = CommandLine(boot(nodes=1, operator=False))
    install(person.live, manifests(), person.said.append)
    assert place(SILENT) == (BUDGETS, "shop", "silent")
    assert person.live.get(CRDS, "", BUDGETS.storage) is not None
    held = {**SILENT, "metadata": {"namespace": NAMESPACE, "name": "held", "finalizers": [FINALIZER]}}
    person.live.apply(held)

    removal = Removal(person.live, NAMESPACE, 30.0, person.said.append)
    assert f"{NAMESPACE}/held" in removal.plan()[0]
    assert f"delete {CRDS.kind} {BUDGETS.storage}" in removal.plan()
    assert uninstall(removal, "", person.said.append) == 0

    assert any(line.startswith("removing our finalizer from 1 syscallbudgets") for line in person.said)
    assert person.live.list(BUDGETS) == []
    assert person.live.get(CRDS, "", BUDGETS.storage) is None


def test_its_objects_go_also_where_its_definition_stays() -> None:
    person = CommandLine(boot(nodes=1, operator=False))
    install(person.live, manifests(), person.said.append)
    person.live.apply({**SILENT, "metadata": {"namespace": NAMESPACE, "name": "plain"}})

    removal = Removal(person.live, NAMESPACE, 30.0, person.said.append, keep_installation=True)
    assert uninstall(removal, "", person.said.append) == 0

    assert person.live.list(BUDGETS) == []
    assert person.live.get(CRDS, "", BUDGETS.storage) is not None


def test_its_finalizers_of_others_are_named() -> None:
    person = CommandLine(boot(nodes=1, operator=False))
    install(person.live, manifests(), person.said.append)
    metadata = {"namespace": NAMESPACE, "name": "held", "finalizers": ["example.com/mine"]}
    person.live.apply({**SILENT, "metadata": metadata})

    assert uninstall(Removal(person.live, NAMESPACE, 5.0, person.said.append), "", person.said.append) == 1

    assert any("finalizers of others: example.com/mine" in line for line in person.said)


def test_what_goes_after_the_operator_is_planned_and_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    later = replace(KIND, removed=Removed.AFTER_THE_OPERATOR, files=None)
    monkeypatch.setattr(kinds, "OURS", (*kinds.OURS[:-1], later))
    person = CommandLine(boot(nodes=1, operator=False))
    install(person.live, manifests(), person.said.append)
    person.live.apply({**SILENT, "metadata": {"namespace": NAMESPACE, "name": "plain"}})
    removal = Removal(person.live, NAMESPACE, 30.0, person.said.append, keep_installation=True)

    assert f"delete SyscallBudget {NAMESPACE}/plain" in removal.plan()
    removal.stop_operator()
    assert person.live.list(BUDGETS) == []


# -- what is told ------------------------------------------------------------------------------------------------------


def test_try_is_satisfied_with_what_is_ready_or_as_its_owner_wants_it(run: Run) -> None:
    code, out, _ = run("try", KEPT, PAUSED)
    assert "Objects\n  ✓ SyscallBudget shop/kept  Kept\n  ✓ SyscallBudget shop/paused  Paused\n" in out
    assert "✓ everything applied is satisfied" in out
    assert code == 0


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (OVERDRAWN, "✗ SyscallBudget shop/overdrawn  Overdrawn\n      TooMany: 9 of 7 are used\n"),
        (SILENT, "✗ SyscallBudget shop/silent\n      nobody has said anything of it\n"),
    ],
    ids=["not ready", "nobody has looked at it"],
)
def test_try_is_not_satisfied_with_what_is_not_ready_and_says_why(run: Run, found: Object, told: str) -> None:
    code, out, _ = run("try", KEPT, found)
    assert told in out
    assert "✗ 1 object not ready" in out
    assert code == 1


def test_the_document_for_machines_has_it(run: Run) -> None:
    _, out, _ = run("try", KEPT, OVERDRAWN, SILENT, more="-o json")
    answer = json.loads(out)
    budgets = [each for each in answer["objects"] if each["kind"] == BUDGETS.kind]
    assert answer["satisfied"] is False
    assert [(each["name"], each["state"], each["reason"], each["satisfied"]) for each in budgets] == [
        ("kept", "Kept", "Available", True),
        ("overdrawn", "Overdrawn", "TooMany", False),
        ("silent", "", "", False),
    ]


def test_try_names_what_the_api_server_refuses_of_it_and_how_it_was_meant(run: Run) -> None:
    code, out, _ = run("try", budget("none", most=0))
    assert "✗ SyscallBudget shop/none" in out
    assert "spec.most" in out
    assert code == 1

    code, _, err = run("try", {**SILENT, "kind": "SyscallBugdet"})
    assert "did you mean SyscallBudget?" in err
    assert code == 2

    code, out, _ = run("try", {**SILENT, "apiVersion": f"{GROUP}/v9"})
    assert f"→ write it as {BUDGETS.api_version}" in out
    assert code == 1


def test_try_names_what_the_operator_takes_away(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    rest = trial.run_to_rest

    def taken_away(world: SimulatedWorld, *more: Any) -> bool:
        world.you.delete(BUDGETS, "shop", "silent")
        return rest(world, *more)

    monkeypatch.setattr(trial, "run_to_rest", taken_away)
    code, out, _ = run("try", SILENT)
    assert "✗ SyscallBudget shop/silent" in out
    assert "it was removed again" in out
    assert code == 1


def test_the_timeline_tells_what_becomes_of_it() -> None:
    store = Store()
    key = StoreKey(BUDGETS.storage, "shop", "web")

    def becomes(obj: Object | None) -> list[tuple[str, str, str, str]]:
        before = store.get(key)
        if obj is None:
            store.delete(key, budget("web"))
        else:
            store.put(key, obj)
        change = Change(store.revision, before, store.get(key))
        return [(each.verb, each.tail, each.why, each.tone) for each in describe(change, Actor("manager"))]

    overdrawn = {"phase": "Overdrawn", "conditions": ready("False", "TooMany", "9 of 7 are used")}
    assert becomes(budget("web")) == [("created", "", "", "plain")]
    assert becomes(budget("web", **overdrawn)) == [("", "→ Overdrawn", "9 of 7 are used", "bad")]
    assert becomes(budget("web", phase="Kept")) == [("", "→ Kept", "", "good")]
    assert becomes(None) == [("", "→ gone", "", "plain")]


def test_explain_takes_it_in_the_input(run: Run) -> None:
    profile = {
        "apiVersion": f"{GROUP}/v1beta1",
        "kind": "SeccompProfile",
        "metadata": {"namespace": "shop", "name": "web"},
        "spec": {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"action": "SCMP_ACT_ALLOW", "names": ["read"]}]},
    }
    without = run("explain allow-list", profile, more="--list read")
    assert run("explain allow-list", profile, SILENT, KEPT, more="--list read") == without
    assert without[0] == 0

    code, out, _ = run("explain allow-list", profile, budget("none", most=0), more="--list read")
    assert "is left out: spec.most" in out
    assert code == 0


def test_convert_takes_it_out_of_a_dump_and_refuses_what_the_api_server_would(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "dump.yaml"
    file.write_text(yaml.safe_dump(KEPT))
    assert main(["convert", str(file)]) == 0
    assert yaml.safe_load(capsys.readouterr().out) == budget("kept")

    file.write_text(yaml.safe_dump(budget("none", most=0)))
    assert main(["convert", str(file)]) == 2
    assert "spec.most" in capsys.readouterr().err


# -- what its processes say --------------------------------------------------------------------------------------------


def test_what_fails_about_it_has_words_and_counters_of_its_own() -> None:
    counters, lines = Counters(), list[Object]()
    observer = Observer("manager", "node-1", lines.append, counters)
    key = Key(BUDGETS.kind, "shop", "web")
    status = Patch(BUDGETS, "shop", "web", {}, "7", "status")
    for intent in (status, WriteFile("shop/web.budget", b""), RemoveFile("shop/web.budget")):
        observer.report(key, Plan((intent,)), Failed(0, Unavailable("no answer")), 0.0, None)  # type: ignore[arg-type]
    observer.report(key, Plan((WriteFile("shop/web.budget", b""),)), Done(), 0.0, None)  # type: ignore[arg-type]

    prefix = "security_profiles_operator_syscall_budget"
    assert counters.lines() == [
        f'{prefix}_error_total{{reason="CannotRemoveSyscallBudget"}} 1',
        f'{prefix}_error_total{{reason="CannotSaveSyscallBudget"}} 1',
        f'{prefix}_error_total{{reason="CannotUpdateSyscallBudget"}} 1',
        f'{prefix}_total{{operation="update"}} 1',
    ]


def test_the_doors_of_the_nodes_speak_of_its_files() -> None:
    assert is_profile("shop/web.budget")
    assert not is_profile("shop/web.txt")
