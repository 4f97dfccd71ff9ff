"""The summary as text: what agrees is said once, what is wrong comes with its reason and remedy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from spo.model.listing import listed
from spo.model.resource import SPODS
from spo.report.describe import with_remedy_apart
from spo.report.summary import BrokenWorkload, ObjectState, ProfileState, Rejected, Setting, StuckPod, Summary
from spo.report.terminal import MARKS, Paint
from spo.report.timeline import Tone

SHOWN_NODES = 5
STATE, INDENT = 11, 6


def summary_text(summary: Summary, paint: Paint) -> str:
    """Profiles, objects, pods, rejections and notes, each under its heading if there is any; at the end the answer."""
    parts = [
        _section("Profiles", _profiles(summary, paint), paint),
        _section("Objects", [_object(each, paint) for each in _shown(summary)], paint),
        _section("Pods that did not start, or failed", [_pods(group, paint) for group in _alike(summary.pods)], paint),
        _section("Cannot start again", [_broken(each, paint) for each in summary.workloads], paint),
        _section("Settings", [_setting(each, paint) for each in summary.settings], paint),
        _section("Rejected", [_rejected(each, paint) for each in summary.rejected], paint),
        _section("Notes", [["  · " + part for part in [note]] for note in summary.notes], paint),
        _answer(summary, paint),
    ]
    return "\n\n".join(part for part in parts if part)


def _section(title: str, entries: Sequence[Sequence[str]], paint: Paint) -> str:
    return "\n".join([paint(title, "bold"), *(line for entry in entries for line in entry)]) if entries else ""


def _profiles(summary: Summary, paint: Paint) -> list[list[str]]:
    """One entry a profile; those that came with the operator share one at the end, if all is well with them."""
    shipped = [each for each in summary.profiles if each.namespace == summary.operator_namespace]
    alike = len({_nodes(each.nodes.items()) for each in shipped}) == 1
    aside = shipped if alike and all(each.satisfied for each in shipped) else []
    shown = [each for each in summary.profiles if each not in aside]
    entries = [_profile(each, _width(shown), paint) for each in shown]
    if aside:
        names = ", ".join(each.name for each in aside)
        where = _nodes(aside[0].nodes.items())
        entries.append([paint(f"    and {names} of the operator itself, {where}", "dim")])
    return entries


def _width(profiles: Iterable[ProfileState]) -> int:
    return min(max((len(f"{each.namespace}/{each.name}") for each in profiles), default=0), 60)


def _mark(tone: Tone, paint: Paint) -> str:
    return paint(MARKS[tone], tone)


def _profile(profile: ProfileState, width: int, paint: Paint) -> list[str]:
    tone: Tone = "good" if profile.satisfied else "bad"
    name = f"{profile.namespace}/{profile.name}".ljust(width)
    state = paint(profile.state.ljust(STATE), tone)
    lines = [f"  {_mark(tone, paint)} {name}  {state} {_nodes(profile.nodes.items())}".rstrip()]
    if tone == "bad":
        message = with_remedy_apart(profile.message)
        lines += _text(f"{profile.reason}: {message}" if profile.reason else message, paint)
    for remark in profile.remarks:
        lines += _text(with_remedy_apart(remark), paint)
    return lines


def _shown(summary: Summary) -> list[ObjectState]:
    """The objects to tell of: of spods those that are not as they should be, unless their settings say why."""
    told = {(each.namespace, each.name) for each in summary.settings}
    return [
        each
        for each in summary.objects
        if each.kind != SPODS.kind or not (each.satisfied or (each.namespace, each.name) in told)
    ]


def _object(found: ObjectState, paint: Paint) -> list[str]:
    tone: Tone = "good" if found.satisfied else "bad"
    name = f"{found.kind} {found.namespace}/{found.name}"
    lines = [f"  {_mark(tone, paint)} {name}  {paint(found.state, tone)}".rstrip()]
    if tone == "bad":
        lines += _text("it is being deleted", paint) if found.deleting else []
        lines += _text(": ".join(filter(None, (found.reason, with_remedy_apart(found.message)))), paint)
    return lines


def _nodes(states: Iterable[tuple[str, str]]) -> str:
    """`on all 3 nodes` when they agree, else who is in which state."""
    nodes_of: dict[str, list[str]] = {}
    for node, state in states:
        nodes_of.setdefault(state, []).append(node)
    if not nodes_of:
        return "on no node"
    if len(nodes_of) == 1:
        ((state, nodes),) = nodes_of.items()
        where = {1: f"on {nodes[0]}", 2: "on both nodes"}.get(len(nodes), f"on all {len(nodes):,} nodes")
        return where if state == "Installed" else f"{state} {where}"
    fewest_first = sorted(nodes_of.items(), key=lambda each: len(each[1]))
    return "; ".join(f"{state} on {listed(nodes, SHOWN_NODES, ',')}" for state, nodes in fewest_first)


def _alike(pods: Iterable[StuckPod]) -> list[list[StuckPod]]:
    """Pods of one owner that are stuck for the same reason, together."""
    groups: dict[tuple[str, str, str, str], list[StuckPod]] = {}
    for pod in pods:
        stem = pod.name.rsplit("-", 1)[0]
        groups.setdefault((pod.namespace, stem, pod.reason, pod.message), []).append(pod)
    return list(groups.values())


def _pods(group: Sequence[StuckPod], paint: Paint) -> list[str]:
    first = group[0]
    names = listed([f"{pod.namespace}/{pod.name}" for pod in group], 2, ",")
    nodes = list(dict.fromkeys(pod.node for pod in group if pod.node))
    where = f" on {listed(nodes, SHOWN_NODES, ',')}" if nodes else ""
    lines = [f"  {_mark('bad', paint)} {names}{where}: {paint(first.reason, 'bad')}"]
    lines += _text(first.message, paint) if first.message else []
    lines += _text(f"→ {first.remedy}", paint) if first.remedy else []
    return lines


def _broken(workload: BrokenWorkload, paint: Paint) -> list[str]:
    name = f"{workload.namespace}: {workload.workload}"
    return [f"  {_mark('bad', paint)} {name}, whose profile {workload.profile} is {paint(workload.state, 'bad')}"]


def _setting(setting: Setting, paint: Paint) -> list[str]:
    lines = [f"  {_mark('bad', paint)} spod {setting.namespace}/{setting.name}: {paint(setting.reason, 'bad')}"]
    return lines + _text(with_remedy_apart(setting.message), paint)


def _rejected(rejected: Rejected, paint: Paint) -> list[str]:
    where = paint(f"({rejected.source})", "dim") if rejected.source else ""
    name = "".join(paint.wrapped(rejected.object, 0))
    lines = [f"  {_mark('bad', paint)} {name}  {where}".rstrip(), *_text(rejected.message, paint)]
    lines += _text(f"→ {rejected.remedy}", paint) if rejected.remedy else []
    return lines


def _text(text: str, paint: Paint) -> list[str]:
    return [" " * INDENT + part for part in paint.wrapped(text, INDENT)]


def _answer(summary: Summary, paint: Paint) -> str:
    if summary.satisfied:
        return paint("✓ everything applied is satisfied", "good")
    failing = sum(not each.satisfied for each in summary.profiles)
    counts = {
        "profile not installed": failing,
        "object not ready": sum(not each.satisfied for each in _shown(summary)),
        "pod not running": len(summary.pods),
        "setting without effect": len(summary.settings),
        "object rejected": len(summary.rejected),
        "workload without profile": len({(each.namespace, each.workload) for each in summary.workloads}),
        "profile with remarks (--strict)": len(summary.too_lax),
    }
    said = ", ".join(f"{n:,} {_plural(what, n)}" for what, n in counts.items() if n)
    return paint(f"✗ {said}", "bad")


def _plural(what: str, number: int) -> str:
    noun, _, rest = what.partition(" ")
    return f"{noun}{'' if number == 1 else 's'} {rest}"
