"""What schemathesis has to be told about requests, beside what the document says."""

import json

import schemathesis

# The one location that everything else here is about; .ci/run has it, too.
LOCATION = "sandboxLocation00001"


@schemathesis.serializer("application/x-ndjson")
def lines(context, value):
    """One JSON document a line; a text is sent as it is."""
    if isinstance(value, list):
        return "".join(json.dumps(line) + "\n" for line in value).encode()
    return value.encode() if isinstance(value, str) else json.dumps(value).encode()


@schemathesis.hook
def filter_case(context, case):
    """An empty path segment is another route: /v1/ips/ is not a look-up of nothing."""
    return "" not in (case.path_parameters or {}).values()


@schemathesis.hook
def before_call(context, case, kwargs):
    """What is held of the location is needed until the end: to be forgotten, another one is named."""
    if case.operation.definition.raw.get("operationId") == "purge_location":
        if case.path_parameters.get("locationId") == LOCATION:
            case.path_parameters["locationId"] = "sandboxLocation00002"
