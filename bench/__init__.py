"""How fast and how heavy: the model alone, and the whole portal around it."""
