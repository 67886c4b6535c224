#include "telemetry/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <limits>
#include <mutex>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "base/unix_time.h"
#include "telemetry/metrics_server.h"
#include "telemetry/process_memory.h"

namespace gm {
namespace {

using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;

/// From a step of a tiny network on a GPU to one of a large network on a laptop.
const Histogram::BucketBoundaries kStepBuckets{0.001, 0.003, 0.01, 0.03, 0.1, 0.3,
                                               1,     3,     10,   30,   100};

/// Metrics that are shown together.
class Group {
 public:
  std::string text() const { return prometheus::TextSerializer().Serialize(registry_.Collect()); }

 protected:
  Counter& counter(const char* name, const char* help) {
    return prometheus::BuildCounter().Name(name).Help(help).Register(registry_).Add({});
  }
  Gauge& gauge(const char* name, const char* help) { return gauges(name, help).Add({}); }
  Family<Gauge>& gauges(const char* name, const char* help) {
    return prometheus::BuildGauge().Name(name).Help(help).Register(registry_);
  }
  Family<Histogram>& histograms(const char* name, const char* help) {
    return prometheus::BuildHistogram().Name(name).Help(help).Register(registry_);
  }

 private:
  prometheus::Registry registry_;
};

/// Shown by every rank.
struct RankMetrics : Group {
  Counter& steps = counter("gm_steps_total", "Optimizer steps done by this process.");
  Gauge& last_step = gauge("gm_last_step_timestamp_seconds",
                           "Unix time at which the last step ended; 0 before the first.");
  Histogram& step_seconds =
      histograms("gm_step_seconds", "Wall clock of an optimizer step.").Add({}, kStepBuckets);
  Family<Histogram>& part_seconds =
      histograms("gm_step_part_seconds", "Wall clock of a part of an optimizer step.");
  Counter& data_wait = counter("gm_data_wait_seconds_total", "Seconds that steps waited for data.");
  Counter& allreduce_seconds =
      counter("gm_allreduce_seconds_total",
              "Seconds in which gradients were summed over the ranks, also during the backward "
              "pass.");
  Counter& allreduce_bytes =
      counter("gm_allreduce_bytes_total", "Bytes of gradients that were summed over the ranks.");
  Family<Gauge>& memory = gauges("gm_memory_bytes", "Memory of this process.");
  Gauge& watchdog_margin =
      gauge("gm_watchdog_margin_seconds",
            "Seconds until the watchdog ends the run unless the current work ends before; +Inf "
            "without a limit.");

  RankMetrics() {
    gauges("gm_build_info", "Version of the program; always 1.")
        .Add({{"version", GM_VERSION}})
        .Set(1);
    gauge("gm_start_timestamp_seconds", "Unix time at which this process began to train.")
        .Set(unix_seconds());
    for (const char* part : {"data", "forward_backward", "reduction", "optimizer"}) {
      part_seconds.Add({{"part", part}}, kStepBuckets);
    }
  }
};

/// Shown by rank 0 only: with the same figures on every rank, a sum over the ranks would be wrong.
struct RunMetrics : Group {
  Gauge& step = gauge("gm_step", "Steps since the run began.");
  Counter& samples =
      counter("gm_samples_total", "Training samples of all ranks since this process started.");
  Gauge& epochs = gauge("gm_epochs", "Passes over the training samples since the run began.");
  Family<Gauge>& loss =
      gauges("gm_loss", "Loss of the last step, mean over all ranks; term total is the sum.");
  Gauge& learning_rate = gauge("gm_learning_rate", "Learning rate of the last step.");
  Gauge& gradient_norm =
      gauge("gm_gradient_norm", "Norm of the gradient of the last step, before clipping.");
  Counter& skipped_steps =
      counter("gm_skipped_steps_total",
              "Steps that did not change a network: its loss or gradient was not finite.");
  Gauge& slowest_rank = gauge("gm_slowest_rank", "The rank that worked longest in the last step.");
  Gauge& slowest_ratio =
      gauge("gm_slowest_rank_ratio",
            "Time that this rank worked, waiting for other ranks excluded, divided by the median "
            "of the ranks.");
  Counter& checkpoints = counter("gm_checkpoints_total", "Checkpoints that were written.");
  Counter& checkpoint_failures =
      counter("gm_checkpoint_failures_total", "Checkpoints that could not be written.");
  Gauge& checkpoint_seconds =
      gauge("gm_checkpoint_seconds", "Wall clock of writing the last checkpoint.");
  Gauge& checkpoint_bytes = gauge("gm_checkpoint_bytes", "Size of the last checkpoint.");
  Gauge& last_checkpoint = gauge("gm_last_checkpoint_timestamp_seconds",
                                 "Unix time of the last checkpoint; 0 before the first.");
  Gauge& last_checkpoint_step =
      gauge("gm_last_checkpoint_step", "Step of the last checkpoint, or of the resume.");
  Gauge& sampling_seconds =
      gauge("gm_sampling_seconds", "Wall clock of making the last grid of samples.");
  Family<Gauge>& evaluation =
      gauges("gm_evaluation", "Figures of the last evaluation of each kind.");
  Family<Gauge>& evaluation_seconds =
      gauges("gm_evaluation_seconds", "Wall clock of the last evaluation of each kind.");
  Counter& lost_lines =
      counter("gm_lost_metrics_lines_total", "Lines of metrics.jsonl that could not be written.");

  explicit RunMetrics(const Metrics::Options& options) {
    gauge("gm_world_size", "Number of ranks.").Set(options.world_size);
    counter("gm_restarts_total", "Times that the launcher started the ranks again.")
        .Increment(options.restarts);
    gauge("gm_planned_steps", "Steps after which the run ends.")
        .Set(static_cast<double>(options.planned_steps));
    gauge("gm_checkpoint_interval_steps", "Steps between two checkpoints.")
        .Set(static_cast<double>(options.checkpoint_interval_steps));
    step.Set(static_cast<double>(options.first_step));
    last_checkpoint_step.Set(static_cast<double>(options.first_step));
    loss.Add({{"term", "total"}});
    slowest_ratio.Set(1);
  }
};

}  // namespace

struct Metrics::Families {
  explicit Families(const Options& chosen) : options(chosen), run(chosen) {
    run.epochs.Set(epochs_of(options.first_samples));
  }

  double epochs_of(int64_t samples) const {
    return static_cast<double>(samples) / static_cast<double>(options.dataset_size);
  }

  /// Also reads what is not recorded but measured at a scrape. Nothing after close().
  std::string text() {
    const std::scoped_lock lock(mutex);
    if (closed) return "";
    const ProcessMemory memory = process_memory();
    rank.memory.Add({{"kind", "resident"}}).Set(static_cast<double>(memory.resident_bytes));
    rank.memory.Add({{"kind", "peak"}}).Set(static_cast<double>(memory.peak_bytes));
    rank.watchdog_margin.Set(options.watchdog_margin ? options.watchdog_margin()
                                                     : std::numeric_limits<double>::infinity());
    return rank.text() + (options.is_rank_zero ? run.text() : "");
  }

  /// Afterwards, what Options::watchdog_margin refers to may be destroyed.
  void close() {
    const std::scoped_lock lock(mutex);
    closed = true;
  }

  const Options options;
  RankMetrics rank;
  RunMetrics run;
  std::mutex mutex;
  bool closed = false;
};

Metrics::Metrics(const Options& options) : families_(std::make_shared<Families>(options)) {}
Metrics::~Metrics() { families_->close(); }

void Metrics::record_step(const StepReport& report) {
  RankMetrics& rank = families_->rank;
  rank.steps.Increment();
  rank.last_step.Set(unix_seconds());
  rank.step_seconds.Observe(report.step_seconds);
  for (const auto& [part, seconds] : report.part_seconds) {
    rank.part_seconds.Add({{"part", part}}, kStepBuckets).Observe(seconds);
    if (part == "data") rank.data_wait.Increment(seconds);
  }
  rank.allreduce_seconds.Increment(report.allreduce_seconds);
  rank.allreduce_bytes.Increment(static_cast<double>(report.allreduce_bytes));

  RunMetrics& run = families_->run;
  run.step.Set(static_cast<double>(report.step));
  run.samples.Increment(static_cast<double>(report.step_samples));
  run.epochs.Set(families_->epochs_of(report.samples));
  run.loss.Add({{"term", "total"}}).Set(report.loss);
  for (const auto& [term, value] : report.loss_terms) run.loss.Add({{"term", term}}).Set(value);
  run.learning_rate.Set(report.learning_rate);
  run.gradient_norm.Set(report.gradient_norm);
  if (!report.slowest) return;
  run.slowest_rank.Set(report.slowest->rank);
  run.slowest_ratio.Set(report.slowest->ratio);
}

void Metrics::record_skipped_step() { families_->run.skipped_steps.Increment(); }

void Metrics::record_lost_line() { families_->run.lost_lines.Increment(); }

void Metrics::record_samples(double seconds) { families_->run.sampling_seconds.Set(seconds); }

void Metrics::record_evaluation(const EvaluationReport& report, double seconds) {
  RunMetrics& run = families_->run;
  for (const auto& [name, value] : report.figures) {
    run.evaluation.Add({{"evaluation", report.name}, {"figure", name}}).Set(value);
  }
  run.evaluation_seconds.Add({{"evaluation", report.name}}).Set(seconds);
}

void Metrics::record_checkpoint(int64_t step, int64_t bytes, double seconds) {
  RunMetrics& run = families_->run;
  run.checkpoints.Increment();
  run.checkpoint_seconds.Set(seconds);
  run.checkpoint_bytes.Set(static_cast<double>(bytes));
  run.last_checkpoint_step.Set(static_cast<double>(step));
  run.last_checkpoint.Set(unix_seconds());
}

void Metrics::record_failed_checkpoint() { families_->run.checkpoint_failures.Increment(); }

std::optional<Endpoint> Metrics::serve(const std::string& address, int port, int local_rank) {
  if (port == 0) return std::nullopt;
  const int wanted = port + local_rank;
  std::string place = with_port(address, wanted);
  try {
    const std::string host = address_in_digits(address);
    place = with_port(host, wanted);
    const int served =
        serve_metrics(host, wanted, [families = families_] { return families->text(); });
    if (served != wanted) {
      log_warning(
          "port {} is taken, so the metrics are served on {}; another telemetry.port avoids "
          "this",
          wanted, with_port(host, served));
    }
    return Endpoint{.target = with_port(reachable_address(host), served),
                    .is_loopback = is_loopback(host)};
  } catch (const Error& error) {
    log_warning(
        "no metrics endpoint on {} ({}); the run continues without it. Choose another "
        "telemetry.address, or telemetry.port=0 for none",
        place, error.what());
    return std::nullopt;
  }
}

std::string Metrics::text() const { return families_->text(); }

}  // namespace gm
