"""What Alembic runs around the steps: it migrates over the connection that it is handed."""

from alembic import context

from lungwise.store.database import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
