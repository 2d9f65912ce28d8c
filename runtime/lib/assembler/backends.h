// The assemblers, one function each. assembler.cpp chooses between them.
#pragma once

#include "libraries.h"

#include "kiln/runtime/assembler.h"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::runtime::assembler {

Found find_nvjitlink();
Found find_ptxas();
/// `path` is the architecture's device, "cuda:0"; an empty architecture is the first device's.
Found find_driver(const std::string &arch);

// What identifies them. Empty where the file turns out not to be the assembler.
std::string nvjitlink_identity(const std::filesystem::path &path);
std::string ptxas_identity(const std::filesystem::path &path);
std::string driver_identity();

// They fill in the cubin and the log, and throw CompileError.
void assemble_with_nvjitlink(const std::filesystem::path &path, std::string_view ptx, const std::string &arch,
                             Assembled &result);
void assemble_with_ptxas(const std::filesystem::path &path, std::string_view ptx, const std::string &arch,
                         double time_limit_seconds, Assembled &result);
void assemble_with_driver(std::string_view ptx, const std::string &arch, Assembled &result);

/// Reads the figures out of a log that ptxas wrote, alone or as a part of nvJitLink or the driver.
void read_resources(std::string_view log, Assembled &result);

/// Throws CompileError: who could not assemble for which architecture, and the assembler's own words.
[[noreturn]] void refuse(const std::string &who, const std::string &arch, std::string_view log);

/// What a process left behind.
struct ProcessResult {
  int status = -1;        // exit status; 128 + n when signal n ended it
  bool timed_out = false; // it was killed
  std::string output;     // standard output and standard error together
};

/// Runs a program with arguments and waits. Its own process group, no input, no open files of this process.
/// \throws CompileError when it cannot be started.
ProcessResult run(const std::filesystem::path &program, const std::vector<std::string> &arguments,
                  double time_limit_seconds);

} // namespace kiln::runtime::assembler
