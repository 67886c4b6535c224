#include "run/sample_hdf5.h"

#include <ATen/ATen.h>

#include <span>

#include "base/error.h"
#include "base/files.h"
#include "base/log.h"
#include "data/hdf5.h"
#include "data/hdf5_image_format.h"
#include "data/hdf5_images.h"

namespace gm {
namespace fs = std::filesystem;
namespace {

constexpr const char* kSettingsAttribute = "samples";

/// A text that is stored in a file; empty if it has none.
std::string text_in(const fs::path& path, const char* attribute) {
  try {
    return read_hdf5_text(open_hdf5_file(path.string()), attribute).value_or("");
  } catch (const Error&) {
    return "";  // not such a file
  }
}

/// Adds the path to write errors.
template <class Write>
void naming_file(const fs::path& path, const Write& write) {
  try {
    write();
  } catch (const InputError&) {
    throw;
  } catch (const Error& error) {
    throw Error("{}: cannot be written: {}", path.string(), error.what());
  }
}

}  // namespace

SampleClasses classes_of(const LoadedRun& run, const SampleSeries& series) {
  const ImageGenerator& generator = *run.task->image_generator();
  SampleClasses classes{.names = run.class_names};
  for (int64_t i = std::ssize(classes.names); i < generator.classes(); ++i) {
    classes.names.push_back(std::to_string(i));
  }
  classes.labels = [&generator, series](const at::Tensor& indices) {
    return generator.labels(request_for(series, indices).indices);
  };
  return classes;
}

SampleHdf5::SampleHdf5(SampleHdf5Options options, SampleSettings settings)
    : options_(std::move(options)), settings_(std::move(settings)) {
  if (is_special_file(options_.path)) {
    throw InputError(
        "{}: is a device or a pipe, into which no HDF5 file can be written; name a file",
        options_.path.string());
  }
  final_ = without_links(options_.path);
  partial_ = final_.string() + ".partial";
  settings_.add("count", options_.count);
  if (fs::exists(final_)) {
    settings_.require_same(text_in(final_, kSettingsAttribute), options_.path.string());
    is_in_place_ = is_complete_ = true;
  } else if (fs::exists(partial_)) {
    lock_.emplace(partial_);
    settings_.require_same(text_in(partial_, kSettingsAttribute), partial_.string());
    resume();
  } else {
    require_space(final_, static_cast<uint64_t>(options_.count) *
                              static_cast<uint64_t>(options_.shape.bytes()));
  }
}

SampleHdf5::~SampleHdf5() {
  writer_.reset();
  std::error_code ignored;
  if (is_begun_ && !is_saved_) fs::remove(partial_, ignored);
}

void SampleHdf5::resume() {
  is_complete_ = text_in(partial_, hdf5_image_format::kHashAttribute) != "";
  if (is_complete_) return;
  writer_ =
      Hdf5ImageWriter::resume(partial_, options_.shape, options_.count, options_.classes.names);
  log_info("{}: resumes after {} of {} samples", options_.path.string(), writer_->written(),
           options_.count);
}

void SampleHdf5::begin() {
  if (writer_) return;
  writer_ = std::make_unique<Hdf5ImageWriter>(partial_, options_.shape, options_.count,
                                              options_.classes.names);
  is_begun_ = true;
  lock_.emplace(partial_);
  writer_->write_text_attribute(kSettingsAttribute, settings_.text());
}

bool SampleHdf5::needs(int64_t index) {
  return !is_complete_ && (!writer_ || index >= writer_->written());
}

void SampleHdf5::take(const PixelBatch& batch) {
  if (is_complete_) return;
  naming_file(options_.path, [&] {
    begin();
    write(batch);
    writer_->save();
    is_saved_ = true;
  });
}

void SampleHdf5::write(const PixelBatch& batch) {
  const SampleClasses& classes = options_.classes;
  const at::Tensor labels = classes.names.empty() ? at::zeros_like(batch.indices)
                                                  : classes.labels(batch.indices).contiguous();
  const auto index = batch.indices.accessor<int64_t, 1>();
  const auto label = labels.accessor<int64_t, 1>();
  const auto bytes = static_cast<size_t>(options_.shape.bytes());
  const std::span pixels(batch.pixels.const_data_ptr<uint8_t>(), bytes * batch.pixels.size(0));
  for (int64_t i = 0; i < index.size(0); ++i) {
    if (index[i] < writer_->written()) continue;  // another output needed it
    writer_->append(pixels.subspan(static_cast<size_t>(i) * bytes, bytes), label[i]);
  }
}

void SampleHdf5::finish() {
  if (is_in_place_) return;
  naming_file(options_.path, [&] {
    if (writer_) writer_->close();
    writer_.reset();
    Hdf5Images(partial_).verify();
    move_into_place(partial_, final_);
  });
}

}  // namespace gm
