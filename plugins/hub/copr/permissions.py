"""Permissions that are asked for and granted, and who is told (copr.md, section 3).

The checks are made in the order of the tables there, and nothing is stored unless all hold.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from email.message import EmailMessage
from typing import Any

from moromi import mail
from moromi.errors import GenericError
from moromi_hub.plugin_api import Call

from . import access, people, people_queries, project_queries
from .errors import BadRequest, NotFound
from .model import PERMISSIONS, Level, Project
from .people import Person
from .settings import CONFIG

_SET_FORM = (
    "request is not a dictionary, expected format:"
    " {'username': {'admin': 'nothing', 'builder': 'request'} ...}"
)
_REQUEST_FORM = "invalid 'roles' dict format, expected: {'admin': True, 'builder': False}"
_ALLOWED = "|".join(sorted(PERMISSIONS))

Levels = dict[str, Level]
log = logging.getLogger("moromi_hub.plugins.copr")


def can_build(call: Call, name: str, project: Project) -> bool:
    """Whether a user may build in a project. Raises NotFound for an unknown user."""
    user_id = people.find_user(call, name)
    if user_id is None:
        raise NotFound(f"No such user `{name}'")
    return access.may_build(call, people.person(call, user_id), project)


def stored(call: Call, project: Project) -> dict[str, dict[str, str]]:
    """What is stored of a project's users. Raises NotFound if nothing is."""
    found = project_queries.levels(call.tx, project.id)
    if not found:
        raise NotFound(f"No permissions set on {project.full_name} project")
    return {user: {name: level.name for name, level in levels.items()} for user, levels in found.items()}


# set


def change(call: Call, who: Person, project: Project, request: Any) -> list[str]:
    """Set levels of users as `{user: {permission: level}}`; the users for whom that changed anything."""
    if not isinstance(request, dict):
        raise BadRequest(_SET_FORM)
    if not request:
        raise BadRequest("no permission change requested")
    owners = people.owner_ids(call, project.owner)
    wanted = [(name, *_checked(call, project, owners, name, levels)) for name, levels in request.items()]
    updated = []
    mails: list[EmailMessage] = []
    for name, user_id, levels in wanted:
        lines = _store(call, project, user_id, levels)
        if lines:
            updated.append(name)
            mails += _mails(call, [user_id], _told(call, project, lines, who))
    send(call, mails)
    return updated


def _checked(call: Call, project: Project, owners: set[int], name: str, request: Any) -> tuple[int, Levels]:
    user_id = people.find_user(call, name)
    if user_id is None:
        raise BadRequest(f"user '{name}' doesn't exist in database")
    if not isinstance(request, dict):
        raise BadRequest(_SET_FORM)
    for permission in request:
        _assert_permission(permission)
    levels: Levels = {}
    for permission, level in request.items():
        if not isinstance(level, str) or level not in Level.__members__:
            raise BadRequest(
                f"invalid '{permission}' permission state '{level}', use nothing|request|approved"
            )
        levels[permission] = Level[level]
    if user_id in owners:
        raise BadRequest(f"user '{name}' is owner of the '{project.full_name}' project")
    return user_id, levels


def _assert_permission(name: str) -> None:
    if name not in PERMISSIONS:
        raise BadRequest(f"invalid permission '{name}', allowed {_ALLOWED}")


def _store(call: Call, project: Project, user_id: int, levels: Mapping[str, Level]) -> list[str]:
    """Write what a user has now; a line for each level that differs from before."""
    before = project_queries.level(call.tx, project.id, user_id)
    after = {**before, **levels}
    project_queries.store_levels(call.tx, project.id, user_id, after)
    return [
        f"{name}: {before[name].name} -> {after[name].name}"
        for name in PERMISSIONS
        if before[name] != after[name]
    ]


# request


def request(call: Call, who: Person, project: Project, roles: Any) -> bool:
    """Ask for permissions, or give them up, as `{permission: bool}`; whether that changed anything."""
    if not isinstance(roles, dict):
        raise BadRequest(_REQUEST_FORM)
    if not roles:
        raise BadRequest("no permission requested")
    for name, value in roles.items():
        if not isinstance(value, bool):
            raise BadRequest(f"invalid '{name}' permission request '{value}', expected True or False")
    for name in roles:
        _assert_permission(name)
    if people.owns(who, project.owner):
        raise BadRequest(f"user '{who.name}' is owner of the '{project.full_name}' project")
    present = project_queries.level(call.tx, project.id, who.id)
    for name, value in roles.items():
        if value and present[name] == Level.approved:
            raise BadRequest(f"You already are '{name}' in '{project.full_name}'")
    levels = {name: Level.request if value else Level.nothing for name, value in roles.items()}
    lines = _store(call, project, who.id, levels)
    if lines:
        recipients = people.owner_ids(call, project.owner) | project_queries.admins(call.tx, project.id)
        send(call, _mails(call, sorted(recipients), _asked(call, project, lines, who)))
    return bool(lines)


# mail


def _asked(call: Call, project: Project, lines: list[str], who: Person) -> tuple[str, str]:
    subject = f"[Copr] {project.full_name}: {who.name} requests other permissions"
    return subject, _text(call, project, lines)


def _told(call: Call, project: Project, lines: list[str], who: Person) -> tuple[str, str]:
    subject = f"[Copr] {project.full_name}: your permissions changed"
    return subject, _text(call, project, [*lines, "", f"Changed by {who.name}."])


def _text(call: Call, project: Project, lines: list[str]) -> str:
    where = f"{project.full_name}: {CONFIG.of(call).url}/coprs/{project_path(project)}/"
    return "\n".join([*lines, "", where, ""])


def project_path(project: Project) -> str:
    """The path of a project's pages."""
    owner = project.owner
    return f"g/{owner.name[1:]}/{project.name}" if owner.is_group else project.full_name


def _mails(call: Call, user_ids: list[int], message: tuple[str, str]) -> list[EmailMessage]:
    """A message to each of some users; addresses are made of names and the site's domain."""
    config = CONFIG.of(call)
    names = people_queries.names_of(call.tx, user_ids)
    addresses = [name if "@" in name else f"{name}@{config.email_domain}" for name in sorted(names.values())]
    return [
        mail.compose(config.mail_sender, [address], *message)
        for address in addresses
        if not address.endswith("@")
    ]


def send(call: Call, messages: list[EmailMessage]) -> None:
    """Send once the transaction is committed, if the site sends mail; nobody waits for the mail server."""
    server = CONFIG.of(call).mail_server
    if server and messages:
        thread = threading.Thread(target=_send, args=(mail.MailServer(server), messages), daemon=True)
        call.tx.after_commit(thread.start)


def _send(server: mail.MailServer, messages: list[EmailMessage]) -> None:
    for message in messages:
        try:
            server.send(message, [str(message["To"])])
        except GenericError:
            log.exception("mail to %s was not sent", message["To"])
