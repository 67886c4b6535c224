"""launch/slurm: jobs that end, that reach their time limit, and that are preempted or cancelled."""
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


if __name__ == "__main__":
    fake_cluster.main()
