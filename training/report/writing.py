"""Write a report."""

from registry.documents import canonical
from training.report import pictures
from training.report.description import describe
from training.report.page import render
from training.report.subject import Subject

PAGE_FILE = "report.html"
DOCUMENT_FILE = "report.json"


def write(subject: Subject) -> dict[str, bytes]:
    """The files of the report, by name; equal subjects give equal bytes.

    Raises ValueError where a figure is not finite.
    """
    document = describe(subject)
    mistakes = [pictures.digit(subject.test.images[mistake.index]) for mistake in document.mistakes]
    weights = subject.first_layer[[unit.index for unit in document.units]]
    page = render(document, mistakes, pictures.weights(weights, document.full_weight))
    return {
        PAGE_FILE: page.encode(),
        DOCUMENT_FILE: canonical(document.model_dump(mode="json")) + b"\n",
    }
