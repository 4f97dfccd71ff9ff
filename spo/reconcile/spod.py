"""The manager's decision on spod: the daemon set it asks for, and what spod says about it. Only the leader takes it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from spo.cache import View
from spo.events import Key
from spo.intents import NOTHING, About, Apply, Create, Intent, Patch, Plan, Tell
from spo.model import labels
from spo.model.builtin import DaemonSetKeep, EventKeep, SpodPod
from spo.model.manifest import plain
from spo.model.meta import Condition, with_condition
from spo.model.reasons import remedy
from spo.model.resource import DAEMONSETS, SPODS
from spo.model.spod import NAME, SecurityProfilesOperatorDaemon, SpodStatus
from spo.model.times import stamp
from spo.reconcile.settings import Settings
from spo.render import daemonset
from spo.render.finding import Finding
from spo.render.spod import default_spod, misspelt, not_built, remarks
from spo.render.validation import findings

IN_EFFECT = "SettingsInEffect"
GENERATED = re.compile(rf'"{NAME}-[a-z0-9]{{5}}"')  # a name that no pod got: with each attempt another


def decide(view: View, key: Key, settings: Settings) -> Plan:
    """Bring about the default spod, the daemon set, and spod's status."""
    spod = view.one(SecurityProfilesOperatorDaemon, key.namespace, key.name)
    if (key.namespace, key.name) != (settings.namespace, NAME):
        return _not_the_one(view, spod, settings) if spod is not None else NOTHING
    if spod is None:
        return Plan((Create(SPODS, key.namespace, NAME, default_spod(key.namespace)),))
    if spod.metadata.deleting:
        return NOTHING  # the daemon set goes with it; a new default spod comes when it is gone

    wrong = findings(spod)
    in_effect = _settings_in_effect(spod, wrong, view.now)
    if wrong:
        return _in_trouble(view, spod, in_effect, "InvalidSetting", _listed(wrong))

    wanted = daemonset.daemonset(spod, _daemonset_settings(settings))
    live = view.one(DaemonSetKeep, key.namespace, NAME)
    intents: list[Intent] = []
    if live is None or not _is_as_wanted(live, wanted):
        intents.append(Apply(DAEMONSETS, key.namespace, NAME, wanted))
        state, reason = ("CREATING", "Creating") if live is None else ("UPDATING", "Updating")
    elif trouble := _trouble(view, live):
        return _in_trouble(view, spod, in_effect, *trouble)
    elif live.rolled_out:
        state, reason = "RUNNING", "Available"
    else:
        begun = spod.status.state in ("RUNNING", "UPDATING")
        state, reason = ("UPDATING", "Updating") if begun else ("CREATING", "Creating")
    return Plan((*intents, *_show(view, spod, in_effect, state, reason, _MESSAGES[state])), about=_about(spod))


_MESSAGES = {
    "CREATING": "the daemons are being started",
    "UPDATING": "the daemons are being rolled out again",
    "RUNNING": "a daemon is ready on every node",
}


def _trouble(view: View, live: DaemonSetKeep) -> tuple[str, str] | None:
    """Why daemons are missing, as a reason word and in the words of who could not make or start them."""
    status = live.status
    if status.observed_generation < live.metadata.generation:
        return None  # it has not tried yet
    if not status.desired_number_scheduled:
        return "NoNodeFits", "there is no node that the daemons may run on"
    if live.rolled_out:
        return None
    failures = view.all(EventKeep)
    if failures and status.current_number_scheduled < status.desired_number_scheduled:
        latest = max(failures, key=lambda each: each.last_timestamp).message
        return "CannotCreateSPOD", GENERATED.sub(f'"{NAME}-…"', latest)
    for pod in view.all(SpodPod):
        if pod.waits_for:
            on = f" on {pod.spec.node_name}" if pod.spec.node_name else ""
            return "CannotStartSPOD", f"pod {pod.metadata.name}{on}: {pod.waits_for}"
    return None


def _in_trouble(
    view: View, spod: SecurityProfilesOperatorDaemon, in_effect: Condition, reason: str, message: str
) -> Plan:
    """Say so, and ask for nothing: what runs is left as it is."""
    text = f"{message.rstrip('.')}. {remedy(reason)}"
    return Plan(tuple(_show(view, spod, in_effect, "ERROR", reason, text)), about=_about(spod))


def _listed(found: Iterable[Finding]) -> str:
    return "; ".join(f"{each.field}: {each.message}" for each in found)


def _daemonset_settings(settings: Settings) -> daemonset.DaemonSetSettings:
    return daemonset.DaemonSetSettings(settings.namespace, settings.image, settings.pull_policy, settings.kubelet_dir)


def _is_as_wanted(live: DaemonSetKeep, wanted: Mapping[str, Any]) -> bool:
    """Is the daemon set what we asked for last, and has nobody changed it since?

    The hash tells what we no longer ask for; the comparison what others changed. The server's defaults are no change.
    """
    rendered = wanted["metadata"]["annotations"][labels.RENDERED]
    return live.metadata.annotations.get(labels.RENDERED) == rendered and covers(wanted["spec"], live.spec)


def covers(wanted: Any, live: Any) -> bool:
    """Does `live` say all that `wanted` says? It may say more in its objects, not in its lists."""
    if isinstance(wanted, Mapping):
        return isinstance(live, Mapping) and all(
            name in live and covers(want, live[name]) for name, want in wanted.items()
        )
    if isinstance(wanted, list | tuple):
        return (
            isinstance(live, list | tuple)
            and len(wanted) == len(live)
            and all(covers(want, have) for want, have in zip(wanted, live, strict=True))
        )
    return bool(wanted == live)


def _not_the_one(view: View, spod: SecurityProfilesOperatorDaemon, settings: Settings) -> Plan:
    here = f"{spod.metadata.namespace}/{spod.metadata.name}"
    message = f"only the object {NAME} in namespace {settings.namespace} is read, not {here}. {remedy('NotTheOne')}"
    in_effect = _in_effect(spod, "NotTheOne", message, view.now)
    return Plan(tuple(_show(view, spod, in_effect, "ERROR", "NotTheOne", message)), about=_about(spod))


def _show(
    view: View, spod: SecurityProfilesOperatorDaemon, in_effect: Condition, state: str, reason: str, message: str
) -> list[Intent]:
    """Write the status if it says something new; an Event comes with what a user should know."""
    is_ready = "True" if state == "RUNNING" else "False"
    ready = Condition("Ready", is_ready, reason, message, stamp(view.now), spod.metadata.generation)
    conditions = with_condition(with_condition(spod.status.conditions, ready), in_effect)
    told = {each.type: each for each in spod.status.conditions}
    new = [each for each in (ready, in_effect) if each.type not in told or not told[each.type].same_as(each)]
    if not new and spod.status.state == state:
        return []
    warnings = [
        Tell(_about(spod), each.reason, each.message)
        for each in new
        if remedy(each.reason) and (each.type not in told or told[each.type].message != each.message)
    ]
    metadata = spod.metadata
    status = {"status": plain(SpodStatus(conditions, state))}
    return [
        *dict.fromkeys(warnings),
        Patch(SPODS, metadata.namespace, metadata.name, status, metadata.resource_version, "status"),
    ]


def _settings_in_effect(spod: SecurityProfilesOperatorDaemon, wrong: tuple[Finding, ...], now: float) -> Condition:
    for reason, found in (
        ("InvalidSetting", wrong),
        ("NotInThisRelease", not_built(spod)),
        ("EmptyList", remarks(spod)),
        ("UnknownOnList", misspelt(spod)),
    ):
        if found:
            return _in_effect(spod, reason, f"{_listed(found)}. {remedy(reason)}", now)
    return _in_effect(spod, "AllSupported", "every setting has its effect", now)


def _in_effect(spod: SecurityProfilesOperatorDaemon, reason: str, message: str, now: float) -> Condition:
    is_so = "True" if reason == "AllSupported" else "False"
    return Condition(IN_EFFECT, is_so, reason, message, stamp(now), spod.metadata.generation)


def _about(spod: SecurityProfilesOperatorDaemon) -> About:
    return About(SPODS, spod.metadata.namespace, spod.metadata.name, spod.metadata.uid)
