"""A backup: rows of one moment, the files they name, models and trust list, in one stream."""
