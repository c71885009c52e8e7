"""What tests of several kinds share: real servers and databases, no stand-ins.

`tests` is on the import path (`pythonpath` in pyproject.toml), so a test says `from support import database`.
"""
