#include "data/pack/pack.h"

#include <algorithm>
#include <memory>

#include "base/cores.h"
#include "base/error.h"
#include "base/files.h"
#include "base/output.h"
#include "base/signals.h"
#include "data/image_file.h"
#include "data/pack/fit.h"
#include "data/pack/image_file_writer.h"
#include "data/pack/ordered_work.h"
#include "data/pack/progress.h"
#include "data/pack/source.h"

namespace gm {
namespace fs = std::filesystem;
namespace {

constexpr int64_t kLargestSize = 8192;
constexpr double kLargestHoldout = 0.9;

/// A picture that is ready to be written, or why it cannot be.
struct PackedPicture {
  std::vector<uint8_t> pixels;
  int64_t label = 0;
  std::string problem;
};

int64_t chosen_size(const PackOptions& options, const PictureSource& source) {
  const int64_t size = options.size > 0 ? options.size : source.own_size();
  if (size == 0)
    throw InputError("{}: pictures may have any size; say with --size how large they shall become",
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
    throw InputError("--shards is {}, but 1 to {} (the number of pictures) is expected",
                     options.shards, images);
  }
}

/// Copies the first `images` pictures of an incomplete file to a new one that takes its place.
void shorten(const fs::path& path, int64_t images) {
  StagedPath staged(path);
  const ImageFile file(path);
  ImageFileWriter writer(staged.path(), file.shape(), images, file.classes(), file.holdout());
  std::vector<uint8_t> pixels(static_cast<size_t>(file.shape().bytes()));
  for (int64_t i = 0; i < images; ++i) {
    file.read_image(i, pixels);
    writer.append(pixels, file.has_labels() ? file.label(i) : 0);
  }
  writer.close();
  staged.commit();
}

/// Takes pictures in order and spreads them over the files of the output.
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

  void append(const PackedPicture& picture) {
    if (picture.problem.empty()) writer_->append(picture.pixels, picture.label);
    ++seen_;
    if (seen_ < end_of(shard_)) return;
    finish_file();
    if (seen_ < images_) open_next();
  }

  /// Pictures of finished files that are kept from training.
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
        std::make_unique<ImageFileWriter>(file_path(), shape_, announced_, classes_, holdout_);
  }

  void finish_file() {
    const int64_t written = writer_->written();
    held_out_ += writer_->held_out();
    writer_->close();
    writer_.reset();
    if (written == 0) {
      throw InputError("none of the {} pictures for {} can be used", announced_,
                       shards_ == 1 ? "the file" : file_path().filename().string());
    }
    if (written < announced_) shorten(file_path(), written);
    ImageFile(file_path()).verify();
  }

  fs::path path_;
  int64_t shards_;
  double holdout_;
  ImageShape shape_;
  int64_t images_;
  std::vector<std::string> classes_;
  std::unique_ptr<ImageFileWriter> writer_;
  int64_t shard_ = -1, seen_ = 0, announced_ = 0, held_out_ = 0;
};

/// Reads, decodes and fits one picture; a problem is noted when it shall not end the packing.
PackedPicture make_picture(const SourceItem& item, int64_t size, Fit fit, bool skip_bad) {
  try {
    Picture picture = fit_picture(item.decode(), size, fit);
    return {std::move(picture.pixels), item.label, ""};
  } catch (const InputError& error) {
    if (!skip_bad) throw;
    return {{}, item.label, error.what()};
  }
}

/// Names what is to be made where the disk refuses.
template <class Write>
void naming_output(const fs::path& output, const Write& write) {
  try {
    write();
  } catch (const Error& error) {
    if (error.exit_status() != kExitFailure) throw;
    throw Error("{}: cannot be written: {}", output.string(), error.what());
  }
}

void count(PackReport& report, const PackedPicture& picture) {
  constexpr size_t kMostProblems = 10;
  if (picture.problem.empty()) {
    ++report.packed;
    return;
  }
  ++report.skipped;
  if (report.problems.size() < kMostProblems) report.problems.push_back(picture.problem);
}

}  // namespace

PackReport pack_pictures(const PackOptions& options) {
  const auto source = open_source(
      options.input, {.classes = options.classes, .decode = {options.background, options.grey}});
  return pack_pictures(*source, options);
}

PackReport pack_pictures(PictureSource& source, const PackOptions& options) {
  const Fit fit = parse_fit(options.fit);
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
  Progress progress("packing", source.size());
  OrderedWork<PackedPicture> work(source.size(), window, [&](int64_t) {
    return [&, item = source.next()] { return make_picture(item, size, fit, options.skip_bad); };
  });
  work.run(jobs, [&](PackedPicture picture) {
    leave_if_asked_to_stop();
    naming_output(options.output, [&] { writer.append(picture); });
    count(report, picture);
    progress.advance();
  });
  staged.commit();
  report.held_out = writer.held_out();
  report.seconds = progress.seconds();
  return report;
}

}  // namespace gm
