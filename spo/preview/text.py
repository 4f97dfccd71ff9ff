"""The preview of an allow list as text: what is lost first, with the reason; what stays last, in few lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from spo.model.listing import listed
from spo.model.spod import DELETE
from spo.preview.allow_list import HARM, Fate, Offence, Outlook, Policy, missing
from spo.render.syscall_names import meant_by
from spo.report.describe import with_remedy_apart
from spo.report.terminal import MARKS, Paint, table

INDENT = 6
SHOWN_PODS = 5
SHOWN_WORKLOADS = 20
SHOWN_KEPT = 20

HEADINGS: dict[Fate, str] = {
    "removed": "Would be removed: the object is deleted, its file leaves every node",
    "rejected": "Would be rejected: the object stays, its file is on no node",
    "installed": "Would be installed",
    "kept": "Stay installed",
    "untouched": "Not affected",
}
COUNTED: dict[Fate, str] = {
    "removed": "would be removed",
    "rejected": "would be rejected",
    "installed": "would be installed",
    "kept": "stay installed",
    "untouched": "not affected",
}


def text(
    present: Policy,
    new: Policy,
    outlooks: Sequence[Outlook],
    notes: Sequence[str],
    paint: Paint,
    details: bool = False,
) -> str:
    """The two policies, the answer and what mends it, notes, the workloads that break; each fate under its heading.

    With `details` every profile that stays, and the nodes and pods that hold one that goes.
    """
    parts = [_policies(present, new, paint), _answer(outlooks, paint)]
    if notes:  # early: a slip in the list itself is behind all that follows
        parts.append("\n".join([paint("Notes", "bold"), *(f"  · {note}" for note in notes)]))
    if broken := _broken(outlooks, paint, details):
        parts.append("\n".join(broken))
    for fate, heading in HEADINGS.items():
        those = [each for each in outlooks if each.fate == fate]
        if those:
            lines = _fated(those, fate, paint, details)
            parts.append("\n".join([paint(heading, "bold"), *lines]))
    return "\n\n".join(parts)


def _fated(outlooks: Sequence[Outlook], fate: Fate, paint: Paint, details: bool) -> list[str]:
    if fate in HARM:
        return [line for each in outlooks for line in _harmed(each, paint, details)]
    theirs = [each for each in outlooks if not each.shipped]
    if fate == "kept" and len(theirs) > SHOWN_KEPT and not details:
        names = [f"{each.namespace}/{each.name}" for each in theirs]
        return [f"    {listed(names, SHOWN_KEPT)} (--details)"]
    return _named(outlooks, paint)


def _broken(outlooks: Sequence[Outlook], paint: Paint, details: bool) -> list[str]:
    """What cannot start again, by namespace and workload, with the profiles that it would be without."""
    profiles: dict[tuple[str, str], list[str]] = {}
    for each in outlooks:
        for workload in each.workloads:
            kind, _, path = workload.partition(" ")
            namespace, _, name = path.partition("/")
            profiles.setdefault((namespace, f"{kind} {name}"), []).append(f"{each.namespace}/{each.name} {each.fate}")
    if not profiles:
        return []
    rows = [(namespace, workload, ", ".join(lost)) for (namespace, workload), lost in sorted(profiles.items())]
    shown = rows if details else rows[:SHOWN_WORKLOADS]
    heading = paint(f"Cannot start again after their next restart: {_workloads(len(rows))}", "bold")
    more = [f"  and {len(rows) - len(shown)} more (--details)"] if len(shown) < len(rows) else []
    return [heading, *table([("NAMESPACE", "WORKLOAD", "WITHOUT PROFILE"), *shown]), *more]


def _workloads(number: int) -> str:
    return f"{number} workload{'s' * (number != 1)}"


def _policies(present: Policy, new: Policy, paint: Paint) -> str:
    rows = [
        ("Allowed syscalls", present.allowed_syscalls, new.allowed_syscalls),
        ("Allowed actions", present.allowed_seccomp_actions, new.allowed_seccomp_actions),
    ]
    lines = []
    for title, before, after in rows:
        first, *rest = paint.wrapped(_listed(after), 20)
        lines += [f"{paint(title.ljust(18), 'bold')}{first}", *(" " * 18 + part for part in rest)]
        if (before or ()) != (after or ()):
            lines += [" " * 18 + paint(part, "dim") for part in paint.wrapped(f"now: {_listed(before)}", 20)]
    if new.non_compliant_profiles != DELETE:
        lines.append(f"{paint('Non-compliant'.ljust(18), 'bold')}their objects are kept ({new.non_compliant_profiles})")
    return "\n".join(lines)


def _listed(names: Sequence[str] | None) -> str:
    return ", ".join(names) if names else "all (no list)" if names is None else "all (an empty list)"


def _harmed(outlook: Outlook, paint: Paint, details: bool) -> list[str]:
    """The profile, what it lets through (by its own rules, by each base), and who still uses it."""
    lines = [f"  {paint(MARKS['bad'], 'bad')} {outlook.namespace}/{outlook.name}  {paint(_place(outlook), 'dim')}"]
    said = [*_words(_of(outlook, ""))]
    for base in dict.fromkeys(each.base for each in outlook.offences if each.base):
        said += [f"its base {base} {words}" for words in _words(_of(outlook, base))]
    if outlook.why:
        said.append(outlook.why)
    said += [_slip(name) for name in outlook.slips]
    said += _holders(outlook, details)
    lines += [" " * INDENT + part for each in said for part in paint.wrapped(each, INDENT)]
    return lines + _remarks(outlook, paint)


def _remarks(outlook: Outlook, paint: Paint) -> list[str]:
    """What is to be said against it besides, under any list."""
    said = (part for each in outlook.remarks for part in paint.wrapped(with_remedy_apart(each), INDENT))
    return [" " * INDENT + paint(part, "dim") for part in said]


def _slip(name: str) -> str:
    meant = f"did you mean {close}?" if (close := meant_by(name)) else "correct it there"
    return f"no kernel has {name}: it is the profile that wants correcting, {meant}"


def _holders(outlook: Outlook, details: bool) -> list[str]:
    """Who keeps the file where it is (A5): in a line, or node by node."""
    nodes = outlook.stays_on
    if details or len(nodes) == 1:
        return [f"stays on {node} until {_pods([u.pod for u in outlook.users if u.node == node])}" for node in nodes]
    pods = len({user.pod for user in outlook.users})
    return [f"stays on {len(nodes)} nodes until {pods} pods are gone"] if nodes else []


def _of(outlook: Outlook, base: str) -> list[Offence]:
    return [each for each in outlook.offences if each.base == base]


def _words(offences: Sequence[Offence]) -> Iterator[str]:
    """What they let through, in a sentence for each way of being wrong."""
    by_default = [each for each in offences if not each.syscall]
    if by_default:
        refused = ", which is not an allowed action" if any(each.action_refused for each in by_default) else ""
        yield f"lets every syscall through by default ({by_default[0].action}{refused})"
    if unlisted := [each.syscall for each in offences if each.syscall and not each.action_refused]:
        yield f"lets through {', '.join(unlisted)}"
    refused_actions = dict.fromkeys(each.action for each in offences if each.syscall and each.action_refused)
    for action in refused_actions:
        names = [each.syscall for each in offences if each.syscall and each.action == action and each.action_refused]
        yield f"uses {action}, which is not an allowed action, for {', '.join(names)}"


def _pods(names: Sequence[str]) -> str:
    noun = "pod" if len(names) == 1 else "pods"
    return f"{noun} {listed(names, SHOWN_PODS)} {'is' if len(names) == 1 else 'are'} gone"


def _place(outlook: Outlook) -> str:
    return f"({outlook.source})"


def _named(outlooks: Sequence[Outlook], paint: Paint) -> list[str]:
    """A line each; the operator's own share one at the end."""
    lines = []
    for each in outlooks:
        if each.shipped:
            continue
        mark = " " if each.fate == "untouched" else paint(MARKS["good"], "good")
        lines.append(f"  {mark} {each.namespace}/{each.name}  {paint(_place(each), 'dim')}")
        if each.why:
            lines += [" " * INDENT + paint(part, "dim") for part in paint.wrapped(with_remedy_apart(each.why), INDENT)]
        lines += _remarks(each, paint)
    if own := [each.name for each in outlooks if each.shipped]:
        lines.append(paint(f"    {', '.join(own)} of the operator itself, under any list", "dim"))
    return lines


def _answer(outlooks: Sequence[Outlook], paint: Paint) -> str:
    theirs = [each for each in outlooks if not each.shipped]
    counts = {fate: sum(each.fate == fate for each in theirs) for fate in COUNTED}
    said = ", ".join(f"{number} {COUNTED[fate]}" for fate, number in counts.items() if number)
    if not any(counts[fate] for fate in HARM):
        return paint(f"✓ no profile would be removed or rejected: {said or 'nothing changes'}", "good")
    lines = [paint(f"✗ of {len(theirs)} {'profile' if len(theirs) == 1 else 'profiles'}, {said}", "bad")]
    hints = []
    by_default = [f"{each.namespace}/{each.name}" for each in theirs if each.lets_everything_through]
    if by_default:
        hints.append(f"No list permits a profile that lets everything through by default: {', '.join(by_default)}")
    both = zip(("syscalls", "actions"), missing(theirs), strict=True)
    if more := [f"to the {title}: {_listed(names)}" for title, names in both if names]:
        hints.append(f"To keep {'the others' if by_default else 'them all'}, add {'; and '.join(more)}")
    if slips := [f"{each.namespace}/{each.name} ({', '.join(each.slips)})" for each in theirs if each.slips]:
        hints.append(f"Correct the names that no kernel has, in {', '.join(slips)}")
    return "\n".join([*lines, *("  " + part for hint in hints for part in paint.wrapped(hint, 2))])
