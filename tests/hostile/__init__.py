"""Hostile files, archives and requests, made here and never stored, each with what is expected."""
