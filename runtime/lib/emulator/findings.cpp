#include "findings.h"

#include "kiln/error.h"

#include <algorithm>
#include <utility>

using namespace kiln;
using namespace kiln::runtime;
using namespace kiln::runtime::emulator;

bool Findings::is_alike(const std::string &a, const std::string &b) {
  auto is_digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || c == 'x' || c == '-'; };
  std::size_t i = 0, j = 0;
  for (;;) {
    while (i < a.size() && is_digit(a[i]))
      ++i;
    while (j < b.size() && is_digit(b[j]))
      ++j;
    if (i == a.size() || j == b.size())
      return i == a.size() && j == b.size();
    if (a[i++] != b[j++])
      return false;
  }
}

bool Findings::add(Finding finding) {
  std::lock_guard lock(mutex_);
  const bool known = std::any_of(findings_.begin(), findings_.end(), [&](const Finding &other) {
    return other.place == finding.place && other.other_place == finding.other_place &&
           is_alike(other.message, finding.message);
  });
  const bool is_last = finding.is_assertion;
  if (!known && findings_.size() < limit)
    findings_.push_back(std::move(finding));
  else
    ++others_;
  return !is_last && others_ < patience;
}

bool Findings::empty() const {
  std::lock_guard lock(mutex_);
  return findings_.empty();
}

std::string emulator::describe_lanes(std::uint32_t lanes) {
  if (lanes == 0xffffffff)
    return "all lanes";
  std::string text;
  unsigned ranges = 0;
  for (unsigned lane = 0; lane < 32; ++lane) {
    if (!(lanes >> lane & 1))
      continue;
    unsigned last = lane;
    while (last < 31 && (lanes >> (last + 1) & 1))
      ++last;
    text += (ranges++ ? ", " : "") + std::to_string(lane);
    if (last > lane)
      text += (last > lane + 1 ? "-" : ", ") + std::to_string(last);
    lane = last;
  }
  return (ranges == 1 && text.find_first_of("-,") == std::string::npos ? "lane " : "lanes ") + text;
}

void Findings::raise(const EmulatedKernel::Code &kernel) const {
  std::lock_guard lock(mutex_);
  std::string text;
  for (const Finding &finding : findings_) {
    text += (finding.place.empty() ? "" : finding.place + ": ") + "error: " + finding.message + "\n";
    if (!finding.other_message.empty())
      text += (finding.other_place.empty() ? "" : finding.other_place + ": ") + "note: " + finding.other_message + "\n";
    if (finding.lanes)
      text += "note: in program (" + std::to_string(finding.program[0]) + ", " + std::to_string(finding.program[1]) +
              ", " + std::to_string(finding.program[2]) + ") of '" + kernel.name + "', warp " +
              std::to_string(finding.warp) + ", " + describe_lanes(finding.lanes) + "\n";
  }
  if (others_ > 0)
    text += "note: and " + std::to_string(others_) + " more like these\n";
  text += kernel.note.empty() ? "note: while running '" + kernel.name + "'" : kernel.note;
  text += " on emulated:" + kernel.arch;
  if (findings_.front().is_assertion)
    throw TrapError(text);
  throw CheckError(text);
}
