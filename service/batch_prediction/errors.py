"""What can stop a run; an input that cannot be read does not."""


class BatchError(Exception):
    """The run cannot go on; the text says why and what to do."""


class ClashError(BatchError):
    """OUTPUT holds a run over other inputs, or with other settings."""


class WorkerDiedError(BatchError):
    """A process of this run ended without a word."""
