"""What should stand on the nodes for a profile, and why: the one answer that manager and daemons share."""

from __future__ import annotations

from msgspec import Struct

from spo.cache import View
from spo.intents import About, Problem
from spo.model.reasons import remedy
from spo.model.resource import SECCOMP_PROFILES
from spo.model.seccomp import SeccompProfile
from spo.model.spod import NAME as SPOD
from spo.model.spod import SecurityProfilesOperatorDaemon
from spo.model.states import DISABLED, ERROR, INSTALLED, PARTIAL
from spo.reconcile.settings import Settings
from spo.render.allowlist import check, in_words
from spo.render.bases import is_shipped
from spo.render.conditions import Inexact
from spo.render.loadable import NotLoadable
from spo.render.resolve import Resolved, resolve
from spo.render.seccomp import form_of, render


class Verdict(Struct, frozen=True):
    """`state`: what the profile is to come to. `form`: SHA-256 of `data`, its file's bytes (empty: there can be none).

    `keep`: what already stands on the nodes may stay, although this cannot be installed now.
    """

    state: str
    resolved: Resolved | None = None
    data: bytes = b""
    form: str = ""
    problem: Problem | None = None
    keep: bool = False


def judge(view: View, profile: SeccompProfile, settings: Settings) -> Verdict:
    """The verdict on a profile that is not being deleted (docs/promises.md: A1 to A3, A7, B0 to B2, B4)."""
    if profile.partial:
        return Verdict(PARTIAL)

    def lookup(namespace: str, name: str) -> SeccompProfile | None:
        return view.one(SeccompProfile, namespace, name)

    resolved = resolve(profile, lookup, settings.namespace)
    if resolved.problem:
        # A base that went missing is no reason to take a working profile from running pods.
        problem = Problem("InvalidSeccompProfile", str(resolved.problem))
        return Verdict(ERROR, problem=problem, keep=not profile.disabled)

    try:
        data = render(resolved)
    except Inexact as error:
        problem = Problem("InexactConditions", f"{error}. {remedy('InexactConditions')}")
        return Verdict(ERROR, problem=problem, keep=not profile.disabled)
    except NotLoadable as error:
        # The same: it may be the base that changed.
        return Verdict(ERROR, problem=Problem("InvalidSeccompProfile", str(error)), keep=not profile.disabled)
    form = form_of(data)
    if profile.disabled:
        return Verdict(DISABLED, resolved, data, form)
    spod = view.one(SecurityProfilesOperatorDaemon, settings.namespace, SPOD)
    if spod is None or is_shipped(profile, settings.namespace):
        return Verdict(INSTALLED, resolved, data, form)
    offences = check(resolved, spod.spec.allowed_syscalls, spod.spec.allowed_seccomp_actions)
    if offences:
        problem = Problem("ProfileNotAllowed", f"{in_words(offences)}. {remedy('ProfileNotAllowed')}")
        return Verdict(ERROR, resolved, data, form, problem)
    return Verdict(INSTALLED, resolved, data, form)


def about(profile: SeccompProfile) -> About:
    metadata = profile.metadata
    return About(SECCOMP_PROFILES, metadata.namespace, metadata.name, metadata.uid)
