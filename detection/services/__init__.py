"""Whatever changes data: keyword-only acts over users and plain values."""
