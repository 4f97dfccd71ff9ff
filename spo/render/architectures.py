"""What libseccomp knows of architectures: how wide arguments are, how bytes stand, which calls share a number."""

from __future__ import annotations


def _named(names: str) -> frozenset[str]:
    return frozenset("SCMP_ARCH_" + name for name in names.split())


# Of these it looks at the lower half of an argument only (`ARCH_SIZE_32`).
NARROW = _named("X86 X32 ARM MIPS MIPSEL MIPS64N32 MIPSEL64N32 PPC S390 PARISC")

# The most significant byte first; one filter is for architectures of one order.
BIG_ENDIAN = _named("MIPS MIPS64 MIPS64N32 PPC PPC64 S390 S390X PARISC PARISC64")

# Here the calls below have (beside numbers of their own) one number in common, and tell by its first argument which one
# is meant: linux/net.h and linux/ipc.h.
MULTIPLEXED = _named("X86 MIPS MIPSEL PPC PPC64 PPC64LE S390 S390X")
_SOCKET = """
    socket bind connect listen accept getsockname getpeername socketpair send recv sendto recvfrom shutdown setsockopt
    getsockopt sendmsg recvmsg accept4 recvmmsg sendmmsg
"""
_IPC = {1: "semop semget semctl semtimedop", 11: "msgsnd msgrcv msgget msgctl", 21: "shmat shmdt shmget shmctl"}
# Name → the call that carries it there, and by which number.
CARRIED = {
    **{name: ("socketcall", number) for number, name in enumerate(_SOCKET.split(), start=1)},
    **{name: ("ipc", number) for first, names in _IPC.items() for number, name in enumerate(names.split(), first)},
}
CARRIERS = frozenset({"socketcall", "ipc"})
