"""What is at the root of the server besides the APIs: results, .repo files, the token page, redirects.

Sections 4.4 to 4.6. Projects of groups are at `/coprs/g/<group>/…` too.
"""

from __future__ import annotations

import html
from typing import Any

from flask import Blueprint, Response, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from moromi.errors import AuthError
from moromi_hub.plugin_api import FileTree, serving_hub

from . import builds, chroots, live, logs, people, permissions, projects, repofiles, results
from .api_3.body import refuse_unstorable
from .errors import CoprError, NotFound
from .model import State
from .paging import Page
from .settings import CONFIG

BLUEPRINT = Blueprint("copr_pages", __name__)
_NEWEST = Page(limit=20, order_type="DESC")


def _page(title: str, body: str) -> str:
    """A page; the title is text, the body is HTML."""
    escaped = html.escape(title)
    return f'<!DOCTYPE html><meta charset="utf-8"><title>{escaped}</title><h1>{escaped}</h1>{body}\n'


@BLUEPRINT.errorhandler(CoprError)
def _error(error: CoprError) -> Response:
    response = Response(f"{error.text}\n", error.status, mimetype="text/plain")
    if isinstance(error, repofiles.NoSuchChroot):
        response.headers["Copr-Error-Data"] = error.header
    return response


@BLUEPRINT.before_request
def _check_address() -> None:
    refuse_unstorable(request.view_args or {}, request.args.to_dict(flat=False))


@BLUEPRINT.route("/results", defaults={"path": ""})
@BLUEPRINT.route("/results/", defaults={"path": ""})
@BLUEPRINT.route("/results/<path:path>")
def published(path: str) -> Any:
    """The tree of results, with an index of each directory; of builds on their way, their logs."""
    with serving_hub().call("copr.results") as call:
        top = results.top(call)
        early = live.answer(call, path)
    if early is not None:
        return early
    environ = dict(request.environ)
    raw = environ["PATH_INFO"].removeprefix("/results")
    environ |= {"SCRIPT_NAME": f"{environ.get('SCRIPT_NAME', '')}/results", "PATH_INFO": raw or ""}
    tree = FileTree(top)
    return lambda _environ, start_response: tree(environ, start_response)


@BLUEPRINT.route("/coprs/<owner>/<dirname>/repo/<release>", defaults={"file": ""})
@BLUEPRINT.route("/coprs/<owner>/<dirname>/repo/<release>/", defaults={"file": ""})
@BLUEPRINT.route("/coprs/<owner>/<dirname>/repo/<release>/<file>")
def repo(owner: str, dirname: str, release: str, file: str) -> Response:
    """The .repo file of a project for a release."""
    with serving_hub().call("copr.repo") as call:
        text = repofiles.repo_file(call, owner, dirname, release, request.args.get("arch"))
    name = f"{owner}-{dirname}.repo"
    return Response(text, mimetype="text/plain", headers={"Content-Disposition": f"filename={name}"})


@BLUEPRINT.route("/coprs/g/<group>/<dirname>/repo/<release>", defaults={"file": ""})
@BLUEPRINT.route("/coprs/g/<group>/<dirname>/repo/<release>/", defaults={"file": ""})
@BLUEPRINT.route("/coprs/g/<group>/<dirname>/repo/<release>/<file>")
def group_repo(group: str, dirname: str, release: str, file: str) -> Response:
    """The same for a project of a group."""
    return repo(f"@{group}", dirname, release, file)


@BLUEPRINT.route("/coprs/build/<int:build_id>")
@BLUEPRINT.route("/coprs/build/<int:build_id>/")
def build(build_id: int) -> AnyResponse:
    """Where clients send people who want to see a build."""
    with serving_hub().call("copr.build") as call:
        found = builds.get(call, build_id)
        project = projects.by_id(call, found.project_id)
    return redirect(f"/coprs/{permissions.project_path(project)}/build/{found.id}/")


@BLUEPRINT.route("/coprs/<owner>/<name>/build/<int:build_id>/")
def build_page(owner: str, name: str, build_id: int) -> str:
    """A build: its steps with their logs, which grow while it is on its way."""
    with serving_hub().call("copr.build") as call:
        found = builds.get(call, build_id)
        if (found.owner, found.project) != (owner, name):
            raise NotFound(f"Build {build_id} is not one of {owner}/{name}.")
        steps = [("Sources", found.source_state, results.source_url(call, found))]
        steps += [(each.name, each.state, results.result_url(call, found, each)) for each in found.chroots]
    title = f"Build {found.id} of {found.owner}/{found.project}: {found.state.name}"
    package = html.escape(f"{found.package or 'a package'} {found.version or ''}")
    again = "" if found.finished else '<meta http-equiv="refresh" content="5">'
    return _page(title, f"{again}<p>{package}<ul>{''.join(_step(*each) for each in steps)}</ul>")


def _step(name: str, state: State, url: str | None) -> str:
    if url is None:
        return f"<li>{name}: {state.name}</li>"
    where = html.escape(url)
    log = f'<a href="{where}{logs.BUILDER}">log</a>'
    return f'<li><a href="{where}">{name}</a>: {state.name}, {log}</li>'


@BLUEPRINT.route("/coprs/g/<group>/<name>/build/<int:build_id>/")
def group_build_page(group: str, name: str, build_id: int) -> str:
    """A build of a group's project."""
    return build_page(f"@{group}", name, build_id)


@BLUEPRINT.route("/coprs/<owner>/<name>/")
def project_page(owner: str, name: str) -> str:
    """A project, and how to enable it."""
    with serving_hub().call("copr.project") as call:
        found = projects.get(call, owner, name)
        host = CONFIG.of(call).host
        enabled = [each.name for each in chroots.of_project(call, found)]
        where = results.url(call, owner, name)
        newest = builds.listing(call, _NEWEST, found)
    rows = "".join(f'<li><a href="{html.escape(f"{where}/{each}/")}">{each}</a></li>' for each in enabled)
    parts = [html.escape(text) for text in (found.description, found.settings.instructions)]
    command = html.escape(f"dnf copr enable {host}/{found.full_name}")
    done = "".join(
        f'<li><a href="build/{each.id}/">{each.id} {html.escape(each.package or "")}</a>: {each.state.name}'
        for each in newest
    )
    body = f"<p>{parts[0]}<p>{parts[1]}<pre>{command}</pre><ul>{rows}</ul><h2>Builds</h2><ul>{done}</ul>"
    return _page(found.full_name, body)


@BLUEPRINT.route("/coprs/g/<group>/<name>/")
def group_project_page(group: str, name: str) -> str:
    """A project of a group."""
    return project_page(f"@{group}", name)


# tokens


@BLUEPRINT.route("/api")
@BLUEPRINT.route("/api/")
def token_page() -> str:
    """How to get a token."""
    form = (
        '<form method="post" action="/api/new/"><p><label>User <input name="username"></label>'
        ' <label>Password <input name="password" type="password"></label> <button>New token</button></form>'
    )
    text = "<p>A new token makes the old one void. Put what you get into <code>~/.config/copr</code>.</p>"
    return _page("API token", text + form)


@BLUEPRINT.route("/api/new/", methods=["POST"])
def new_token() -> Response:
    """A new token for who knows the password of the hub, as the configuration of the clients."""
    name, password = request.form.get("username", ""), request.form.get("password", "")
    with serving_hub().call("copr.token") as call:
        try:
            who = people.by_password(call, name, password)
        except AuthError as error:
            raise people.refusal(call) from error
        token = people.renew_token(call, who.id)
        url = CONFIG.of(call).url
    lines = [
        "[copr-cli]",
        f"login = {token.login}",
        f"username = {who.name}",
        f"token = {token.token}",
        f"copr_url = {url}",
        f"encrypted = {url.startswith('https:')}",
        f"# expiration date: {token.expires.isoformat()}",
        "",
    ]
    return Response("\n".join(lines), mimetype="text/plain", headers={"Cache-Control": "no-store"})
