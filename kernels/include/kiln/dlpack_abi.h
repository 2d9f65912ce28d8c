/* The structures of DLPack 1.x, in C and C++: how libraries hand tensors to one another
 * (https://dmlc.github.io/dlpack).
 *
 * They have the published names and layouts. A program that uses DLPack's own header includes it first; it then is the
 * one that counts, and what an older version lacks is added here. The other way round its guard keeps it out. */
#pragma once

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef DLPACK_DLPACK_H_
#define DLPACK_DLPACK_H_
#define KILN_DEFINES_DLPACK

/** Where memory lies. */
typedef enum {
  kDLCPU = 1,
  kDLCUDA = 2,
  kDLCUDAHost = 3, /* pinned memory of the host */
  kDLOpenCL = 4,
  kDLVulkan = 7,
  kDLMetal = 8,
  kDLVPI = 9,
  kDLROCM = 10,
  kDLROCMHost = 11,
  kDLExtDev = 12,
  kDLCUDAManaged = 13,
  kDLOneAPI = 14,
  kDLWebGPU = 15,
  kDLHexagon = 16,
  kDLMAIA = 17,
  kDLTrn = 18
} DLDeviceType;

typedef struct {
  DLDeviceType device_type;
  int32_t device_id;
} DLDevice;

typedef enum { kDLInt = 0U, kDLUInt = 1U, kDLFloat = 2U, kDLBfloat = 4U, kDLComplex = 5U, kDLBool = 6U } DLDataTypeCode;

/** An element type: a DLDataTypeCode, the bits of a lane and the lanes of an element. */
typedef struct {
  uint8_t code;
  uint8_t bits;
  uint16_t lanes;
} DLDataType;

/** A tensor that somebody else owns. */
typedef struct {
  void *data; /* its first element is byte_offset bytes further on */
  DLDevice device;
  int32_t ndim;
  DLDataType dtype;
  int64_t *shape;
  int64_t *strides; /* in elements; null: without gaps, the last dimension fastest */
  uint64_t byte_offset;
} DLTensor;

/** A tensor with its owner, as it was handed over before DLPack 1.0. Who receives it calls the deleter once. */
typedef struct DLManagedTensor {
  DLTensor dl_tensor;
  void *manager_ctx;
  void (*deleter)(struct DLManagedTensor *self);
} DLManagedTensor;

#endif

#if defined(KILN_DEFINES_DLPACK) || !defined(DLPACK_MAJOR_VERSION)

typedef struct {
  uint32_t major;
  uint32_t minor;
} DLPackVersion;

/** A tensor with its owner. Layouts after `deleter` depend on the major version. */
typedef struct DLManagedTensorVersioned {
  DLPackVersion version;
  void *manager_ctx;
  void (*deleter)(struct DLManagedTensorVersioned *self);
  uint64_t flags;
  DLTensor dl_tensor;
} DLManagedTensorVersioned;

/** Of the flags: who receives the tensor must not write. */
#define DLPACK_FLAG_BITMASK_READ_ONLY (1UL << 0UL)

#endif

#ifdef __cplusplus
}
#endif
