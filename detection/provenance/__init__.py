"""What a file says of itself: who signed it, what made it, what was done to it."""
