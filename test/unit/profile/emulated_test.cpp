// Profiles of launches, with figures that are computed by hand.
#include "kiln/device_memory.h"
#include "kiln/emulator.h"
#include "kiln/kiln.h"
#include "kiln/profile_report.h"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

using namespace kiln;

namespace {

const Device gpu = Device::emulated("sm_90a");

struct Config {
  int block = 1024;
  int stride = 1;
  int num_warps = 4;
};

constexpr int load_line = __LINE__ + 4, square_line = __LINE__ + 5, store_line = __LINE__ + 6;
void gather(const Config &c, ptr<const float> x, ptr<float> out) {
  Tile i = arange(0, c.block);
  Tile start = program_id(0) * c.block;
  Tile value = load(x + (start + i) * c.stride);
  Tile square = value * value;
  store(out + start + i, square);
}
const Kernel gather_kernel{"gather", gather};

std::uint64_t count_of(const LineProfile &line, InstructionClass kind) {
  return line.instructions[static_cast<std::size_t>(kind)];
}

class EmulatedProfile : public testing::Test {
protected:
  /// Of three programs.
  static LaunchProfile profile(const Config &config) {
    const int size = 3 * config.block;
    std::vector<float> values(static_cast<std::size_t>(size) * config.stride);
    std::iota(values.begin(), values.end(), 0.0F);
    DeviceBuffer x(gpu, values.size() * sizeof(float)), out(gpu, size * sizeof(float));
    x.copy_from_host(values.data(), x.bytes());
    EmulatorProfiler profiler;
    gather_kernel.launch({.grid = 3, .device = gpu}, config, x.as<float>(), out.as<float>());
    for (int i = 0; i < size; ++i)
      EXPECT_EQ(out.as<float>()[i], values[i * config.stride] * values[i * config.stride]) << i;
    EXPECT_EQ(profiler.launches().size(), 1U);
    return profiler.launches().at(0);
  }

  static LineProfile line(const LaunchProfile &launch, int number) {
    for (const LineProfile &line : launch.lines)
      if (line.line == unsigned(number) && line.file.ends_with("emulated_test.cpp"))
        return line;
    ADD_FAILURE() << "line " << number << " did nothing";
    return {};
  }
};

TEST_F(EmulatedProfile, NeighboursShareSectors) {
  const LaunchProfile launch = profile({});
  EXPECT_EQ(launch.kernel, "gather");
  EXPECT_EQ(launch.arch, "sm_90a");
  EXPECT_EQ(launch.grid, (std::array<unsigned, 3>{3, 1, 1}));
  EXPECT_EQ(launch.num_warps, 4U);
  // 128 threads with 8 elements each: two accesses of 16 bytes, so 2 for each of the 4 warps, and 16 sectors each.
  for (const int number : {load_line, store_line}) {
    const LineProfile found = line(launch, number);
    EXPECT_EQ(found.sectors, 3U * 4 * 2 * 16);
    EXPECT_EQ(found.sector_bytes_used, 3U * 1024 * 4);
    EXPECT_EQ(found.global_efficiency(), 1.0);
  }
  EXPECT_EQ(count_of(line(launch, load_line), InstructionClass::global_load), 3U * 4 * 2);
  EXPECT_EQ(count_of(line(launch, store_line), InstructionClass::global_store), 3U * 4 * 2);
  // A multiplication an element, of which 32 are one of a warp.
  EXPECT_EQ(count_of(line(launch, square_line), InstructionClass::floating), 3U * 1024 / 32);
}

TEST_F(EmulatedProfile, StridesWasteSectors) {
  const LaunchProfile launch = profile({.stride = 8});
  const LineProfile found = line(launch, load_line);
  EXPECT_EQ(found.sectors, 3U * 1024) << "each element lies in a sector of its own";
  EXPECT_EQ(found.sector_bytes_used, 3U * 1024 * 4);
  EXPECT_EQ(found.global_efficiency(), 0.125);
  EXPECT_EQ(line(launch, store_line).global_efficiency(), 1.0);
  const std::string text = profile_text(launch, {.source_directories = {}});
  EXPECT_NE(text.find("12.5 % of what its 3072 sectors of global memory hold is used"), text.npos) << text;
}

TEST_F(EmulatedProfile, LanesThatAreOffAccessNothing) {
  // 32 elements for 128 threads: each element is somebody's, once.
  const LaunchProfile launch = profile({.block = 32});
  EXPECT_EQ(line(launch, store_line).sector_bytes_used, 3U * 32 * 4);
}

TEST_F(EmulatedProfile, SharedMemoryIsPassedThrough) {
  Kernel kernel{"total", [](const Config &c, ptr<const float> x, ptr<float> out) {
                  store(out, sum(load(x + arange(0, c.block)), 0));
                }};
  DeviceBuffer x(gpu, 4096), out(gpu, 4);
  x.fill(0);
  EmulatorProfiler profiler;
  kernel.launch({.device = gpu}, {}, x.as<float>(), out.as<float>());
  std::uint64_t passes = 0, ideal = 0, barriers = 0;
  for (const LineProfile &line : profiler.launches().at(0).lines) {
    passes += line.shared_passes;
    ideal += line.shared_passes_ideal;
    barriers += count_of(line, InstructionClass::barrier);
  }
  EXPECT_GE(ideal, 4U) << "each warp writes its part of the sum";
  EXPECT_GE(passes, ideal);
  EXPECT_GE(barriers, 4U);
}

TEST_F(EmulatedProfile, OnlyTheFirstOfTwoRunsCounts) {
  const EmulatorOptions before = emulator_options();
  std::vector<std::uint64_t> sectors;
  for (const bool twice : {false, true}) {
    set_emulator_options({.seed = before.seed, .compare_poison = twice});
    sectors.push_back(line(profile({}), load_line).sectors);
  }
  set_emulator_options(before);
  EXPECT_EQ(sectors[0], sectors[1]);
}

} // namespace
