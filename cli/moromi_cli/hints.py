"""What to try after an error: for a person at a terminal, who gets one line in place of a log line.

Scripts see Koji's texts as they are.
"""

import re
import shlex

from moromi.errors import (
    ActionNotAllowed,
    AuthError,
    AuthExpired,
    Fault,
    GenericError,
    GSSAPIAuthError,
    ServerOffline,
)

# Text of an error -> what to try; `{0}` is what the pattern found, quoted for a shell.
BY_TEXT = (
    (r"No such (?:destination )?tag(?:Info)?: '?([^'\s]+)", "{prog} list-tags {glob}"),
    (r"[Nn]o such build target: '?([^'\s]+)", "{prog} list-targets lists them"),
    (r"No such build(?:Info)?: '?([^'\s]+)", "{prog} search build {glob}"),
    (r"No such package(?:Info)?: '?([^'\s]+)", "{prog} search package {glob}"),
    (r"No such user(?:Info)?: '?([^'\s]+)", "{prog} search user {glob}"),
    (r"No such host(?:Info)?: '?([^'\s]+)", "{prog} list-hosts lists them"),
    (r"No such task(?: id)?: '?(\S+)", "{prog} list-tasks lists unfinished tasks"),
    (r"invalid format: '?([^'\s]+)", "builds are named NAME-VERSION-RELEASE: {prog} search build {glob}"),
    (r"Invalid method: (\S+)", "this hub does not offer {0}: it is another kind or an older release"),
    (r"(\S+) permission required", "{prog} list-permissions --mine shows what you may do"),
    (r"tag .* is locked", "an administrator can unlock it: {prog} edit-tag --unlock TAG"),
    (r"(?:IP address|Hostname) mismatch", "its certificate is for another name: use that one in `server`"),
    (r"certificate (?:verify failed|has expired)", "the profile's `serverca` names the hub's authority"),
    (r"no certificates of authorities there", "`serverca` in the profile names a PEM file or a directory"),
    (r"no certificate with its key there", "`cert` in the profile names a PEM file with both"),
    (r"Connection refused", "is the hub running? --server or the profile's `server` names another"),
    (r"(?:Name or service not known|nodename nor servname|name resolution)", "check `server` in the profile"),
    (r"(?:No route to host|Network is unreachable)", "check the network, and `server` in the profile"),
    (
        r"timed out",
        "the hub does not answer in time; the profile's `patience`, `timeout` and `auth_timeout` say how long"
        " to wait",
    ),
    (r"wrong version number", "no TLS there: http:// in place of https:// in `server`?"),
    (r"HTTP request was sent to HTTPS port", "`server` needs https:// in place of http://"),
    (r"moved to (\S+)", "--server, or `server` in the profile, for the new address"),
    (r"not an address that begins with http", "`server` is like https://hub.example.org/kojihub"),
    (r"(?:answered 404|does not answer as a hub|is not HTTP)", "`server` is like https://HOST/kojihub"),
    (r"answered 50[0234]", "the hub or what stands before it is in trouble: try again later"),
    (r"(?:connection was cut|Connection reset|closed connection)", "try again"),
    (r"no configuration for profile name: (\S+)", "put a section [{0}] into ~/.moromi/config"),
    (r"Unable to log in", "give --user, or `cert` in the profile, or run kinit first"),
)
BY_CLASS: tuple[tuple[type[Exception], str], ...] = (
    (AuthExpired, "run the command again to log in anew"),
    (GSSAPIAuthError, "run kinit for a ticket, or give --user"),
    (AuthError, "{prog} hello shows how you log in; --user, --cert or kinit change it"),
    (ActionNotAllowed, "{prog} list-permissions --mine shows what you may do"),
    (ServerOffline, "the hub is down for maintenance; `offline_retry = yes` in the profile waits for it"),
)


def hint(error: BaseException, prog: str) -> str:
    """What to try; '' when nothing better than the text itself is known."""
    text = str(error)
    for pattern, advice in BY_TEXT:
        found = re.search(pattern, text)
        if found:
            name = found[1] if found.groups() else ""
            return advice.format(shlex.quote(name), prog=prog, glob=shlex.quote(f"*{_stem(name)}*"))
    for kind, advice in BY_CLASS:
        if isinstance(error, kind):
            return advice.format(prog=prog)
    return ""


def _stem(name: str) -> str:
    """The name without version and release, where it has them."""
    return re.sub(r"-\d[^-]*-[^-]*$", "", name)


def person_line(error: BaseException, prog: str) -> str:
    """One line: what was wrong, and what to try."""
    text = brief(error) or type(error).__name__
    if not isinstance(error, (GenericError, Fault, OSError)):
        text = f"{type(error).__name__}: {text} (--debug shows where)"
    advice = hint(error, prog)
    return f"{prog}: error: {text}" + (f" ({advice})" if advice else "")


def brief(error: BaseException) -> str:
    """The text on one line. What broke in a hub or a builder comes as a traceback: of that its last line."""
    text = error.faultString.strip() if isinstance(error, Fault) else str(error)
    if text.startswith("Traceback "):
        text = text.rpartition("\n")[2]
    return " ".join(text.split())


def nearest(word: str, names: list[str]) -> list[str]:
    """Names that a mistyped one may mean, the likeliest first."""
    import difflib

    close = difflib.get_close_matches(word.replace("_", "-"), names, n=3, cutoff=0.7)
    inside = [name for name in names if len(word) > 3 and word in name]
    return list(dict.fromkeys(close + inside))[:3]
