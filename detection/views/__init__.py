"""Pages: thin ways in to services and QuerySets."""
