"""Audit lines, as the kernel writes them."""

from __future__ import annotations

from spo.sim.node.audit import AuditLog, quoted, seccomp_line
from spo.sim.node.kernel import Decision


def test_a_line_has_the_recorded_form() -> None:
    line = seccomp_line(1795411679_904000000, 1185385, 29348, "mkdir", "/usr/bin/mkdir", "mkdir", Decision("ERRNO", 13))

    assert line == (
        "type=1326 audit(1795411679.904:1185385): auid=4294967295 uid=0 gid=0 ses=4294967295 pid=29348 "
        'comm="mkdir" exe="/usr/bin/mkdir" sig=0 arch=c000003e syscall=83 compat=0 ip=0x7f42df405f37 code=0x50000'
    )


def test_a_killed_process_shows_its_signal() -> None:
    line = seccomp_line(0, 1, 2, "setarch", "/usr/bin/setarch", "personality", Decision("KILL_PROCESS"))

    assert " sig=31 " in line
    assert line.endswith("code=0x80000000")


def test_names_with_blanks_are_bare_hex() -> None:
    assert quoted("my tru") == "6D7920747275"
    assert quoted("runc:[2:INIT]") == '"runc:[2:INIT]"'


def test_the_oldest_lines_go_and_are_counted() -> None:
    log = AuditLog(limit_lines=2)
    for line in "abc":
        log.append(line)

    assert (list(log.lines), log.first, log.written) == (["b", "c"], 1, 3)
