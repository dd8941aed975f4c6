"""What infra/aws describes can be deployed and used, and allows each role no more than it needs."""

import ast
import json
import re
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from registry.catalog import Registry
from registry.configuration import load
from registry.probe import probe
from registry.s3 import S3Store
from registry.store import Guarantee
from service.settings import ServiceSettings
from tests.aws_stacks import IMAGE, TEMPLATES, Stack, deploy, read, statements, translated
from tests.programs import ROOT, run
from tests.registry_examples import DIGITS, PRODUCTION, publish
from training.settings import TrainingSettings

# Wherever AWS knows no narrower resource: see the comments in the templates.
WITHOUT_A_RESOURCE = {"ecr:GetAuthorizationToken", "cloudwatch:PutMetricData"}

READER, TRAINER, PROMOTER = "ReaderPolicy", "TrainerPolicy", "PromoterPolicy"
ROLES = {
    READER: "iam-reader.json",
    TRAINER: "iam-trainer.json",
    PROMOTER: "iam-promoter.json",
}


@pytest.fixture(scope="module")
def cloud() -> Iterator[None]:
    """An account of moto's, within this process."""
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        yield


@pytest.fixture(scope="module")
def registry_stack(cloud: None) -> Stack:
    return deploy("ziffer-registry", read("registry"))


@pytest.fixture(scope="module")
def network(cloud: None) -> dict[str, str]:
    """The parameters that say where machines are to be."""
    ec2 = boto3.client("ec2")
    first, second, *_ = (subnet["SubnetId"] for subnet in ec2.describe_subnets()["Subnets"])
    vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    return {"VpcId": vpc, "SubnetA": first, "SubnetB": second}


@pytest.fixture(scope="module")
def function(registry_stack: Stack) -> Stack:
    return deploy("ziffer", translated("function"), ImageUri=IMAGE)


@pytest.fixture(scope="module")
def training(registry_stack: Stack, network: dict[str, str]) -> Stack:
    instances = "g4dn.xlarge,g5.xlarge"  # moto does not split a default.
    return deploy("training", read("training"), InstanceTypes=instances, **network)


@pytest.fixture(scope="module")
def prediction(registry_stack: Stack, network: dict[str, str]) -> Stack:
    return deploy(
        "prediction",
        read("prediction"),
        ImageUri=IMAGE,
        InputBucket="pictures",
        InputPrefix="2026",
        OutputBucket="answers",
        OutputPrefix="read",
        VpcId=network["VpcId"],
        Subnets=network["SubnetA"],
    )


@pytest.fixture(scope="module")
def endpoint(registry_stack: Stack) -> Stack:
    return deploy("endpoint", read("endpoint"), ImageUri=IMAGE)


def policy_of(arn: str) -> list[dict[str, Any]]:
    """The statements of a managed policy."""
    document = boto3.resource("iam").Policy(arn).default_version.document
    return [{key: value for key, value in one.items() if value} for one in document["Statement"]]


def statements_of(role: str) -> list[dict[str, Any]]:
    """The statements of a role's own, from moto, which keeps them as Python writes them."""
    [found] = (one for one in boto3.resource("iam").roles.all() if one.name == role)
    texts = [str(policy.policy_document) for policy in found.policies.all()]
    return [one for text in texts for one in statements(ast.literal_eval(text))]


def managed_policies(template: str, role: str) -> list[Any]:
    """The policies that a role in a template names."""
    named: list[Any] = read(template)["Resources"][role]["Properties"].get("ManagedPolicyArns", [])
    return named


def of_the_registry(policy: str) -> dict[str, Any]:
    """How a template names a policy of the registry's stack."""
    return {"Fn::ImportValue": {"Fn::Sub": f"${{RegistryStack}}-{policy}"}}


def actions(found: list[dict[str, Any]]) -> set[str]:
    return {action for one in found for action in listed(one["Action"])}


def listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def resources(kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every resource of a type, in whichever template, with its name."""
    for template in TEMPLATES:
        for name, resource in read(template)["Resources"].items():
            if resource["Type"] == kind:
                yield f"{template}.{name}", resource


def test_the_bucket_keeps_a_registry(registry_stack: Stack) -> None:
    bucket, prefix = registry_stack.outputs["Store"].removeprefix("s3://").split("/")
    registry = Registry(S3Store(boto3.client("s3"), bucket, prefix))

    registry.promote(publish(registry), PRODUCTION)

    assert probe(registry.store) == Guarantee.FULL
    assert registry.resolve(DIGITS, PRODUCTION).card.version == 1


@pytest.mark.parametrize("policy", ROLES)
def test_a_policy_in_the_stack_is_the_one_in_the_file(registry_stack: Stack, policy: str) -> None:
    bucket, prefix = registry_stack.outputs["Store"].removeprefix("s3://").split("/")
    text = (ROOT / "infra" / ROLES[policy]).read_text()

    expected = json.loads(text.replace("BUCKET", bucket).replace("PREFIX", prefix))

    assert policy_of(registry_stack.outputs[policy]) == expected["Statement"]


@pytest.mark.parametrize("policy", ROLES)
def test_a_key_of_ones_own_is_used_as_the_role_needs(policy: str) -> None:
    document = read("registry")["Resources"][policy]["Properties"]["PolicyDocument"]
    writing = set() if policy == READER else {"kms:GenerateDataKey"}

    [using] = (one for one in statements(document) if one["Resource"] == {"Ref": "KmsKeyArn"})

    assert set(listed(using["Action"])) == {"kms:Decrypt"} | writing


def test_the_bucket_is_never_public_nor_lost() -> None:
    [(_, bucket)] = resources("AWS::S3::Bucket")
    [(_, policy)] = resources("AWS::S3::BucketPolicy")
    properties = bucket["Properties"]

    assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
    assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
    assert bucket["DeletionPolicy"] == bucket["UpdateReplacePolicy"] == "Retain"
    assert {one["Effect"] for one in statements(policy)} == {"Deny"}


def test_nothing_expires_but_probes() -> None:
    [(_, bucket)] = resources("AWS::S3::Bucket")
    rules = bucket["Properties"]["LifecycleConfiguration"]["Rules"]

    expiring = [rule["Prefix"] for rule in rules if "ExpirationInDays" in rule]

    assert expiring == [{"Fn::Sub": "${Prefix}/.probe/"}]


@pytest.mark.parametrize("template", TEMPLATES)
def test_no_statement_allows_everything(template: str) -> None:
    allowed = [one for one in statements(read(template)) if one["Effect"] == "Allow"]

    assert [one for one in allowed if any("*" in action for action in listed(one["Action"]))] == []
    for one in allowed:
        if one.get("Resource") == "*":
            assert set(listed(one["Action"])) <= WITHOUT_A_RESOURCE


@pytest.mark.parametrize("template", TEMPLATES)
def test_every_parameter_is_explained_and_checked(template: str) -> None:
    checks = {"AllowedPattern", "AllowedValues", "MinValue"}
    for name, parameter in read(template).get("Parameters", {}).items():
        assert parameter["Description"], name
        assert checks & set(parameter) or parameter["Type"] != "String", name


@pytest.mark.parametrize("template", TEMPLATES)
def test_every_parameter_is_in_the_form(template: str) -> None:
    document = read(template)
    form = document.get("Metadata", {}).get("AWS::CloudFormation::Interface", {})
    shown = [name for group in form.get("ParameterGroups", ()) for name in group["Parameters"]]

    assert sorted(shown) == sorted(document.get("Parameters", {}))


def test_every_log_group_forgets() -> None:
    found = dict(resources("AWS::Logs::LogGroup"))

    assert len(found) == 4
    for name, group in found.items():
        assert group["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionDays"}, name


def test_nobody_may_connect_to_a_machine() -> None:
    for name, group in resources("AWS::EC2::SecurityGroup"):
        for rule in group["Properties"].get("SecurityGroupIngress", ()):
            assert "SourceSecurityGroupId" in rule, name


def test_the_function_serves_the_registry(function: Stack, registry_stack: Stack) -> None:
    made = boto3.client("lambda").get_function(FunctionName=function.outputs["Function"])
    variables = made["Configuration"]["Environment"]["Variables"]

    settings = load(ServiceSettings, "service", None, [], variables)

    assert settings.registry.store == registry_stack.outputs["Store"]


def test_the_function_may_read_and_log(function: Stack) -> None:
    own = statements_of(function.physical_ids["Role"])

    assert managed_policies("function", "Role") == [of_the_registry(READER)]
    assert actions(own) == {"logs:CreateLogStream", "logs:PutLogEvents"}


def test_everybody_may_ask_only_where_that_is_said(function: Stack) -> None:
    template = translated("function", AuthType="NONE")

    public = deploy("public", template, ImageUri=IMAGE, AuthType="NONE")

    assert permissions(function) == []
    assert permissions(public) == ["EverybodyMayAsk", "EverybodyMayInvokeByUrl"]


def permissions(stack: Stack) -> list[str]:
    return sorted(name for name in stack.physical_ids if "May" in name)


def test_training_moves_no_alias_that_is_served() -> None:
    template = read("training")
    container = template["Resources"]["Training"]["Properties"]["ContainerProperties"]
    alias = template["Parameters"]["Alias"]
    stands_for = {"Ref::recipe": "textbook", "Ref::seed": "0"}
    given = [alias["Default"] if isinstance(word, dict) else word for word in container["Command"]]
    words = [stands_for.get(word, word) for word in given]

    settings = load(TrainingSettings, "training", None, words, {})

    assert settings.registry.alias == "candidate"
    assert not re.fullmatch(alias["AllowedPattern"], PRODUCTION)


def test_training_goes_on_where_an_instance_was_reclaimed() -> None:
    job = read("training")["Resources"]["Training"]["Properties"]
    [mount] = job["ContainerProperties"]["MountPoints"]

    assert {"--resume", f"{mount['ContainerPath']}/checkpoints"} <= {
        word for word in job["ContainerProperties"]["Command"] if isinstance(word, str)
    }
    assert job["RetryStrategy"]["EvaluateOnExit"][0] == {
        "OnStatusReason": "Host EC2*",
        "Action": "RETRY",
    }


def test_training_has_the_policy_of_trainers_alone(training: Stack) -> None:
    assert managed_policies("training", "JobRole") == [of_the_registry(TRAINER)]
    assert statements_of(training.physical_ids["JobRole"]) == []


def test_the_schedule_may_submit_this_training_alone(training: Stack) -> None:
    own = statements_of(training.physical_ids["ScheduleRole"])

    assert managed_policies("training", "ScheduleRole") == []
    assert [(one["Action"], one["Resource"]) for one in own] == [
        ("batch:SubmitJob", [training.outputs["Queue"], training.outputs["Training"]])
    ]


def test_machines_that_train_are_gone_when_idle(training: Stack) -> None:
    environments = boto3.client("batch").describe_compute_environments()["computeEnvironments"]

    assert {one["computeResources"].get("minvCpus", 0) for one in environments} == {0}


def test_prediction_reads_and_writes_its_own_folders(prediction: Stack) -> None:
    own = statements_of(prediction.physical_ids["JobRole"])

    assert managed_policies("prediction", "JobRole") == [of_the_registry(READER)]
    assert {one["Resource"] for one in own if "s3:PutObject" in one["Action"]} == {
        "arn:aws:s3:::answers/read/*"
    }
    assert {one["Resource"] for one in own if "s3:DeleteObject" in one["Action"]} == {
        "arn:aws:s3:::answers/read/.probe/*"
    }


def test_the_image_that_serves_takes_the_command_that_predicts() -> None:
    job = read("prediction")["Resources"]["Prediction"]["Properties"]
    program, *arguments = job["ContainerProperties"]["Command"]

    ended = run("service", program)  # As the image's entry point has it.

    assert ended.returncode == 2
    assert "INPUT and OUTPUT must be given" in ended.stderr
    assert arguments == ["Ref::input", "Ref::output"]


def test_the_endpoint_scales_to_zero(endpoint: Stack, registry_stack: Stack) -> None:
    sagemaker = boto3.client("sagemaker")
    [name] = [one["EndpointName"] for one in sagemaker.list_endpoints()["Endpoints"]]
    configuration = sagemaker.describe_endpoint(EndpointName=name)["EndpointConfigName"]
    found = sagemaker.describe_endpoint_config(EndpointConfigName=configuration)
    [variant] = found["ProductionVariants"]
    model = sagemaker.describe_model(ModelName=variant["ModelName"])

    assert variant["ServerlessConfig"] == {"MemorySizeInMB": 1024, "MaxConcurrency": 5}
    variables = model["PrimaryContainer"]["Environment"]
    settings = load(ServiceSettings, "service", None, [], variables)
    assert settings.registry.store == registry_stack.outputs["Store"]


def test_the_endpoint_takes_its_own_image_alone(endpoint: Stack) -> None:
    own = statements_of(endpoint.physical_ids["Role"])

    assert managed_policies("endpoint", "Role") == [of_the_registry(READER)]
    assert [one["Resource"] for one in own if "ecr:BatchGetImage" in one["Action"]] == [
        "arn:aws:ecr:us-east-1:123456789012:repository/ziffer-serve"
    ]


@pytest.mark.parametrize("template", TEMPLATES)
def test_the_guide_deploys_it_with_what_it_needs(template: str) -> None:
    guide = (ROOT / "docs/deployment.md").read_text()
    [command] = re.findall(rf"^aws .*infra/aws/{template}\.yaml.*$", guide, re.MULTILINE)
    parameters = read(template).get("Parameters", {})

    given = set(re.findall(r"(\w+)=", command))

    assert given <= set(parameters)
    assert given >= {name for name, one in parameters.items() if "Default" not in one}
