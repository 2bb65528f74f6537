"""Faults while images are on their way, and what must hold after each: `make faults`."""
