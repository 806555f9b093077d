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


def shares(plan):
    return plan["regions"], plan["weights"]


def test_a_lost_region_that_is_well_again_comes_back_in_steps(returning):
    before = plan(returning)
    returning.dev("kill", LOST)
    eventually(lambda: state(plan(returning)) == "evacuated", seconds=30)
    returning.dev("start", LOST)
    eventually(lambda: shares(plan(returning)) == shares(before), seconds=60)
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


def test_in_warm_standby_roles_exchange_by_hand_and_by_themselves(tmp_path):
    warm = started(tmp_path, BASE + 5000, mode="warm_standby", SIGNALBOX__FAILOVER__FAILBACK="automatic",
                   SIGNALBOX__FAILOVER__FAILBACK_AFTER_S="2", SIGNALBOX__FAILOVER__FAILBACK_STEP_S="2")
    try:
        before = plan(warm)
        home = next(region for region, state in before["regions"].items() if state == "active")
        other = next(region for region in before["regions"] if region not in (home, "eu-west-1"))
        exchange = ("traffic", "failback", home, other, "--reason", "maintenance of the test")
        # Just after the start nobody is ready.
        tried = eventually(lambda: json.loads(warm.cli(*exchange, "--dry-run", "--output", "json").stdout))
        assert tried["plan"]["regions"][home] == "standby" and plan(warm)["epoch"] == before["epoch"]
        warm.cli(*exchange)
        there = plan(warm)
        assert (there["regions"][home], there["regions"][other]) == ("standby", "active")
        refused = warm.cli(*exchange, check=False)
        assert refused.returncode == 1 and "must be active" in refused.stderr

        # The active one is lost, a standby takes its place, and when it is well again it gets its role back.
        warm.dev("kill", other)
        eventually(lambda: plan(warm)["regions"][other] == "evacuated", seconds=30)
        warm.dev("start", other)
        eventually(lambda: shares(plan(warm)) == shares(there), seconds=60)
    finally:
        warm.stop()
