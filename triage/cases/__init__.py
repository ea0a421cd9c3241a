"""Cases: which mail belongs to which matter, and everything that ever happened to it."""
