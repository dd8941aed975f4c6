"""Print a template as plain CloudFormation in JSON, as AWS's transform for SAM would make it.

    .venv-infra/bin/python infra/aws/translate.py infra/aws/function.yaml AuthType=NONE

It runs in the environment of requirements/infra.txt; tests/test_infra_aws.py deploys the result.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

from samtranslator.model.exceptions import InvalidDocumentException
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse


def main() -> int:
    """Translate the template named on the command line, with the parameters after it."""
    if len(sys.argv) < 2 or not all("=" in given for given in sys.argv[2:]):
        print("usage: python infra/aws/translate.py TEMPLATE [NAME=VALUE]…", file=sys.stderr)  # noqa: T201 - a program prints
        return 2
    parameters = dict(given.split("=", 1) for given in sys.argv[2:])
    try:
        translated = translate(Path(sys.argv[1]), parameters)
    except InvalidDocumentException as error:
        print(f"{sys.argv[1]}: {error.message}", file=sys.stderr)  # noqa: T201 - as above
        return 1
    print(json.dumps(translated, indent=1))  # noqa: T201 - as above
    return 0


def translate(template: Path, parameters: dict[str, str]) -> dict[str, Any]:
    """The template without SAM; raises InvalidDocumentException where SAM does not accept it."""
    # What is made depends on the region's partition; nobody is asked.
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
    document = yaml_parse(template.read_text())
    if "Transform" not in document:
        return document
    return Translator({}, Parser()).translate(document, parameters)


if __name__ == "__main__":
    sys.exit(main())
