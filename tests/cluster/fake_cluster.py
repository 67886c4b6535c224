"""Several hosts on one machine, with mpirun or Slurm between them. Needs root.

A script of this folder runs in its own namespaces: processes, mounts, network. Nothing it starts outlives it, and
several scripts may run at the same time. Its /run is in memory, and is the file system that its hosts share. Each host
has its own network, name and /dev/shm.
"""
import os
import pathlib
import shutil
import subprocess
import sys
import textwrap
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "system"))
from support import programs  # noqa: E402
from support.programs import FaultTest, wait_until  # noqa: E402

ON_HOST = pathlib.Path(__file__).parent / "on_host"
CLUSTER = pathlib.Path("/run/cluster")
HOSTS = ("node1", "node2")
CORES = 4  # of a host, for Slurm
HEAD = "10.77.0.1"


def run(*command, **more):
    return subprocess.run(list(map(str, command)), check=True, text=True, capture_output=True, **more)


def main():
    """Runs the tests of the script in namespaces of its own."""
    if os.environ.get("GM_FAKE_CLUSTER") == "yes":
        start_hosts()
        unittest.main()
    if os.getuid() != 0:
        sys.exit("the tests of a cluster make network namespaces, which needs root")
    os.environ["GM_FAKE_CLUSTER"] = "yes"
    os.execvp("unshare", ["unshare", "--net", "--uts", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc",
                          sys.executable, *sys.argv])


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


# ---- Slurm --------------------------------------------------------------------------------------------------------

# Without control groups, which a container cannot make. Short waits. TmpFS: each node needs its own folder for PMIx.
CONFIGURATION = """
ClusterName=fake
SlurmctldHost=head({head})
SlurmctldPort=6817
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={folder}/munge/socket,cred_expire=5
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
TmpFS={folder}/tmp-%n
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SwitchType=switch/none
MpiDefault=pmix
ReturnToService=2
SlurmdParameters=config_overrides
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdTimeout=15
KillWait=10
JobRequeue=1
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
PartitionName=low Nodes=ALL Default=YES State=UP PriorityTier=1 GraceTime=20
PartitionName=high Nodes=ALL State=UP PriorityTier=10 PreemptMode=OFF
"""


def start_slurm():
    folder = CLUSTER / "slurm"
    (folder / "munge").mkdir(parents=True)
    (folder / "munge/key").write_bytes(os.urandom(1024))
    (folder / "munge/key").chmod(0o400)
    for path in (folder / "munge", folder / "munge/key"):
        shutil.chown(path, "munge", "munge")
    munge = {name: folder / f"munge/{name}" for name in ("key", "socket", "pid", "log", "seed")}
    run("runuser", "-u", "munge", "--", "munged", f"--key-file={munge['key']}", f"--socket={munge['socket']}",
        f"--pid-file={munge['pid']}", f"--log-file={munge['log']}", f"--seed-file={munge['seed']}")
    nodes = "".join(f"NodeName={host} NodeAddr={address(host)} CPUs={CORES} RealMemory=1000 State=UNKNOWN\n" for host in HOSTS)
    (folder / "slurm.conf").write_text(CONFIGURATION.format(head=HEAD, folder=folder) + nodes)
    os.environ["SLURM_CONF"] = str(folder / "slurm.conf")
    run("slurmctld")
    for host in HOSTS:
        (folder / f"spool-{host}").mkdir()
        (folder / f"tmp-{host}").mkdir(mode=0o1777)
        run(ON_HOST, host, f"SLURM_CONF={folder}/slurm.conf slurmd -N {host}")
    wait_until(lambda: run("sinfo", "--noheader", "--Node", "--format=%T", "--partition=low").stdout.split() == ["idle"] * len(HOSTS))
