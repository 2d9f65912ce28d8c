/* A user of the C API: the kernels of the library on the CPU, DLPack, configs, and compiling by name. */
#include "kiln/c_api.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static int failures = 0;

#define EXPECT(condition)                                                                                              \
  ((condition) ? (void)0                                                                                               \
               : (void)(++failures,                                                                                    \
                        printf("%s:%d: %s\n  last error: %s\n", __FILE__, __LINE__, #condition, kiln_last_error())))

static const kiln_device *cpu;

static void test_rows(void) {
  enum { rows = 3, cols = 5, step = 7 };
  float in[rows * step], out[rows * cols], weight[cols];
  kiln_softmax_problem softmax = {.size = sizeof softmax,
                                  .device = cpu,
                                  .dtype = KILN_F32,
                                  .rows = rows,
                                  .cols = cols,
                                  .in = in,
                                  .out = out,
                                  .in_stride = step,
                                  .out_stride = cols};
  kiln_rms_norm_problem norm = {.size = sizeof norm,
                                .device = cpu,
                                .dtype = KILN_F32,
                                .epsilon = 0,
                                .rows = rows,
                                .cols = cols,
                                .x = in,
                                .weight = weight,
                                .out = out,
                                .x_stride = step,
                                .out_stride = cols};
  for (int i = 0; i < rows * step; ++i)
    in[i] = (float)(i % 4);
  for (int c = 0; c < cols; ++c)
    weight[c] = (float)c;
  EXPECT(kiln_softmax(&softmax, NULL, NULL) == KILN_OK);
  for (int r = 0; r < rows; ++r) {
    float sum = 0;
    for (int c = 0; c < cols; ++c)
      sum += expf(in[r * step + c]);
    for (int c = 0; c < cols; ++c)
      EXPECT(fabsf(out[r * cols + c] - expf(in[r * step + c]) / sum) < 1e-6F);
  }
  EXPECT(kiln_rms_norm(&norm, NULL, NULL) == KILN_OK);
  for (int r = 0; r < rows; ++r) {
    float sum = 0;
    for (int c = 0; c < cols; ++c)
      sum += in[r * step + c] * in[r * step + c];
    for (int c = 0; c < cols; ++c)
      EXPECT(fabsf(out[r * cols + c] - in[r * step + c] / sqrtf(sum / cols) * weight[c]) < 1e-5F);
  }
}

static void test_matmul(void) {
  float a[6] = {1, 2, 3, 4, 5, 6}, b[6] = {1, 0, 0, 1, 1, 1}, out[4];
  /* a is stored by columns: its rows are {1, 3, 5} and {2, 4, 6}. */
  kiln_matmul_problem matmul = {.size = sizeof matmul,
                                .device = cpu,
                                .dtype = KILN_F32,
                                .m = 2,
                                .n = 2,
                                .k = 3,
                                .a = a,
                                .b = b,
                                .out = out,
                                .a_stride = {1, 2},
                                .b_stride = {2, 1},
                                .out_stride = {2, 1}};
  kiln_config *config = NULL, *defaults = NULL;
  double layout = -1;
  EXPECT(kiln_config_create("matmul", &config) == KILN_OK);
  EXPECT(kiln_config_set(config, "block_m=16") == KILN_OK);
  EXPECT(kiln_matmul(&matmul, config, NULL) == KILN_OK);
  EXPECT(out[0] == 6 && out[1] == 8 && out[2] == 8 && out[3] == 10);
  EXPECT(kiln_matmul_default_config(&matmul, &defaults) == KILN_OK);
  EXPECT(kiln_config_get(defaults, "a_layout", &layout) == KILN_OK);
  EXPECT(layout == 1); /* column_major */
  EXPECT(kiln_matmul(&matmul, defaults, NULL) == KILN_OK);
  kiln_config_release(config);
  kiln_config_release(defaults);
}

/* Keys and values are stored in pages and read by a step of decode, all of it in tensors of DLPack that Kiln owns. */
static void test_decode(void) {
  enum { tokens = 5, heads = 2, dim = 16, pages = 3, page = 4 };
  const int64_t token_shape[] = {tokens, 1, dim}, slot_shape[] = {tokens}, cache_shape[] = {pages, page, 1, dim};
  const int64_t q_shape[] = {1, heads, dim}, table_shape[] = {1, 2}, length_shape[] = {1}, lse_shape[] = {1, heads};
  const struct {
    kiln_dtype dtype;
    int rank;
    const int64_t *shape;
    int64_t bytes;
  } wanted[] = {{KILN_F32, 3, token_shape, tokens * dim * 4},
                {KILN_F32, 3, token_shape, tokens * dim * 4},
                {KILN_I64, 1, slot_shape, tokens * 8},
                {KILN_F32, 4, cache_shape, pages * page * dim * 4},
                {KILN_F32, 4, cache_shape, pages * page * dim * 4},
                {KILN_F32, 3, q_shape, heads * dim * 4},
                {KILN_F32, 3, q_shape, heads * dim * 4},
                {KILN_I32, 2, table_shape, 8},
                {KILN_I32, 1, length_shape, 4},
                {KILN_F32, 2, lse_shape, heads * 4}};
  enum { KEY, VALUE, SLOTS, KEYS, VALUES, Q, OUT, TABLE, LENGTHS, LSE, COUNT };
  DLManagedTensorVersioned *managed[COUNT];
  const DLTensor *t[COUNT];
  void *data[COUNT];
  for (int i = 0; i < COUNT; ++i) {
    kiln_buffer *buffer = NULL;
    EXPECT(kiln_buffer_create(cpu, wanted[i].bytes, &buffer) == KILN_OK);
    EXPECT(kiln_buffer_to_dlpack(buffer, wanted[i].dtype, wanted[i].rank, wanted[i].shape, NULL, &managed[i]) ==
           KILN_OK);
    EXPECT(kiln_dlpack_view(managed[i], 1, &t[i]) == KILN_OK);
    data[i] = t[i]->data;
    EXPECT(data[i] == kiln_buffer_data(buffer));
    kiln_buffer_release(buffer); /* the tensor has it still */
  }
  for (int i = 0; i < tokens; ++i) {
    /* The sequence lies in pages 2 and 0. */
    ((int64_t *)data[SLOTS])[i] = i < page ? 2 * page + i : i - page;
    for (int d = 0; d < dim; ++d) {
      ((float *)data[KEY])[i * dim + d] = d == 0 ? (float)i : 0;
      ((float *)data[VALUE])[i * dim + d] = (float)(10 * i + d);
    }
  }
  ((int32_t *)data[TABLE])[0] = 2;
  ((int32_t *)data[TABLE])[1] = 0;
  ((int32_t *)data[LENGTHS])[0] = tokens;
  ((float *)data[Q])[dim] = 1; /* the first head is zero, and all of its scores */

  kiln_kv_cache_store_tensors store = {.size = sizeof store,
                                       .key = t[KEY],
                                       .value = t[VALUE],
                                       .slots = t[SLOTS],
                                       .key_cache = t[KEYS],
                                       .value_cache = t[VALUES]};
  EXPECT(kiln_kv_cache_store_dlpack(&store, NULL, NULL) == KILN_OK);
  kiln_paged_attention_decode_tensors decode = {.size = sizeof decode,
                                                .q = t[Q],
                                                .key_cache = t[KEYS],
                                                .value_cache = t[VALUES],
                                                .table = t[TABLE],
                                                .lengths = t[LENGTHS],
                                                .out = t[OUT],
                                                .lse = t[LSE],
                                                .scale = 1};
  EXPECT(kiln_paged_attention_decode_dlpack(&decode, NULL, NULL) == KILN_OK);
  double sum = 0, mean = 0;
  for (int i = 0; i < tokens; ++i) {
    sum += exp(i);
    mean += exp(i) * 10 * i;
  }
  for (int d = 0; d < dim; ++d) {
    EXPECT(fabs(((float *)data[OUT])[d] - (20 + d)) < 1e-4);
    EXPECT(fabs(((float *)data[OUT])[dim + d] - (mean / sum + d)) < 1e-3);
  }
  EXPECT(fabs(((float *)data[LSE])[0] - log(tokens)) < 1e-5);
  EXPECT(fabs(((float *)data[LSE])[1] - log(sum)) < 1e-5);

  /* The same as a problem. */
  kiln_paged_attention_decode_problem problem = {.size = sizeof problem};
  int64_t bytes = -1;
  EXPECT(kiln_paged_attention_decode_from_dlpack(&decode, &problem) == KILN_OK);
  EXPECT(problem.device == cpu && problem.dtype == KILN_F32 && problem.heads == heads && problem.max_pages == 2);
  EXPECT(kiln_paged_attention_decode_workspace(&problem, NULL, &bytes) == KILN_OK);
  EXPECT(bytes == 0);
  memset(data[OUT], 0, (size_t)wanted[OUT].bytes);
  EXPECT(kiln_paged_attention_decode(&problem, NULL, NULL) == KILN_OK);
  EXPECT(fabs(((float *)data[OUT])[0] - 20) < 1e-4);
  for (int i = 0; i < COUNT; ++i)
    managed[i]->deleter(managed[i]);
}

static void test_kernel(void) {
  const char *const assignments[] = {"block=256", "num_warps=2"};
  float x[1000], y[1000], out[1000];
  const float *px = x, *py = y;
  float *pout = out;
  int64_t n = 1000;
  kiln_kernel *kernel = NULL;
  kiln_bytes *ptx = NULL;
  const void *arguments[4] = {&px, &py, &pout, &n};
  kiln_launch_options options = {.size = sizeof options, .device = cpu, .grid = {4, 1, 1}};
  kiln_parameter parameter;
  for (int i = 0; i < 1000; ++i) {
    x[i] = (float)i;
    y[i] = 1;
  }
  EXPECT(strcmp(kiln_kernel_name(0), "vector_add_f16") == 0);
  EXPECT(kiln_kernel_create("vector_add_f32", assignments, 2, &kernel) == KILN_OK);
  EXPECT(kiln_kernel_parameter_count(kernel) == 4);
  EXPECT(kiln_kernel_parameter(kernel, 0, &parameter) == KILN_OK);
  EXPECT(parameter.pointer && parameter.read_only && parameter.dtype == KILN_F32);
  EXPECT(kiln_kernel_parameter(kernel, 2, &parameter) == KILN_OK);
  EXPECT(parameter.pointer && !parameter.read_only);
  EXPECT(kiln_kernel_parameter(kernel, 3, &parameter) == KILN_OK);
  EXPECT(!parameter.pointer && parameter.dtype == KILN_I64);
  EXPECT(kiln_kernel_prepare(kernel, cpu) == KILN_OK);
  EXPECT(kiln_kernel_launch(kernel, &options, arguments, 4) == KILN_OK);
  EXPECT(kiln_synchronize(cpu, NULL) == KILN_OK);
  for (int i = 0; i < 1000; ++i)
    EXPECT(out[i] == (float)(i + 1));
  EXPECT(kiln_kernel_emit(kernel, "sm_90a", "ptx", &ptx) == KILN_OK);
  EXPECT(strstr(kiln_bytes_data(ptx), ".target sm_90a") != NULL);
  EXPECT(kiln_bytes_size(ptx) == strlen(kiln_bytes_data(ptx)));
  kiln_bytes_release(ptx);
  kiln_kernel_release(kernel);
}

static void test_buffer(void) {
  kiln_buffer *buffer = NULL;
  char text[8] = "unread", back[8] = "";
  EXPECT(kiln_buffer_create(cpu, 8, &buffer) == KILN_OK);
  EXPECT(kiln_buffer_to_host(buffer, text, 8) == KILN_OK);
  EXPECT(text[0] == 0 && text[7] == 0);
  EXPECT(kiln_buffer_from_host(buffer, "written", 8) == KILN_OK);
  EXPECT(kiln_buffer_to_host(buffer, back, 8) == KILN_OK);
  EXPECT(strcmp(back, "written") == 0);
  kiln_buffer_release(buffer);
  kiln_buffer_release(NULL);
}

int main(void) {
  EXPECT(kiln_c_api_version() == KILN_C_API_VERSION);
  EXPECT(strchr(kiln_version(), '.') != NULL);
  EXPECT(kiln_device_find("cpu", &cpu) == KILN_OK);
  EXPECT(strcmp(kiln_device_name(cpu), "cpu") == 0);
  test_rows();
  test_matmul();
  test_decode();
  test_kernel();
  test_buffer();
  if (failures == 0)
    puts("works");
  return failures != 0;
}
