"""The base profiles that ship with the operator: what a container runtime itself calls under the filter (B5)."""

from __future__ import annotations

from functools import cache

from msgspec import Struct

from spo.model import labels
from spo.model.meta import ObjectMeta
from spo.model.seccomp import SeccompProfile, SeccompProfileSpec, Syscall
from spo.render.resolve import Resolved
from spo.render.seccomp import form_of, render


class Base(Struct, frozen=True):
    """A measured set: all syscalls from the loading of the filter to the start of the workload, in every case tried.

    `spared`: those without which, one at a time, a container starts all the same: called only under load, or for
    `exec`, or with an answer that nobody needs. `extras`: for safety only, not measured.
    """

    name: str
    measured_on: str
    measured: str
    spared: str
    extras: str
    remarks: str

    @property
    def calls(self) -> tuple[str, ...]:
        """All that the profile lets through, sorted."""
        return tuple(sorted({*self.measured.split(), *self.extras.split()}))

    @property
    def indispensable(self) -> tuple[str, ...]:
        """Each of these keeps containers from starting when it alone is left out (tests/kernel shows it)."""
        spared = self.spared.split()
        return tuple(name for name in self.measured.split() if name not in spared)


RUNC = Base(
    name="runc-v1.0.0",
    measured_on="runc 1.1.5+ds1-1+deb12u1 (spec 1.0.2-dev, go1.19.8, libseccomp 2.5.4), "
    "kernel 6.18.44 x86_64, Debian 12",
    measured="""
    capget capset chdir close epoll_ctl execve faccessat2 fchown fcntl fstat fstatfs futex getcwd getdents64 getpid
    getppid newfstatat openat prctl read rt_sigreturn setgid setgroups setuid write
    """,
    spared="epoll_ctl fchown fcntl futex getpid rt_sigreturn",
    # With flags in the profile, or a newer runc, all of its Go threads are filtered, not just the one that starts the
    # workload: what those threads may call.
    extras="epoll_pwait mmap nanosleep sched_yield tgkill",
    remarks="The name is the documented one; measured on runc 1.1.5, on no other version. epoll_pwait, mmap, "
    "nanosleep, sched_yield and tgkill were not measured: extras for profiles with flags and for newer versions.",
)
CRUN = Base(
    name="crun-v1.8.1",
    measured_on="crun 1.8.1-1+deb12u1 (spec 1.0.0, libseccomp 2.5.4), kernel 6.18.44 x86_64, Debian 12",
    measured="""
    capset close execve fchown ioctl openat prctl pselect6 read rt_sigaction rt_sigprocmask setgroups setresgid
    setresuid statx umask write
    """,
    spared="close fchown ioctl openat pselect6 read setgroups statx umask",
    extras="",
    remarks="Measured on crun 1.8.1, no other version.",
)
BASES = (RUNC, CRUN)


def profile_of(base: Base, namespace: str) -> SeccompProfile:
    """The SeccompProfile of a base, in the operator's namespace."""
    spec = SeccompProfileSpec("SCMP_ACT_ERRNO", syscalls=(Syscall(base.calls, "SCMP_ACT_ALLOW"),))
    file = render(Resolved(SeccompProfile(spec), spec.syscalls))
    annotations = {
        labels.MEASURED_ON: base.measured_on,
        labels.REMARKS: base.remarks,
        labels.SHIPPED: form_of(file),
    }
    metadata = ObjectMeta(name=base.name, namespace=namespace, labels=labels.APP_LABELS, annotations=annotations)
    return SeccompProfile(spec, metadata)


@cache  # asked with every look at every profile
def shipped(namespace: str) -> tuple[SeccompProfile, ...]:
    """The operator's own profiles, for its namespace."""
    return tuple(profile_of(base, namespace) for base in BASES)


def is_shipped(profile: SeccompProfile, operator_namespace: str) -> bool:
    """Whether this is one of the operator's own profiles: its namespace, a shipped name, the shipped text (A4)."""
    return any(
        profile.metadata.namespace == operator_namespace
        and profile.metadata.name == ours.metadata.name
        and profile.spec == ours.spec
        for ours in shipped(operator_namespace)
    )
