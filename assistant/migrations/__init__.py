"""The schema's history (Alembic); the same for SQLite and PostgreSQL."""
