"""Calls that bring archives in, of people and of builders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from moromi.constants import LEGACY_BTYPES
from moromi.errors import GenericError
from moromi_hub import arguments, files
from moromi_hub.auth import permissions
from moromi_hub.builds import service as builds
from moromi_hub.call import Call
from moromi_hub.imports import legacy, maven_buildroots, scratch, task_archives
from moromi_hub.imports.archives import import_archive as import_one
from moromi_hub.rpc.registry import HOST, checked, exported, permission, task_host
from moromi_hub.uploads.service import work_path


@exported("createMavenBuild", access=permission("maven-import"))
def create_maven_build(call: Call, build_info: Any, maven_info: Any) -> None:
    """Make a build a maven build {group_id, artifact_id, version}; an unknown one (a map) is made COMPLETE.

    Raises GenericError for what is missing, BuildError `… mismatch …` if it is another one already.
    """
    legacy.assert_enabled(call, "maven")
    legacy.create_build(call, build_info, "maven", maven_info)


@exported("createWinBuild", access=permission("win-import"))
def create_win_build(call: Call, build_info: Any, win_info: Any) -> None:
    """Make a build a Windows build {platform}; an unknown one (a map) is made COMPLETE."""
    legacy.assert_enabled(call, "win")
    legacy.create_build(call, build_info, "win", win_info)


@exported("createImageBuild", access=permission("image-import"))
def create_image_build(call: Call, build_info: Any) -> None:
    """Make a build an image build; an unknown one (a map) is made COMPLETE."""
    legacy.create_build(call, build_info, "image", None)


@exported("importArchive", access=checked("permission maven-import, win-import or image-import, by type"))
def import_archive(call: Call, filepath: str, buildinfo: Any, type: Any, typeInfo: Any) -> None:
    """Import a file below work as an archive of a build that has the type maven, win or image.

    Raises GenericError, BuildError and ImportError as data-model.md section 7.4 says.
    """
    if type not in LEGACY_BTYPES:
        raise GenericError(f"unsupported archive type: {type}")
    legacy.assert_enabled(call, type)
    permissions.assert_perm(call, f"{type}-import")
    build = builds.require_build(call, buildinfo)
    path = work_path(call, arguments.expect(filepath, str))
    import_one(call, path, build, type, arguments.expect(typeInfo, dict))


@exported("host.importArchive", access=HOST)
def host_import_archive(call: Call, filepath: str, buildinfo: Any, type: Any, typeInfo: Any) -> None:
    """`importArchive` of builders' plugins: the full path of a file in the tree, type maven or win."""
    if type not in ("maven", "win"):
        raise GenericError(f"unsupported archive type: {type}")
    legacy.assert_enabled(call, type)
    build = builds.require_build(call, arguments.expect(buildinfo, dict)["id"])
    path = files.below(Path(call.paths.work()), Path(arguments.expect(filepath, str)))
    import_one(call, path, build, type, arguments.expect(typeInfo, dict))


@exported("host.createMavenBuild", access=HOST)
def host_create_maven_build(call: Call, build_info: Any, maven_info: Any) -> None:
    """Make a build (Build) a maven build too."""
    legacy.assert_enabled(call, "maven")
    build = builds.require_build(call, arguments.expect(build_info, dict)["id"])
    legacy.add_info(call, build, "maven", maven_info)


@exported("host.initMavenBuild", access=task_host())
def init_maven_build(call: Call, task_id: int, build_info: Any, maven_info: Any) -> dict[str, Any]:
    """The map `build_info` with release, id, task_id, owner, state and completion_time of the new entry."""
    legacy.assert_enabled(call, "maven")
    return task_archives.init_build(
        call, arguments.integer(task_id), arguments.expect(build_info, dict), "maven", maven_info
    )


@exported("host.initWinBuild", access=task_host())
def init_win_build(call: Call, task_id: int, build_info: Any, win_info: Any) -> dict[str, Any]:
    """As `host.initMavenBuild`; the release is as given."""
    legacy.assert_enabled(call, "win")
    return task_archives.init_build(
        call, arguments.integer(task_id), arguments.expect(build_info, dict), "win", win_info
    )


@exported("host.initImageBuild", access=task_host())
def init_image_build(call: Call, task_id: int, build_info: Any) -> dict[str, Any]:
    """As `host.initMavenBuild`; a release that is nil is the next free one."""
    return task_archives.init_build(
        call, arguments.integer(task_id), arguments.expect(build_info, dict), "image", None
    )


@exported("host.completeMavenBuild", access=task_host())
def complete_maven_build(
    call: Call, task_id: int, build_id: Any, maven_results: Any, rpm_results: Any
) -> None:
    """Import {task_id, buildroot_id, files: {directory: [name]}, logs} and wrapper rpms; complete it."""
    legacy.assert_enabled(call, "maven")
    results = arguments.expect(maven_results, dict)
    task_archives.complete_maven(call, arguments.integer(task_id), build_id, results, rpm_results)


@exported("host.completeWinBuild", access=task_host())
def complete_win_build(call: Call, task_id: int, build_id: Any, results: Any, rpm_results: Any) -> None:
    """Import {task_id, buildroot_id, output: {path: {platforms, flags}}, logs}; complete the build."""
    legacy.assert_enabled(call, "win")
    task_archives.complete_win(
        call, arguments.integer(task_id), build_id, arguments.expect(results, dict), rpm_results
    )


@exported("host.completeImageBuild", access=task_host())
def complete_image_build(call: Call, task_id: int, build_id: Any, results: Any) -> None:
    """Import {subtask: {task_id, files, logs, arch, rpmlist, rpmresults}}; complete the build."""
    results = arguments.expect(results, dict)
    task_archives.complete_image(call, arguments.integer(task_id), build_id, results)


@exported("host.importImage", access=task_host())
def import_image(call: Call, task_id: int, build_info: Any, results: Any) -> None:
    """The import step of `host.completeImageBuild` alone."""
    build = builds.require_build(call, arguments.expect(build_info, dict)["id"])
    task_archives.import_images(call, build, arguments.expect(results, dict))


@exported("host.importWrapperRPMs", access=task_host())
def import_wrapper_rpms(call: Call, task_id: int, build_id: Any, rpm_results: Any) -> None:
    """Import {task_id, buildroot_id, srpm, rpms, logs} into a COMPLETE build without rpms."""
    legacy.assert_enabled(call, "maven")
    task_archives.add_wrapper_rpms(call, build_id, arguments.expect(rpm_results, dict))


@exported("host.moveMavenBuildToScratch", access=task_host())
def move_maven_build_to_scratch(call: Call, task_id: int, results: Any, rpm_results: Any) -> None:
    """Move what a scratch maven task made; shapes as in `host.completeMavenBuild`."""
    legacy.assert_enabled(call, "maven")
    scratch.move_maven(call, arguments.integer(task_id), arguments.expect(results, dict), rpm_results)


@exported("host.moveWinBuildToScratch", access=task_host())
def move_win_build_to_scratch(call: Call, task_id: int, results: Any, rpm_results: Any) -> None:
    """Move what a scratch Windows task made; shapes as in `host.completeWinBuild`."""
    legacy.assert_enabled(call, "win")
    scratch.move_win(call, arguments.integer(task_id), arguments.expect(results, dict), rpm_results)


@exported("host.moveImageBuildToScratch", access=task_host())
def move_image_build_to_scratch(call: Call, task_id: int, results: Any) -> None:
    """Move what the subtasks of a scratch image task made; shape as in `host.completeImageBuild`."""
    scratch.move_image(call, arguments.integer(task_id), arguments.expect(results, dict))


@exported("host.updateMavenBuildRootList", access=task_host())
def update_maven_build_root_list(
    call: Call,
    brootid: Any,
    task_id: int,
    mavenlist: Any,
    ignore: Any = None,
    project: bool = False,
    ignore_unknown: bool = False,
    extra_deps: Any = None,
) -> None:
    """Note the artifacts of a local Maven repository: [{maven_info, files: [{path, filename, size}]}].

    Raises BuildrootError `No such file in build environment: …`.
    """
    legacy.assert_enabled(call, "maven")
    wanted = maven_buildroots.Wanted(
        found=arguments.expect(mavenlist, list),
        ignored=arguments.expect(ignore, list) if ignore is not None else [],
        ignore_unknown=bool(ignore_unknown),
        extra=arguments.expect(extra_deps, list) if extra_deps is not None else [],
    )
    maven_buildroots.update(call, brootid, arguments.integer(task_id), wanted, bool(project))
