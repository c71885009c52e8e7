"""A whole build system in one directory, for `util/quickstart` and for the tests.

`site` lays out and configures it, `services` runs its programs, `content` sets up
tags and targets on it, `samples` builds packages with it.
"""
