"""Train many networks at once: `python -m training.population`."""
