// Work in child processes, so that a crash of what is tested, or of a GPU's context, ends one of them and no more.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace kiln::fuzz {

/// f(number) for each of `numbers`, `jobs` at a time in one child process; after a crash, or a result that `ends` the
/// process, the rest in another. result(number, text) is called in this process, in the order of completion. Of a crash
/// the text says so.
void for_each_in_children(std::vector<std::uint64_t> numbers, unsigned jobs,
                          const std::function<std::string(std::uint64_t)> &f,
                          const std::function<bool(const std::string &)> &ends,
                          const std::function<void(std::uint64_t, const std::string &)> &result);

} // namespace kiln::fuzz
