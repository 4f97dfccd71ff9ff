"""The daemon's decision on the file of our own seccomp profile: it stands on the node, as it should be.

Without it no container of ours starts again. An init container laid it; what happened to it since is put right here.
That of another release is left alone: a pod of that release may be about to start. Uninstalling removes them all.
"""

from __future__ import annotations

from spo.cache import View
from spo.events import FILE_KIND, Key
from spo.intents import NOTHING, Plan, WriteFile
from spo.render.own_profile import DATA, FILE, FORM

KEY = Key(FILE_KIND, "", FILE)


def decide(view: View, key: Key) -> Plan:
    """Put it back if it is not there, or not the one."""
    return NOTHING if view.file(key.name) == FORM else Plan((WriteFile(key.name, DATA),))
