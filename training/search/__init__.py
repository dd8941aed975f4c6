"""Search for the settings that learn best: `python -m training.search`."""
