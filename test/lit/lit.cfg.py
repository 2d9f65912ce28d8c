# Kiln's own tools come first on PATH, LLVM's (FileCheck, not, split-file, mlir-opt, llc) after them, so RUN lines name tools plainly.
import os
import shutil
import sys

import lit.formats

config.name = "Kiln"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test"]
config.excludes = ["Inputs"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.path.join(config.kiln_binary_dir, "test", "lit")

config.environment["PATH"] = os.pathsep.join([config.kiln_tools_dir, config.llvm_tools_dir, os.environ["PATH"]])
config.environment["FILECHECK_OPTS"] = "-enable-var-scope"
for name in ["ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "HOME", "CUDA_HOME", "CUDA_PATH"]:
    if name in os.environ:
        config.environment[name] = os.environ[name]

config.substitutions.append(("%python", sys.executable))
config.substitutions.append(("%kiln_src", config.kiln_source_dir))
config.substitutions.append(("%llvm_include", os.path.join(config.llvm_tools_dir, os.pardir, "include")))

# NVIDIA's assembler and functions, where there are any: $CUDA_HOME, $CUDA_PATH, /usr/local/cuda; the assembler also on PATH.
cuda = [os.environ[name] for name in ["CUDA_HOME", "CUDA_PATH"] if os.environ.get(name)] + ["/usr/local/cuda"]
ptxas = shutil.which("ptxas", path=os.pathsep.join([*(os.path.join(root, "bin") for root in cuda), os.environ["PATH"]]))
if ptxas:
    config.available_features.add("ptxas")
config.substitutions.append(("%ptxas", ptxas or "ptxas"))
if any(os.path.exists(os.path.join(root, "nvvm", "libdevice", "libdevice.10.bc")) for root in cuda):
    config.available_features.add("libdevice")
