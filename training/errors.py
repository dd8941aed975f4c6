"""What can go wrong in a training that is well configured."""


class TrainingError(Exception):
    """The training cannot go on, or its result is unusable; the text says why and what to try."""
