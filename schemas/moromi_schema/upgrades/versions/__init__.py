"""The revisions, oldest first.

A revision is frozen once released: its statements are written out, not derived from today's metadata, which
will have moved on when it runs. `moromi_schema.upgrade.check` says where revisions and metadata disagree.
"""
