// What a user and a launcher see when ranks fail: the exit status, the last message, and the delay.
#include <gmock/gmock.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string>
#include <thread>

namespace gm {
namespace {

using testing::AllOf;
using testing::AnyOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

struct Outcome {
  int status;
  std::string output;  ///< stdout and stderr.
  double seconds;
};

/// On a busy machine, the event library of mpirun sometimes adds a warning after the last line of
/// the program.
std::string without_warnings_of_mpirun(const std::string& output) {
  std::istringstream lines(output);
  std::string result;
  for (std::string line; std::getline(lines, line);)
    if (!line.starts_with("[warn] ")) result += line + '\n';
  return result;
}

Outcome run(const std::string& command) {
  const auto start = std::chrono::steady_clock::now();
  FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
  if (!pipe) return {-1, "popen failed", 0};
  Outcome outcome;
  std::array<char, 4096> block;
  while (const size_t bytes = std::fread(block.data(), 1, block.size(), pipe)) {
    outcome.output.append(block.data(), bytes);
  }
  const int status = ::pclose(pipe);
  outcome.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  outcome.output = without_warnings_of_mpirun(outcome.output);
  outcome.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return outcome;
}

std::string program() { return std::string(std::getenv("GM_BIN_DIR")) + "/world_fault "; }

/// mpirun ends after a minute, so that a hang fails the test instead of blocking it.
Outcome run_on(int ranks, const std::string& fault, const std::string& options = "") {
  return run("mpirun --quiet --timeout 60 --oversubscribe -n " + std::to_string(ranks) + " " +
             options + " " + program() + fault);
}

int count_of(const std::string& text, const std::string& part) {
  int count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TEST(WorldFaultTest, SingleProcessNeedsNoLauncher) {
  EXPECT_EQ(run(program() + "none").status, 0);
  const Outcome failed = run(program() + "input_wrong_on_all");
  EXPECT_EQ(failed.status, 2);
  EXPECT_EQ(failed.output, "world_fault: [rank 0] gm.toml: no key is called | dta.path\n");
}

TEST(WorldFaultTest, SlurmTasksWithoutPmixAreRefused) {
  const Outcome outcome = run("SLURM_STEP_NUM_TASKS=2 " + program() + "none");
  EXPECT_EQ(outcome.status, 2);
  EXPECT_THAT(outcome.output, HasSubstr("srun --mpi=pmix"));
}

TEST(WorldFaultTest, ExitStatusOfTheProgramIsReturned) {
  for (const int ranks : {1, 2}) {
    EXPECT_EQ(run_on(ranks, "none").status, 0);
    EXPECT_EQ(run_on(ranks, "run_me_again").status, 75);
  }
}

TEST(WorldFaultTest, AReasonSharedByAllRanksIsPrintedOnce) {
  const Outcome outcome = run_on(4, "input_wrong_on_all");
  EXPECT_EQ(outcome.status, 2);
  EXPECT_EQ(outcome.output, "world_fault: [rank 0] gm.toml: no key is called | dta.path\n");
}

TEST(WorldFaultTest, DifferentReasonsAreAllPrinted) {
  const Outcome outcome = run_on(2, "different_on_all");
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.output,
              AllOf(HasSubstr("[rank 0] no file here\n"), HasSubstr("[rank 1] no space there\n")));
}

TEST(WorldFaultTest, BacktraceOfLibTorchIsOmitted) {
  const Outcome outcome = run_on(2, "torch_error_on_all");
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.output, AllOf(HasSubstr("shapes do not match"), Not(HasSubstr("frame #"))));
  EXPECT_EQ(std::count(outcome.output.begin(), outcome.output.end(), '\n'), 1);
}

TEST(WorldFaultTest, FailureOfOneRankEndsAll) {
  const Outcome input = run_on(4, "input_wrong_on_one");
  EXPECT_EQ(input.status, 2);
  EXPECT_EQ(input.output, "world_fault: [rank 1] no file here\n");
  EXPECT_LT(input.seconds, 10);

  const Outcome error = run_on(2, "error_on_one");
  EXPECT_EQ(error.status, 1);
  EXPECT_EQ(error.output, "world_fault: [rank 1] something broke\n");
}

TEST(WorldFaultTest, ExceptionInAThreadEndsAll) {
  const Outcome outcome = run_on(2, "error_in_thread_on_one");
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.output, "world_fault: [rank 1] a thread gave up\n");
}

TEST(WorldFaultTest, WatchdogReportsTheSectionOfEveryRank) {
  const Outcome outcome = run_on(4, "rank_hangs");
  EXPECT_EQ(outcome.status, 1);
  EXPECT_LT(outcome.seconds, 15);
  EXPECT_THAT(outcome.output, HasSubstr("rank 1 is in step for"));
  EXPECT_THAT(outcome.output, HasSubstr(", data for"));
  EXPECT_EQ(count_of(outcome.output, ", reduction for"), 3) << outcome.output;
  EXPECT_EQ(count_of(outcome.output, "world_fault: "), 1) << outcome.output;
  EXPECT_THAT(outcome.output, HasSubstr("world_fault: [rank 0] late in reduction for"));
  EXPECT_THAT(outcome.output, EndsWith("(limit 1 s)\n"));
}

TEST(WorldFaultTest, WatchdogNamesTheRankThatDoesNotAnswer) {
  const Outcome outcome = run_on(2, "rank_stops");
  EXPECT_EQ(outcome.status, 1);
  EXPECT_LT(outcome.seconds, 20);
  EXPECT_THAT(outcome.output, HasSubstr("rank 1 does not answer"));
  EXPECT_THAT(outcome.output, EndsWith("; no answer from rank 1\n"));
}

TEST(WorldFaultTest, RankThatExitsEarlyIsDetected) {
  const Outcome outcome = run_on(2, "rank_leaves_early");
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.output, EndsWith("; no answer from rank 1\n"));
}

TEST(WorldFaultTest, RanksShareTheCoresOfTheirNode) {
  const int cores = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  const std::string half = "threads " + std::to_string(std::max(1, cores / 2)) + "\n";
  const std::string unset = " env -u OMP_NUM_THREADS";
  EXPECT_EQ(run_on(2, "threads", "--bind-to none" + unset).output, half + half);
  if (cores > 1) {  // Each rank has its own core, with one or two hardware threads.
    EXPECT_THAT(run_on(2, "threads", "--bind-to core" + unset).output,
                AnyOf("threads 1\nthreads 1\n", "threads 2\nthreads 2\n"));
  }
  EXPECT_EQ(run_on(2, "threads", "env OMP_NUM_THREADS=3").output, "threads 3\nthreads 3\n");
}

}  // namespace
}  // namespace gm
