// Operations on whole channels-last maps: conversion from and to images, sums, concatenation, means and maxima.
#include <vector>

#include "operators.hpp"

using namespace shelfmind;

namespace {

const int64_t STRIP = 64;  // channels reduced by one thread at a time

template <class Body>
void for_all(int64_t count, Body body) {  // body(begin, end), one range per thread
#pragma omp parallel num_threads(threads)
    {
        Range mine = share_of(count);
        body(mine.begin, mine.end);
    }
}

// Calls body(image, first channel, last channel) for each image and strip of channels, in parallel.
template <class Body>
void for_strips(const Tensor &map, Body body) {
    int64_t channels = map.channels(), strips = (channels + STRIP - 1) / STRIP;
    for_all(map.images() * strips, [=](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; i++) {
            int64_t first = i % strips * STRIP;
            body(i / strips, first, std::min(channels, first + STRIP));
        }
    });
}

// y = sum of the inputs
template <class T>
void add_up(const Call &call, int inputs) {
    std::vector<const T *> from;
    for (int i = 0; i < inputs; i++) from.push_back(call[i].as<T>());
    T *to = call[inputs].as<T>();
    for_all(call[inputs].size(), [&](int64_t begin, int64_t end) {
        const T *a = from[0], *b = from[1];
        if (inputs == 2) {
#pragma omp simd
            for (int64_t i = begin; i < end; i++) store(to + i, load(a + i) + load(b + i));
            return;
        }
        for (int64_t i = begin; i < end; i++) {
            float sum = 0;
            for (const T *each : from) sum += load(each + i);
            store(to + i, sum);
        }
    });
}

template <class T>
void scaled_residual(const Call &call, bool relu) {
    const T *a = call[0].as<T>(), *b = call[1].as<T>();
    float scale = *call[2].as<float>();
    T *y = call[3].as<T>();
    for_all(call[3].size(), [=](int64_t begin, int64_t end) {
#pragma omp simd
        for (int64_t i = begin; i < end; i++) {
            float value = load(a + i) + load(b + i) * scale;
            store(y + i, relu && value < 0 ? 0.f : value);
        }
    });
}

template <class T>
void scaled_residual_back(const Call &call, bool relu) {
    const T *y = call[0].as<T>(), *change = call[1].as<T>();
    float scale = *call[2].as<float>();
    T *of_a = call[3].as<T>(), *of_b = call[4].as<T>();
    for_all(call[0].size(), [=](int64_t begin, int64_t end) {
#pragma omp simd
        for (int64_t i = begin; i < end; i++) {
            float g = load(change + i);
            g = !relu || load(y + i) > 0 ? g : 0.f;
            store(of_a + i, g);
            store(of_b + i, g * scale);
        }
    });
}

// Concatenates the channels of `parts` maps, or splits them.
template <class T>
void beside(const Call &call, int parts, const Tensor &whole, int first_part, bool apart) {
    int64_t rows = whole.size() / whole.channels(), width = whole.channels(), place = 0;
    for (int i = first_part; i < first_part + parts; i++) {
        Tensor part = call[i];
        int64_t channels = part.channels();
        T *inner = part.as<T>(), *outer = whole.as<T>() + place;
        for_all(rows, [=](int64_t begin, int64_t end) {
            for (int64_t row = begin; row < end; row++) {
                T *a = inner + row * channels, *b = outer + row * width;
                std::memcpy(apart ? a : b, apart ? b : a, channels * sizeof(T));
            }
        });
        place += channels;
    }
}

template <class T>
void mean_of_positions(const Tensor &map, float *means) {
    int64_t channels = map.channels(), positions = map.positions();
    const T *x = map.as<T>();
    for_strips(map, [=](int64_t image, int64_t first, int64_t last) {
        float sums[STRIP] = {};
        for (int64_t p = 0; p < positions; p++) {
            const T *row = x + (image * positions + p) * channels;
#pragma omp simd
            for (int64_t c = first; c < last; c++) sums[c - first] += load(row + c);
        }
        for (int64_t c = first; c < last; c++) means[image * channels + c] = sums[c - first] / positions;
    });
}

template <class T>
void mean_of_positions_back(const float *change, const Tensor &map) {
    int64_t channels = map.channels(), positions = map.positions();
    T *of_x = map.as<T>();
    for_all(map.images() * positions, [=](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; row++) {
            const float *g = change + row / positions * channels;
            T *d = of_x + row * channels;
#pragma omp simd
            for (int64_t c = 0; c < channels; c++) store(d + c, g[c] / positions);
        }
    });
}

template <class T>
void maximum_of_positions(const Tensor &map, float *maxima) {
    int64_t channels = map.channels(), positions = map.positions();
    const T *x = map.as<T>();
    for_strips(map, [=](int64_t image, int64_t first, int64_t last) {
        float *best = maxima + image * channels;
        for (int64_t p = 0; p < positions; p++) {
            const T *row = x + (image * positions + p) * channels;
#pragma omp simd
            for (int64_t c = first; c < last; c++) {
                float value = load(row + c);
                best[c] = p == 0 || value > best[c] ? value : best[c];
            }
        }
    });
}

// Tied maxima share the gradient equally.
template <class T>
void maximum_of_positions_back(const Tensor &map, const float *maxima, const float *change, T *of_x) {
    int64_t channels = map.channels(), positions = map.positions();
    const T *x = map.as<T>();
    for_strips(map, [=](int64_t image, int64_t first, int64_t last) {
        const float *best = maxima + image * channels, *g = change + image * channels;
        float count[STRIP] = {};
        for (int64_t p = 0; p < positions; p++) {
            const T *row = x + (image * positions + p) * channels;
#pragma omp simd
            for (int64_t c = first; c < last; c++) count[c - first] += load(row + c) == best[c] ? 1.f : 0.f;
        }
        for (int64_t p = 0; p < positions; p++) {
            const T *row = x + (image * positions + p) * channels;
            T *d = of_x + (image * positions + p) * channels;
#pragma omp simd
            for (int64_t c = first; c < last; c++)
                store(d + c, load(row + c) == best[c] ? g[c] / count[c - first] : 0.f);
        }
    });
}

template <class T>
void across_channels(const Tensor &map, float *results) {
    int64_t channels = map.channels();
    const T *x = map.as<T>();
    for_all(map.size() / channels, [=](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; row++) {
            const T *xi = x + row * channels;
            float greatest = load(xi), sum = 0;
#pragma omp simd reduction(max : greatest) reduction(+ : sum)
            for (int64_t c = 0; c < channels; c++) {
                float value = load(xi + c);
                greatest = std::max(greatest, value);
                sum += value;
            }
            results[2 * row] = greatest;
            results[2 * row + 1] = sum / channels;
        }
    });
}

template <class T>
void across_channels_back(const Tensor &map, const float *results, const float *change, T *of_x) {
    int64_t channels = map.channels();
    const T *x = map.as<T>();
    for_all(map.size() / channels, [=](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; row++) {
            const T *xi = x + row * channels;
            T *d = of_x + row * channels;
            float greatest = results[2 * row], count = 0;
#pragma omp simd reduction(+ : count)
            for (int64_t c = 0; c < channels; c++) count += load(xi + c) == greatest ? 1.f : 0.f;
            float of_greatest = change[2 * row] / count, of_mean = change[2 * row + 1] / channels;
#pragma omp simd
            for (int64_t c = 0; c < channels; c++)
                store(d + c, of_mean + (load(xi + c) == greatest ? of_greatest : 0.f));
        }
    });
}

template <class T, bool INTO>
void images_and_maps(float *images, const Tensor &map) {  // images are float, (N, C, H, W)
    int64_t channels = map.channels(), positions = map.positions();
    T *maps = map.as<T>();
    for_all(map.images() * positions, [=](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; row++) {
            float *place = images + row / positions * channels * positions + row % positions;
            for (int64_t c = 0; c < channels; c++) {
                if (INTO)
                    store(maps + row * channels + c, place[c * positions]);
                else
                    place[c * positions] = load(maps + row * channels + c);
            }
        }
    });
}

}  // namespace

#define OF_TYPE(tensor, ...)                                                                                           \
    of_type(tensor, [&](auto *type) {                                                                                  \
        using T = std::remove_pointer_t<decltype(type)>;                                                               \
        __VA_ARGS__;                                                                                                   \
    })

OPERATOR(maps_of_images) { OF_TYPE(call[1], (images_and_maps<T, true>(call[0].as<float>(), call[1]))); }
OPERATOR(images_of_maps) { OF_TYPE(call[0], (images_and_maps<T, false>(call[1].as<float>(), call[0]))); }
OPERATOR(sum_of_maps) { OF_TYPE(call[0], add_up<T>(call, call.count - 1)); }
// a, b, scale -> a + scale * b
OPERATOR(residual) { OF_TYPE(call[0], scaled_residual<T>(call, false)); }
OPERATOR(residual_relu) { OF_TYPE(call[0], scaled_residual<T>(call, true)); }
// y, gradient of y, scale -> gradients of a and b
OPERATOR(residual_back) { OF_TYPE(call[0], scaled_residual_back<T>(call, false)); }
OPERATOR(residual_relu_back) { OF_TYPE(call[0], scaled_residual_back<T>(call, true)); }
OPERATOR(beside_each_other) {
    OF_TYPE(call[0], beside<T>(call, call.count - 1, call[call.count - 1], 0, false));
}
// gradient of the concatenation, the parts (shapes only) -> gradients of the parts
OPERATOR(apart_again) {
    int parts = (call.count - 1) / 2;
    OF_TYPE(call[0], beside<T>(call, parts, call[0], 1 + parts, true));
}
OPERATOR(mean) { OF_TYPE(call[0], mean_of_positions<T>(call[0], call[1].as<float>())); }
// gradient, input (shape only) -> gradient of the input
OPERATOR(mean_back) { OF_TYPE(call[2], mean_of_positions_back<T>(call[0].as<float>(), call[2])); }
OPERATOR(maximum) { OF_TYPE(call[0], maximum_of_positions<T>(call[0], call[1].as<float>())); }
// input, maxima, gradient -> gradient of the input
OPERATOR(maximum_back) {
    OF_TYPE(call[0],
            maximum_of_positions_back<T>(call[0], call[1].as<float>(), call[2].as<float>(), call[3].as<T>()));
}
// maps -> the maximum and the mean of the channels at each position
OPERATOR(across) { OF_TYPE(call[0], across_channels<T>(call[0], call[1].as<float>())); }
// input, results, gradient -> gradient of the input
OPERATOR(across_back) {
    OF_TYPE(call[0], across_channels_back<T>(call[0], call[1].as<float>(), call[2].as<float>(), call[3].as<T>()));
}
