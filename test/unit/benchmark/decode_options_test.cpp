// The command line of `kiln-bench-gpu decode`.
#include "benchmark/gpu_decode.h"

#include "message_of.h"

#include <gtest/gtest.h>

using namespace kiln;
using namespace kiln::bench;

namespace {

DecodeOptions parsed(std::vector<const char *> arguments) {
  arguments.insert(arguments.begin(), "kiln-bench-gpu");
  ToolArguments walk(int(arguments.size()), arguments.data());
  DecodeOptions options;
  while (walk.next())
    if (!options.take(walk))
      throw InvalidArgument("not taken: " + std::string(walk.text()));
  return options;
}

std::string refusal(std::vector<const char *> arguments) {
  return message_of<InvalidArgument>([&] { parsed(arguments); });
}

TEST(DecodeOptions, CellsShapesAndPeers) {
  const DecodeOptions options = parsed({"--cell", "uniform:2:60", "--cell=skewed:4:1600", "--page=64", "--bf16",
                                        "--peer=cuda", "--peer", "kiln", "--set=block_n=32,64"});
  ASSERT_EQ(options.cells.size(), 2U);
  EXPECT_EQ(options.cells[1].lengths(), (std::vector<std::int32_t>{1600, 100, 100, 100}));
  EXPECT_EQ(options.shape.page_size, 64);
  EXPECT_TRUE(options.bf16);
  EXPECT_TRUE(options.wants("cuda") && options.wants("kiln"));
  EXPECT_FALSE(options.wants("plain_read"));
  EXPECT_EQ(options.changes[0].values, (std::vector<std::string>{"32", "64"}));
}

TEST(DecodeOptions, WithoutPeersThereIsNoForeignOne) {
  const DecodeOptions options = parsed({});
  EXPECT_TRUE(options.wants("plain_read") && options.wants("kiln"));
  EXPECT_FALSE(options.wants("cuda"));
}

TEST(DecodeOptions, Refusals) {
  EXPECT_EQ(refusal({"--cell=even:1:2"}),
            "error: a cell is MODE:BATCH:LENGTH, the mode uniform, ragged or skewed; not 'even:1:2'");
  EXPECT_EQ(refusal({"--cell=uniform:0:2"}), "error: the batch of a cell is '0', must be a positive number");
  EXPECT_EQ(refusal({"--cell=uniform:1:x"}), "error: the length of a cell is 'x', must be a positive number");
  EXPECT_EQ(refusal({"--cell"}), "error: --cell needs MODE:BATCH:LENGTH");
  EXPECT_EQ(refusal({"--peer=triton"}), "error: --peer is plain_read, gathered_read, cuda or kiln; not 'triton'");
  EXPECT_EQ(refusal({"--page=-1"}), "error: --page is '-1', must be a positive number");
  EXPECT_EQ(refusal({"--warps=4"}), "not taken: --warps");
}

} // namespace
