"""Events as AWS documents them, cut to what a function may look at.

https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-payloads
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html
https://docs.aws.amazon.com/lambda/latest/dg/with-s3.html
"""

import base64
from collections.abc import Mapping
from typing import Any

CLIENT = "192.0.2.1"
Event = dict[str, Any]


def function_url(
    method: str,
    path: str,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    *,
    query: str = "",
    stage: str = "$default",
) -> Event:
    """A request of a function URL, or, with a `stage`, of an HTTP API (payload format 2.0)."""
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path if stage == "$default" else f"/{stage}{path}",
        "rawQueryString": query,
        "cookies": ["cookie1", "cookie2"],
        "headers": {
            "x-forwarded-proto": "https",
            "x-forwarded-port": "443",
            "x-forwarded-for": CLIENT,
            "x-amzn-trace-id": "Root=1-5e6722a7-cc56xmpl46db7ae02d4da47e",
            "host": "url-id.lambda-url.us-west-2.on.aws",
            **(headers or {}),
        },
        "requestContext": {
            "accountId": "anonymous",
            "apiId": "url-id",
            "domainName": "url-id.lambda-url.us-west-2.on.aws",
            "domainPrefix": "url-id",
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": CLIENT,
                "userAgent": "agent",
            },
            "requestId": "id",
            "routeKey": "$default",
            "stage": stage,
            "time": "12/Mar/2020:19:03:58 +0000",
            "timeEpoch": 1583348638390,
        },
        **_body(body),
    }


def rest_api(
    method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
) -> Event:
    """A request of a REST API (payload format 1.0)."""
    sent = {"X-Forwarded-For": f"203.0.113.9, {CLIENT}", **(headers or {})}
    return {
        "version": "1.0",
        "resource": "/{proxy+}",
        "path": path,
        "httpMethod": method,
        "headers": sent,
        "multiValueHeaders": {name: [value] for name, value in sent.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "id",
            "httpMethod": method,
            "identity": {"sourceIp": CLIENT, "userAgent": "agent"},
            "path": f"/prod{path}",
            "protocol": "HTTP/1.1",
            "requestId": "id=",
            "stage": "prod",
        },
        "pathParameters": {"proxy": path[1:]},
        "stageVariables": None,
        **_body(body),
    }


def load_balancer(
    method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
) -> Event:
    """A request of an Application Load Balancer."""
    return {
        "requestContext": {
            "elb": {
                "targetGroupArn": "arn:aws:elasticloadbalancing:us-east-2:123456789012:targetgroup/"
                "my-target-group/6d0ecf831eec9f09"
            }
        },
        "httpMethod": method,
        "path": path,
        "queryStringParameters": {},
        "headers": {
            "x-forwarded-for": f"203.0.113.9, {CLIENT}",
            "x-forwarded-port": "443",
            "x-forwarded-proto": "https",
            **(headers or {}),
        },
        **_body(body),
    }


S3 = {
    "Records": [
        {
            "eventVersion": "2.1",
            "eventSource": "aws:s3",
            "awsRegion": "us-east-2",
            "eventName": "ObjectCreated:Put",
            "s3": {
                "bucket": {"name": "amzn-s3-demo-bucket"},
                "object": {"key": "b21b84d653bb07b0"},
            },
        }
    ]
}

SNS = {"Records": [{"EventVersion": "1.0", "EventSource": "aws:sns", "Sns": {"Message": "Hello"}}]}

SCHEDULE = {
    "version": "0",
    "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa",
    "detail-type": "Scheduled Event",
    "source": "aws.events",
    "account": "123456789012",
    "time": "2015-10-08T16:53:06Z",
    "region": "us-east-1",
    "resources": ["arn:aws:events:us-east-1:123456789012:rule/my-scheduled-rule"],
    "detail": {},
}

WARM_UP = {"source": "serverless-plugin-warmup"}


def _body(body: bytes) -> Event:
    if not body:
        return {"body": None, "isBase64Encoded": False}
    return {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}
