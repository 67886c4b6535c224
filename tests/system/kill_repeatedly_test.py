"""A longer run that is killed ten times at random ends like an undisturbed run."""
import random
import unittest

from support.programs import FaultTest, wait_until

random_moments = random.Random(20)


class KilledRepeatedly(FaultTest):
    STEPS, EVERY = 200, 7
    # Sums over a different number of ranks differ in the last bit. Every few hundred steps, that bit decides the sign of
    # an L1 gradient. At this learning rate, the loss then changes by 1e-5. At the usual learning rate, undisturbed runs
    # on 1 and 2 ranks soon differ by several per cent.
    SETTINGS = [*FaultTest.SETTINGS, "optimizer.learning_rate=0.00001"]

    def killed_ten_times(self, run, ranks):
        for begin in range(0, self.STEPS, self.STEPS // 10):
            process = self.start(run, ranks=random_moments.choice(ranks))
            wait_until(self.has_step(run, begin + random_moments.randrange(1, self.STEPS // 10)), process)
            self.kill_all(run, process)

    def test_result_on_the_same_number_of_ranks_is_bitwise_equal(self):
        self.killed_ten_times("same", [2])
        self.assert_resumes("same", ranks=2)

    def test_losses_on_changing_numbers_of_ranks_are_equal(self):
        self.killed_ten_times("changing", [1, 2, 4])
        length = self.steps_to_end("changing")
        self.resume("changing", length, ranks=1)
        found, expected = self.lines("changing", "train"), self.lines(self.reference(2, length), "train")
        self.assertEqual([line["step"] for line in found], [line["step"] for line in expected])
        self.assertEqual([line["images"] for line in found], [line["images"] for line in expected])
        for one, two in zip(found, expected):
            self.assertAlmostEqual(one["loss"], two["loss"], delta=1e-4 * two["loss"])


if __name__ == "__main__":
    unittest.main()
