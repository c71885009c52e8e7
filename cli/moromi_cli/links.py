"""Files put into the hub's work directory without copying, where the file tree is mounted (`--link`)."""

import os


def linked_upload(work: str, path: str, directory: str) -> str:
    """Hard-link a file into `directory` below `work`; `<directory>/<name>`, as later calls want it."""
    place = os.path.join(work, directory)
    old = os.umask(0o002)
    try:
        os.makedirs(place, exist_ok=True)
        os.link(path, os.path.join(place, os.path.basename(path)))
    finally:
        os.umask(old)
    return f"{directory}/{os.path.basename(path)}"
