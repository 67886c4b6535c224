"""Several hosts on one machine. Needs root.

A script of this folder runs in its own namespaces: processes, mounts, network. Nothing it starts outlives it, and
several scripts may run at the same time. Its /run is in memory, and is the file system that its hosts share. Each host
has its own network, name and /dev/shm.
"""
import os
import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "system"))
from support import programs  # noqa: E402
from support.programs import FaultTest, wait_until  # noqa: E402

ON_HOST = pathlib.Path(__file__).parent / "on_host"
CLUSTER = pathlib.Path("/run/cluster")
HOSTS = ("node1", "node2")
HEAD = "10.77.0.1"


def run(*command, **more):
    return subprocess.run(list(map(str, command)), check=True, text=True, capture_output=True, **more)


def enter():
    """Runs this script again in namespaces of its own, with hosts. Returns when it is there."""
    if os.environ.get("GM_FAKE_CLUSTER") == "yes":
        start_hosts()
        return
    if os.getuid() != 0:
        sys.exit(f"{sys.argv[0]}: only root can make the namespaces of the hosts")
    os.environ["GM_FAKE_CLUSTER"] = "yes"
    os.execvp("unshare", ["unshare", "--net", "--uts", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc",
                          sys.executable, *sys.argv])


def main():
    enter()
    unittest.main()


def start_hosts():
    """Hosts as network namespaces that are connected by a bridge."""
    run("mount", "-t", "tmpfs", "none", "/run")
    CLUSTER.mkdir()
    run("hostname", "head")
    run("ip", "link", "set", "lo", "up")
    run("ip", "link", "add", "bridge", "type", "bridge")
    run("ip", "address", "add", f"{HEAD}/24", "dev", "bridge")
    run("ip", "link", "set", "bridge", "up")
    addresses = {"localhost": "127.0.0.1", "head": HEAD, **{host: address(host) for host in HOSTS}}
    (CLUSTER / "hosts").write_text("".join(f"{number} {name}\n" for name, number in addresses.items()))
    run("mount", "--bind", CLUSTER / "hosts", "/etc/hosts")
    for host in HOSTS:
        run("ip", "netns", "add", host)
        run("ip", "link", "add", f"to-{host}", "type", "veth", "peer", "name", "eth0", "netns", host)
        run("ip", "link", "set", f"to-{host}", "master", "bridge", "up")
        run("ip", "-n", host, "address", "add", f"{address(host)}/24", "dev", "eth0")
        run("ip", "-n", host, "link", "set", "eth0", "up")
        run("ip", "-n", host, "link", "set", "lo", "up")


def address(host):
    return f"10.77.0.{11 + HOSTS.index(host)}"


def cut(host):
    (CLUSTER / f"{host}.cut").touch()
    run("ip", "link", "set", f"to-{host}", "down")


def mend(host):
    run("ip", "link", "set", f"to-{host}", "up")
    (CLUSTER / f"{host}.cut").unlink()


class ClusterTest(FaultTest):
    """Runs on several hosts, in a directory that they share."""
    RANKS = 4

    @classmethod
    def setUpClass(cls):
        programs.SCRATCH = "/run"
        super().setUpClass()
        os.environ["OMPI_MCA_plm_rsh_agent"] = str(ON_HOST)
        del os.environ["OMPI_MCA_orte_tmpdir_base"]  # PMIx of Slurm needs a folder of its own for each node
