"""How dates and times are written, in place of Django's American default."""
