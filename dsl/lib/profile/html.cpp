// Profiles as a page for a browser: well-formed XML, without scripts and without anything from elsewhere.
#include "kiln/profile_report.h"

#include "profile/figures.h"
#include "profile/sources.h"

#include <cstdio>
#include <map>
#include <set>

using namespace kiln;
using namespace kiln::profile;

namespace {

constexpr const char *style = R"(
:root { color-scheme: light dark; --ground: #fff; --text: #1b1b1b; --faint: #777; --rule: #ddd; --heat: #f4a261; --bad: #b3261e; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #191919; --text: #e6e6e6; --faint: #909090; --rule: #3a3a3a; --heat: #8a4b1b; --bad: #ff8a80; }
}
body { margin: 1.5rem; background: var(--ground); color: var(--text); font: 14px/1.4 system-ui, sans-serif; }
h1 { font-size: 1.3rem; } h2 { font-size: 1.05rem; margin-top: 2rem; } h3 { font-size: 0.95rem; font-family: monospace; }
table { border-collapse: collapse; font: 12px/1.45 ui-monospace, monospace; }
th, td { padding: 0 0.6em; text-align: right; white-space: pre; }
thead th { position: sticky; top: 0; background: var(--ground); border-bottom: 1px solid var(--rule); text-decoration: underline dotted; }
thead th.plain { text-decoration: none; }
tfoot td { border-top: 1px solid var(--rule); font-weight: bold; }
td.code, th.code { text-align: left; border-right: 1px solid var(--rule); }
td.number { color: var(--faint); }
td.share { background: linear-gradient(to left, var(--heat) var(--part), transparent var(--part)); min-width: 4em; }
td.bad { color: var(--bad); font-weight: bold; }
tr:target { outline: 2px solid var(--heat); }
tr.idle td.code { color: var(--faint); }
)";

std::string escaped(const std::string &text) {
  std::string result;
  for (const char c : printable(text))
    switch (c) {
    case '&':
      result += "&amp;";
      break;
    case '<':
      result += "&lt;";
      break;
    case '>':
      result += "&gt;";
      break;
    case '"':
      result += "&quot;";
      break;
    default:
      result += c;
    }
  return result;
}

/// One launch's part of the page.
class Section {
public:
  Section(const LaunchProfile &launch, std::size_t number, Sources &sources)
      : launch_(launch), prefix_("launch" + std::to_string(number)), sources_(sources), total_(total_of(launch)),
        classes_(classes_of(launch)) {
    for (const LineProfile &line : launch.lines)
      files_[line.file][line.line] = &line;
  }

  std::string text() {
    std::string out = "<h2>" + escaped(title_of(launch_)) + "</h2>\n";
    write_highlights(out);
    for (const auto &[file, lines] : files_)
      write_file(out, file, lines);
    return out;
  }

private:
  using Lines = std::map<unsigned, const LineProfile *>;

  std::string id_of(const std::string &file, unsigned line) const {
    const auto index = std::distance(files_.begin(), files_.find(file));
    return prefix_ + "-" + std::to_string(index) + "-" + std::to_string(line);
  }

  void write_highlights(std::string &out) const {
    out += "<p>What stands out:</p>\n<ul>\n";
    const std::vector<Highlight> highlights = highlights_of(launch_);
    for (const Highlight &highlight : highlights)
      out += "<li><a href=\"#" + id_of(highlight.line->file, highlight.line->line) + "\">" +
             escaped(place_of(*highlight.line)) + "</a>: " + escaped(highlight.text) + "</li>\n";
    if (highlights.empty())
      out += "<li>nothing: no line uses less than half of the sectors that it touches, none has bank conflicts</li>\n";
    out += "</ul>\n";
  }

  void write_file(std::string &out, const std::string &file, const Lines &lines) {
    const std::vector<std::string> &source = sources_.lines(file);
    out += "<h3>" + (file.empty() ? "(no place)" : escaped(shown_name(file))) +
           (source.empty() && !file.empty() ? " (its text could not be read)" : "") + "</h3>\n<table>\n";
    write_head(out);
    out += "<tbody>\n";
    std::set<unsigned> numbers;
    for (unsigned i = 1; i <= source.size(); ++i)
      numbers.insert(i);
    for (const auto &[number, line] : lines)
      numbers.insert(number);
    for (const unsigned number : numbers) {
      const auto found = lines.find(number);
      const std::string place = "<td class=\"number\">" + (number == 0 ? "" : std::to_string(number)) +
                                "</td><td class=\"code\">" + escaped(sources_.line(file, number)) + "</td>";
      if (found == lines.end()) {
        out += "<tr class=\"idle\">" + place + "</tr>\n";
        continue;
      }
      out += "<tr id=\"" + id_of(file, number) + "\">" + place;
      write_figures(out, *found->second);
      out += "</tr>\n";
    }
    out += "</tbody>\n<tfoot><tr><td></td><td class=\"code\">the whole launch</td>";
    write_figures(out, total_);
    out += "</tr></tfoot>\n</table>\n";
  }

  void write_head(std::string &out) const {
    const auto heading = [&](const char *text, std::string_view title) {
      out += "<th title=\"" + escaped(std::string(title)) + "\">" + text + "</th>";
    };
    out += "<thead><tr><th class=\"plain\">line</th><th class=\"plain code\">source</th>";
    heading("share", "of the instructions that warps executed");
    heading("all", "instructions that warps executed");
    for (InstructionClass kind : classes_)
      heading(short_name(kind), name_of(kind));
    if (total_.sectors > 0) {
      heading("share", "of the sectors");
      heading("sectors", "sectors of 32 bytes of global memory that accesses of warps touched");
      heading("bytes used", "bytes in those sectors that were asked for");
      heading("efficiency", "bytes used of those in the sectors");
    }
    if (total_.shared_passes > 0) {
      heading("passes", "passes through shared memory");
      heading("conflicts", "passes that bank conflicts cost");
    }
    if (total_.waits > 0) {
      heading("waits", "waits of warps for asynchronous copies");
      heading("in flight", "bytes under way before a wait, on average");
      heading("after", "bytes under way after a wait, on average");
    }
    out += "</tr></thead>\n";
  }

  static void write_cell(std::string &out, const std::string &text, const char *kind = "") {
    out += *kind ? "<td class=\"" + std::string(kind) + "\">" : std::string("<td>");
    out += text + "</td>";
  }

  static void write_count(std::string &out, std::uint64_t count) {
    write_cell(out, count == 0 ? "" : std::to_string(count));
  }

  static void write_share(std::string &out, std::uint64_t part, std::uint64_t whole) {
    if (part == 0)
      return write_cell(out, "");
    char percent[32];
    std::snprintf(percent, sizeof(percent), "%.1f%%", 100 * double(part) / double(whole));
    out += "<td class=\"share\" style=\"--part: " + std::string(percent) + "\">" + percent + "</td>";
  }

  void write_figures(std::string &out, const LineProfile &line) const {
    write_share(out, instructions_of(line), instructions_of(total_));
    write_count(out, instructions_of(line));
    for (InstructionClass kind : classes_)
      write_count(out, line.instructions[std::size_t(kind)]);
    if (total_.sectors > 0) {
      write_share(out, line.sectors, total_.sectors);
      write_count(out, line.sectors);
      write_count(out, line.sector_bytes_used);
      write_cell(out, line.sectors == 0 ? "" : share_text(line.global_efficiency(), 1),
                 line.global_efficiency() < low_efficiency ? "bad" : "");
    }
    if (total_.shared_passes > 0) {
      write_count(out, line.shared_passes);
      write_cell(out, line.shared_passes == 0 ? "" : std::to_string(conflicts_of(line)),
                 conflicts_of(line) > 0 ? "bad" : "");
    }
    if (total_.waits > 0) {
      write_count(out, line.waits);
      write_cell(out, line.waits == 0 ? "" : average_text(line.bytes_before_wait, line.waits));
      write_cell(out, line.waits == 0 ? "" : average_text(line.bytes_after_wait, line.waits));
    }
  }

  const LaunchProfile &launch_;
  std::string prefix_;
  Sources &sources_;
  LineProfile total_;
  std::vector<InstructionClass> classes_;
  std::map<std::string, Lines> files_;
};

} // namespace

std::string kiln::profile_html(std::span<const LaunchProfile> launches, const ProfileReportOptions &options) {
  Sources sources(options.source_directories);
  std::string title = "Profile of";
  for (std::size_t i = 0; i < launches.size(); ++i)
    title += (i ? ", " : " ") + launches[i].kernel;
  std::string out = "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n<title>" + escaped(title) +
                    "</title>\n<style>" + style + "</style>\n</head>\n<body>\n<h1>" + escaped(title) +
                    "</h1>\n<p>Counted by the emulator: operations that warps executed, sectors of 32 bytes of global "
                    "memory, passes through the banks of shared memory. Headings explain themselves when pointed "
                    "at.</p>\n";
  for (std::size_t i = 0; i < launches.size(); ++i)
    out += Section(launches[i], i, sources).text();
  return out + "</body>\n</html>\n";
}
