"""launch/slurm: jobs that end by themselves, and wrong input."""
import os
import pathlib

import fake_cluster
from fake_cluster import run
from fake_slurm import SlurmTest
from support.programs import BIN


class Job(SlurmTest):
    def test_trains_to_its_end(self):
        job = self.submit("whole", steps=f"train.steps={self.STEPS}")
        self.wait_for_state(job, "COMPLETED")
        self.assert_undisturbed("whole", self.reference(self.RANKS))

    def test_without_the_launcher(self):
        run("salloc", *self.OPTIONS, "srun", "--mpi=pmix", BIN / "gm_train", *self.arguments("bare"), cwd=self.root)
        self.assert_undisturbed("bare", self.reference(self.RANKS))

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
        self.assertIn("-N: give options of sbatch in the form --name or --name=value", self.refused("-N", 2))
        self.assertIn("Its options have the form --name or --name=value", self.refused("--nodes", 2))
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
