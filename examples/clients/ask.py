"""Asks Annals by GraphQL with nothing but the standard library."""

import json
import os
import time
import urllib.request

URL = os.environ["OPENLINEAGE_URL"].rstrip("/") + "/graphql"
KEY = os.environ["OPENLINEAGE_API_KEY"]


def ask(query, **variables):
    """The data of one answer; an error of the server is ours."""
    body = json.dumps({"query": query, "variables": variables}).encode()
    request = urllib.request.Request(URL, body, {"Content-Type": "application/json", "Authorization": "Bearer " + KEY})
    with urllib.request.urlopen(request, timeout=20) as answer:
        data = json.load(answer)
    if data.get("errors"):
        raise SystemExit("GraphQL: " + json.dumps(data["errors"], indent=2))
    return data["data"]


def until(what, question):
    """Asks until the answer is true: what was sent is stored, and shown a moment later."""
    end = time.monotonic() + 20
    while True:
        answer = question()
        if answer:
            return answer
        if time.monotonic() > end:
            raise SystemExit("FAIL " + what)
        time.sleep(0.05)


def same(what, got, want):
    """Prints a line for each thing that was checked, and ends at the first that differs."""
    if got != want:
        raise SystemExit(f"FAIL {what}\n  dbt or the client says {want}\n  Annals says            {got}")
    print("PASS", what)
