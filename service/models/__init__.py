"""The models that answer: loaded, tried, followed, pinned, compared."""
