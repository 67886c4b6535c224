"""launch/slurm: jobs that end, that reach their time limit, and that are preempted or cancelled."""
import os
import pathlib

import fake_cluster
from fake_cluster import run
from fake_slurm import SlurmTest


class Job(SlurmTest):
    def test_trains_to_its_end(self):
        job = self.submit("whole", steps=f"train.steps={self.STEPS}")
        self.wait_for_state(job, "COMPLETED")
        self.assert_undisturbed("whole", self.reference(self.RANKS))

    def test_time_limit(self):
        job = self.submit("limit", "--time=1", "--signal=B:USR1@55")
        self.assert_queued_again(job, "limit")

    def test_preemption(self):
        job = self.submit("preempted")
        self.train_until("preempted", 3)
        run("sbatch", "--partition=high", "--nodes=2", "--ntasks-per-node=4", "--output=/dev/null", "--wrap=sleep 1")
        self.assert_queued_again(job, "preempted")

    def test_the_number_of_requeues_is_limited(self):
        job = self.submit("often", "--requeues", 0)
        self.train_until("often", 3)
        run("scancel", "--signal=USR1", "--batch", job)
        self.wait_for_state(job, "FAILED")
        self.assertIn("queued again 0 times, which is the limit", self.errors("often"))

    def test_wrong_input_is_not_tried_again(self):
        job = self.submit("wrong", steps="train.steps=-1")
        self.wait_for_state(job, "FAILED")
        self.assertIn("train.steps", self.errors("wrong"))


class WrongInput(SlurmTest):
    def refused(self, *arguments, path=os.environ["PATH"]):
        done = self.launch(*arguments, *self.arguments("refused"), path=path)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertEqual(run("squeue", "--noheader").stdout, "")
        return done.stderr

    def test_options(self):
        self.assertIn("--nodes: give options of sbatch in the form --name=value", self.refused("--nodes", 2))
        self.assertIn("--restarts many: give a number", self.refused("--restarts", "many"))
        self.assertIn("sbatch refused the job", self.refused("--partition=none"))

    def test_a_slurm_without_pmix(self):
        tools = self.root / "tools"
        tools.mkdir()
        (tools / "srun").write_text("#!/bin/sh\necho 'MPI plugin types are... none pmi2'\n")
        (tools / "srun").chmod(0o755)
        self.assertIn("this Slurm has no pmix", self.refused(path=f"{tools}:{os.environ['PATH']}"))

    def test_a_machine_without_slurm(self):
        tools = self.root / "without_sbatch"
        tools.mkdir()
        for tool in pathlib.Path("/usr/bin").iterdir():
            if tool.name != "sbatch":
                (tools / tool.name).symlink_to(tool)
        self.assertIn("there is no sbatch on this machine", self.refused(path=tools))


if __name__ == "__main__":
    fake_cluster.main()
