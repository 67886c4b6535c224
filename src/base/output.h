/// What a program hands to its user: text on stdout, and the files, devices and pipes that a
/// command line names. Nothing of it is lost in silence, and nothing is overwritten by mistake.
#pragma once

#include <cstdio>
#include <filesystem>
#include <functional>
#include <string_view>
#include <vector>

namespace gm {

/// Opens /dev/null in place of each of stdin, stdout and stderr that is closed. Otherwise the next
/// file that is opened gets the free descriptor, and with it whatever is printed. What is printed
/// on a stdout that was closed is still an error. The first act of every program.
void open_missing_streams();

/// Writes `text` on stdout, at once. Throws Error with the system's reason when that fails. When
/// nobody reads stdout any more (`| head`), the process ends as others do, by SIGPIPE.
void print(std::string_view text);

/// An output of a program, as the command line names it.
struct Output {
  const char* option;          ///< "--out"
  std::filesystem::path path;  ///< Empty where the option is not given.
  std::string_view ending{};   ///< Of the only kind of file that is written, such as ".png".
};

/// Throws InputError unless each of `outputs` can be written, has no ending of another kind of
/// file, and is neither one of the others nor one of `inputs`, under whatever name. An input may be
/// a folder of files with that ending. Called before the work that is to end in them, not after.
void check_outputs(const std::vector<Output>& outputs,
                   const std::vector<std::filesystem::path>& inputs = {});

/// One name for each file, however an output or an input is spelled: absolute and without links.
std::filesystem::path true_name(const std::filesystem::path& path);

/// Whether an output is stdout: `-`, `/dev/stdout` or `/dev/fd/1`.
bool is_stdout(const std::filesystem::path& path);

/// Lets `write` fill the output `path`. A file appears whole or not at all, as of StagedPath, also
/// behind a symbolic link; a device or a pipe is written into, and so is a descriptor that is open
/// (`/dev/stderr`, `/dev/fd/3`). Throws Error with the system's reason.
void write_output(const std::filesystem::path& path, const std::function<void(std::FILE*)>& write);

/// The same for an output that is a text.
void write_output(const std::filesystem::path& path, std::string_view text);

}  // namespace gm
