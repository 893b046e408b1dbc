"""Compares what Annals shows with what dbt itself says: manifest.json and run_results.json."""

import json
import os
import sys

sys.path.insert(0, os.path.dirname(__file__))
from ask import ask, same, until  # noqa: E402

manifest, built, tested = (json.load(open(path)) for path in sys.argv[1:4])
relation = {key: f"{n['database']}.{n['schema']}.{n['alias']}" for key, n in manifest["nodes"].items() if n["resource_type"] in ("model", "seed")}
models = {key: n for key, n in manifest["nodes"].items() if n["resource_type"] == "model"}
RUNS = """{ workspace(slug: "default") { runs(filter: {nested: true}, first: 500) { nodes {
  runId status pipeline { namespace name } parent { runId pipeline { name } } children(first: 100) { nodes { runId } }
  inputs { artifactVersion { artifact { name } } } outputs { artifactVersion { artifact { name } } } } } } }"""
UPSTREAM = """query($artifact: ID!) { workspace(slug: "default") { artifact(id: $artifact) { name
  upstream { name } columnLineage { field from { name } fromField } } } }"""


def runs():
    """The runs of dbt, by their pipeline's name, once the last of them (the failed test run) is there."""
    nodes = [r for r in ask(RUNS)["workspace"]["runs"]["nodes"] if r["pipeline"] and r["pipeline"]["namespace"] == "dbt"]
    tops = [r for r in nodes if not r["parent"]]
    return nodes if len(tops) == 3 and all(r["status"] in ("SUCCEEDED", "FAILED") for r in nodes) else None


nodes = until("the runs of dbt are shown", runs)
names = lambda uses: sorted(u["artifactVersion"]["artifact"]["name"] for u in uses)  # noqa: E731

# Every model ran once, with the status dbt gives it, beneath the same parent.
by_model = {}
for result in built["results"]:
    node = models[result["unique_id"]]
    job = f"{node['database']}.{node['schema']}.{node['package_name']}.{node['name']}"
    found = [r for r in nodes if r["pipeline"]["name"] == job]
    same(f"{node['name']}: one run, {result['status']}", [r["status"] for r in found], ["SUCCEEDED" if result["status"] == "success" else "FAILED"])
    by_model[result["unique_id"]] = found[0]
    same(f"{node['name']}: writes its relation", names(found[0]["outputs"]), [relation[result["unique_id"]]])
    same(f"{node['name']}: reads what it depends on", names(found[0]["inputs"]), sorted(relation[d] for d in node["depends_on"]["nodes"]))
same("all models beneath one parent run", len({r["parent"]["runId"] for r in by_model.values()}), 1)
parent = next(iter(by_model.values()))["parent"]["runId"]
same("the parent knows its children", sorted(c["runId"] for r in nodes if r["runId"] == parent for c in r["children"]["nodes"]), sorted(r["runId"] for r in by_model.values()))

# The lineage of every model, as artifacts.
for key, node in models.items():
    artifact = ask(UPSTREAM, artifact=relation[key])["workspace"]["artifact"]
    same(f"{node['name']}: upstream relations", sorted({a["name"] for a in artifact["upstream"]}), sorted(relation[d] for d in node["depends_on"]["nodes"]))
    columns = artifact["columnLineage"]
    strangers = {c["from"]["name"] for c in columns} - {relation[d] for d in node["depends_on"]["nodes"]}
    same(f"{node['name']}: columns come only from what it depends on", strangers, set())

# The columns whose origin the SQL says plainly.
EXPECTED = {
    "shop.main.stg_payments": {"payment_id": {("shop.main.raw_payments", "id")}, "amount": {("shop.main.raw_payments", "cents")}},
    "shop.main.orders": {"amount": {("shop.main.order_payments", "amount")}, "status": {("shop.main.stg_orders", "status")}},
    "shop.main.customers": {"lifetime_value": {("shop.main.orders", "amount")}, "first_name": {("shop.main.stg_customers", "first_name")}},
}
for name, fields in EXPECTED.items():
    columns = ask(UPSTREAM, artifact=name)["workspace"]["artifact"]["columnLineage"]
    for field, want in fields.items():
        same(f"{name}.{field}: where it comes from", {(c["from"]["name"], c["fromField"]) for c in columns if c["field"] == field}, want)

# The test that failed, and only the runs that hold it.
failed = [r for r in tested["results"] if r["status"] == "fail"]
same("dbt says one test failed", len(failed), 1)
model = manifest["nodes"][failed[0]["unique_id"]]["attached_node"].split(".")[-1]
same("the failed test's run failed", [r["status"] for r in nodes if r["pipeline"]["name"].endswith(f".{model}.test")], ["FAILED"])
same("the other tests' runs succeeded", {r["status"] for r in nodes if r["pipeline"]["name"].endswith(".test") and not r["pipeline"]["name"].endswith(f".{model}.test")}, {"SUCCEEDED"})
same("the test run that holds it failed", [r["status"] for r in nodes if not r["parent"]].count("FAILED"), 1)
