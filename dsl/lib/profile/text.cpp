// Profiles as tables for a terminal.
#include "kiln/profile_report.h"

#include "profile/figures.h"
#include "profile/sources.h"

#include <algorithm>

using namespace kiln;
using namespace kiln::profile;

namespace {

enum class Mark { none, warm, hot };

struct Cell {
  std::string text;
  Mark mark = Mark::none;
};

/// Figures under one heading, a cell for each row of a table.
struct Column {
  std::string heading;
  std::vector<Cell> cells;

  std::size_t width() const {
    std::size_t width = heading.size();
    for (const Cell &cell : cells)
      width = std::max(width, cell.text.size());
    return width;
  }
};

std::size_t code_points(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

/// Exactly so many characters, cut or filled up.
std::string fitted(std::string_view text, std::size_t width) {
  const std::size_t size = code_points(text);
  if (size <= width)
    return std::string(text) + std::string(width - size, ' ');
  std::size_t bytes = 0;
  for (std::size_t kept = 0; bytes < text.size(); ++bytes)
    if ((static_cast<unsigned char>(text[bytes]) & 0xc0) != 0x80 && kept++ == width - 2)
      break;
  return std::string(text.substr(0, bytes)) + "..";
}

std::string right(const std::string &text, std::size_t width) {
  return std::string(width - std::min(width, text.size()), ' ') + text;
}

/// Rows are lines of the source; columns that do not fit beside it go into a further table.
class Tables {
public:
  Tables(const ProfileReportOptions &options, Sources &sources, std::vector<const LineProfile *> rows)
      : width_(std::max(options.columns, 80U)), colours_(options.colours), sources_(sources), rows_(std::move(rows)) {
    for (const LineProfile *row : rows_) {
      const std::string &text = sources.line(row->file, row->line);
      if (!text.empty())
        source_width_ = std::max({source_width_, code_points(text), std::size_t{6}});
      if (const std::size_t begin = text.find_first_not_of(' '); begin != text.npos)
        indent_ = std::min(indent_, begin);
    }
    source_width_ -= std::min(source_width_, indent_);
  }

  /// `figure` is called for each line, and once with the total.
  template <class F>
  void add(std::string heading, const LineProfile &total, F &&figure) {
    Column column{std::move(heading), {}};
    for (const LineProfile *row : rows_)
      column.cells.push_back(figure(*row));
    column.cells.push_back(figure(total));
    columns_.push_back(std::move(column));
  }

  std::string text(const char *title) const {
    std::string result;
    for (std::size_t first = 0; first < columns_.size();) {
      // What must remain for the source, if it is as long as that.
      const std::size_t least = std::min<std::size_t>(source_width_, 30);
      std::size_t last = first, used = number_width + 2;
      while (last < columns_.size() && (last == first || used + 2 + columns_[last].width() + least <= width_))
        used += 2 + columns_[last++].width();
      write(result, first == 0 ? title : std::string(title) + ", continued", first, last,
            std::min(source_width_, width_ - std::min(width_, used)));
      first = last;
    }
    return result;
  }

private:
  static constexpr std::size_t number_width = 6;

  std::string painted(const Cell &cell, std::size_t width) const {
    const std::string text = right(cell.text, width);
    if (!colours_ || cell.mark == Mark::none)
      return text;
    return (cell.mark == Mark::hot ? "\033[1;31m" : "\033[33m") + text + "\033[0m";
  }

  void write(std::string &out, std::string_view title, std::size_t first, std::size_t last,
             std::size_t source_width) const {
    const auto line = [&](const std::string &number, std::string_view source, auto &&cell) {
      std::string text = right(number, number_width) + "  " + fitted(source, source_width);
      for (std::size_t i = first; i < last; ++i)
        text += "  " + cell(columns_[i]);
      text.erase(text.find_last_not_of(' ') + 1);
      out += text + "\n";
    };
    out += "\n" + std::string(title) + "\n";
    line("line", source_width == 0 ? "" : "source",
         [](const Column &column) { return right(column.heading, column.width()); });
    const std::string *file = nullptr;
    for (std::size_t row = 0; row < rows_.size(); ++row) {
      if (std::all_of(columns_.begin() + std::ptrdiff_t(first), columns_.begin() + std::ptrdiff_t(last),
                      [row](const Column &column) { return column.cells[row].text.empty(); }))
        continue;
      if (!file || *file != rows_[row]->file) {
        file = &rows_[row]->file;
        out += (file->empty() ? "(no place)" : shown_name(*file)) + "\n";
      }
      const std::string &text = sources_.line(*file, rows_[row]->line);
      line(file->empty() ? "" : std::to_string(rows_[row]->line),
           std::string_view(text).substr(std::min(indent_, text.size())),
           [&](const Column &column) { return painted(column.cells[row], column.width()); });
    }
    line("total", "", [&](const Column &column) { return right(column.cells.back().text, column.width()); });
  }

  std::size_t width_;
  bool colours_;
  Sources &sources_;
  std::vector<const LineProfile *> rows_;
  std::vector<Column> columns_;
  std::size_t source_width_ = 0, indent_ = 1000;
};

std::vector<const LineProfile *> lines_with(const LaunchProfile &launch, auto &&condition) {
  std::vector<const LineProfile *> result;
  for (const LineProfile &line : launch.lines)
    if (condition(line))
      result.push_back(&line);
  return result;
}

/// Nothing at all of a count of nothing.
Cell count(std::uint64_t value) { return {value == 0 ? "" : count_text(value)}; }

std::string instructions(const LaunchProfile &launch, const ProfileReportOptions &options, Sources &sources) {
  const LineProfile total = total_of(launch);
  const auto all = double(instructions_of(total));
  Tables tables(options, sources,
                lines_with(launch, [](const LineProfile &line) { return instructions_of(line) > 0; }));
  tables.add("all", total, [](const LineProfile &line) { return count(instructions_of(line)); });
  tables.add("share", total, [&](const LineProfile &line) {
    const double share = double(instructions_of(line)) / all;
    return Cell{share_text(share, 1), share >= 0.25 ? Mark::hot : share >= 0.1 ? Mark::warm : Mark::none};
  });
  for (InstructionClass kind : classes_of(launch))
    tables.add(short_name(kind), total,
               [kind](const LineProfile &line) { return count(line.instructions[std::size_t(kind)]); });
  return tables.text("Instructions of warps");
}

std::string memory(const LaunchProfile &launch, const ProfileReportOptions &options, Sources &sources) {
  const LineProfile total = total_of(launch);
  Tables tables(options, sources, lines_with(launch, [](const LineProfile &line) {
                  return line.sectors > 0 || line.shared_passes > 0 || line.waits > 0;
                }));
  if (total.sectors > 0) {
    tables.add("sectors", total, [](const LineProfile &line) { return count(line.sectors); });
    tables.add("bytes used", total, [](const LineProfile &line) { return count(line.sector_bytes_used); });
    tables.add("efficiency", total, [](const LineProfile &line) {
      if (line.sectors == 0)
        return Cell{};
      const double value = line.global_efficiency();
      return Cell{share_text(value, 1), value < low_efficiency ? Mark::hot : value < 0.9 ? Mark::warm : Mark::none};
    });
  }
  if (total.shared_passes > 0) {
    tables.add("passes", total, [](const LineProfile &line) { return count(line.shared_passes); });
    tables.add("conflicts", total, [](const LineProfile &line) {
      return line.shared_passes == 0
                 ? Cell{}
                 : Cell{count_text(conflicts_of(line)), conflicts_of(line) > 0 ? Mark::hot : Mark::none};
    });
  }
  if (total.waits > 0) {
    const auto average = [](const LineProfile &line, std::uint64_t sum) {
      return line.waits == 0 ? Cell{} : Cell{average_text(sum, line.waits)};
    };
    tables.add("waits", total, [](const LineProfile &line) { return count(line.waits); });
    tables.add("in flight", total, [&](const LineProfile &line) { return average(line, line.bytes_before_wait); });
    tables.add("after", total, [&](const LineProfile &line) { return average(line, line.bytes_after_wait); });
  }
  return tables.text("Memory");
}

} // namespace

std::string kiln::profile_text(const LaunchProfile &launch, const ProfileReportOptions &options) {
  Sources sources(options.source_directories);
  std::string text = printable(title_of(launch)) + "\n";
  text += instructions(launch, options, sources);
  text += memory(launch, options, sources);
  text += "\nWhat stands out\n";
  const std::vector<Highlight> highlights = highlights_of(launch);
  for (const Highlight &highlight : highlights)
    text += "  " + place_of(*highlight.line) + ": " + highlight.text + "\n";
  if (highlights.empty())
    text += "  nothing: no line uses less than half of the sectors that it touches, none has bank conflicts\n";
  return text;
}
