"""What we ask of the kernel when a child process starts: die with us, and don't be root.

Everything here runs in the child between fork and exec, so it only makes system calls.
"""

import ctypes
import os
import pwd
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

# <linux/prctl.h> and <linux/capability.h>.
PR_SET_PDEATHSIG = 1
PR_SET_KEEPCAPS = 8
PR_SET_SECUREBITS = 28
PR_SET_CHILD_SUBREAPER = 36
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
LINUX_CAPABILITY_VERSION_3 = 0x20080522
CAP_DAC_OVERRIDE = 1
SECBIT_NO_SETUID_FIXUP = 1 << 2

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Account:
    """The system account a server runs as."""

    uid: int
    gid: int


def unprivileged_account() -> Account | None:
    """Return whom to become where the server refuses to be root; None when we are not root."""
    if os.geteuid() != 0:
        return None
    try:
        nobody = pwd.getpwnam("nobody")
        return Account(nobody.pw_uid, nobody.pw_gid)
    except KeyError:
        return Account(65534, 65534)


def child_setup(
    *, parent_pid: int, death_signal: int = signal.SIGKILL, account: Account | None = None
) -> Callable[[], None]:
    """Return a `preexec_fn`: own session, `account`'s rights, and `death_signal` when we die.

    The kernel sends the signal when the *thread* that forked ends, so start
    children from a thread that lives as long as they should.
    """

    def setup() -> None:
        os.setsid()
        if account is not None:
            _become(account)
        # Changing accounts clears the death signal, so it is asked for last; and a
        # parent that died in between will never send it.
        die_with_parent(parent_pid, death_signal)

    return setup


def die_with_parent(parent_pid: int, death_signal: int = signal.SIGKILL) -> None:
    """Make the kernel send us `death_signal` when our parent dies (Linux only)."""
    if not hasattr(_libc, "prctl"):
        return
    _libc.prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
    if os.getppid() != parent_pid:
        os._exit(1)


def adopt_orphans() -> None:
    """Become the parent of our descendants whose own parent dies (Linux only)."""
    if hasattr(_libc, "prctl"):
        _libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _become(account: Account) -> None:
    """Give up root, and keep only the right to walk through folders closed to others.

    The program and its data may lie under a folder such as /root (mode 0700). Opening
    that folder to everybody would be wrong, and so would be a copy elsewhere; the one
    capability kept is inherited over exec (ambient). Where the kernel gives none, the
    folders must be open anyway.
    """
    _libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)
    # Without this bit access(2), by which initdb looks for its sister programs, disregards
    # the capabilities of everybody but root.
    _libc.prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0)
    os.setgroups([])
    os.setresgid(account.gid, account.gid, account.gid)
    os.setresuid(account.uid, account.uid, account.uid)
    header = (ctypes.c_uint32 * 2)(LINUX_CAPABILITY_VERSION_3, 0)
    one = 1 << CAP_DAC_OVERRIDE
    # Effective, permitted, inheritable; the upper 32 capabilities follow in the same order.
    sets = (ctypes.c_uint32 * 6)(one, one, one, 0, 0, 0)
    if _libc.capset(header, sets) == 0:
        _libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_OVERRIDE, 0, 0)
    else:
        _libc.capset(header, (ctypes.c_uint32 * 6)())


def give(path: Path, account: Account | None) -> None:
    """Make `path` belong to `account`, if there is one to give it to."""
    if account is not None:
        os.chown(path, account.uid, account.gid)


def children_of(pid: int) -> set[int]:
    """Return the process ids of the direct children of `pid`, the dead not yet reaped included."""
    try:
        threads = list(Path(f"/proc/{pid}/task").iterdir())
        return {int(word) for task in threads for word in (task / "children").read_text().split()}
    except OSError:
        return set()
