"""What Alembic runs for each command: the revisions, on the connection and in the transaction of `upgrade`."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    # SQLite's DDL is transactional once the driver begins nothing by itself; see `storage`.
    transactional_ddl=True,
)
context.run_migrations()
