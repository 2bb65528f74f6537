"""English, with the day before the month and a clock of 24 hours."""
