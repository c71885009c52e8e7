"""Builds of the types maven, win and image that tasks make (data-model.md section 7.3).

As with rpm builds, a build that is not COMPLETE promises nothing, so completing
one can be repeated after it was cut off.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from moromi.constants import BuildState
from moromi.errors import BuildError, GenericError
from moromi.paths import join
from moromi_hub import files
from moromi_hub.archives import service as archives
from moromi_hub.builds import notify
from moromi_hub.builds import service as builds
from moromi_hub.call import Call
from moromi_hub.imports import legacy
from moromi_hub.imports.archives import SIDE_FILES, import_archive
from moromi_hub.imports.builds import import_log
from moromi_hub.imports.pom import read_coordinates
from moromi_hub.imports.rpms import Delivery, import_rpms, uploaded_file
from moromi_hub.rpms import service as rpms
from moromi_hub.tasks import service as tasks
from moromi_hub.uploads.service import work_path
from moromi_hub.volumes import links
from moromi_hub.volumes.policy import volume_for_import

Info = Mapping[str, Any]
IMAGE_METHODS = frozenset({"appliance", "image", "indirectionimage", "livecd"})
_TRIES = 9


def init_build(call: Call, task_id: int, build_info: Info, btype: str, info: Any) -> dict[str, Any]:
    """The entry of a build under way: `build_info` with `id` and what the hub adds.

    A missing release (maven: any) is the next one that is free.
    """
    task = tasks.get_task(call, task_id, strict=True)
    assert task is not None
    data = dict(build_info)
    automatic = btype == "maven" or (btype == "image" and not data.get("release"))
    data |= {"task_id": task_id, "owner": task["owner"]}
    data |= {"state": int(BuildState.BUILDING), "completion_time": None}
    data["id"] = _next_free(call, data) if automatic else builds.new_build(call, data)
    legacy.add_info(call, {"id": data["id"]}, btype, info)
    return data


def _next_free(call: Call, data: dict[str, Any]) -> int:
    """Make the entry with the first release after the newest that is not taken; sets `release`."""
    for step in range(1, _TRIES + 1):
        data["release"] = builds.get_next_release(call, data, step)
        if builds.find_build_id(call, {key: data[key] for key in ("name", "version", "release")}) is None:
            return builds.new_build(call, data)
    raise GenericError("Can't find available release")


def complete_maven(call: Call, task_id: int, build_info: Any, results: Info, rpm_results: Any) -> None:
    """Import what a maven task made."""
    gav = archives.legacy_build(call, "maven", build_info, strict=True)
    build = builds.require_build(call, build_info)

    def bring_in(build: Info) -> None:
        top = call.paths.taskrelpath(results["task_id"])
        for relpath, names in results["files"].items():
            _maven_directory(call, build, gav or {}, top, relpath, names)
        logs = ((f"{top}/{name}", "maven") for name in results["logs"])
        _import_logs(call, build, logs)

    _complete(call, task_id, build, "maven", bring_in, rpm_results)


def _maven_directory(
    call: Call, build: Info, gav: Info, top: str, relpath: str, names: Sequence[str]
) -> None:
    """One directory of artifacts; a `.pom` in it says whose they are."""
    poms = [name for name in names if name.endswith(".pom")]
    if len(poms) > 1:
        raise BuildError(f"multiple .pom files in {relpath}: {', '.join(poms)}")
    if poms:
        gav = read_coordinates(uploaded_file(call, work_path(call, join(top, relpath, poms[0]))))
    for name in names:
        path = work_path(call, join(top, relpath, name))
        if name == "maven-metadata.xml":
            files.put(call.tx, path, Path(join(call.paths.mavenbuild(build), relpath, name)))
        elif os.path.splitext(name)[1] not in SIDE_FILES:
            if archives.type_of_file(call, name, strict=False) is None:
                raise BuildError(f"unsupported file type: {name}")
            import_archive(call, path, build, "maven", gav)


def complete_win(call: Call, task_id: int, build_info: Any, results: Info, rpm_results: Any) -> None:
    """Import what a Windows task made."""
    archives.legacy_build(call, "win", build_info, strict=True)
    build = builds.require_build(call, build_info)

    def bring_in(build: Info) -> None:
        top = call.paths.taskrelpath(results["task_id"])
        for relpath, details in results["output"].items():
            if archives.type_of_file(call, relpath, strict=False) is None:
                raise BuildError(f"unsupported file type: {relpath}")
            info = {**details, "relpath": os.path.dirname(relpath)}
            import_archive(call, work_path(call, join(top, relpath)), build, "win", info)
        logs = ((f"{top}/{name}", join("win", os.path.dirname(name))) for name in results["logs"])
        _import_logs(call, build, logs)

    _complete(call, task_id, build, "win", bring_in, rpm_results)


def complete_image(call: Call, task_id: int, build_info: Any, results: Info) -> None:
    """Import what the subtasks of an image task made."""
    build = builds.require_build(call, build_info)
    _complete(call, task_id, build, "image", lambda build: import_images(call, build, results), None)


def import_images(call: Call, build: Info, results: Info) -> None:
    """Files, components and logs of each subtask that has a `task_id`."""
    call.run_callbacks("preImport", type="image", image=results)
    placed: set[Path] = set()
    for result in results.values():
        if "task_id" not in result:
            continue
        top = call.paths.taskrelpath(result["task_id"])
        inside = _image_rpms(call, result.get("rpmlist") or [])
        for name in result["files"]:
            if archives.type_of_file(call, name, strict=False) is None:
                raise BuildError(f"Unsupported file type: {name}")
            archive_id = import_archive(call, work_path(call, join(top, name)), build, "image", result)
            if not name.endswith("xml"):
                archives.add_components(call, archive_id, rpm_ids=inside)
        _image_logs(call, build, result, placed)
        if result.get("rpmresults"):
            import_wrapper_rpms(call, build, result["rpmresults"])
    directory = call.paths.imagebuild(build)
    call.run_callbacks("postImport", type="image", image=results, build=build, fullpath=directory)


def _image_rpms(call: Call, specs: Sequence[Any]) -> list[int]:
    ids = rpms.resolve(call, specs)
    rpms.refuse_drafts(call, ids)
    return ids


def _image_logs(call: Call, build: Info, result: Info, placed: set[Path]) -> None:
    """All logs of a subtask's directory; below its arch where names could meet.

    They do not where the build's task is of a kind that names its logs by arch.
    """
    directory = Path(call.paths.task(result["task_id"]))
    task = None if build["task_id"] is None else tasks.get_task(call, build["task_id"])
    apart = task is None or task["method"] not in IMAGE_METHODS
    top = Path(call.paths.build_logs(build)) / "image"
    for source in sorted(directory.glob("*.log")):
        target = top / source.name
        if apart or target in placed:
            target = Path(join(str(top), str(result["arch"]), source.name))
        import_log(call, source, target, placed)


def _complete(
    call: Call,
    task_id: int,
    build: Info,
    btype: str,
    bring_in: Callable[[Info], None],
    rpm_results: Any,
) -> None:
    """To COMPLETE on the volume that the policy names, then files, wrapper rpms, link, mail."""
    builds.lock(call, build["id"])
    data = {"build": dict(build), "package": build["name"], "import": True, "import_type": btype}
    volume = volume_for_import(call, data | builds.policy_task_data(call, task_id))
    done = builds.set_state(call, build, BuildState.COMPLETE, volume_id=volume["id"])
    bring_in(done)
    if rpm_results:
        import_wrapper_rpms(call, done, rpm_results)
    links.keep_default_link(call, done)
    notify.build_notification(call, done, task_id)


def _import_logs(call: Call, build: Info, logs: Iterable[tuple[str, str]]) -> None:
    """Move logs, given as path below work and directory below the build's logs."""
    placed: set[Path] = set()
    for name, directory in logs:
        target = Path(join(call.paths.build_logs(build), directory, os.path.basename(name)))
        import_log(call, work_path(call, name), target, placed)


def import_wrapper_rpms(call: Call, build: Info, results: Info) -> None:
    """Rpms that wrap what a build made; their names need not be the build's, their logs go to `noarch`."""
    top = call.paths.taskrelpath(results["task_id"])
    paths = [work_path(call, join(top, name)) for name in (results["srpm"], *results["rpms"])]
    deliveries = [Delivery(path, results.get("buildroot_id")) for path in paths]
    import_rpms(call, build, deliveries, wrapper=True)
    _import_logs(call, build, ((join(top, name), "noarch") for name in results["logs"]))


def add_wrapper_rpms(call: Call, build_info: Any, results: Info) -> None:
    """Import wrapper rpms into a COMPLETE build that has none."""
    build = builds.require_build(call, build_info)
    builds.lock(call, build["id"])
    if build["state"] != BuildState.COMPLETE:
        state = BuildState(build["state"]).name.lower()
        raise GenericError(
            f"cannot import wrapper rpms for {build['nvr']}: build state is {state}, not complete"
        )
    if rpms.has_rpms(call, build["id"]):
        raise GenericError(f"wrapper rpms for {build['nvr']} have already been imported")
    import_wrapper_rpms(call, build, results)
