"""Processes in namespaces of their own, over a root that only they see.

Everything that runs on behalf of a build runs here:

    engine
    `- keeper     own session; unshared mount, pid, uts, ipc (and net) namespaces; waits for
       `- init    pid 1 of the pid namespace: mounts, enters the root, reaps orphans, waits for
          `- job  other ids, executed

Nothing outlives the engine: keeper and init carry PR_SET_PDEATHSIG (KILL), the death of init ends every
process of its namespace, and with the last of them go the mount namespace and so all the mounts. That holds
when the engine itself is killed with SIGKILL. Keeper and init stay root, since changing ids would clear the
signal.

The processes are forked from the engine, which has one thread, and not executed anew: a command costs
about ten milliseconds beyond its own time.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from moromi_chroot import syscalls as sc
from moromi_chroot.errors import SandboxError

DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
DEVICE_LINKS = (
    ("fd", "/proc/self/fd"),
    ("stdin", "fd/0"),
    ("stdout", "fd/1"),
    ("stderr", "fd/2"),
    ("ptmx", "pts/ptmx"),
)
TTY_GID = 5


@dataclass(frozen=True)
class RootView:
    """How a root is put together while a command runs in it.

    `path` is where the root is. With `lowers` (topmost first) it is an overlay over them, mounted on `path`
    itself with `path` as its upper directory and `work` (an empty directory beside it) as its work directory.
    """

    path: Path
    lowers: tuple[Path, ...] = ()
    work: Path | None = None

    def mount(self) -> None:
        """Make `path` a mount point in the mount namespace of the caller: the overlay, or itself."""
        if not self.lowers:
            sc.mount(str(self.path), str(self.path), None, sc.MS_BIND | sc.MS_REC)
            return
        lower = ":".join(str(path).replace("\\", "\\\\").replace(":", "\\:") for path in self.lowers)
        data = f"lowerdir={lower},upperdir={self.path},workdir={self.work}"
        sc.mount("overlay", str(self.path), "overlay", 0, data)


@dataclass(frozen=True)
class Job:
    """One command, or one Python function, to run over a root.

    `inside`: with the root as the only file system (else on the host's files, with the root mounted: dnf).
    `mounts`: make the root and the system's directories in it ready (else it is only a private copy of the
    host's mounts). `binds`: (host path, path in the root) pairs, bound before the job starts.
    """

    argv: Sequence[str] = ()
    function: Callable[[], None] | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: str = "/"
    uid: int = 0
    gid: int = 0
    inside: bool = True
    mounts: bool = True
    network: bool = False
    binds: tuple[tuple[str, str], ...] = ()
    persona: int = 0


@dataclass
class Running:
    """A started job: the keeper's pid and the reading ends of the output and set-up error pipes."""

    pid: int
    output: int
    errors: int

    def wait(self) -> int:
        """Wait for the end; return the exit status (negative: killed by that signal).

        Raises SandboxError if the job never started.
        """
        _, status = os.waitpid(self.pid, 0)
        self.pid = 0
        with contextlib.closing(os.fdopen(self.errors, "rb")) as pipe:
            text = pipe.read().decode("utf-8", "replace")
        self.errors = -1
        if text:
            raise SandboxError(text)
        return os.waitstatus_to_exitcode(status)

    def kill(self) -> None:
        """End every process of the job and wait until they and their mounts are gone."""
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            # The engine adopts init when the keeper dies (see adopt_orphans).
            with contextlib.suppress(ChildProcessError):
                while True:
                    os.waitpid(-1, 0)
            self.pid = 0
        for descriptor in (self.output, self.errors):
            if descriptor >= 0:
                os.close(descriptor)
        self.output = self.errors = -1


def adopt_orphans() -> None:
    """Make this process the one that waits for orphans of its own, so that kill() can wait for all."""
    sc.prctl(sc.PR_SET_CHILD_SUBREAPER, 1)


@contextlib.contextmanager
def running(view: RootView, job: Job) -> Iterator[Running]:
    """Start a job; leaving the block early, by an exception or a signal's, kills all of it."""
    handle = _spawn(view, job)
    try:
        yield handle
    finally:
        handle.kill()


def _spawn(view: RootView, job: Job) -> Running:
    out_read, out_write = os.pipe()
    err_read, err_write = os.pipe()
    engine = os.getpid()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        os.close(out_write)
        os.close(err_write)
        return Running(pid, out_read, err_read)
    _forked(err_write, lambda: _keeper(engine, view, job, out_write, err_write))


def _forked(err_write: int, body: Callable[[], int]) -> NoReturn:
    """Run the body of a forked process and leave without the parent's clean-up, whatever happens."""
    code = 1
    try:
        code = body()
    except BaseException as exc:
        os.write(err_write, str(exc).encode("utf-8", "replace") or repr(exc).encode())
    finally:
        os._exit(code)


def _keeper(engine: int, view: RootView, job: Job, out_write: int, err_write: int) -> int:
    """Make the namespaces and wait for init; return its status in the form of a shell's."""
    sc.prctl(sc.PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != engine:
        return 1
    os.setsid()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(out_write, 1)
    os.dup2(out_write, 2)
    os.close(out_write)
    network = 0 if job.network else sc.CLONE_NEWNET
    sc.unshare(sc.CLONE_NEWNS | sc.CLONE_NEWPID | sc.CLONE_NEWUTS | sc.CLONE_NEWIPC | network)
    alive_read, alive_write = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(alive_write)
        _forked(err_write, lambda: _init(alive_read, view, job, err_write))
    # Only init and the job may hold these open, or their end would not be seen.
    os.close(err_write)
    os.closerange(0, 3)
    _, status = os.waitpid(pid, 0)
    return _shell_status(status)


def _shell_status(status: int) -> int:
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _init(alive_read: int, view: RootView, job: Job, err_write: int) -> int:
    """Be pid 1: mount, start the job, reap until it has ended."""
    sc.prctl(sc.PR_SET_PDEATHSIG, signal.SIGKILL)
    if select.select([alive_read], [], [], 0)[0]:
        return 1  # The keeper died before it could take us along.
    sc.mount("none", "/", None, sc.MS_REC | sc.MS_PRIVATE)
    if job.mounts:
        view.mount()
        _mount_system(view.path, job)
    if not job.network:
        sc.loopback_up()
    if job.inside:
        sc.pivot_root(str(view.path))
    child = os.fork()
    if not child:
        _forked(err_write, lambda: _job(job))
    os.close(err_write)
    os.closerange(0, 3)
    while True:
        pid, status = os.wait()
        if pid == child:
            return _shell_status(status)


def _job(job: Job) -> int:
    """Drop privileges and become the command."""
    os.chdir(job.cwd)
    if job.persona:
        sc.personality(job.persona)
    if job.uid or job.gid:
        os.setgroups([])
        os.setresgid(job.gid, job.gid, job.gid)
        os.setresuid(job.uid, job.uid, job.uid)
        sc.prctl(sc.PR_SET_NO_NEW_PRIVS, 1)
    os.umask(0o022)
    if job.function:
        job.function()
        return 0
    try:
        os.execvpe(job.argv[0], list(job.argv), dict(job.env))
    except OSError as exc:
        os.write(2, f"{job.argv[0]}: {exc.strerror}\n".encode())
        return 127


def _mount_system(root: Path, job: Job) -> None:
    """Mount proc, sys and a minimal dev in the root, and what the configuration binds."""
    for name in ("proc", "sys", "dev"):
        (root / name).mkdir(exist_ok=True)
    top = str(root)
    sc.mount("proc", f"{top}/proc", "proc", sc.MS_NOSUID | sc.MS_NODEV | sc.MS_NOEXEC)
    # A sysfs can only be mounted by the owner of the network namespace, which a private one has.
    flags = sc.MS_RDONLY | sc.MS_NOSUID | sc.MS_NODEV | sc.MS_NOEXEC
    sc.mount("sysfs", f"{top}/sys", "sysfs", flags)
    dev = root / "dev"
    sc.mount("tmpfs", str(dev), "tmpfs", sc.MS_NOSUID, "mode=755,size=64m")
    for name in DEVICES:
        (dev / name).touch()
        sc.mount(f"/dev/{name}", str(dev / name), None, sc.MS_BIND)
    for link, target in DEVICE_LINKS:
        (dev / link).symlink_to(target)
    (dev / "pts").mkdir()
    options = f"newinstance,ptmxmode=0666,mode=620,gid={TTY_GID}"
    sc.mount("devpts", str(dev / "pts"), "devpts", sc.MS_NOSUID | sc.MS_NOEXEC, options)
    (dev / "shm").mkdir()
    sc.mount("tmpfs", str(dev / "shm"), "tmpfs", sc.MS_NOSUID | sc.MS_NODEV, "mode=1777")
    for source, target in job.binds:
        _bind(source, root / target.lstrip("/"))


def _bind(source: str, target: Path) -> None:
    if os.path.isdir(source):
        target.mkdir(parents=True, exist_ok=True)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch()
    sc.mount(source, str(target), None, sc.MS_BIND | sc.MS_REC)
