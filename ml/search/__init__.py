"""Searches: many short training runs, shared by processes, that end as one ranked table."""
