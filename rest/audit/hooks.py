"""What schemathesis is to know of this API besides its document."""

import schemathesis


@schemathesis.serializer("application/x-ndjson", "application/x-tar")
def as_it_is(ctx, value):
    """Lines and archives are sent as they are: the document describes them as text."""
    if isinstance(value, bytes):
        return value
    return str(value).encode("utf-8", errors="surrogatepass")


@schemathesis.hook
def before_call(context, case, kwargs):
    """A read waits two seconds for a revision that never comes: one operation is enough to see that it says so. An answer
    that goes on with what comes has no end."""
    query = case.query or {}
    if query.get("follow") == "true" or query.get("follow") is True:
        query["follow"] = "false"
    try:
        far = int(query.get("atLeast", 0)) > 1000
    except (TypeError, ValueError):
        return
    if far and case.operation.path != "/v1/workspaces/{slug}":
        query["atLeast"] = 0
