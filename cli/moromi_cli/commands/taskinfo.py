"""`taskinfo`: one task in full, with what it was asked to do."""

from collections.abc import Callable, Iterator
from typing import Any

import click

from moromi.constants import TaskState
from moromi.errors import Fault, GenericError
from moromi.tasks import parse_task_params, task_label
from moromi_cli.lazy import listing
from moromi_cli.output import Shown, asctime, build_label, say, yes_no
from moromi_cli.session import Cli

NO_OUTPUT = "[1] Not all tasks produce outputs, and task outputs are not retained indefinitely."
Lines = list[str]


def collect(cli: Cli, task_id: int, verbose: bool) -> dict[str, Any]:
    """Everything about one task, in one request (two with its host and owner)."""
    session = cli.session
    with session.multicall() as calls:
        info = calls.getTaskInfo(task_id, request=True)
        buildroots = calls.listBuildroots(taskID=task_id)
        builds = calls.listBuilds(taskID=task_id)
        outputs = calls.listTaskOutput(task_id, all_volumes=True)
        children = calls.getTaskChildren(task_id, request=True)
    if not info.result:
        raise GenericError(f"No such task: {task_id}")
    task: dict[str, Any] = dict(info.result)
    with session.multicall() as calls:
        owner = calls.getUser(task["owner"])
        host = calls.getHost(task["host_id"]) if task.get("host_id") else None
    task["owner_name"] = (owner.result or {}).get("name") if task["owner"] else None
    task["host_name"] = (host.result or {}).get("name") if host else None
    task["buildroots"] = buildroots.result
    task["builds"] = builds.result
    task["outputs"] = outputs.result
    task["children"] = sorted(children.result, key=lambda child: int(child["id"]))
    if verbose:
        task["parameters"] = parameter_lines(cli, task)
    return task


def task_lines(cli: Cli, task: dict[str, Any]) -> Lines:
    """The block of one task."""
    lines = [f"Task: {task['id']}", f"Type: {task['method']}"]
    if "parameters" in task:
        lines += ["Request Parameters:", *(f"  {line}" for line in task["parameters"])]
    lines += [f"Owner: {task['owner_name']}", f"State: {TaskState(task['state']).name.lower()}"]
    lines.append(f"Created: {asctime(task['create_ts'])}")
    if task.get("start_ts"):
        lines.append(f"Started: {asctime(task['start_ts'])}")
    if task.get("completion_ts"):
        lines.append(f"Finished: {asctime(task['completion_ts'])}")
    if task["host_name"]:
        lines.append(f"Host: {task['host_name']}")
    lines += [f"Build: {build_label(build)} ({build['build_id']})" for build in task["builds"]]
    if task["buildroots"]:
        lines.append("Buildroots:")
        lines += [
            f"  /var/lib/mock/{root['tag_name']}-{root['id']}-{root['repo_id']}/"
            for root in task["buildroots"]
        ]
    return lines + output_lines(cli, task)


def output_lines(cli: Cli, task: dict[str, Any]) -> Lines:
    """Paths of the files that the task made."""
    paths = [
        (name, f"  {cli.disk.task(task['id'], volume)}/{name}")
        for name in sorted(task["outputs"])
        for volume in task["outputs"][name]
    ]
    logs = [path for name, path in paths if name.endswith(".log")]
    others = [path for name, path in paths if not name.endswith(".log")]
    nothing = ["  No outputs reported [1]"]
    lines = ["Log Files:", *(logs or nothing), "Output:", *(others or nothing)]
    return lines if logs and others else [*lines, NO_OUTPUT]


def tree_lines(cli: Cli, task: dict[str, Any], recurse: bool, verbose: bool, level: int = 0) -> Iterator[str]:
    """A task, and below it its descendants."""
    for line in task_lines(cli, task):
        yield "  " * level + line
    yield ""
    for child in task["children"] if recurse else ():
        below = collect(cli, child["id"], verbose)
        yield from tree_lines(cli, below, recurse, verbose, level + 1)


def show_task(cli: Cli, task_id: int) -> None:
    """Print a task with its request."""
    for line in tree_lines(cli, collect(cli, task_id, verbose=True), recurse=False, verbose=True):
        say(line)


@listing("taskinfo", "[options] <task_id> [<task_id> ...]")
@click.option("-r", "--recurse", is_flag=True, help="also all descendants")
@click.option("-v", "--verbose", is_flag=True, help="add the request's parameters")
@click.argument("tasks", nargs=-1, type=int, required=True)
def taskinfo(cli: Cli, tasks: tuple[int, ...], recurse: bool, verbose: bool) -> Shown:
    """Show tasks."""
    data = [collect(cli, task_id, verbose) for task_id in tasks]
    return Shown(data, (line for task in data for line in tree_lines(cli, task, recurse, verbose)))


# What a request says, in words. One function a method; the labels are those of the specification.


def _option_lines(options: dict[str, Any] | None) -> Lines:
    if not options:
        return []
    return ["Options:", *(f"  {key}: {options[key]}" for key in options if key != "__starstar")]


def _tag_name(cli: Cli, tag: Any) -> str:
    if isinstance(tag, dict):
        return str(tag.get("name"))
    if isinstance(tag, str):
        return tag
    info = cli.session.getTag(tag) if tag is not None else None
    return info["name"] if info else str(tag)


def _target_name(target: Any) -> str:
    return str(target.get("name")) if isinstance(target, dict) else str(target)


def _build_name(cli: Cli, build: Any) -> str:
    info = build if isinstance(build, dict) else cli.session.getBuild(build)
    return build_label(info) if info else str(build)


def _build(cli: Cli, p: dict[str, Any]) -> Lines:
    return [
        f"Source: {p['src']}",
        f"Build Target: {_target_name(p['target'])}",
        *_option_lines(p.get("opts")),
    ]


def _build_arch(cli: Cli, p: dict[str, Any]) -> Lines:
    return [
        f"SRPM: {cli.disk.work()}/{p['pkg']}",
        f"Build Tag: {_tag_name(cli, p['root'])}",
        f"Build Arch: {p['arch']}",
        f"SRPM Kept: {p['keep_srpm']}",
        *_option_lines(p.get("opts")),
    ]


def _srpm_from_scm(cli: Cli, p: dict[str, Any]) -> Lines:
    return [f"SCM URL: {p['url']}"]


def _rebuild_srpm(cli: Cli, p: dict[str, Any]) -> Lines:
    tag = _tag_name(cli, p["build_tag"])
    return [f"SRPM: {cli.disk.work()}/{p['srpm']}", f"Build Tag: {tag}", *_option_lines(p.get("opts"))]


def _tag_build(cli: Cli, p: dict[str, Any]) -> Lines:
    tag, build = _tag_name(cli, p["tag_id"]), _build_name(cli, p["build_id"])
    return [f"Destination Tag: {tag}", f"Build: {build}"]


def _chainbuild(cli: Cli, p: dict[str, Any]) -> Lines:
    groups = [f"  {number}: {', '.join(group)}" for number, group in enumerate(p["srcs"], 1)]
    target = f"Build Target: {_target_name(p['target'])}"
    return ["Build Groups:", *groups, target, *_option_lines(p.get("opts"))]


def _new_repo(cli: Cli, p: dict[str, Any]) -> Lines:
    return [f"Tag: {_tag_name(cli, p['tag'])}"]


def _createrepo(cli: Cli, p: dict[str, Any]) -> Lines:
    lines = [f"Repo ID: {p['repo_id']}", f"Arch: {p['arch']}"]
    old = p.get("oldrepo")
    if isinstance(old, dict):
        lines += [f"Old Repo ID: {old.get('id')}", f"Old Repo Creation: {old.get('creation_time')}"]
    external = p.get("external_repos")
    if external:
        lines.append(f"External Repos: {', '.join(repo['external_repo_name'] for repo in external)}")
    return lines


def _waitrepo(cli: Cli, p: dict[str, Any]) -> Lines:
    lines = [f"Build Target: {_tag_name(cli, p['tag'])}"]
    if p.get("newer_than"):
        lines.append(f"Newer Than: {p['newer_than']}")
    if p.get("nvrs"):
        lines.append(f"NVRs: {', '.join(p['nvrs'])}")
    return lines


def _build_notification(cli: Cli, p: dict[str, Any]) -> Lines:
    return [
        f"Recipients: {', '.join(p['recipients'])}",
        f"Build: {_build_name(cli, p['build'])}",
        f"Build Target: {_target_name(p['target'])}",
        f"Web URL: {p['weburl']}",
    ]


def _dependant_task(cli: Cli, p: dict[str, Any]) -> Lines:
    lines = [f"Dependant Tasks: {', '.join(str(task) for task in p['wait_list'])}", "Subtasks:"]
    for subtask in p["task_list"]:
        lines.append(f"  Method: {subtask[0]}")
        if len(subtask) > 1 and subtask[1]:
            lines.append(f"  Parameters: {', '.join(str(value) for value in subtask[1])}")
        if len(subtask) > 2 and subtask[2]:
            lines += [f"  {line}" for line in _option_lines(subtask[2])]
        lines.append("")
    return lines


def _maven(cli: Cli, p: dict[str, Any]) -> Lines:
    return [
        f"SCM URL: {p['url']}",
        f"Build Target: {_target_name(p['target'])}",
        *_option_lines(p.get("opts")),
    ]


def _build_maven(cli: Cli, p: dict[str, Any]) -> Lines:
    tag = _tag_name(cli, p["build_tag"])
    return [f"SCM URL: {p['url']}", f"Build Tag: {tag}", *_option_lines(p.get("opts"))]


def _chainmaven(cli: Cli, p: dict[str, Any]) -> Lines:
    target = f"Build Target: {_target_name(p['target'])}"
    return ["Builds:", *_nested(p["builds"]), target, *_option_lines(p.get("opts"))]


def _nested(value: Any, level: int = 1) -> Lines:
    """Structs and lists as indented lines."""
    indent = "  " * level
    if isinstance(value, dict):
        lines = []
        for key in sorted(value):
            if isinstance(value[key], dict | list):
                lines += [f"{indent}{key}", *_nested(value[key], level + 1)]
            else:
                lines.append(f"{indent}{key}: {value[key]}")
        return lines
    if isinstance(value, list):
        return [line for item in value for line in _nested(item, level + isinstance(item, dict))]
    return [f"{indent}{value}"]


def _wrapper(cli: Cli, p: dict[str, Any]) -> Lines:
    lines = [f"Spec File URL: {p['spec_url']}", f"Build Tag: {_target_name(p['build_target'])}"]
    if p.get("build"):
        lines.append(f"Build: {_build_name(cli, p['build'])}")
    if p.get("task"):
        lines.append(f"Task: {p['task']['id']} {task_label(p['task'])}")
    return [*lines, *_option_lines(p.get("opts"))]


def _winbuild(cli: Cli, p: dict[str, Any]) -> Lines:
    lines = [f"VM: {p['name']}", f"SCM URL: {p['source_url']}"]
    return [*lines, f"Build Target: {_target_name(p['target'])}", *_option_lines(p.get("opts"))]


def _vm_exec(cli: Cli, p: dict[str, Any]) -> Lines:
    return [f"VM: {p['name']}", "Exec Params:", *_nested(p["task_info"]), *_option_lines(p.get("opts"))]


def _image(cli: Cli, p: dict[str, Any]) -> Lines:
    return [
        f"Name: {p['name']}",
        f"Version: {p['version']}",
        f"Arches: {p['arches'] if 'arches' in p else p['arch']}",
        f"Target: {p['target']}",
        f"Kickstart: {p['ksfile']}",
        *_option_lines(p.get("opts")),
    ]


def _create_image(cli: Cli, p: dict[str, Any]) -> Lines:
    return [
        f"Name: {p['name']}",
        f"Version: {p['version']}",
        f"Release: {p['release']}",
        f"Arch: {p['arch']}",
        f"Target Info: {p['target_info']}",
        f"Build Tag: {p['build_tag']}",
        f"Repo: {p['repo_info']}",
        f"Kickstart File: {p['ksfile']}",
        *_option_lines(p.get("opts")),
    ]


def _tag_notification(cli: Cli, p: dict[str, Any]) -> Lines:
    lines = [f"Recipients: {', '.join(p['recipients'])}", f"Successful?: {yes_no(p['is_successful'])}"]
    for key, label in (("tag_info", "Tagged Into"), ("from_info", "Moved From")):
        if p.get(key):
            lines.append(f"{label}: {_tag_name(cli, p[key])}")
    user = p["user_info"]
    found = user if isinstance(user, dict) else cli.session.getUser(user)
    lines += [f"Build: {_build_name(cli, p['build_info'])}", f"Tagged By: {found['name']}"]
    lines.append(f"Ignore Success?: {yes_no(p.get('ignore_success'))}")
    return [*lines, f"Failure Message: {p['failure_msg']}"] if p.get("failure_msg") else lines


METHODS: dict[str, Callable[[Cli, dict[str, Any]], Lines]] = {
    "build": _build,
    "buildArch": _build_arch,
    "buildSRPMFromSCM": _srpm_from_scm,
    "rebuildSRPM": _rebuild_srpm,
    "tagBuild": _tag_build,
    "chainbuild": _chainbuild,
    "newRepo": _new_repo,
    "createrepo": _createrepo,
    "waitrepo": _waitrepo,
    "buildNotification": _build_notification,
    "tagNotification": _tag_notification,
    "maven": _maven,
    "buildMaven": _build_maven,
    "chainmaven": _chainmaven,
    "wrapperRPM": _wrapper,
    "winbuild": _winbuild,
    "vmExec": _vm_exec,
    "livecd": _image,
    "appliance": _image,
    "livemedia": _image,
    "createLiveCD": _create_image,
    "createAppliance": _create_image,
    "createLiveMedia": _create_image,
    "dependantTask": _dependant_task,
}


def parameter_lines(cli: Cli, task: dict[str, Any]) -> Lines:
    """The request of a task, in words; nothing for methods without words of their own."""
    if task["method"] not in METHODS:
        return []
    try:
        return METHODS[task["method"]](cli, parse_task_params(task["method"], task["request"]))
    except (GenericError, Fault, TypeError, KeyError, AttributeError):
        return ["Unable to parse task parameters"]
