"""The REST interface at /api/v1/: thin endpoints over the same services and reads as the pages."""
