"""The database that `upgrade.init` makes is Koji's, column by column."""

from sqlalchemy import Engine

from moromi_schema import upgrade


def test_fresh_database_fits(engine: Engine) -> None:
    assert upgrade.check(engine) == []
