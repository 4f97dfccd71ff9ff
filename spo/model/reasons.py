"""Every reason word a user can meet: in conditions, Events, log lines and metrics. The one table of them."""

from __future__ import annotations

from msgspec import Struct


class Reason(Struct, frozen=True):
    """`warning`: the type of its Event. `remedy`: what the reader can do, in a sentence (empty: nothing is wrong)."""

    warning: bool
    remedy: str = ""


_LIST = "Remove these from the profile (or its base), or add them to the list in spod."
_PROFILE = "Correct what it names: a base profile that cannot be added, or a rule that no container runtime loads."
_RUNTIMES = "See to it that the runtimes of your nodes take these, or remove them: else containers do not start."
_REFUSALS = "What a base lets through counts: take it out of the profile's rules, or build on a base without it."
_CONDITIONS = "Give that syscall fewer or simpler rules (best: EQ), here or in the base, or let it through without."
_DISK = "Look at the node's disk; the operator tries again by itself."
_SERVER = "Look at the API server and the operator's RBAC; the operator tries again by itself."

# fmt: off
REASONS = {
    # Events and error metrics of profiles (reference words, kept for users' alerts), and of what fails beside them
    "SavedSeccompProfile":        Reason(False),
    "ProfileNotAllowed":          Reason(True, _LIST),
    "InvalidSeccompProfile":      Reason(True, _PROFILE),
    "InexactConditions":          Reason(True, _CONDITIONS),
    "CannotSaveSeccompProfile":   Reason(True, _DISK),
    "CannotRemoveSeccompProfile": Reason(True, _DISK),
    "CannotUpdateSeccompProfile": Reason(True, _SERVER),
    "CannotUpdateNodeStatus":     Reason(True, _SERVER),
    "CannotUpdateSPOD":           Reason(True, _SERVER),
    "CannotUpdateLease":          Reason(True, _SERVER),
    "CannotWriteEvent":           Reason(True, _SERVER),
    "ProfileRemoved":             Reason(True, "To have it back, correct it or add these to the list in spod."),
    "InUse":                      Reason(False, "It goes with the last pod that uses it: delete or change those pods."),
    # Condition Ready of profiles and spod
    "Available":                  Reason(False),
    "Creating":                   Reason(False),
    "Updating":                   Reason(False),
    "Pending":                    Reason(False),
    "Deleting":                   Reason(False),
    "Unavailable":                Reason(True),
    # Other conditions
    "UnknownSyscalls":            Reason(True, "Correct the names; container runtimes ignore names they do not know."),
    "AllKnown":                   Reason(False),
    "DependsOnRuntime":           Reason(True, _RUNTIMES),
    "AnyRuntime":                 Reason(False),
    "RefusalsDropped":            Reason(True, _REFUSALS),
    "NoneDropped":                Reason(False),
    "NotInThisRelease":           Reason(True, "Remove the field from spod; the rest of spod is in effect."),
    "UnknownOnList":              Reason(True, "Correct the names: as they stand they allow nothing."),
    "EmptyList":                  Reason(True, "Name what is allowed, or remove the field."),
    "AllSupported":               Reason(False),
    "CannotCreateSPOD":           Reason(True, "Correct the setting or quota that it names; the rest follows."),
    "CannotStartSPOD":            Reason(True, "Look at its Events; if it lacks its seccomp profile, delete the pod."),
    "InvalidSetting":             Reason(True, "Correct it; until then the daemons stay as they are."),
    "NoNodeFits":                 Reason(True, "Correct spec.affinity or spec.tolerations, or label nodes for it."),
    "NotTheOne":                  Reason(True, "Put the settings into the object that is read; delete this one."),
}
# fmt: on


def remedy(reason: str) -> str:
    return REASONS[reason].remedy
