/* Kiln for C, and for languages that call C: the kernels of the library on the caller's memory, and compiling and
 * launching any of them by name.
 *
 *     const kiln_device *gpu;
 *     kiln_softmax_problem softmax = {.size = sizeof softmax, .dtype = KILN_F16, .in = x, .out = y, ...};
 *     if (kiln_device_find("cuda:0", &gpu) != KILN_OK)
 *       puts(kiln_last_error());
 *     softmax.device = gpu;
 *     kiln_softmax(&softmax, NULL, stream);
 *
 * Functions that can fail return a status, leave their results untouched where it is not KILN_OK, and throw nothing.
 * All may be called from several threads at once, but for those that change one object.
 *
 * Structures begin with their size, as the caller knows them, and get members at their end alone. A caller that was
 * compiled with an older header of the same KILN_C_API_VERSION stays right: what it does not know of is 0. So does one
 * with a newer header, as long as what the library does not know of is 0. Any other size, and one above 4096, is
 * KILN_INVALID_ARGUMENT. Members that are left out are 0, and 0 is the usual value. Streams are CUstream; null is the
 * default stream. */
#pragma once

#include "kiln/dlpack_abi.h"
#include "kiln/export.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Errors */

/** What went wrong; the classes of kiln/error.h. */
typedef enum kiln_status {
  KILN_OK = 0,
  KILN_INVALID_ARGUMENT = 1, /* an argument out of its range, a tensor that does not fit */
  KILN_TRACE_ERROR = 2,      /* a kernel that cannot be traced with its config */
  KILN_COMPILE_ERROR = 3,
  KILN_LAUNCH_ERROR = 4,
  KILN_DEVICE_ERROR = 5,         /* no such device, or one that fails */
  KILN_TRAP_ERROR = 6,           /* a program that stopped: an assert, a check */
  KILN_CHECK_ERROR = 7,          /* what an emulated device found */
  KILN_CONTEXT_LOST = 8,         /* a fault that destroyed the CUDA context */
  KILN_OUT_OF_MEMORY = 9,        /* of a device, or of the host, also for the library itself */
  KILN_WORKSPACE_TOO_SMALL = 10, /* nothing was launched; the call may be repeated with a larger one */
  KILN_OTHER_ERROR = 11
} kiln_status;

/** What the last call of this thread that failed has to say: what, where, and what to do. Never null; valid until the
 * thread's next call that fails. */
KILN_API const char *kiln_last_error(void);

/** The version of the library, "major.minor.patch". */
KILN_API const char *kiln_version(void);

/** Changes where callers have to be changed. */
#define KILN_C_API_VERSION 1
/** That of the library which is loaded. */
KILN_API int kiln_c_api_version(void);

/* ---- Devices */

/** A device; lives as long as the process. A null pointer in a structure is the device of the current CUDA context, or
 * that of the tensors. */
typedef struct kiln_device kiln_device;

/** By name: "cpu", "interpreter", "cuda:0", "emulated:sm_90a". */
KILN_API kiln_status kiln_device_find(const char *name, const kiln_device **device);
/** The name that finds it; "none" for null. Lives as long as the process. */
KILN_API const char *kiln_device_name(const kiln_device *device);
/** Waits for a stream of the device. KILN_CONTEXT_LOST where a kernel faulted. */
KILN_API kiln_status kiln_synchronize(const kiln_device *device, void *stream);

/* ---- Memory */

/** Memory of a device: kiln/device_memory.h. */
typedef struct kiln_buffer kiln_buffer;

/** All bytes are 0. Not while a stream of the device is being captured. */
KILN_API kiln_status kiln_buffer_create(const kiln_device *device, int64_t bytes, kiln_buffer **buffer);
/** The memory is freed once no tensor made of it is left either. Null is ignored. */
KILN_API void kiln_buffer_release(kiln_buffer *buffer);
/** The address, for kernels of the device, aligned to 256 bytes; null for a buffer of no bytes. */
KILN_API void *kiln_buffer_data(const kiln_buffer *buffer);
/** Copy the first `bytes` bytes, not more than the buffer has; done when they return. Earlier work of the default
 * stream is waited for, that of other streams is not. */
KILN_API kiln_status kiln_buffer_from_host(kiln_buffer *buffer, const void *source, int64_t bytes);
KILN_API kiln_status kiln_buffer_to_host(const kiln_buffer *buffer, void *target, int64_t bytes);

/** Element types, numbered as kiln::DType. Callers pass them as int, so that any number can be told from them. */
typedef enum kiln_dtype {
  KILN_I1 = 0,
  KILN_I8 = 1,
  KILN_I16 = 2,
  KILN_I32 = 3,
  KILN_I64 = 4,
  KILN_F8E4M3 = 5,
  KILN_F8E5M2 = 6,
  KILN_F16 = 7,
  KILN_BF16 = 8,
  KILN_F32 = 9,
  KILN_F64 = 10
} kiln_dtype;

/** An array in the buffer as a tensor of DLPack, which shares its ownership. Strides, in elements, may be null: without
 * gaps. */
KILN_API kiln_status kiln_buffer_to_dlpack(const kiln_buffer *buffer, int dtype, int rank, const int64_t *shape,
                                           const int64_t *strides, DLManagedTensorVersioned **tensor);
/** The same for receivers that do not know DLPack 1.0. */
KILN_API kiln_status kiln_buffer_to_dlpack_unversioned(const kiln_buffer *buffer, int dtype, int rank,
                                                       const int64_t *shape, const int64_t *strides,
                                                       DLManagedTensor **tensor);
/** What a managed tensor describes; `written`: whether a kernel is to write there. */
KILN_API kiln_status kiln_dlpack_view(const DLManagedTensorVersioned *managed, int written, const DLTensor **tensor);

/* ---- Checks (kiln/debug.h)
 *
 * With KILN_CHECK=1 in the environment, launches on the CPU and in the interpreter stop at an access outside the
 * buffers that Kiln has been told of; those on an emulated device do always, once it has been told of one. A call with
 * tensors of DLPack tells of their memory itself, for as long as it takes. Calls with addresses do not know how far
 * these may be used: their memory is registered here. */

/** Makes `bytes` bytes of memory of the host known under a name for messages, which is copied. 0 bytes are ignored.
 * KILN_INVALID_ARGUMENT where it overlaps what is registered, but for the buffers of emulated devices (kiln_buffer),
 * which are known: it takes their place. */
KILN_API kiln_status kiln_register_buffer(const void *address, int64_t bytes, const char *name);
/** Forgets what was registered at this address; does nothing where nothing was. */
KILN_API void kiln_unregister_buffer(const void *address);

/* ---- Configs of the library's kernels */

/** Members of a kernel's config (kiln/kernels) that shall not have their default. A launch takes the others from the
 * kernel's default for its problem and device. Where a null pointer is passed, all are. */
typedef struct kiln_config kiln_config;

/** Of "vector_add", "softmax", "rms_norm", "matmul", "kv_cache_store" or "paged_attention_decode"; nothing is set. */
KILN_API kiln_status kiln_config_create(const char *kernel, kiln_config **config);
/** Null is ignored. */
KILN_API void kiln_config_release(kiln_config *config);
/** "block_n=64": an integer, true or false; an enumeration by its number. */
KILN_API kiln_status kiln_config_set(kiln_config *config, const char *assignment);
/** A member that was set. */
KILN_API kiln_status kiln_config_get(const kiln_config *config, const char *member, double *value);
/** The name of the member with that index; null past the last one. */
KILN_API const char *kiln_config_member(const kiln_config *config, int index);

/* ---- The kernels of the library
 *
 * Each has a problem, as in kiln/kernels, with untyped pointers, and beside it the same made of tensors of DLPack
 * (kiln/dlpack.h, which has their shapes), whose device is that of its tensors. dtype is KILN_F16, KILN_BF16 or
 * KILN_F32, the type of the elements of all arrays with untyped pointers. Strides count elements.
 *
 *     kiln_X(problem, config, stream)                launches; returns when the work is enqueued, on the CPU when done
 *     kiln_X_dlpack(tensors, config, stream)         the same; see below of what it reads first
 *     kiln_X_from_dlpack(tensors, problem)           fills in a problem
 *     kiln_X_default_config(problem, config)         a config with every member set as for this problem
 *
 * Slots, lengths and pages are numbers in memory by which kernels find other memory. kiln_kv_cache_store_dlpack and
 * kiln_paged_attention_decode_dlpack compare them with the sizes of the tensors where these are the host's. On a GPU,
 * and where a problem has addresses and no number of pages, the caller answers for them: a number that is out of range
 * reads or writes memory that is not its own. */

typedef struct kiln_vector_add_problem {
  size_t size;
  const kiln_device *device;
  int dtype; /* a kiln_dtype */
  int64_t n;
  const void *x, *y; /* [n] */
  void *out;         /* [n] */
} kiln_vector_add_problem;

typedef struct kiln_vector_add_tensors {
  size_t size;
  const kiln_device *device;
  const DLTensor *x, *y, *out;
} kiln_vector_add_tensors;

typedef struct kiln_softmax_problem {
  size_t size;
  const kiln_device *device;
  int dtype; /* a kiln_dtype */
  int64_t rows, cols;
  const void *in;                /* [rows, cols] */
  void *out;                     /* the same */
  int64_t in_stride, out_stride; /* from row to row */
} kiln_softmax_problem;

typedef struct kiln_softmax_tensors {
  size_t size;
  const kiln_device *device;
  const DLTensor *in, *out;
} kiln_softmax_tensors;

typedef struct kiln_rms_norm_problem {
  size_t size;
  const kiln_device *device;
  int dtype;     /* a kiln_dtype */
  float epsilon; /* 0 is 0 */
  int64_t rows, cols;
  const void *x, *weight;       /* [rows, cols], [cols] */
  void *out;                    /* [rows, cols] */
  int64_t x_stride, out_stride; /* from row to row */
} kiln_rms_norm_problem;

typedef struct kiln_rms_norm_tensors {
  size_t size;
  const kiln_device *device;
  const DLTensor *x, *weight, *out;
  float epsilon; /* 0 is 0 */
} kiln_rms_norm_tensors;

typedef struct kiln_matmul_problem {
  size_t size;
  const kiln_device *device;
  int dtype; /* a kiln_dtype */
  int64_t m, n, k;
  const void *a, *b;                               /* [m, k], [k, n] */
  void *out;                                       /* [m, n] */
  int64_t a_stride[2], b_stride[2], out_stride[2]; /* row, column */
} kiln_matmul_problem;

typedef struct kiln_matmul_tensors {
  size_t size;
  const kiln_device *device;
  const DLTensor *a, *b, *out;
} kiln_matmul_tensors;

typedef struct kiln_kv_cache_store_problem {
  size_t size;
  const kiln_device *device;
  int dtype;                                          /* a kiln_dtype */
  int64_t tokens, kv_heads, head_dim, page_size;      /* head_dim: a multiple of 16 from 16 to 256 */
  const void *key, *value;                            /* [tokens, kv_heads, head_dim] */
  const int64_t *slots;                               /* [tokens], page * page_size + place; negative: none */
  void *key_cache, *value_cache;                      /* [num_pages, page_size, kv_heads, head_dim] */
  int64_t key_stride[3], value_stride[3];             /* token, head, element */
  int64_t key_cache_stride[4], value_cache_stride[4]; /* page, token, head, element */
} kiln_kv_cache_store_problem;

typedef struct kiln_kv_cache_store_tensors {
  size_t size;
  const kiln_device *device;
  const DLTensor *key, *value, *slots, *key_cache, *value_cache;
} kiln_kv_cache_store_tensors;

typedef struct kiln_paged_attention_decode_problem {
  size_t size;
  const kiln_device *device;
  int dtype;   /* a kiln_dtype */
  float scale; /* 0: 1 / sqrt(head_dim) */
  /* head_dim: a multiple of 16 from 16 to 256; heads: a multiple of kv_heads, at most 64 times that */
  int64_t batch, heads, kv_heads, head_dim, page_size, max_pages;
  const void *q;                       /* [batch, heads, head_dim] */
  const void *key_cache, *value_cache; /* [num_pages, page_size, kv_heads, head_dim] */
  const int32_t *table;                /* [batch, max_pages], each used one from 0 to num_pages - 1 */
  const int32_t *lengths;              /* [batch], in tokens, from 0 to max_pages * page_size */
  void *out;                           /* [batch, heads, head_dim] */
  float *lse;                          /* [batch, heads], or null */
  void *workspace;                     /* see below; null where it needs none */
  int64_t workspace_size;              /* bytes */
  int64_t q_stride[3];                 /* sequence, head, element */
  int64_t out_stride[3];
  int64_t key_cache_stride[4]; /* page, token, head, element */
  int64_t value_cache_stride[4];
  int64_t table_stride[2]; /* sequence, entry */
  int64_t lse_stride[2];   /* sequence, head */
} kiln_paged_attention_decode_problem;

typedef struct kiln_paged_attention_decode_tensors {
  size_t size;
  const kiln_device *device;
  const DLTensor *q, *key_cache, *value_cache, *table, *lengths, *out;
  const DLTensor *lse; /* may be null */
  float scale;         /* 0: 1 / sqrt(head_dim) */
  void *workspace;
  int64_t workspace_size; /* bytes */
} kiln_paged_attention_decode_tensors;

#define KILN_DECLARE_KERNEL(X)                                                                                         \
  KILN_API kiln_status kiln_##X(const kiln_##X##_problem *problem, const kiln_config *config, void *stream);           \
  KILN_API kiln_status kiln_##X##_dlpack(const kiln_##X##_tensors *tensors, const kiln_config *config, void *stream);  \
  KILN_API kiln_status kiln_##X##_from_dlpack(const kiln_##X##_tensors *tensors, kiln_##X##_problem *problem);         \
  KILN_API kiln_status kiln_##X##_default_config(const kiln_##X##_problem *problem, kiln_config **config);

KILN_DECLARE_KERNEL(vector_add)
KILN_DECLARE_KERNEL(softmax)
KILN_DECLARE_KERNEL(rms_norm)
KILN_DECLARE_KERNEL(matmul)
KILN_DECLARE_KERNEL(kv_cache_store)
KILN_DECLARE_KERNEL(paged_attention_decode)

#undef KILN_DECLARE_KERNEL

/** The bytes of workspace that a problem needs: memory of the device, 16-byte aligned, zeroed once before its first use
 * and again after a launch that failed, one for each stream. They grow with the sizes of the problem and do not depend
 * on lengths. Pointers of the problem may be null, but for lse where it is wanted. */
KILN_API kiln_status kiln_paged_attention_decode_workspace(const kiln_paged_attention_decode_problem *problem,
                                                           const kiln_config *config, int64_t *bytes);

/* ---- Compiling and launching by name, as kiln-compile does */

/** A kernel of the library with a config. */
typedef struct kiln_kernel kiln_kernel;

/** The names of the kernels: "softmax_f16"; null past the last one. */
KILN_API const char *kiln_kernel_name(int index);
/** `assignments` are `count` members of the config that shall not have their default: "block=256". */
KILN_API kiln_status kiln_kernel_create(const char *name, const char *const *assignments, int count,
                                        kiln_kernel **kernel);
/** Null is ignored. What was compiled is kept. */
KILN_API void kiln_kernel_release(kiln_kernel *kernel);

/** A parameter of a kernel. */
typedef struct kiln_parameter {
  int pointer;   /* 1, or 0 for a number */
  int read_only; /* of a pointer: the kernel does not write there */
  int dtype;     /* the kiln_dtype; of a pointer, what it points at */
} kiln_parameter;

KILN_API int kiln_kernel_parameter_count(const kiln_kernel *kernel);
KILN_API kiln_status kiln_kernel_parameter(const kiln_kernel *kernel, int index, kiln_parameter *parameter);

/** Compiles for the device and loads, so that the first launch finds it done. */
KILN_API kiln_status kiln_kernel_prepare(const kiln_kernel *kernel, const kiln_device *device);

/** Bytes that the library has made; behind the last one is a 0. */
typedef struct kiln_bytes kiln_bytes;
KILN_API const char *kiln_bytes_data(const kiln_bytes *bytes);
KILN_API size_t kiln_bytes_size(const kiln_bytes *bytes);
/** Null is ignored. */
KILN_API void kiln_bytes_release(kiln_bytes *bytes);

/** The kernel compiled for a target that need not be there ("sm_90a", "cpu"), at one stage: "cubin" is the image that
 * runs, "ptx", "report", "json" and others of `kiln-compile --help` are text. */
KILN_API kiln_status kiln_kernel_emit(const kiln_kernel *kernel, const char *target, const char *stage,
                                      kiln_bytes **bytes);

typedef struct kiln_launch_options {
  size_t size;
  const kiln_device *device;
  void *stream;
  uint32_t grid[3]; /* programs in x, y and z; each at least 1 */
  int programmatic; /* kiln::LaunchOptions::programmatic */
} kiln_launch_options;

/** Runs a grid of programs, compiling first where needed. arguments[i] points at the value of parameter i: an address,
 * or a number of the parameter's type. */
KILN_API kiln_status kiln_kernel_launch(const kiln_kernel *kernel, const kiln_launch_options *options,
                                        const void *const *arguments, int count);

#ifdef __cplusplus
}
#endif
