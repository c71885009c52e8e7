#!/usr/bin/env python3
"""Make a small RPM distribution out of Debian packages.

For trying and testing Moromi where no RPM archive can be reached. The result is a repository that a builder
can populate a chroot from with `dnf --installroot … install @build` and in which rpmbuild then works.

Each Debian package in the closure of the wanted set becomes one RPM of the same name. Maintainer scripts are
dropped; the few of their effects that a build root needs (the alternatives' links, /etc/passwd, …) are tables
in `distrotables.py`. Three packages are made here rather than converted: `filesystem` (the merged /usr and
the basics of /etc, installed before everything else), `mini-release` and `mini-rpm-config` (rpm macros).

The same .debs give the same packages and metadata, byte for byte: builders know the packages in a chroot by
their digests, and a repository that is made anew must not differ from what they knew.

Needs on the host: apt with package lists (`apt-get update`), dpkg-deb, rpmbuild, createrepo_c; of Python
the standard library. A second run finds the repository intact and does nothing.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

import distrotables as tables

Fields = dict[str, str]
STAMP = ".mkdistro.json"


def run(*command: str | Path, cwd: Path | None = None) -> str:
    """Run a command that must succeed; return its standard output."""
    argv = [str(word) for word in command]
    env = {**os.environ, "SOURCE_DATE_EPOCH": str(tables.EPOCH), "LC_ALL": "C.UTF-8", "TZ": "UTC"}
    done = subprocess.run(
        argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=cwd, env=env, check=False
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(argv)[:300]}: exit {done.returncode}\n{done.stdout[-3000:]}")
    return done.stdout


# --- the Debian side ------------------------------------------------------------------------------------


@dataclass
class Index:
    """What apt offers: control fields by package name, packages by the virtual names they provide."""

    packages: dict[str, Fields]
    providers: dict[str, list[str]]

    @classmethod
    def read(cls) -> Index:
        """Ask apt for the candidate version of every package, the one that `apt-get download` gets."""
        index = cls({}, {})
        for stanza in run("apt-cache", "dumpavail").split("\n\n"):
            fields = _fields(stanza)
            name = fields.get("Package")
            if name and fields.get("Architecture") in ("amd64", "all"):
                index.packages[name] = fields
                for provided in dependency_names(fields.get("Provides", "")):
                    index.providers.setdefault(provided[0], []).append(name)
        return index

    def candidates(self, names: Iterable[str]) -> list[str]:
        """Return the packages that fulfil any of these names, in order."""
        found = []
        for name in names:
            found += [name] if name in self.packages else self.providers.get(name, [])
        return [name for name in found if name not in tables.EXCLUDE]


def _fields(stanza: str) -> Fields:
    fields: Fields = {}
    key = ""
    for line in stanza.splitlines():
        if line[:1] not in (" ", "\t"):
            key, _, value = line.partition(":")
            fields[key] = value.strip()
    return fields


def dependency_names(text: str) -> list[list[str]]:
    """Parse a Debian dependency field into lists of alternative names."""
    groups = [
        [re.split(r"[\s(:]", name.strip())[0] for name in group.split("|")] for group in text.split(",")
    ]
    return [group for group in groups if group[0]]


def resolve(wanted: Sequence[str], index: Index) -> dict[str, list[str]]:
    """Return, for the closure of the wanted packages, the names that each requires."""
    closure: dict[str, list[str]] = {}
    todo = [name for name in reversed(wanted) if name not in tables.OWN]
    while todo:
        name = todo.pop()
        if name in closure:
            continue
        if name not in index.packages:
            raise SystemExit(f"No Debian package {name}: are the package lists there? Try apt-get update.")
        fields = index.packages[name]
        dropped = tables.EXCLUDE | tables.DROP_DEPS.get(name, set())
        requires = set()
        depends = [fields.get("Pre-Depends", ""), fields.get("Depends", ""), *tables.ADD_DEPS.get(name, [])]
        for group in dependency_names(",".join(depends)):
            if dropped.intersection(group):
                continue
            real = index.candidates(group)
            if not real:
                print(f"note: {name}: nothing for {'|'.join(group)}", file=sys.stderr)
                continue
            chosen = next((alt for alt in real if alt in closure or alt in todo), real[0])
            requires.add(chosen)
            todo.append(chosen)
        closure[name] = sorted(requires - {name})
    return closure


def download(names: Iterable[str], index: Index, cache: Path) -> dict[str, Path]:
    """Fetch the packages' .deb files into the cache; return {name: path}."""
    cache.mkdir(parents=True, exist_ok=True)
    debs = {}
    for name in names:
        fields = index.packages[name]
        version = fields["Version"].replace(":", "%3a")
        debs[name] = cache / f"{name}_{version}_{fields['Architecture']}.deb"
    missing = [f"{n}={index.packages[n]['Version']}" for n, deb in debs.items() if not deb.exists()]
    if missing:
        # apt's own user could not write to the cache.
        options = ("-o", "APT::Sandbox::User=root", "-o", "Acquire::Retries=3")
        run("apt-get", "-qq", *options, "download", *missing, cwd=cache)
    return debs


# --- the RPM side ---------------------------------------------------------------------------------------


def merged(path: str) -> str:
    """Return where a path of a package lies under the merged /usr layout."""
    top = path.split("/", 1)[0]
    return f"usr/{path}" if top in tables.MERGED else path


def unpack(deb: Path, root: Path) -> list[str]:
    """Unpack a .deb into root, merged; return the /bin and /sbin names that it used to own."""
    short_names = []
    with (
        subprocess.Popen(["dpkg-deb", "--fsys-tarfile", deb], stdout=subprocess.PIPE) as process,
        tarfile.open(fileobj=process.stdout, mode="r|") as tar,
    ):
        # Not the filter for untrusted archives, which newer Pythons default to.
        tar.extraction_filter = lambda member, path: member
        for member in tar:
            path = os.path.normpath(member.name)
            if path in (".", *tables.MERGED) or tables.UNWANTED.match(path):
                continue
            if path.startswith(("bin/", "sbin/")):
                short_names.append("/" + path)
            member.name = merged(path)
            if member.islnk():
                member.linkname = merged(os.path.normpath(member.linkname))
            member.uid = member.gid = 0
            tar.extract(member, root)
    if process.returncode:
        raise SystemExit(f"{deb}: dpkg-deb failed")
    return short_names


def file_list(root: Path, own_dirs: bool) -> str:
    """Return the %files lines for everything under root."""
    lines = []
    for top, dirs, files in os.walk(root):
        dirs.sort()
        for name in sorted(dirs + files):
            full = Path(top, name)
            path = str(full.relative_to(root))
            is_dir = full.is_dir() and not full.is_symlink()
            if is_dir and not own_dirs and (path in tables.DIRS or path in tables.DIR_MODES):
                continue
            config = path.startswith("etc/") and full.is_file() and not full.is_symlink()
            # rpmbuild globs these names and has no escape; an unclosed "[" stands for itself.
            quoted = re.sub(r'[]*?{}\\"]', "?", path).replace("%", "%%")
            mark = "%dir " if is_dir else "%config(noreplace) " if config else ""
            lines.append(f'{mark}"/{quoted}"\n')
    return "".join(lines)


@dataclass(frozen=True)
class Rpm:
    """One package to be built from a tree that is ready to ship."""

    name: str
    epoch: str
    version: str
    release: str
    arch: str
    summary: str
    requires: Sequence[str]
    provides: Sequence[str]

    def spec(self, files: Path) -> str:
        """Return the spec file's text."""
        lines = [
            f"Name: {self.name}",
            f"Epoch: {self.epoch}" if self.epoch != "0" else "",
            f"Version: {self.version}",
            f"Release: {self.release}",
            f"Summary: {self.summary.replace('%', '%%') or self.name}",
            f"License: See /usr/share/doc/{self.name}/copyright",
            "BuildArch: noarch" if self.arch == "noarch" else "",
            "AutoReq: no",
            "AutoProv: yes",
            *(f"Requires: {name}" for name in self.requires),
            *(f"Provides: {name}" for name in sorted(set(self.provides))),
            "Requires(pre): filesystem" if self.name != "filesystem" else "",
            "%description",
            f"The Debian package {self.name}, repackaged for a build root.",
            tables.SCRIPTLETS.get(self.name, ""),
            f"%files -f {files}",
            "%defattr(-,root,root,-)",
        ]
        return "\n".join(lines) + "\n"

    def build(self, root: Path, out: Path) -> None:
        """Pack the tree below root into an RPM in out."""
        with tempfile.TemporaryDirectory(prefix="mkdistro-") as top:
            files = Path(top, "files.list")
            files.write_text(file_list(root, own_dirs=self.name == "filesystem"), encoding="utf-8")
            spec = Path(top, f"{self.name}.spec")
            spec.write_text(self.spec(files), encoding="utf-8")
            places = {"_topdir": top, "_rpmdir": str(out), "_builddir": top}
            args = []
            for key, value in (places | tables.RPMBUILD_MACROS).items():
                args += ["--define", f"{key} {value}"]
            run("rpmbuild", "-bb", "--quiet", "--target", self.arch, "--buildroot", root, *args, spec)


def rpm_version(debian: str) -> tuple[str, str, str]:
    """Map a Debian version to RPM's (epoch, version, release)."""
    epoch, _, rest = debian.rpartition(":")
    version, _, release = rest.rpartition("-") if "-" in rest else (rest, "", "1")
    return epoch or "0", version.replace("-", "."), release


def convert(name: str, fields: Fields, requires: Sequence[str], deb: Path, out: Path) -> None:
    """Turn one .deb into one RPM."""
    with tempfile.TemporaryDirectory(prefix=f"mkdistro-{name}-") as top:
        root = Path(top)
        provides = unpack(deb, root)
        for link, target in tables.LINKS.get(name, {}).items():
            path = root / link
            if not path.is_symlink():
                path.parent.mkdir(parents=True, exist_ok=True)
                path.symlink_to(target)
        provides += [names[0] for names in dependency_names(fields.get("Provides", ""))]
        # rpm's generator looks neither into multiarch directories nor works without pkg-config.
        for module in root.glob("usr/**/pkgconfig/*.pc"):
            found = re.search(r"^Version: *([\w.]+)$", module.read_text(encoding="utf-8"), re.M)
            provides.append(f"pkgconfig({module.stem})" + (f" = {found[1]}" if found else ""))
        epoch, version, release = rpm_version(fields["Version"])
        arch = "noarch" if fields["Architecture"] == "all" else "x86_64"
        summary = fields.get("Description", name)
        provides += tables.ALIASES.get(name, [])
        Rpm(name, epoch, version, release, arch, summary, requires, provides).build(root, out)


def make_own(out: Path, dist: str, version: str) -> None:
    """Build the packages that have no Debian counterpart."""
    release = (
        f'NAME="Mini"\nID={dist}\nID_LIKE="fedora"\nVERSION_ID={version}\nPRETTY_NAME="Mini {version}"\n'
    )
    trees: dict[str, Mapping[str, str]] = {
        "filesystem": tables.FILES,
        "mini-release": {"etc/os-release": release},
        "mini-rpm-config": {"usr/lib/rpm/macros.d/macros.mini": tables.MACROS.replace("@DIST@", dist)},
    }
    for name, files in trees.items():
        with tempfile.TemporaryDirectory(prefix=f"mkdistro-{name}-") as top:
            root = Path(top)
            if name == "filesystem":
                make_layout(root)
            for path, text in files.items():
                full = root / path
                full.parent.mkdir(parents=True, exist_ok=True)
                full.write_text(text, encoding="utf-8")
                full.chmod(0o600 if "shadow" in path else 0o644)
            summary, provides = f"Mini distribution: {name}", tables.ALIASES.get(name, [])
            Rpm(name, "0", version, f"1.{dist}", "noarch", summary, (), provides).build(root, out)


def make_layout(root: Path) -> None:
    """Make the directories and links of the filesystem package."""
    for name in (*tables.DIRS, *tables.DIR_MODES):
        (root / name).mkdir(parents=True, exist_ok=True)
        (root / name).chmod(tables.DIR_MODES.get(name, 0o755))
    for link, target in tables.DIR_LINKS.items():
        (root / link).symlink_to(target)


# --- the repository -------------------------------------------------------------------------------------


def write_comps(path: Path) -> None:
    """Write the package groups, the file that createrepo_c takes with -g."""
    groups = ""
    for name, packages in tables.GROUPS.items():
        entries = "".join(f'<packagereq type="mandatory">{escape(each)}</packagereq>' for each in packages)
        groups += (
            f"<group><id>{name}</id><name>{name}</name><description/><default>false</default>"
            f"<uservisible>true</uservisible><packagelist>{entries}</packagelist></group>\n"
        )
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<comps>\n{groups}</comps>\n'
    path.write_text(text, encoding="utf-8")


def fingerprint(args: argparse.Namespace) -> str:
    """Name what was asked for, and the program that it was asked of."""
    digest = hashlib.sha256(json.dumps([args.add, args.no_extras, args.dist, args.version]).encode())
    for path in (__file__, tables.__file__):
        digest.update(Path(path).read_bytes())
    return digest.hexdigest()


def sizes(out: Path) -> dict[str, int]:
    """Return the size of each file of a repository."""
    found = (path for path in out.rglob("*") if path.is_file() and path.name != STAMP)
    return {str(path.relative_to(out)): path.stat().st_size for path in found}


def intact(out: Path, wanted: str) -> bool:
    """Say whether the repository is what was asked for, with nothing missing."""
    with contextlib.suppress(OSError, ValueError):
        stamp = json.loads((out / STAMP).read_text(encoding="utf-8"))
        return bool(stamp["made"] == wanted and stamp["files"] == sizes(out))
    return False


def make(args: argparse.Namespace, out: Path) -> None:
    """Make the repository in an empty directory."""
    start = time.monotonic()

    def say(text: str) -> None:
        print(f"[{time.monotonic() - start:6.1f}s] {text}", flush=True)

    index = Index.read()
    wanted = [name for group in tables.GROUPS.values() for name in group] + args.add
    closure = resolve(wanted + ([] if args.no_extras else tables.EXTRAS), index)
    say(f"{len(closure)} Debian packages")
    debs = download(closure, index, args.cache.absolute())
    say(f"have {sum(deb.stat().st_size for deb in debs.values()) / 1e6:.0f} MB of them")
    packages = out / "Packages"
    packages.mkdir(parents=True)
    # Beside the result, so that the next run removes what an interrupted one leaves.
    scratch = out / "tmp"
    scratch.mkdir()
    tempfile.tempdir = os.environ["TMPDIR"] = str(scratch)
    make_own(packages, args.dist, args.version)
    # The largest first, so that no worker is left with gcc at the end.
    order = sorted(closure, key=lambda name: -debs[name].stat().st_size)
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        work = [pool.submit(convert, n, index.packages[n], closure[n], debs[n], packages) for n in order]
        try:
            for future in concurrent.futures.as_completed(work):
                future.result()
        finally:
            pool.shutdown(cancel_futures=True)
    shutil.rmtree(scratch)
    rpms = list(packages.glob("*.rpm"))
    say(f"built {len(rpms)} RPMs, {sum(rpm.stat().st_size for rpm in rpms) / 1e6:.0f} MB")
    write_comps(out / "comps.xml")
    write_metadata(out)


def write_metadata(out: Path) -> None:
    """Describe the packages below a directory; of times only the fixed one is told."""
    for path in out.rglob("*"):
        os.utime(path, (tables.EPOCH, tables.EPOCH))
    stamp = ["--revision", str(tables.EPOCH), "--set-timestamp-to-revision"]
    run("createrepo_c", "--quiet", "--no-database", *stamp, "-g", "comps.xml", ".", cwd=out)


def main() -> None:
    """Parse the command line and act."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("out", type=Path, help="where the repository goes; another one there is replaced")
    parser.add_argument("--cache", type=Path, default=Path("debs"), help="keeps the .debs (%(default)s)")
    parser.add_argument("--add", action="append", default=[], metavar="NAME", help="another Debian package")
    parser.add_argument("--no-extras", action="store_true", help="leave out gcc, make and the like")
    parser.add_argument("--dist", default="mini1", help="%%dist of packages built there (%(default)s)")
    parser.add_argument("--version", default="1", help="version of the distribution (%(default)s)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="packages converted at a time")
    args = parser.parse_args()
    out: Path = args.out.absolute()
    out.parent.mkdir(parents=True, exist_ok=True)
    # Whoever comes while another run makes it waits, and finds it complete.
    with open(out.with_name(f".{out.name}.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        make_once(args, out)


def make_once(args: argparse.Namespace, out: Path) -> None:
    """Make the repository, unless it is there."""
    wanted = fingerprint(args)
    if intact(out, wanted):
        print(f"{out} is complete")
        return
    for name in ("apt-cache", "dpkg-deb", "rpmbuild", "createrepo_c"):
        if shutil.which(name) is None:
            raise SystemExit(f"{name} is not installed (Debian packages: apt dpkg rpm createrepo-c)")
    os.umask(0o022)
    partial = out.with_name(f"{out.name}.new")
    shutil.rmtree(partial, ignore_errors=True)
    make(args, partial)
    stamp = {"made": wanted, "files": sizes(partial)}
    (partial / STAMP).write_text(json.dumps(stamp), encoding="utf-8")
    shutil.rmtree(out, ignore_errors=True)
    partial.rename(out)
    print(f"repository in {out}")


if __name__ == "__main__":
    main()
