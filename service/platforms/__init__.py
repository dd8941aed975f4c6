"""The same program on every platform: it finds out where it runs, and does as is done there."""
