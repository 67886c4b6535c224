/// The command line of a program as JSON, from which tests/style/check_generated.py makes man
/// pages, shell completion and docs/configuration.md.
#pragma once

#include <string>

namespace CLI {
class App;
}

namespace gm {

/// The arguments and options of `app` and of its subcommands, without hidden ones, and all keys of
/// the configuration.
std::string describe_program(const CLI::App& app);

}  // namespace gm
