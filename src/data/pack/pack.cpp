#include "data/pack/pack.h"

#include <algorithm>
#include <memory>

#include "base/cores.h"
#include "base/error.h"
#include "base/files.h"
#include "base/output.h"
#include "base/progress_bar.h"
#include "base/signals.h"
#include "data/hdf5_images.h"
#include "data/image_manifest.h"
#include "data/pack/hdf5_image_writer.h"
#include "data/pack/ordered_work.h"
#include "data/pack/source.h"
#include "image/fit.h"

namespace gm {
namespace fs = std::filesystem;
namespace {

constexpr int64_t kLargestSize = 8192;
constexpr double kLargestHoldout = 0.9;

/// An image to write, or the reason why it cannot be used.
struct PackedImage {
  std::vector<uint8_t> pixels;
  int64_t label = 0;
  std::string problem;
};

int64_t chosen_size(const PackOptions& options, const ImageSource& source) {
  const int64_t size = options.size > 0 ? options.size : source.own_size();
  if (size == 0)
    throw InputError("{}: images may have any size; set the output size with --size",
                     options.input.string());
  if (size > kLargestSize)
    throw InputError("--size is {}, but at most {} is possible", size, kLargestSize);
  return size;
}

void check_options(const PackOptions& options, int64_t images) {
  if (is_stdout(options.output) || is_special_file(options.output)) {
    throw InputError(
        "{}: is a device or a pipe, into which no HDF5 file can be written; name a file",
        options.output.string());
  }
  std::error_code nothing_there;
  if (fs::exists(options.output, nothing_there)) {
    throw InputError("{}: exists already; remove it or choose another name",
                     options.output.string());
  }
  require_writable(options.output);
  if (!(options.holdout >= 0 && options.holdout <= kLargestHoldout)) {
    throw InputError("the fraction to hold out is {}, but 0 to {} is expected", options.holdout,
                     kLargestHoldout);
  }
  if (options.shards < 1 || options.shards > images) {
    throw InputError("--shards is {}, but 1 to {} (the number of images) is expected",
                     options.shards, images);
  }
}

/// Replaces an incomplete file by a copy of its first `images` images.
void shorten(const fs::path& path, int64_t images) {
  StagedPath staged(path);
  const Hdf5Images file(path);
  Hdf5ImageWriter writer(staged.path(), file.shape(), images, file.classes(), file.holdout());
  std::vector<uint8_t> pixels(static_cast<size_t>(file.shape().bytes()));
  for (int64_t i = 0; i < images; ++i) {
    file.read_image(i, pixels);
    writer.append(pixels, file.has_labels() ? file.label(i) : 0);
  }
  writer.close();
  staged.commit();
}

/// Takes images in order and spreads them over the files of the output.
class ShardedWriter {
 public:
  ShardedWriter(const fs::path& path, const PackOptions& options, const ImageShape& shape,
                int64_t images, const std::vector<std::string>& classes)
      : path_(path),
        shards_(options.shards),
        holdout_(options.holdout),
        shape_(shape),
        images_(images),
        classes_(classes) {
    if (shards_ > 1) fs::create_directory(path_);
    open_next();
  }

  void append(const PackedImage& image) {
    if (image.problem.empty()) writer_->append(image.pixels, image.label);
    ++seen_;
    if (seen_ < end_of(shard_)) return;
    finish_file();
    if (seen_ < images_) open_next();
  }

  /// Describes the finished files, if they are in a folder. Called after the last image.
  void finish() const {
    if (shards_ > 1) write_manifest(path_, describe_folder(path_));
  }

  /// Number of held-out images in finished files.
  int64_t held_out() const { return held_out_; }

 private:
  int64_t end_of(int64_t shard) const { return images_ * (shard + 1) / shards_; }

  fs::path file_path() const {
    if (shards_ == 1) return path_;
    return path_ / fmt::format("{:05}-of-{:05}.h5", shard_, shards_);
  }

  void open_next() {
    ++shard_;
    announced_ = end_of(shard_) - seen_;
    writer_ =
        std::make_unique<Hdf5ImageWriter>(file_path(), shape_, announced_, classes_, holdout_);
  }

  void finish_file() {
    const int64_t written = writer_->written();
    held_out_ += writer_->held_out();
    writer_->close();
    writer_.reset();
    if (written == 0) {
      throw InputError("none of the {} images for {} can be used", announced_,
                       shards_ == 1 ? "the file" : file_path().filename().string());
    }
    if (written < announced_) shorten(file_path(), written);
    Hdf5Images(file_path()).verify();
  }

  fs::path path_;
  int64_t shards_;
  double holdout_;
  ImageShape shape_;
  int64_t images_;
  std::vector<std::string> classes_;
  std::unique_ptr<Hdf5ImageWriter> writer_;
  int64_t shard_ = -1, seen_ = 0, announced_ = 0, held_out_ = 0;
};

/// Reads, decodes and fits one image. With skip_bad, an error is returned in `problem` instead of
/// thrown.
PackedImage make_image(const SourceItem& item, int64_t size, Fit fit, bool skip_bad) {
  try {
    DecodedImage image = fit_image(item.decode(), size, fit);
    return {std::move(image.pixels), item.label, ""};
  } catch (const InputError& error) {
    if (!skip_bad) throw;
    return {{}, item.label, error.what()};
  }
}

/// Adds the output path to write errors.
template <class Write>
void naming_output(const fs::path& output, const Write& write) {
  try {
    write();
  } catch (const Error& error) {
    if (error.exit_status() != kExitFailure) throw;
    throw Error("{}: cannot be written: {}", output.string(), error.what());
  }
}

void count(PackReport& report, const PackedImage& image) {
  constexpr size_t kMaxProblems = 10;
  if (image.problem.empty()) {
    ++report.packed;
    return;
  }
  ++report.skipped;
  if (report.problems.size() < kMaxProblems) report.problems.push_back(image.problem);
}

}  // namespace

PackReport pack_images(const PackOptions& options) {
  const auto source = open_source(
      options.input, {.classes = options.classes, .decode = {options.background, options.grey}});
  return pack_images(*source, options);
}

PackReport pack_images(ImageSource& source, const PackOptions& options) {
  const int64_t size = chosen_size(options, source);
  check_options(options, source.size());

  PackReport report;
  report.shape = {size, size, source.channels()};
  report.remarks = source.remarks();
  const int jobs = options.jobs > 0 ? options.jobs : usable_cores();
  constexpr int64_t kWindowBytes = 64 << 20, kLargestWindow = 1024;
  const int64_t window =
      std::max(std::min(kWindowBytes / report.shape.bytes(), kLargestWindow), int64_t{2} * jobs);

  StagedPath staged(options.output);
  ShardedWriter writer(staged.path(), options, report.shape, source.size(), source.classes());
  ProgressBar progress("packing", source.size());
  OrderedWork<PackedImage> work(source.size(), window, [&](int64_t) {
    return
        [&, item = source.next()] { return make_image(item, size, options.fit, options.skip_bad); };
  });
  work.run(jobs, [&](PackedImage image) {
    throw_if_stop_requested();
    naming_output(options.output, [&] { writer.append(image); });
    count(report, image);
    progress.advance();
  });
  naming_output(options.output, [&] { writer.finish(); });
  staged.commit();
  report.held_out = writer.held_out();
  report.seconds = progress.seconds();
  return report;
}

}  // namespace gm
