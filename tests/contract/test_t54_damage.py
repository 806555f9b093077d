"""A node whose disk was damaged says so, names the remedy, and comes back with it: the end of its log cut off, and bytes
of its state changed. What was acknowledged is there afterwards, at every region."""
import os
import pathlib
import shutil
import subprocess

import pytest

from conftest import BASE, PROGRAM, REGIONS, Cluster, eventually

DAMAGED = "eu-west-1"


@pytest.fixture(scope="module")
def damaged(tmp_path_factory):
    made = Cluster(tmp_path_factory.mktemp("damaged"), BASE + 2_000)
    made.start()
    yield made
    made.stop()


def serve(cluster):
    """Runs the node until it stops by itself."""
    config = pathlib.Path(cluster.folder) / f"{DAMAGED}.toml"
    return subprocess.run([PROGRAM, "serve", "--config", str(config)], capture_output=True, text=True, timeout=60)


def acknowledged(cluster, count):
    client = cluster.client("us-east-1")
    return [client.create_app(CreateApplicationRequest={"Name": f"damage {n}"})["ApplicationResponse"]["Id"]
            for n in range(count)]


def rejoin(cluster):
    config = str(pathlib.Path(cluster.folder) / f"{DAMAGED}.toml")
    dry = cluster.cli("cluster", "rejoin", "--config", config, "--dry-run", region="us-east-1").stdout
    assert "would remove node 2" in dry, dry
    log = open(pathlib.Path(cluster.folder) / "rejoin.log", "w+")
    rejoining = subprocess.Popen([PROGRAM, "cluster", "rejoin", "--config", config, "--endpoint", cluster.grpc("us-east-1")],
                                 stdout=log, stderr=log)
    said = lambda: pathlib.Path(log.name).read_text()
    eventually(lambda: "start node 2 now" in said() or rejoining.poll() is not None, seconds=60)
    assert rejoining.poll() is None, said()
    cluster.dev("start", DAMAGED)
    assert rejoining.wait(timeout=90) == 0, said()
    assert "votes again" in said(), said()
    eventually(lambda: cluster.ready(DAMAGED), seconds=60)


def everywhere(cluster, apps):
    for region in REGIONS:
        client = cluster.client(region)
        for app in apps:
            assert eventually(lambda: client.get_app(ApplicationId=app)["ApplicationResponse"]["Id"]) == app


def test_a_synced_end_of_the_log_that_is_gone_stops_the_node_until_it_rejoins(damaged):
    apps = acknowledged(damaged, 30)
    damaged.dev("kill", DAMAGED)
    log = pathlib.Path(damaged.folder) / DAMAGED / "log"
    wal = max((path for path in log.glob("*.log") if path.stat().st_size), key=lambda path: path.stat().st_mtime)
    os.truncate(wal, wal.stat().st_size * 2 // 3)
    stopped = serve(damaged)
    assert stopped.returncode == 1
    assert "the end of the log is gone" in stopped.stderr and "signalbox cluster rejoin" in stopped.stderr, stopped.stderr
    rejoin(damaged)
    everywhere(damaged, apps)


def incarnation(cluster):
    text = (pathlib.Path(cluster.folder) / DAMAGED / "identity.toml").read_text()
    return next(int(line.split("=")[1]) for line in text.splitlines() if line.startswith("incarnation"))


def test_changed_bytes_of_the_state_stop_the_node_until_it_rejoins(damaged):
    apps = acknowledged(damaged, 30)
    damaged.dev("stop", DAMAGED)
    state = pathlib.Path(damaged.folder) / DAMAGED / "state"
    tables = list(state.glob("*.sst"))
    assert tables
    for table in tables:
        content = bytearray(table.read_bytes())
        for place in range(40, min(104, len(content) - 200)):
            content[place] ^= 0xff
        table.write_bytes(bytes(content))
    stopped = serve(damaged)
    assert stopped.returncode == 1
    assert "corrupt" in stopped.stderr and "signalbox cluster rejoin" in stopped.stderr, stopped.stderr
    rejoin(damaged)
    everywhere(damaged, apps)


def test_a_node_without_its_folder_is_given_the_next_number_of_its_starts(damaged):
    """It can't know how often it was started; the same number again would make an earlier start's claims its own."""
    before = incarnation(damaged)
    damaged.dev("stop", DAMAGED)
    shutil.rmtree(pathlib.Path(damaged.folder) / DAMAGED)
    damaged.dev("start", DAMAGED)
    eventually(lambda: damaged.ready(DAMAGED), seconds=60)
    assert incarnation(damaged) == before + 1


def test_a_node_whose_number_of_starts_went_back_is_given_a_higher_one(damaged):
    identity = pathlib.Path(damaged.folder) / DAMAGED / "identity.toml"
    damaged.dev("stop", DAMAGED)
    known = incarnation(damaged)
    identity.write_text(identity.read_text().replace(f"incarnation = {known}", "incarnation = 0"))
    damaged.dev("start", DAMAGED)
    eventually(lambda: damaged.ready(DAMAGED), seconds=60)
    eventually(lambda: incarnation(damaged) == known + 1, seconds=60)
    eventually(lambda: damaged.ready(DAMAGED), seconds=60)
