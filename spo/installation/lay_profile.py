"""The operator's own seccomp profile on a node's disk: what the init container of its pods sees to."""

from __future__ import annotations

from spo.doors.ports import ProfileDirectory
from spo.intents import WriteFile
from spo.render.own_profile import DATA


def lay(root: str, name: str, standing: bytes | None, directory: ProfileDirectory) -> str:
    """See to it that the file is right, where these bytes stand; gives what there was to do, in words.

    A full disk is no trouble if the file stands there. Raises DiskError.
    """
    if standing == DATA:
        return f"{root}/{name} stands there"
    directory.carry_out(WriteFile(name, DATA))
    return f"wrote {root}/{name}"
