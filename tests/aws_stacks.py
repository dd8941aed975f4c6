"""The templates of infra/aws as CloudFormation reads them, deployed to moto."""

import json
import os
import subprocess
import warnings
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

import boto3
import pytest
import yaml

from tests.programs import ROOT, environment

TEMPLATES = sorted(template.stem for template in (ROOT / "infra/aws").glob("*.yaml"))
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/ziffer-serve:0.1.0"

_INFRA_PYTHON = ROOT / ".venv-infra/bin/python"
_NOTHING = {"Ref": "AWS::NoValue"}


class _Loader(yaml.SafeLoader):
    """YAML, with CloudFormation's short forms of its functions."""


def _function(loader: yaml.SafeLoader, name: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)
        value = loader.construct_mapping(node, deep=True)
    if name == "GetAtt":
        value = value.split(".", 1)
    return {name if name == "Ref" else f"Fn::{name}": value}


_Loader.add_multi_constructor("!", _function)


@cache
def read(name: str) -> Any:  # noqa: ANN401 - a document of CloudFormation's
    """The template `name`.yaml, its functions in their long form; not to be changed."""
    return yaml.load((ROOT / f"infra/aws/{name}.yaml").read_text(), _Loader)  # noqa: S506 - a safe one


def translated(name: str, **parameters: str) -> Any:  # noqa: ANN401 - as above
    """The template `name`.yaml after AWS's transform for SAM."""
    if not _INFRA_PYTHON.exists():
        fault = "there is no .venv-infra: make lint-infra makes it"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(fault)
    given = [f"{key}={value}" for key, value in parameters.items()]
    program, template = "infra/aws/translate.py", f"infra/aws/{name}.yaml"
    done = subprocess.run(
        [str(_INFRA_PYTHON), program, template, *given],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


class Stack(NamedTuple):
    """A deployed template."""

    outputs: dict[str, str]
    physical_ids: dict[str, str]
    """By logical id; what moto does not know is missing."""


def deploy(stack: str, template: Any, **parameters: str) -> Stack:  # noqa: ANN401 - as above
    """Deploy a template to moto, with what moto needs otherwise than AWS."""
    cloudformation = boto3.client("cloudformation")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Tried to parse AWS::")
        cloudformation.create_stack(
            StackName=stack,
            TemplateBody=json.dumps(_for_moto(template)),
            Parameters=[
                {"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()
            ],
            Capabilities=["CAPABILITY_IAM"],
        )
        [made] = cloudformation.describe_stacks(StackName=stack)["Stacks"]
        resources = cloudformation.list_stack_resources(StackName=stack)["StackResourceSummaries"]
    return Stack(
        {output["OutputKey"]: output["OutputValue"] for output in made.get("Outputs", ())},
        {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in resources},
    )


def _for_moto(template: Any) -> Any:  # noqa: ANN401 - as above
    changed = _without_nothing(template)
    for resource in changed["Resources"].values():
        if resource["Type"] == "AWS::Batch::ComputeEnvironment":
            # AWS takes Batch's service-linked role; moto wants one of the account's.
            resource["Properties"]["ServiceRole"] = _role_of_batch()
    # moto has no addresses of functions.
    changed.get("Outputs", {}).pop("Url", None)
    return changed


def _without_nothing(value: Any) -> Any:  # noqa: ANN401 - as above
    """`value`, in whose lists no item may turn out to be nothing: moto would keep it as null."""
    if isinstance(value, dict):
        return {key: _without_nothing(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_without_nothing(item) for item in value if not _may_be_nothing(item)]
    return value


def _may_be_nothing(item: Any) -> bool:  # noqa: ANN401 - as above
    return isinstance(item, dict) and bool(item.get("Fn::If")) and item["Fn::If"][2] == _NOTHING


def _role_of_batch() -> str:
    iam = boto3.client("iam")
    try:
        role = iam.create_role(RoleName="batch", AssumeRolePolicyDocument="{}")
    except iam.exceptions.EntityAlreadyExistsException:
        role = iam.get_role(RoleName="batch")
    return str(role["Role"]["Arn"])


def statements(document: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - as above
    """Every statement of a policy anywhere in a document."""
    if isinstance(document, dict):
        if "Effect" in document:
            yield document
        for inner in document.values():
            yield from statements(inner)
    elif isinstance(document, list):
        for inner in document:
            yield from statements(inner)
