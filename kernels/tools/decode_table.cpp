#include "tools/decode_table.h"

#include "kiln/config.h"
#include "kiln/error.h"
#include "lib/split.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <map>
#include <set>
#include <tuple>

namespace kiln::tools {
namespace {

using kernels::PagedSchedule;
using kernels::PagedTiles;

constexpr std::string_view columns = "head_dim,group,most_group,heads,tokens,mode,schedule,block_n,programs_per_core,"
                                     "num_warps,num_stages,us";
/// Of a size beside the one that is chosen for: all of them together count for a tenth of it.
constexpr double neighbour_weight = 0.1;
/// A kernel more is compiled where its sizes occur, and nowhere else: on average over all sizes it may be worth little.
constexpr double worth_a_kernel = 0.0005;
/// Tiles that lose no more than this against the best ones are kept from one size to the next, for shorter tables.
constexpr double as_good = 0.005;

template <class T>
bool read(std::string_view text, T &value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

const char *name_of(PagedSchedule schedule) { return schedule == PagedSchedule::rows ? "rows" : "shares"; }

bool read_sample(std::string_view line, DecodeSample &s) {
  const std::vector<std::string_view> parts = kernels::split(line, ',');
  if (parts.size() != 12 || (parts[6] != "rows" && parts[6] != "shares"))
    return false;
  s.mode = parts[5];
  s.tiles.schedule = parts[6] == "rows" ? PagedSchedule::rows : PagedSchedule::shares;
  return read(parts[0], s.head_dim) && read(parts[1], s.group) && read(parts[2], s.most_group) &&
         read(parts[3], s.heads) && read(parts[4], s.tokens) && read(parts[7], s.tiles.block_n) &&
         read(parts[8], s.tiles.programs_per_core) && read(parts[9], s.tiles.num_warps) &&
         read(parts[10], s.tiles.num_stages) && read(parts[11], s.us) && s.us > 0;
}

bool read_heading(std::string_view line, DecodeSweep &sweep) {
  const std::vector<std::string_view> parts = kernels::split(line, ',');
  constexpr std::string_view unit = " multiprocessors";
  if (parts.size() != 3 || !parts[0].starts_with("# ") || !parts[1].starts_with(" ") || !parts[1].ends_with(unit) ||
      !parts[2].starts_with(" "))
    return false;
  sweep.gpu = parts[0].substr(2);
  sweep.date = parts[2].substr(1);
  return read(parts[1].substr(1, parts[1].size() - 1 - unit.size()), sweep.multiprocessors);
}

/// Members that the kernel is compiled for.
std::tuple<PagedSchedule, int, int, int> kernel_of(const PagedTiles &t) {
  return {t.schedule, t.block_n, t.num_warps, t.num_stages};
}

using Size = std::pair<std::int64_t, std::int64_t>; // heads and tokens

/// The times of one head shape.
class Shape {
public:
  explicit Shape(const DecodeSample &first)
      : head_dim(first.head_dim), group(first.group), most_group(first.most_group) {}

  void add(const DecodeSample &s) {
    std::size_t i = std::size_t(std::ranges::find(tiles_, s.tiles) - tiles_.begin());
    if (i == tiles_.size())
      tiles_.push_back(s.tiles);
    us_[{s.heads, s.tokens}][s.mode][i] = s.us;
    heads_.insert(s.heads);
    tokens_.insert(s.tokens);
  }

  std::string rows(int most_kernels) {
    find_losses();
    choose_kernels(most_kernels);
    const auto bounds = [](const std::set<std::int64_t> &sizes) { // up to the middle, in logarithms
      std::vector<std::int64_t> result;
      for (auto size = sizes.begin(); size != sizes.end(); ++size)
        result.push_back(std::next(size) == sizes.end()
                             ? kernels::any_size
                             : std::llround(std::sqrt(double(*size) * double(*std::next(size)))));
      return result;
    };
    // By heads, and for each by tokens: bounds, tiles, what they lose.
    struct Row {
      std::int64_t tokens;
      std::size_t tiles;
      double loss;
    };
    std::vector<std::pair<std::int64_t, std::vector<Row>>> table;
    const std::vector<std::int64_t> head_bounds = bounds(heads_), token_bounds = bounds(tokens_);
    std::size_t h = 0;
    for (std::int64_t heads : heads_) {
      std::vector<Row> line;
      std::size_t t = 0, last = tiles_.size();
      for (std::int64_t tokens : tokens_) {
        const std::int64_t bound = token_bounds[t++];
        double loss = 0;
        if (us_.contains({heads, tokens})) {
          last = choose({heads, tokens}, last);
          loss = losses_[{heads, tokens}][last];
        }
        if (last == tiles_.size())
          continue; // nothing that small was measured: the next row serves it
        if (!line.empty() && line.back().tiles == last) {
          line.back().tokens = bound;
          line.back().loss = std::max(line.back().loss, loss);
        } else {
          line.push_back({bound, last, loss});
        }
      }
      const auto same = [](const Row &a, const Row &b) { return a.tokens == b.tokens && a.tiles == b.tiles; };
      if (!table.empty() && std::ranges::equal(table.back().second, line, same)) {
        table.back().first = head_bounds[h];
        for (std::size_t i = 0; i < line.size(); ++i)
          table.back().second[i].loss = std::max(table.back().second[i].loss, line[i].loss);
      } else {
        table.emplace_back(head_bounds[h], std::move(line));
      }
      ++h;
    }
    std::string text = "    // head_dim " + std::to_string(head_dim) + ", " + std::to_string(group) +
                       (group == 1 ? " query head" : " query heads") + " for each K/V head\n";
    const auto size_text = [](std::int64_t size) {
      return size == kernels::any_size ? std::string("any_size") : std::to_string(size);
    };
    for (const auto &[heads, line] : table)
      for (const Row &row : line) {
        const PagedTiles &t = tiles_[row.tiles];
        char numbers[80], percent[32];
        std::snprintf(numbers, sizeof numbers, "%d, %d, %d, %d", t.block_n, t.programs_per_core, t.num_warps,
                      t.num_stages);
        std::snprintf(percent, sizeof percent, "%.0f %%", 100 * row.loss);
        text += "    {{2, " + std::to_string(head_dim) + ", " + std::to_string(most_group) + ", " + size_text(heads) +
                ", " + size_text(row.tokens) + "}, {PagedSchedule::" + name_of(t.schedule) + ", " + numbers +
                "}}, // loses " + percent + " at most\n";
      }
    return text;
  }

  int head_dim, group, most_group;

private:
  static constexpr double fails = 1e9; // to lose so much

  /// What each config loses at each size against the fastest one, in the worst mode.
  void find_losses() {
    for (const auto &[size, modes] : us_) {
      std::vector<double> &losses = losses_[size];
      losses.assign(tiles_.size(), 0);
      for (const auto &[mode, times] : modes) {
        double fastest = fails;
        for (const auto &[i, us] : times)
          fastest = std::min(fastest, us);
        for (std::size_t i = 0; i < tiles_.size(); ++i) {
          const auto time = times.find(i);
          losses[i] = std::max(losses[i], time == times.end() ? fails : time->second / fastest - 1);
        }
      }
    }
  }

  double score(Size size, std::size_t i) const {
    double around = 0;
    int count = 0;
    const auto look = [&](const std::set<std::int64_t> &sizes, std::int64_t Size::*axis) {
      const auto here = sizes.find(size.*axis);
      const auto add = [&](std::int64_t value) {
        Size other = size;
        other.*axis = value;
        if (const auto losses = losses_.find(other); losses != losses_.end()) {
          around += losses->second[i];
          ++count;
        }
      };
      if (here != sizes.begin())
        add(*std::prev(here));
      if (std::next(here) != sizes.end())
        add(*std::next(here));
    };
    look(heads_, &Size::first);
    look(tokens_, &Size::second);
    return losses_.at(size)[i] + (count ? neighbour_weight * around / count : 0);
  }

  /// One kernel after the other, each time the one that helps most.
  void choose_kernels(int most) {
    std::map<std::tuple<PagedSchedule, int, int, int>, std::vector<std::size_t>> variants;
    for (std::size_t i = 0; i < tiles_.size(); ++i)
      variants[kernel_of(tiles_[i])].push_back(i);
    std::map<Size, double> reached;
    for (const auto &[size, losses] : losses_)
      reached[size] = 2 * fails;
    for (int n = 0; n < most && chosen_.size() < tiles_.size(); ++n) {
      const std::vector<std::size_t> *best = nullptr;
      double most_gain = 0;
      for (const auto &[kernel, members] : variants) {
        double gain = 0;
        for (const auto &[size, so_far] : reached) {
          double with = so_far;
          for (std::size_t i : members)
            with = std::min(with, score(size, i));
          gain += so_far - with;
        }
        if (!best || gain > most_gain) {
          best = &members;
          most_gain = gain;
        }
      }
      if (n > 0 && most_gain < worth_a_kernel * double(reached.size()))
        break;
      for (std::size_t i : *best)
        chosen_.insert(i);
      for (auto &[size, so_far] : reached)
        for (std::size_t i : *best)
          so_far = std::min(so_far, score(size, i));
    }
  }

  /// The best of the chosen ones; `last`, where that is as good.
  std::size_t choose(Size size, std::size_t last) const {
    std::size_t best = *chosen_.begin();
    for (std::size_t i : chosen_)
      if (score(size, i) < score(size, best))
        best = i;
    return last < tiles_.size() && score(size, last) <= score(size, best) + as_good ? last : best;
  }

  std::vector<PagedTiles> tiles_;
  std::map<Size, std::map<std::string, std::map<std::size_t, double>>> us_;
  std::set<std::int64_t> heads_, tokens_;
  std::map<Size, std::vector<double>> losses_;
  std::set<std::size_t> chosen_;
};

} // namespace

std::string to_csv(const DecodeSweep &sweep) {
  std::string text = "# " + sweep.gpu + ", " + std::to_string(sweep.multiprocessors) + " multiprocessors, " +
                     sweep.date + "\n" + std::string(columns) + "\n";
  for (const DecodeSample &s : sweep.samples) {
    for (std::int64_t number :
         {std::int64_t(s.head_dim), std::int64_t(s.group), std::int64_t(s.most_group), s.heads, s.tokens})
      text += std::to_string(number) + ",";
    text += s.mode + "," + name_of(s.tiles.schedule);
    for (int number : {s.tiles.block_n, s.tiles.programs_per_core, s.tiles.num_warps, s.tiles.num_stages})
      text += "," + std::to_string(number);
    char us[32];
    std::snprintf(us, sizeof us, ",%.3f\n", s.us);
    text += us;
  }
  return text;
}

DecodeSweep from_csv(std::string_view text) {
  DecodeSweep sweep;
  const auto wrong = [](std::size_t line, const char *what) {
    return InvalidArgument("error: line " + std::to_string(line) + " of the measurements is not " + what);
  };
  std::size_t number = 0;
  for (std::string_view line : kernels::split(text, '\n')) {
    ++number;
    if (number == 1) {
      if (!read_heading(line, sweep))
        throw wrong(1, "'# GPU, N multiprocessors, DATE'");
    } else if (number == 2) {
      if (line != columns)
        throw wrong(2, ("'" + std::string(columns) + "'").c_str());
    } else if (!line.empty() && !read_sample(line, sweep.samples.emplace_back())) {
      throw wrong(number, "a sample");
    }
  }
  return sweep;
}

std::string decode_table(const DecodeSweep &sweep, int most_kernels) {
  if (sweep.samples.empty())
    throw InvalidArgument("error: nothing was measured");
  std::vector<Shape> shapes;
  for (const DecodeSample &s : sweep.samples) {
    auto shape = std::ranges::find_if(
        shapes, [&](const Shape &known) { return known.head_dim == s.head_dim && known.most_group == s.most_group; });
    if (shape == shapes.end())
      shape = shapes.emplace(shapes.end(), s);
    shape->add(s);
  }
  // The first row that a shape is within is taken.
  std::string text =
      "// Made by kiln-tune-decode: measured on " + sweep.gpu + ", " + sweep.date +
      ".\n"
      "constexpr int tuned_multiprocessors = " +
      std::to_string(sweep.multiprocessors) +
      ";\n\n"
      "// element_bytes, head_dim, group, heads, tokens: schedule, block_n, programs_per_core, num_warps, "
      "num_stages\n"
      "constexpr TunedPaged tuned_paged[] = {\n";
  std::vector<Shape *> order;
  for (Shape &shape : shapes)
    order.push_back(&shape);
  std::ranges::sort(order, {}, [](const Shape *shape) { return std::pair(shape->head_dim, shape->most_group); });
  for (Shape *shape : order)
    text += shape->rows(most_kernels);
  return text + "};\n";
}

} // namespace kiln::tools
