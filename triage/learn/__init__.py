"""Training: corpus, model, evaluation and the registry of versions."""
