"""For which containers a profile in Docker's form is read: their capabilities, their node's architecture, its kernel.

Docker, containerd and Podman keep one file for all containers: a rule of it may be for some (`includes`, `excludes`),
and `archMap` has the architectures of every sort of node. They decide when a container starts; a SeccompProfile is
written before, so whoever converts says for which containers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from msgspec import Struct

KERNEL = re.compile(r"(\d+)\.(\d+)([.-].*)?")

# What containerd and Docker give to a container that asks for nothing (CRI-O: a part of it).
DEFAULT_CAPABILITIES = frozenset(
    "CAP_" + name
    for name in """
    AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE NET_RAW SETFCAP SETGID SETPCAP SETUID
    SYS_CHROOT
    """.split()
)
CAPABILITIES = DEFAULT_CAPABILITIES | {
    "CAP_" + name
    for name in """
    AUDIT_CONTROL AUDIT_READ BLOCK_SUSPEND BPF CHECKPOINT_RESTORE DAC_READ_SEARCH IPC_LOCK IPC_OWNER LEASE
    LINUX_IMMUTABLE MAC_ADMIN MAC_OVERRIDE NET_ADMIN NET_BROADCAST PERFMON SYS_ADMIN SYS_BOOT SYS_MODULE SYS_NICE
    SYS_PACCT SYS_PTRACE SYS_RAWIO SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG SYSLOG WAKE_ALARM
    """.split()
}
ALL, NONE = "ALL", "NONE"

# The word that `includes.arches` has for each of libseccomp's architectures, and what else people call it.
WORDS = {
    "SCMP_ARCH_X86": "x86 386 i386 i686",
    "SCMP_ARCH_X86_64": "amd64 x86_64",
    "SCMP_ARCH_X32": "x32",
    "SCMP_ARCH_ARM": "arm armv7 armv7l",
    "SCMP_ARCH_AARCH64": "arm64 aarch64",
    "SCMP_ARCH_MIPS": "mips",
    "SCMP_ARCH_MIPS64": "mips64",
    "SCMP_ARCH_MIPS64N32": "mips64n32 mips64p32",
    "SCMP_ARCH_MIPSEL": "mipsel mipsle",
    "SCMP_ARCH_MIPSEL64": "mipsel64 mips64le",
    "SCMP_ARCH_MIPSEL64N32": "mipsel64n32 mips3l64n32 mips64p32le",
    "SCMP_ARCH_PPC": "ppc",
    "SCMP_ARCH_PPC64": "ppc64",
    "SCMP_ARCH_PPC64LE": "ppc64le",
    "SCMP_ARCH_S390": "s390",
    "SCMP_ARCH_S390X": "s390x",
    "SCMP_ARCH_RISCV64": "riscv64",
    "SCMP_ARCH_LOONGARCH64": "loong64 loongarch64",
}
ARCHITECTURE_OF = {word: name for name, words in WORDS.items() for word in (name, *words.split())}
ARCHITECTURE_WORDS = tuple(words.split()[0] for words in WORDS.values())  # Docker's own

Kernel = tuple[int, int]


def word_of(architecture: str) -> str:
    """Docker's word for one of libseccomp's names."""
    return WORDS[architecture].split()[0]


class Container(Struct, frozen=True):
    """The sort of container. Without a kernel, a kernel that every `minKernel` is old enough for."""

    architecture: str = "SCMP_ARCH_X86_64"
    capabilities: frozenset[str] = DEFAULT_CAPABILITIES
    kernel: Kernel | None = None

    @property
    def arch(self) -> str:
        """Docker's word for the architecture."""
        return word_of(self.architecture)

    @property
    def said(self) -> str:
        """In words, with the options that say it."""
        beside = self.capabilities - DEFAULT_CAPABILITIES
        if self.capabilities == CAPABILITIES:
            may = "all capabilities"
        elif self.capabilities >= DEFAULT_CAPABILITIES:
            may = " and ".join(["a runtime's default capabilities", *([", ".join(sorted(beside))] if beside else [])])
        else:
            may = ", ".join(sorted(self.capabilities)) or "no capabilities"
        kernel = written(self.kernel) if self.kernel else "new enough for all rules"
        return f"on {self.arch} (--arch), kernel {kernel} (--kernel), with {may} (--cap)"

    def reaches(self, kernel: Kernel) -> bool:
        """Is the node's kernel that one, or a newer one?"""
        return self.kernel is None or self.kernel >= kernel


class Filter(Struct, frozen=True):
    """One side of a rule's choice of containers: `includes` or `excludes`."""

    capabilities: tuple[str, ...] = ()
    architectures: tuple[str, ...] = ()  # libseccomp's names
    kernel: Kernel | None = None


def why_not(includes: Filter, excludes: Filter, container: Container) -> str | None:
    """Why a rule is left out for this container, None if it counts: as Docker decides it.

    Of `excludes` one hit is enough, of `includes` all must hold; of listed architectures the node is one.
    """
    own = container.architecture
    held = [name for name in excludes.capabilities if name in container.capabilities]
    missing = [name for name in includes.capabilities if name not in container.capabilities]
    if own in excludes.architectures:
        return f"not on {container.arch}"
    if held:
        return f"not with {', '.join(held)}"
    if excludes.kernel and container.reaches(excludes.kernel):
        return f"not from kernel {written(excludes.kernel)} on"
    if includes.architectures and own not in includes.architectures:
        return f"only on {', '.join(map(word_of, includes.architectures))}"
    if missing:
        return f"only with {', '.join(missing)}"
    if includes.kernel and not container.reaches(includes.kernel):
        return f"only from kernel {written(includes.kernel)} on"
    return None


def kernel_of(text: str) -> Kernel | None:
    """The version in `6.1` or `6.1.0-18-amd64`, of which the first two numbers count; None if there is none."""
    match = KERNEL.fullmatch(text.strip())
    return (int(match[1]), int(match[2])) if match else None


def written(kernel: Kernel) -> str:
    return f"{kernel[0]}.{kernel[1]}"


def capability(word: str) -> str | None:
    """`CAP_SYS_ADMIN` of `sys_admin`, `SYS_ADMIN` or `CAP_SYS_ADMIN`; None if there is no such capability."""
    name = "CAP_" + word.upper().removeprefix("CAP_")
    return name if name in CAPABILITIES else None


def capabilities_with(added: Iterable[str]) -> frozenset[str]:
    """Those that containers have by default, and these. `ALL` adds all, `NONE` takes the default ones away."""
    words = {word.upper() for word in added}
    if ALL in words:
        return frozenset(CAPABILITIES)
    named = {name for word in words if (name := capability(word))}
    return frozenset(named if NONE in words else DEFAULT_CAPABILITIES | named)
