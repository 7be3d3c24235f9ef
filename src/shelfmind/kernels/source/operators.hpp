// Shared by all operators: MindSpore's calling convention, tensors, threads, and bfloat16.
//
// MindSpore calls an operator with its inputs, then its outputs. Feature maps are channels-last, (N, H, W, C), in
// float or bfloat16, as given by the type of the input. Sums are accumulated in float or double.
#pragma once
#include <omp.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <exception>
#include <mutex>
#include <stdexcept>
#include <type_traits>

namespace shelfmind {

struct bfloat {
    uint16_t bits;
};

inline float load(const float *value) { return *value; }
inline float load(const bfloat *value) {
    uint32_t bits = static_cast<uint32_t>(value->bits) << 16;
    float result;
    std::memcpy(&result, &bits, 4);
    return result;
}
inline void store(float *place, float value) { *place = value; }
inline void store(bfloat *place, float value) {  // rounds to nearest, ties to even; NaN stays NaN
    uint32_t bits;
    std::memcpy(&bits, &value, 4);
    uint32_t rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
    place->bits = static_cast<uint16_t>(value != value ? 0x7fc0 : rounded);
}

struct Tensor {
    void *data;
    int rank;
    const int64_t *shape;
    bool bf16;

    int64_t size() const {
        int64_t product = 1;
        for (int axis = 0; axis < rank; axis++) product *= shape[axis];
        return product;
    }
    int64_t channels() const { return shape[rank - 1]; }
    int64_t images() const { return shape[0]; }
    int64_t positions() const { return size() / (images() * channels()); }  // per image
    template <class T>
    T *as() const {
        if (std::is_same<T, bfloat>::value != bf16) throw std::runtime_error("a tensor has an unexpected type");
        return static_cast<T *>(data);
    }
    const int64_t *numbers() const { return as<int64_t>(); }
};

struct Call {
    int count;
    void **data;
    int *ranks;
    int64_t **shapes;
    const char **types;

    Tensor operator[](int index) const {
        return {data[index], ranks[index], shapes[index], std::strcmp(types[index], "bfloat16") == 0};
    }
};

extern std::mutex running;  // one operator at a time: each uses all threads, and they share scratch memory
extern int threads;

template <class Body>
int run(const char *name, Body body) {
    std::lock_guard<std::mutex> guard(running);
    omp_set_num_threads(threads);
    omp_set_dynamic(0);  // both apply to the calling thread; sums depend on the number of threads
    try {
        body();
        return 0;
    } catch (const std::exception &error) {
        std::fprintf(stderr, "shelfmind's operator %s failed: %s\n", name, error.what());
        return 1;
    }
}

// Calls `body` with a pointer of the tensor's element type.
template <class Body>
void of_type(const Tensor &tensor, Body body) {
    if (tensor.bf16)
        body(static_cast<bfloat *>(nullptr));
    else
        body(static_cast<float *>(nullptr));
}

struct Range {
    int64_t begin, end;
};
// The calling thread's share in a parallel region, which may have fewer threads than it asked for.
inline Range share_of(int64_t total) {
    int64_t number = omp_get_thread_num(), parts = omp_get_num_threads();
    return {total * number / parts, total * (number + 1) / parts};
}

}  // namespace shelfmind

// An operator as MindSpore calls it: `call` holds inputs, then outputs.
#define OPERATOR(name)                                                                                                 \
    static void name##_body(const shelfmind::Call &call);                                                              \
    extern "C" int name(int count, void **data, int *ranks, int64_t **shapes, const char **types, void *, void *) {    \
        shelfmind::Call call{count, data, ranks, shapes, types};                                                       \
        return shelfmind::run(#name, [&] { name##_body(call); });                                                      \
    }                                                                                                                  \
    static void name##_body(const shelfmind::Call &call)
