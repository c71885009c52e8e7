"""What the push service asks the database when a stream is opened."""

from __future__ import annotations

from sqlalchemy import Engine, select

from moromi_schema import tables as t


def host_id(engine: Engine, name: str) -> int | None:
    """The id of a builder."""
    with engine.connect() as connection:
        return connection.execute(select(t.host.c.id).where(t.host.c.name == name)).scalar()


def tag_id(engine: Engine, name: str) -> int | None:
    """The id of a tag."""
    with engine.connect() as connection:
        return connection.execute(select(t.tag.c.id).where(t.tag.c.name == name)).scalar()


def task_tree(engine: Engine, task_id: int) -> list[int]:
    """A task and its descendants; empty when there is no such task."""
    tree = select(t.task.c.id).where(t.task.c.id == task_id).cte("tree", recursive=True)
    tree = tree.union(select(t.task.c.id).join(tree, t.task.c.parent == tree.c.id))
    with engine.connect() as connection:
        return list(connection.execute(select(tree.c.id)).scalars())
