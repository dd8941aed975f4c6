"""Digits as people send them: MNIST's, fonts and drawings; and how well they are read."""
