"""What goes out, and what may come in, field by field."""
