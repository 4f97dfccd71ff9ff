"""A profile in Docker's form, with all that its default one has: archMap, and rules for some containers only."""

from __future__ import annotations

from typing import Any

from spo.render.syscall_names import SYSCALL_NAMES

ALLOW, ERRNO = "SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO"
NEW_NAMESPACES = 0x7E020000  # CLONE_NEW*
PERSONALITIES = (0, 8, 0x20000, 0x20008, 0xFFFFFFFF)

# What not every container may call, and what no container may.
OF_SOME = """
    arch_prctl bpf chroot clone clone3 mount open_by_handle_at personality process_vm_readv ptrace reboot
    s390_runtime_instr setns socket sync_file_range2 umount2 unshare
""".split()
OF_NONE = "add_key create_module init_module kexec_load keyctl nfsservctl swapon uselib userfaultfd vm86".split()
EVERYBODYS = sorted(SYSCALL_NAMES.difference(OF_SOME, OF_NONE))


def rule(*names: str, action: str = ALLOW, **more: Any) -> dict[str, Any]:
    return {"names": list(names), "action": action, **more}


def condition(index: int, op: str, value: int, value_two: int = 0) -> dict[str, Any]:
    return {"index": index, "value": value, "valueTwo": value_two, "op": f"SCMP_CMP_{op}"}


def docker_profile() -> dict[str, Any]:
    """A fresh one."""
    admin = {"caps": ["CAP_SYS_ADMIN"]}
    s390 = ["s390", "s390x"]
    return {
        "defaultAction": ERRNO,
        "defaultErrnoRet": 1,
        "archMap": [
            {"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86", "SCMP_ARCH_X32"]},
            {"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": ["SCMP_ARCH_ARM"]},
            {"architecture": "SCMP_ARCH_S390X", "subArchitectures": ["SCMP_ARCH_S390"]},
            {"architecture": "SCMP_ARCH_RISCV64", "subArchitectures": None},
            {"architecture": "SCMP_ARCH_LOONGARCH64", "subArchitectures": None},
        ],
        "syscalls": [
            rule(*EVERYBODYS),
            rule("process_vm_readv", "ptrace", includes={"minKernel": "4.8"}),
            rule("socket", args=[condition(0, "NE", 40)]),
            *(rule("personality", args=[condition(0, "EQ", value)]) for value in PERSONALITIES),
            rule("sync_file_range2", includes={"arches": ["arm", "arm64"]}),
            rule("arch_prctl", includes={"arches": ["amd64", "x32"]}),
            rule("s390_runtime_instr", includes={"arches": s390}),
            rule("open_by_handle_at", includes={"caps": ["CAP_DAC_READ_SEARCH"]}),
            rule("bpf", "clone", "clone3", "mount", "setns", "umount2", "unshare", includes=admin),
            rule(
                "clone",
                args=[condition(0, "MASKED_EQ", NEW_NAMESPACES)],
                excludes={**admin, "arches": s390},
            ),
            rule(
                "clone",
                args=[condition(1, "MASKED_EQ", NEW_NAMESPACES)],
                comment="the order of arguments is another there",
                includes={"arches": s390},
                excludes=admin,
            ),
            rule("clone3", action=ERRNO, errnoRet=38, excludes=admin),
            rule("reboot", includes={"caps": ["CAP_SYS_BOOT"]}),
            rule("chroot", includes={"caps": ["CAP_SYS_CHROOT"]}),
        ],
    }
