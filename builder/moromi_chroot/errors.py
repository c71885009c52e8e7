"""The ways in which an engine command fails, each with mock's exit code.

A builder tells failures apart by the exit code and the last phase in state.log, so a class here is an exit
code and nothing else:

    ChrootError
    |- BuildFailed            rpmbuild's own code, mostly 1
    |- BadSourcePackage  1    not a source package at all (nothing was started, no result directory)
    |- ConfigError       3    unknown or unreadable configuration
    |- UsageError        5    bad options, missing spec file
    |- GenerateFailed   10    %generate_buildrequires failed
    |- TimedOut         11    rpmbuild_timeout passed
    |- PackagesFailed   30    packages or repositories are not to be had
    |- Unpackable       40    the source package's payload is broken
    |- Locked           60    another command holds the root
    `- SandboxError     70    the namespaces, mounts or files of the root could not be set up
"""

from __future__ import annotations


class ChrootError(Exception):
    """Ends the command with `code`; the text goes to standard error and root.log."""

    code = 1


class BuildFailed(ChrootError):
    """A build command failed with the exit status `code`."""

    def __init__(self, text: str, code: int) -> None:
        super().__init__(text)
        self.code = code


class BadSourcePackage(ChrootError):
    """The file given to --rebuild is missing, unreadable or no source package."""


class ConfigError(ChrootError):
    """The configuration is unknown or says something that the engine does not understand."""

    code = 3


class UsageError(ChrootError):
    """The command line makes no sense."""

    code = 5


class GenerateFailed(ChrootError):
    """%generate_buildrequires failed."""

    code = 10


class TimedOut(ChrootError):
    """A build took longer than rpmbuild_timeout."""

    code = 11


class PackagesFailed(ChrootError):
    """dnf failed: unknown package, unresolvable dependency, dead repository."""

    code = 30


class Unpackable(ChrootError):
    """The source package cannot be unpacked."""

    code = 40


class Locked(ChrootError):
    """Another command works on the same root."""

    code = 60


class SandboxError(ChrootError):
    """The machine does not let the engine do its work."""

    code = 70
