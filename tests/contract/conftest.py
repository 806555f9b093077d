"""Contract tests: real clients against a real development cluster, one for the whole run. No test sleeps; each waits for
a condition with a deadline."""
import json
import os
import pathlib
import signal
import subprocess
import time
import urllib.parse
import urllib.request

import boto3
import botocore.config
import pytest

REGIONS = ["us-east-1", "eu-west-1", "ap-southeast-2"]
KEY = {"aws_access_key_id": "AKIASIGNALBOXKIT0001", "aws_secret_access_key": "signalbox-kit-secret"}
PROGRAM = os.environ["SIGNALBOX"]
BASE = int(os.environ.get("SIGNALBOX_TEST_PORT", "14100"))


class Cluster:
    """A development cluster with the means to look at it and to hurt it."""

    def __init__(self, folder, base, mode="active_active"):
        self.folder, self.base, self.mode = folder, base, mode
        self.sandbox = f"http://127.0.0.1:{base + 200}"

    def start(self):
        self.process = subprocess.Popen(
            [PROGRAM, "dev", "--base-port", str(self.base), "--folder", str(self.folder), "--mode", self.mode],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        said = []
        for line in self.process.stdout:
            said.append(line)
            if "Ctrl-C stops everything" in line:
                return
        raise RuntimeError("the cluster did not start:\n" + "".join(said) + self.logs())

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(timeout=40)
        finally:
            self.process.kill()
            self.process.stdout.close()

    def logs(self):
        return "\n".join(f"--- {p.name}\n" + "\n".join(p.read_text().splitlines()[-30:])
                         for p in sorted(pathlib.Path(self.folder).glob("*.log")))

    def listener(self, region):
        return f"http://127.0.0.1:{self.base + 1 + REGIONS.index(region)}"

    def grpc(self, region):
        return f"127.0.0.1:{self.base + 101 + REGIONS.index(region)}"

    def client(self, region):
        config = botocore.config.Config(retries={"max_attempts": 1, "mode": "standard"}, read_timeout=30)
        return boto3.client("pinpoint", region_name=region, endpoint_url=self.listener(region), config=config, **KEY)

    def cli(self, *args, region="eu-west-1", check=True):
        """Runs `signalbox` as an operator in another terminal would."""
        done = subprocess.run([PROGRAM, *args, "--endpoint", self.grpc(region)],
                              capture_output=True, text=True, timeout=60)
        if check and done.returncode != 0:
            raise AssertionError(f"signalbox {' '.join(args)} failed: {done.stderr}\n{done.stdout}")
        return done

    def dev(self, *args):
        done = subprocess.run([PROGRAM, "dev", *args, "--base-port", str(self.base), "--folder", str(self.folder)],
                              capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def outbox(self, **query):
        with urllib.request.urlopen(f"{self.sandbox}/outbox?{urllib.parse.urlencode(query)}", timeout=10) as answer:
            return [json.loads(line) for line in answer.read().decode().splitlines()]

    def ready(self, region):
        with urllib.request.urlopen(self.listener(region) + "/readyz", timeout=5) as answer:
            return answer.status == 200

    def app(self, region="us-east-1"):
        """A fresh app with EMAIL and SMS enabled."""
        client = self.client(region)
        app = client.create_app(CreateApplicationRequest={"Name": "contract"})["ApplicationResponse"]["Id"]
        client.update_sms_channel(ApplicationId=app, SMSChannelRequest={"Enabled": True})
        client.update_email_channel(ApplicationId=app, EmailChannelRequest={
            "Enabled": True, "FromAddress": "kit@example.com",
            "Identity": "arn:aws:ses:us-east-1:000000000000:identity/example.com"})
        return app


def started(folder, base, mode="active_active", **settings):
    """Starts a cluster whose nodes have these settings by the environment."""
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        made = Cluster(folder, base, mode)
        made.start()
        return made
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def eventually(probe, seconds=20, every=0.05):
    """Asks until the answer is true; the last failure or answer is reported."""
    deadline = time.monotonic() + seconds
    while True:
        last = None
        try:
            last = probe()
            if last:
                return last
        except Exception as error:
            last = error
        assert time.monotonic() < deadline, f"not reached in {seconds} s: {last!r}"
        time.sleep(every)


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    made = Cluster(tmp_path_factory.mktemp("cluster"), BASE)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def app(cluster):
    return cluster.app()
