"""Digits as people send them, made of MNIST's, of fonts and of drawings, and how well they are read."""
