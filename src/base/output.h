/// The output of a program: text on stdout, and the files, devices and pipes that the command line
/// names. No output is lost silently, and nothing is overwritten by mistake.
#pragma once

#include <cstdio>
#include <filesystem>
#include <functional>
#include <string_view>
#include <vector>

namespace gm {

/// Opens /dev/null for each of stdin, stdout and stderr that is closed. Otherwise the next file
/// that is opened would get the free descriptor, and printed text would be written to it. Printing
/// to a closed stdout is still an error. Every program calls this first.
void open_missing_streams();

/// Writes `text` to stdout and flushes it. Throws Error with the system's reason when that fails.
/// When the reader of stdout has ended (`| head`), SIGPIPE ends the process, as usual for programs.
void print(std::string_view text);

/// An output of a program, as the command line names it.
struct Output {
  const char* option;          ///< "--out"
  std::filesystem::path path;  ///< Empty if the option is not given.
  /// Of the supported file types, such as ".png"; empty for any.
  std::vector<std::string_view> endings = {};
};

/// Throws InputError unless each of `outputs` can be written, does not have the extension of
/// another file type, and is not the same file as another output or one of `inputs`, under any
/// name. An input may be a folder of files with that extension. Called before the work whose
/// results are written.
void check_outputs(const std::vector<Output>& outputs,
                   const std::vector<std::filesystem::path>& inputs = {});

/// The unique name of a file, however its path is written: absolute and without links.
std::filesystem::path canonical_name(const std::filesystem::path& path);

/// Whether an output is stdout: `-`, `/dev/stdout` or `/dev/fd/1`.
bool is_stdout(const std::filesystem::path& path);

/// Calls `write` to fill the output `path`. A file is replaced atomically (StagedPath), also behind
/// a symbolic link. A device, a pipe or an open descriptor (`/dev/stderr`, `/dev/fd/3`) is written
/// to directly. Throws Error with the system's reason.
void write_output(const std::filesystem::path& path, const std::function<void(std::FILE*)>& write);

/// Writes `text` to the output `path`.
void write_output(const std::filesystem::path& path, std::string_view text);

}  // namespace gm
