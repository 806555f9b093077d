"""A region that was lost and is started again comes back by itself, in steps, where the configuration says so."""
import json

import pytest
from conftest import BASE, eventually, started

LOST = "us-east-1"


@pytest.fixture(scope="module")
def returning(tmp_path_factory):
    made = started(tmp_path_factory.mktemp("returning"), BASE + 4000, SIGNALBOX__FAILOVER__FAILBACK="automatic",
                   SIGNALBOX__FAILOVER__FAILBACK_AFTER_S="3", SIGNALBOX__FAILOVER__FAILBACK_STEP_S="2")
    yield made
    made.stop()


def plan(cluster):
    return json.loads(cluster.cli("traffic", "plan", "--output", "json").stdout)


def history(cluster):
    return json.loads(cluster.cli("traffic", "history", "--output", "json").stdout)["plans"]


def state(plan):
    return plan["regions"][LOST]


def test_a_lost_region_that_is_well_again_comes_back_in_steps(returning):
    before = plan(returning)
    returning.dev("kill", LOST)
    eventually(lambda: state(plan(returning)) == "evacuated", seconds=30)
    returning.dev("start", LOST)
    eventually(lambda: plan(returning)["weights"] == before["weights"] and state(plan(returning)) == "active",
               seconds=60)
    steps = [p["evidence"][f"returning.{LOST}"] for p in history(returning) if f"returning.{LOST}" in p["evidence"]]
    assert steps == ["1000", "250", "50"]
    explained = returning.cli("traffic", "explain").stdout
    assert f"{LOST} is on its way back" in explained


def test_what_a_person_took_out_stays_out(returning):
    eventually(lambda: state(plan(returning)) == "active", seconds=60)
    returning.cli("traffic", "evacuate", LOST, "--reason", "maintenance of the test")
    epoch = plan(returning)["epoch"]
    # Longer than a lost region would be out: another one's way back is seen meanwhile.
    returning.dev("kill", "ap-southeast-2")
    returned = "returning.ap-southeast-2"
    eventually(lambda: any(p["epoch"] > epoch and "lost.ap-southeast-2" in p["evidence"] for p in history(returning)),
               seconds=30)
    returning.dev("start", "ap-southeast-2")
    eventually(lambda: any(p["evidence"].get(returned) == "1000" for p in history(returning)), seconds=60)
    assert state(plan(returning)) == "evacuated"
