"""The errors that a hub and its clients exchange, each with its fault code.

A client turns the code of a fault back into the class of the same name, so
names and codes are those of Koji (hub-protocol.md 1.8)::

    Exception
    ├── Fault                      any other code, as received
    └── GenericError           1000
        ├── LockError          1001
        ├── AuthError          1002
        │   ├── AuthLockError  1006
        │   ├── AuthExpired    1007
        │   ├── SequenceError  1008
        │   ├── RetryError     1009
        │   └── GSSAPIAuthError 1023
        ├── TagError           1003
        ├── ActionNotAllowed   1004
        ├── BuildError         1005
        │   ├── PreBuildError  1010
        │   ├── PostBuildError 1011
        │   └── BuildrootError 1012
        ├── FunctionDeprecated 1013
        ├── ServerOffline      1014
        ├── LiveCDError        1015
        ├── PluginError        1016
        │   └── CallbackError  1017
        ├── ApplianceError     1018
        ├── ParameterError     1019
        ├── ImportError        1020
        ├── ConfigurationError 1021
        ├── LiveMediaError     1022
        └── NameValidationError 1024

`ImportError` shadows the built-in of that name: import this module, not the
name.
"""

from __future__ import annotations

from typing import ClassVar

#: The fault code of an exception that is not part of the tree.
UNEXPECTED = 1


class Fault(Exception):
    """A fault whose code belongs to no class, for example 1 (unexpected)."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(code, text)
        self.faultCode = code
        self.faultString = text

    def __str__(self) -> str:
        return f"<Fault {self.faultCode}: {self.faultString!r}>"


class GenericError(Exception):
    """Anything without a class of its own. `str()` is the first argument."""

    faultCode: ClassVar[int] = 1000
    #: True on an instance that was made from a fault that a hub sent.
    fromFault: bool = False

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class LockError(GenericError):
    """A file lock is busy, or a named lock does not exist."""

    faultCode = 1001


class AuthError(GenericError):
    """A login or session problem."""

    faultCode = 1002


class TagError(GenericError):
    """Tagging was refused."""

    faultCode = 1003


class ActionNotAllowed(GenericError):
    """Refused for lack of a permission or a login, or by a policy."""

    faultCode = 1004


class BuildError(GenericError):
    """Build data is inconsistent, or a build failed."""

    faultCode = 1005


class AuthLockError(AuthError):
    """Another session holds the user exclusively."""

    faultCode = 1006


class AuthExpired(AuthError):
    """The session must be renewed."""

    faultCode = 1007


class SequenceError(AuthError):
    """The call number is below the recorded one."""

    faultCode = 1008


class RetryError(AuthError):
    """A call was repeated that may not be repeated."""

    faultCode = 1009


class PreBuildError(BuildError):
    """A build failed before it began."""

    faultCode = 1010


class PostBuildError(BuildError):
    """A build failed after it was done."""

    faultCode = 1011


class BuildrootError(BuildError):
    """A buildroot could not be made, or its data is inconsistent."""

    faultCode = 1012


class FunctionDeprecated(GenericError):
    """The call is no longer offered."""

    faultCode = 1013


class ServerOffline(GenericError):
    """The hub is offline, locked, or without its database."""

    faultCode = 1014


class LiveCDError(GenericError):
    """A live CD build failed."""

    faultCode = 1015


class PluginError(GenericError):
    """A plugin cannot be registered."""

    faultCode = 1016


class CallbackError(PluginError):
    """A plugin's callback failed."""

    faultCode = 1017


class ApplianceError(GenericError):
    """An appliance build failed."""

    faultCode = 1018


class ParameterError(GenericError):
    """The arguments of a call are wrong."""

    faultCode = 1019


class ImportError(GenericError):
    """A build, archive or scratch build cannot be imported."""

    faultCode = 1020


class ConfigurationError(GenericError):
    """A configuration file has a problem."""

    faultCode = 1021


class LiveMediaError(GenericError):
    """A live media build failed."""

    faultCode = 1022


class GSSAPIAuthError(AuthError):
    """A Kerberos login failed (client side)."""

    faultCode = 1023


class NameValidationError(GenericError):
    """A name breaks the rules for names."""

    faultCode = 1024


def _tree(root: type[GenericError]) -> dict[int, type[GenericError]]:
    found = {root.faultCode: root}
    for child in root.__subclasses__():
        if child.__module__ == __name__:
            found.update(_tree(child))
    return found


#: Fault code -> class, for every class of this module.
BY_CODE: dict[int, type[GenericError]] = _tree(GenericError)


def from_fault(code: int, text: str) -> Exception:
    """Return the exception that a fault stands for (`Fault` if the code has no class)."""
    kind = BY_CODE.get(code)
    if kind is None:
        return Fault(code, text)
    error = kind(text)
    error.fromFault = True
    return error
