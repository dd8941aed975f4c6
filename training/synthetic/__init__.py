"""Draw what MNIST does not hold: digits as others write and print them, and what is no digit."""
