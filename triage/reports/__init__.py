"""What happened in a week, for the people who run the stores: figures, a page, the prevention that follows from it."""
