#include "telemetry/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <utility>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "base/unix_time.h"
#include "telemetry/metrics_server.h"

namespace gm {
namespace {

using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;

std::string exposition(const prometheus::Registry& registry) {
  return prometheus::TextSerializer().Serialize(registry.Collect());
}

/// Step times from a tiny network on a GPU to a large one on a laptop.
Histogram::BucketBoundaries step_buckets() {
  return {0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100};
}

}  // namespace

/// Every metric. The first use of a label creates its series, so those that dashboards rely on are
/// created here, at 0.
struct Metrics::Families {
  std::shared_ptr<prometheus::Registry> registry = std::make_shared<prometheus::Registry>();

  Counter& steps = counter("gm_steps_total", "Optimizer steps done by this process.");
  Counter& images =
      counter("gm_images_total", "Images seen since this process started, by all ranks together.");
  Counter& skipped_steps =
      counter("gm_skipped_steps_total",
              "Steps that did not change a network: its loss or gradient was not finite.");
  Family<Gauge>& loss =
      gauge_family("gm_loss", "Loss of the last step, mean over all ranks; term total is the sum.");
  Gauge& learning_rate = gauge("gm_learning_rate", "Learning rate of the last step.");
  Gauge& gradient_norm =
      gauge("gm_gradient_norm", "Norm of the gradient of the last step, before clipping.");
  Histogram& step_seconds = prometheus::BuildHistogram()
                                .Name("gm_step_seconds")
                                .Help("Wall clock of an optimizer step on this rank.")
                                .Register(*registry)
                                .Add({}, step_buckets());
  Family<Counter>& part_seconds = prometheus::BuildCounter()
                                      .Name("gm_step_part_seconds_total")
                                      .Help("Wall clock of the parts of the steps on this rank.")
                                      .Register(*registry);
  Counter& data_wait =
      counter("gm_data_wait_seconds_total", "Wall clock that steps on this rank waited for data.");
  Family<Gauge>& evaluation =
      gauge_family("gm_evaluation", "Figures of the last evaluation of each kind, all ranks.");
  Gauge& last_step = gauge("gm_last_step_timestamp_seconds",
                           "Unix time at which the last step ended; 0 before the first.");
  Counter& lost_lines =
      counter("gm_lost_metrics_lines_total", "Lines of metrics.jsonl that could not be written.");
  Counter& checkpoints = counter("gm_checkpoints_total", "Checkpoints that were written.");
  Counter& checkpoint_failures =
      counter("gm_checkpoint_failures_total", "Checkpoints that could not be written.");
  Gauge& checkpoint_seconds =
      gauge("gm_checkpoint_seconds", "Wall clock of writing the last checkpoint.");
  Gauge& last_checkpoint = gauge("gm_last_checkpoint_timestamp_seconds",
                                 "Unix time of the last checkpoint; 0 before the first.");

  Families() {
    gauge_family("gm_build_info", "Version of the program; always 1.")
        .Add({{"version", GM_VERSION}})
        .Set(1);
    loss.Add({{"term", "total"}});
    for (const char* part : {"data", "forward_backward", "reduction", "optimizer"}) {
      part_seconds.Add({{"part", part}});
    }
  }

 private:
  Counter& counter(const char* name, const char* help) {
    return prometheus::BuildCounter().Name(name).Help(help).Register(*registry).Add({});
  }
  Gauge& gauge(const char* name, const char* help) { return gauge_family(name, help).Add({}); }
  Family<Gauge>& gauge_family(const char* name, const char* help) {
    return prometheus::BuildGauge().Name(name).Help(help).Register(*registry);
  }
};

Metrics::Metrics() : families_(std::make_unique<Families>()) {}
Metrics::~Metrics() = default;

void Metrics::record_step(const StepReport& report) {
  Families& all = *families_;
  all.steps.Increment();
  all.images.Increment(static_cast<double>(report.step_samples));
  all.loss.Add({{"term", "total"}}).Set(report.loss);
  for (const auto& [term, value] : report.loss_terms) all.loss.Add({{"term", term}}).Set(value);
  all.learning_rate.Set(report.learning_rate);
  all.gradient_norm.Set(report.gradient_norm);
  all.step_seconds.Observe(report.step_seconds);
  for (const auto& [part, seconds] : report.part_seconds) {
    all.part_seconds.Add({{"part", part}}).Increment(seconds);
    if (part == "data") all.data_wait.Increment(seconds);
  }
  all.last_step.Set(unix_seconds());
}

void Metrics::record_skipped_step() { families_->skipped_steps.Increment(); }

void Metrics::record_lost_line() { families_->lost_lines.Increment(); }

void Metrics::record_evaluation(const EvaluationReport& report) {
  for (const auto& [name, value] : report.figures) {
    families_->evaluation.Add({{"evaluation", report.name}, {"figure", name}}).Set(value);
  }
}

void Metrics::record_checkpoint(double seconds, bool succeeded) {
  if (!succeeded) {
    families_->checkpoint_failures.Increment();
    return;
  }
  families_->checkpoints.Increment();
  families_->checkpoint_seconds.Set(seconds);
  families_->last_checkpoint.Set(unix_seconds());
}

bool Metrics::serve(const std::string& address, int port, int local_rank) {
  if (port == 0) return false;
  std::string place = fmt::format("{}:{}", address, port + local_rank);
  try {
    const std::string host = address_in_digits(address);
    place = fmt::format(fmt::runtime(host.find(':') == host.npos ? "{}:{}" : "[{}]:{}"), host,
                        port + local_rank);
    // The server may outlive this object.
    serve_metrics(host, port + local_rank, [registry = std::weak_ptr(families_->registry)] {
      const auto alive = registry.lock();
      return alive ? exposition(*alive) : "";
    });
    return true;
  } catch (const Error& error) {
    log_warning(
        "no metrics endpoint on {} ({}); the run continues without it. Choose another "
        "telemetry.port, or 0 for none",
        place, error.what());
    return false;
  }
}

std::string Metrics::text() const { return exposition(*families_->registry); }

}  // namespace gm
