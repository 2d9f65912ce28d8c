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
for name in ["ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "HOME"]:
    if name in os.environ:
        config.environment[name] = os.environ[name]

config.substitutions.append(("%python", sys.executable))
config.substitutions.append(("%kiln_src", config.kiln_source_dir))
config.substitutions.append(("%llvm_include", os.path.join(config.llvm_tools_dir, os.pardir, "include")))

# NVIDIA's assembler, where there is one: $CUDA_HOME, /usr/local/cuda, PATH.
cuda = [os.path.join(os.environ[name], "bin") for name in ["CUDA_HOME", "CUDA_PATH"] if os.environ.get(name)]
ptxas = shutil.which("ptxas", path=os.pathsep.join([*cuda, "/usr/local/cuda/bin", os.environ["PATH"]]))
if ptxas:
    config.available_features.add("ptxas")
config.substitutions.append(("%ptxas", ptxas or "ptxas"))
