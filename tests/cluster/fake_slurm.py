"""Slurm on the hosts of fake_cluster.py: the real daemons, and what the tests of jobs share."""
import os
import shutil
import subprocess

from fake_cluster import CLUSTER, HEAD, HOSTS, ON_HOST, ClusterTest, address, run
from support.programs import DEADLINE_SECONDS, LOCAL, wait_until

LAUNCH_SLURM = LOCAL.with_name("slurm")
FOLDER = CLUSTER / "slurm"
CORES = 4  # of a node, as Slurm counts them
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
SlurmdTimeout=40
KillWait=10
JobRequeue=1
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
PartitionName=low Nodes=ALL Default=YES State=UP PriorityTier=1 GraceTime=20
PartitionName=high Nodes=ALL State=UP PriorityTier=10 PreemptMode=OFF
"""


def start_slurm():
    (FOLDER / "munge").mkdir(parents=True)
    (FOLDER / "munge/key").write_bytes(os.urandom(1024))
    (FOLDER / "munge/key").chmod(0o400)
    for path in (FOLDER / "munge", FOLDER / "munge/key"):
        shutil.chown(path, "munge", "munge")
    munge = {name: FOLDER / f"munge/{name}" for name in ("key", "socket", "pid", "log", "seed")}
    run("runuser", "-u", "munge", "--", "munged", f"--key-file={munge['key']}", f"--socket={munge['socket']}",
        f"--pid-file={munge['pid']}", f"--log-file={munge['log']}", f"--seed-file={munge['seed']}")
    nodes = "".join(f"NodeName={host} NodeAddr={address(host)} CPUs={CORES} RealMemory=1000 State=UNKNOWN\n" for host in HOSTS)
    (FOLDER / "slurm.conf").write_text(CONFIGURATION.format(head=HEAD, folder=FOLDER) + nodes)
    os.environ["SLURM_CONF"] = str(FOLDER / "slurm.conf")
    run("slurmctld")
    for host in HOSTS:
        (FOLDER / f"spool-{host}").mkdir()
        (FOLDER / f"tmp-{host}").mkdir(mode=0o1777)
        run(ON_HOST, host, f"SLURM_CONF={FOLDER}/slurm.conf slurmd -N {host}")
    wait_until(lambda: run("sinfo", "--noheader", "--Node", "--format=%T", "--partition=low").stdout.split() == ["idle"] * len(HOSTS))


class SlurmTest(ClusterTest):
    OPTIONS = ("--nodes=2", "--ntasks-per-node=2", "--time=10")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if not FOLDER.exists():  # not for each class
            start_slurm()

    def tearDown(self):
        run("scancel", "--user=root")
        wait_until(lambda: not run("squeue", "--noheader").stdout)

    def launch(self, *arguments, path=os.environ["PATH"]):
        return subprocess.run(list(map(str, [LAUNCH_SLURM, *arguments])), cwd=self.root, capture_output=True, text=True,
                              timeout=DEADLINE_SECONDS, env={**os.environ, "PATH": str(path)})

    def submit(self, name, *options, steps=None, **more):
        """Submits a job that trains the run `name`, without end unless `steps` is given. Returns its number."""
        done = self.launch(*self.OPTIONS, f"--output={name}.err", *options, *self.arguments(name, steps or self.ENDLESS), **more)
        self.assertEqual(done.returncode, 0, done.stderr)
        return int(done.stdout.split("Job ")[1].split()[0])

    @staticmethod
    def state(job):
        return run("scontrol", "show", "job", job).stdout.split("JobState=")[1].split()[0]

    def wait_for_state(self, job, state):
        wait_until(lambda: self.state(job) == state)

    def train_until(self, name, step):
        wait_until(self.has_step(name, step))

    def says(self, name, text):
        return lambda: self.exists(f"{name}.err")() and text in self.errors(name)

    def assert_queued_again(self, job, name, times=1):
        """Waits until the job trains again after it was queued again. Then it is cancelled, and resumed to its end."""
        wait_until(self.says(name, f"Job {job} on node[1-2], queued again {times} times."))
        self.assert_continues(job, name)

    def assert_continues(self, job, name):
        wait_until(lambda: len(self.rank_processes(name)) == self.RANKS)
        self.train_until(name, 1)
        self.train_until(name, self.lines(name, "train")[-1]["step"] + self.EVERY)
        run("scancel", job)
        self.wait_for_state(job, "CANCELLED")
        self.assertIn("stopped by SIG", self.last_message(self.errors(name)))
        self.assert_resumes(name, ranks=self.RANKS)
