"""What the API's document cannot say to schemathesis: the names that exist, and what null means."""

import base64
import os
import re
import uuid

import requests
import schemathesis
from schemathesis.specs.openapi.checks import use_after_free

NAMESPACE = os.environ["PLONK_TEST_NAMESPACE"]
FUNCTION = os.environ["PLONK_TEST_FUNCTION"]


def in_namespace(values):
    """Whatever is written is written to the namespace that the test has for itself."""
    if isinstance(values, dict) and isinstance(values.get("namespace") or "", str):
        return {**values, "namespace": NAMESPACE}
    return values


@schemathesis.hook
def map_query(context, query):
    if any(parameter.name == "namespace" for parameter in context.operation.query):
        return in_namespace(query or {})
    return query


@schemathesis.hook
def map_path_parameters(context, parameters):
    if not isinstance(parameters, dict):
        return parameters
    if isinstance(parameters.get("namespace"), str):
        # What is to be deleted must not be the namespace that everything else needs.
        is_deleted = context.operation.method == "delete"
        return {**parameters, "namespace": f"{NAMESPACE}-gone" if is_deleted else NAMESPACE}
    name = parameters.get("name")
    if not isinstance(name, str):
        return parameters
    # What follows the last dot is a namespace.
    plain = FUNCTION if len(name) % 2 == 0 else name.replace(".", "-")
    is_call = not context.operation.path.startswith("/system/")
    return {**parameters, "name": f"{plain}.{NAMESPACE}" if is_call else plain}


@schemathesis.hook
def map_body(context, body):
    if not isinstance(body, dict):
        return body
    if not context.operation.path.startswith("/system/namespace"):
        return in_namespace(body)
    name = body.get("name")
    if isinstance(name, str) and re.fullmatch("[a-z0-9]{1,40}", name):
        return {**body, "name": f"{NAMESPACE}-{name}"}
    return body


refused = set()


@schemathesis.check
def login_is_required(ctx, response, case):
    """
    Takes the place of `ignored_auth`, whose wrong passwords are all of one user: the gateway
    slows that user down, with 429.
    """
    operation = f"{case.operation.method} {case.operation.path}"
    if not case.operation.path.startswith(("/system/", "/async/")) or response.status_code >= 300:
        return
    if operation in refused:
        return
    wrong = base64.b64encode(f"{uuid.uuid4()}:wrong".encode()).decode()
    for authorization in [None, f"Basic {wrong}", "Bearer wrong"]:
        probe = response.request.copy()
        probe.headers.pop("Authorization", None)
        if authorization is not None:
            probe.headers["Authorization"] = authorization
        with requests.Session() as session:
            status = session.send(probe, timeout=10).status_code
        assert status == 401, f"{operation} with {authorization}: expected 401, got {status}"
    refused.add(operation)


@schemathesis.check
def gone_once_deleted(ctx, response, case):
    """
    Takes the place of `use_after_free`: a call that was cancelled is still seen, as one, and to
    call a function with DELETE deletes nothing that the gateway knows of.
    """
    path = case.operation.path
    if path == "/async/calls/{id}" or path.startswith(("/function/", "/async-function/")):
        return None
    return use_after_free(ctx, response, case)
