"""What `mkdistro.py` knows about single packages: the sample distribution's tables."""

from __future__ import annotations

import re


def _words(text: str) -> list[str]:
    return text.split()


# Packages that are made here.
OWN = ["filesystem", "mini-release", "mini-rpm-config"]
BUILD = [
    *OWN,
    *_words("bash bzip2 coreutils cpio debianutils diffutils elfutils file findutils gawk grep gzip"),
    *_words("hostname libc-bin ncurses-base passwd patch rpm sed tar unzip util-linux xz-utils zstd"),
]
GROUPS = {"build": BUILD, "srpm-build": BUILD}
# In the repository for BuildRequires, in no group.
EXTRAS = [
    *_words("make gcc libc6-dev autoconf automake libtool m4 pkgconf perl gettext bison flex"),
    *_words("zlib1g-dev python3-minimal"),
]

# Never packaged: dependencies on these are dropped.
EXCLUDE = {
    *_words("dpkg dash debconf base-files base-passwd init-system-helpers install-info"),
    *_words("libpam-modules libpam-runtime sensible-utils ucf media-types netbase dpkg-dev"),
    *_words("libasan8 libtsan2 liblsan0 libubsan1 libgprofng0"),
}
# Single dependencies that a build root does without.
DROP_DEPS = {"rpm": {"perl"}, "rpm2cpio": {"libarchive13"}}
# Dependencies that RPM distributions have and Debian only recommends.
ADD_DEPS = {
    "autoconf": ["m4", "perl"],
    "gcc": ["libc6-dev"],
    "libc6": ["libc-bin"],
    "rpm": ["binutils", "elfutils"],
}
# Names that specs written for Fedora or CentOS ask for.
ALIASES = {
    "bash": ["/bin/sh"],
    "debianutils": ["which"],
    "g++": ["gcc-c++"],
    "libc-bin": ["glibc-common"],
    "libc6": ["glibc", "rtld(GNU_HASH)"],
    "libc6-dev": ["glibc-devel", "glibc-headers"],
    "mini-release": ["system-release", "redhat-release"],
    "mini-rpm-config": ["redhat-rpm-config", "system-rpm-config"],
    "passwd": ["shadow-utils"],
    "perl": ["perl-interpreter", "perl(:VERSION) = 5.36.0"],
    "pkgconf": ["pkgconfig", "pkgconf-pkg-config", "/usr/bin/pkg-config"],
    "python3-minimal": ["python3"],
    "rpm": ["rpm-build"],
    "xz-utils": ["xz"],
    "zlib1g-dev": ["zlib-devel"],
}
# What update-alternatives or a maintainer script would link: {package: {link: target}}.
LINKS = {
    "automake": {"usr/bin/automake": "automake-1.16", "usr/bin/aclocal": "aclocal-1.16"},
    "bash": {"usr/bin/sh": "bash"},
    "bison": {"usr/bin/yacc": "bison.yacc"},
    "debianutils": {"usr/bin/which": "which.debianutils"},
    "g++": {"usr/bin/c++": "g++"},
    "gawk": {"usr/bin/awk": "gawk"},
    "gcc": {"usr/bin/cc": "gcc"},
}
# Spec text that stands for maintainer scripts.
SCRIPTLETS = {
    "libc-bin": "%transfiletriggerin -P 2000000 -- /usr/lib64 /usr/lib\n/usr/sbin/ldconfig\n"
    "%transfiletriggerpostun -P 2000000 -- /usr/lib64 /usr/lib\n/usr/sbin/ldconfig\n",
}
# Nothing in a package is younger, so that it does not tell when it was made.
EPOCH = 1767225600
# How the packages themselves are packed: as they are, quickly, and alike wherever that is done.
RPMBUILD_MACROS = {
    "use_source_date_epoch_as_buildtime": "1",
    "clamp_mtime_to_source_date_epoch": "1",
    "_buildhost": "mini.localhost",
    "_build_id_links": "none",
    "_rpmfilename": "%%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm",
    "_binary_payload": "w3.zstdio",
    "__perl_provides": "%{nil}",
    "__spec_install_pre": "%{___build_pre}",
    "__spec_install_post": "%{nil}",
    "_unpackaged_files_terminate_build": "0",
    "debug_package": "%{nil}",
}

# Directories that are links into /usr.
MERGED = ("bin", "sbin", "lib", "lib64")
UNWANTED = re.compile(
    r"usr/share/(man|info|locale|lintian|bug|doc-base|gdb|bash-completion)(/|$)"
    r"|usr/share/doc/[^/]+/(?!copyright$)|usr/lib/python3[^/]*/(test|__pycache__)(/|$)"
)

# The package filesystem.
DIRS = [
    *_words("boot dev etc etc/ld.so.conf.d etc/profile.d etc/rpm home media mnt opt proc run run/lock"),
    *_words(
        "srv sys usr usr/bin usr/include usr/lib usr/lib/x86_64-linux-gnu usr/lib64 usr/libexec usr/local"
    ),
    *_words("usr/local/bin usr/sbin usr/share usr/share/doc usr/src"),
    *_words("var var/cache var/lib var/log var/spool"),
]
DIR_MODES = {"root": 0o700, "tmp": 0o1777, "var/tmp": 0o1777}
DIR_LINKS = {name: f"usr/{name}" for name in MERGED} | {"var/run": "../run", "var/lock": "../run/lock"}
_GIDS = {
    "root": 0, "bin": 1, "daemon": 2, "sys": 3, "adm": 4, "tty": 5, "disk": 6, "mem": 8, "kmem": 9,
    "mail": 12, "utmp": 22, "shadow": 42, "users": 100, "nogroup": 65534,
}  # fmt: skip
FILES = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/bash\n"
    "bin:x:1:1:bin:/bin:/sbin/nologin\n"
    "daemon:x:2:2:daemon:/sbin:/sbin/nologin\n"
    "nobody:x:65534:65534:nobody:/:/sbin/nologin\n",
    "etc/group": "".join(f"{name}:x:{gid}:\n" for name, gid in _GIDS.items()),
    "etc/shadow": "root:*:19000:0:99999:7:::\n",
    "etc/gshadow": "root:::\n",
    "etc/hosts": "127.0.0.1 localhost\n::1 localhost\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n",
    "etc/profile": "export PATH=/usr/local/bin:/usr/bin:/usr/sbin\n",
    "etc/shells": "/bin/sh\n/bin/bash\n",
    "etc/ld.so.conf.d/lib64.conf": "/usr/lib64\n",
}

# The package mini-rpm-config.
MACROS = """\
%dist .@DIST@
%_dbpath /var/lib/rpm
%_enable_debug_packages 1
%_debugsource_packages 1
%_debuginfo_subpackages 1
%_unique_build_ids 1
%_unique_debug_names 1
%_unique_debug_srcs 1
%install %{?_enable_debug_packages:%{debug_package}}\\
%%install\\
%{nil}
"""
