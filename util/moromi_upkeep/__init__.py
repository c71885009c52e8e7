"""Programs that keep a build system tidy: `moromi-gc`, `moromi-repod` and `moromi-sidetag-cleanup`.

They are clients of the hub's API, so they serve a hub of ours and one of Koji's alike; `moromi-repod` also
needs the hub's file tree. Configuration files and options are those of koji-gc, kojira and
koji-sidetag-cleanup.
"""
