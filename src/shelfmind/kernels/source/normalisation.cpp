// Batch normalisation of channels-last maps, alone, with ReLU, or with an addition and ReLU, in two passes over memory.
//
// In training, batch statistics are used: sums over each thread's rows, less a first row to avoid
// cancellation, in float within blocks and in double across them; deterministic for a given number of threads.
#include <cmath>
#include <vector>

#include "operators.hpp"

using namespace shelfmind;

namespace {

enum Finish { PLAIN, RELU, ADD_RELU };
const int64_t BLOCK = 256;  // rows summed in float

struct Sums {
    std::vector<double> first, second;  // per channel
    explicit Sums(int64_t channels) : first(channels), second(channels) {}
};

// Sums `each(row, channel vectors a and b)` over all rows: both sums of every channel, per thread.
template <class Row>
Sums sums_of(int64_t rows, int64_t channels, Row row) {
    std::vector<double> parts(static_cast<size_t>(threads) * 2 * channels);
#pragma omp parallel num_threads(threads)
    {
        int number = omp_get_thread_num();
        double *first = &parts[static_cast<size_t>(number) * 2 * channels], *second = first + channels;
        std::vector<float> block(2 * channels);
        float *a = block.data(), *b = a + channels;
        Range mine = share_of(rows);
        for (int64_t begin = mine.begin; begin < mine.end; begin += BLOCK) {
            std::fill(block.begin(), block.end(), 0.f);
            for (int64_t i = begin; i < std::min(mine.end, begin + BLOCK); i++) row(i, a, b);
            for (int64_t c = 0; c < channels; c++) {
                first[c] += a[c];
                second[c] += b[c];
            }
        }
    }
    Sums total(channels);
    for (int part = 0; part < threads; part++)
        for (int64_t c = 0; c < channels; c++) {
            total.first[c] += parts[(static_cast<size_t>(part) * 2) * channels + c];
            total.second[c] += parts[(static_cast<size_t>(part) * 2 + 1) * channels + c];
        }
    return total;
}

// Calls `row(i)` for all rows, in parallel.
template <class Row>
void for_rows(int64_t rows, Row row) {
#pragma omp parallel num_threads(threads)
    {
        Range mine = share_of(rows);
        for (int64_t i = mine.begin; i < mine.end; i++) row(i);
    }
}

// saved: the means and the inverse deviations used for normalisation
template <class T>
void statistics(const T *x, int64_t rows, int64_t channels, const float *settings, const float *old_mean,
                const float *old_variance, float *saved, float *new_mean, float *new_variance) {
    std::vector<float> origin(channels);
    for (int64_t c = 0; c < channels; c++) origin[c] = load(x + c);
    const float *o = origin.data();
    Sums sums = sums_of(rows, channels, [=](int64_t i, float *a, float *b) {
        const T *xi = x + i * channels;
#pragma omp simd
        for (int64_t c = 0; c < channels; c++) {
            float value = load(xi + c) - o[c];
            a[c] += value;
            b[c] += value * value;
        }
    });
    float epsilon = settings[0], kept = settings[1];
    for (int64_t c = 0; c < channels; c++) {
        double mean = sums.first[c] / rows, variance = std::max(0.0, sums.second[c] / rows - mean * mean);
        saved[c] = static_cast<float>(mean + origin[c]);
        saved[channels + c] = static_cast<float>(1 / std::sqrt(variance + epsilon));
        double unbiased = rows > 1 ? variance * rows / (rows - 1) : variance;
        new_mean[c] = kept * old_mean[c] + (1 - kept) * saved[c];
        new_variance[c] = kept * old_variance[c] + (1 - kept) * static_cast<float>(unbiased);
    }
}

struct Line {  // y = x * slope + offset
    std::vector<float> slope, offset;
    Line(const float *gamma, const float *beta, const float *saved, int64_t channels)
        : slope(channels), offset(channels) {
        for (int64_t c = 0; c < channels; c++) {
            slope[c] = gamma[c] * saved[channels + c];
            offset[c] = beta[c] - saved[c] * slope[c];
        }
    }
};

template <class T, Finish FINISH>
void normalise(const T *x, const T *added, const Line &line, T *y, int64_t rows, int64_t channels) {
    const float *slope = line.slope.data(), *offset = line.offset.data();
    for_rows(rows, [=](int64_t i) {
        const T *xi = x + i * channels, *ai = added + i * channels;
        T *yi = y + i * channels;
#pragma omp simd
        for (int64_t c = 0; c < channels; c++) {
            float value = load(xi + c) * slope[c] + offset[c];
            if (FINISH == ADD_RELU) value += load(ai + c);
            store(yi + c, FINISH == PLAIN || !(value < 0) ? value : 0.f);
        }
    });
}

// `change` is the gradient of the result; with an addition, `of_added` receives it masked as the added map's gradient.
template <class T, Finish FINISH>
void back(const T *x, const T *y, const T *change, const float *gamma, const float *beta, const float *saved, T *of_x,
          float *of_gamma, float *of_beta, T *of_added, int64_t rows, int64_t channels, bool batch_statistics) {
    Line line(gamma, beta, saved, channels);
    const float *mean = saved, *inverse = saved + channels;
    const float *slope = line.slope.data(), *offset = line.offset.data();
    Sums sums = sums_of(rows, channels, [=](int64_t i, float *a, float *b) {
        const T *xi = x + i * channels, *yi = y + i * channels, *gi = change + i * channels;
        T *ri = of_added + i * channels;
#pragma omp simd
        for (int64_t c = 0; c < channels; c++) {
            float value = load(xi + c), g = load(gi + c);
            if (FINISH == RELU) g = value * slope[c] + offset[c] > 0 ? g : 0.f;
            if (FINISH == ADD_RELU) {
                g = load(yi + c) > 0 ? g : 0.f;
                store(ri + c, g);
            }
            a[c] += g;
            b[c] += g * (value - mean[c]);
        }
    });
    std::vector<float> of_change(channels), of_value(channels), constant(channels);
    for (int64_t c = 0; c < channels; c++) {
        of_beta[c] = static_cast<float>(sums.first[c]);
        of_gamma[c] = static_cast<float>(sums.second[c] * inverse[c]);
        of_change[c] = slope[c];
        if (!batch_statistics) continue;
        of_value[c] = -slope[c] * of_gamma[c] * inverse[c] / rows;
        constant[c] = -slope[c] * of_beta[c] / rows - of_value[c] * mean[c];
    }
    const float *k = of_change.data(), *l = of_value.data(), *m = constant.data();
    const T *from = FINISH == ADD_RELU ? of_added : change;
    for_rows(rows, [=](int64_t i) {
        const T *xi = x + i * channels, *gi = from + i * channels;
        T *di = of_x + i * channels;
#pragma omp simd
        for (int64_t c = 0; c < channels; c++) {
            float value = load(xi + c), g = load(gi + c);
            if (FINISH == RELU) g = value * slope[c] + offset[c] > 0 ? g : 0.f;
            store(di + c, g * k[c] + value * l[c] + m[c]);
        }
    });
}

// x, gamma, beta, moving mean, moving variance, settings[, added] -> y, saved[, new moving mean, new moving variance]
template <Finish FINISH>
void forward(const Call &call, bool training) {
    const int first_output = FINISH == ADD_RELU ? 7 : 6;
    Tensor x = call[0];
    int64_t channels = x.channels(), rows = x.size() / channels;
    const float *gamma = call[1].as<float>(), *beta = call[2].as<float>(), *settings = call[5].as<float>();
    const float *mean = call[3].as<float>(), *variance = call[4].as<float>();
    float *saved = call[first_output + 1].as<float>();
    of_type(x, [&](auto *type) {
        using T = std::remove_pointer_t<decltype(type)>;
        if (training) {
            statistics(x.as<T>(), rows, channels, settings, mean, variance, saved, call[first_output + 2].as<float>(),
                       call[first_output + 3].as<float>());
        } else {
            for (int64_t c = 0; c < channels; c++) {
                saved[c] = mean[c];
                saved[channels + c] = 1 / std::sqrt(variance[c] + settings[0]);
            }
        }
        const T *added = FINISH == ADD_RELU ? call[6].as<T>() : nullptr;
        Line line(gamma, beta, saved, channels);
        normalise<T, FINISH>(x.as<T>(), added, line, call[first_output].as<T>(), rows, channels);
    });
}

// x, gradient of y, gamma, beta, saved[, y] -> gradients of x, gamma, beta[, added]
template <Finish FINISH>
void backward(const Call &call, bool batch_statistics) {
    const int first_output = FINISH == ADD_RELU ? 6 : 5;
    Tensor x = call[0];
    int64_t channels = x.channels(), rows = x.size() / channels;
    of_type(x, [&](auto *type) {
        using T = std::remove_pointer_t<decltype(type)>;
        const T *y = FINISH == ADD_RELU ? call[5].as<T>() : nullptr;
        T *of_added = FINISH == ADD_RELU ? call[first_output + 3].as<T>() : nullptr;
        back<T, FINISH>(x.as<T>(), y, call[1].as<T>(), call[2].as<float>(), call[3].as<float>(), call[4].as<float>(),
                        call[first_output].as<T>(), call[first_output + 1].as<float>(),
                        call[first_output + 2].as<float>(), of_added, rows, channels, batch_statistics);
    });
}

}  // namespace

OPERATOR(norm) { forward<PLAIN>(call, true); }
OPERATOR(norm_relu) { forward<RELU>(call, true); }
OPERATOR(norm_add_relu) { forward<ADD_RELU>(call, true); }
OPERATOR(fixed_norm) { forward<PLAIN>(call, false); }
OPERATOR(fixed_norm_relu) { forward<RELU>(call, false); }
OPERATOR(fixed_norm_add_relu) { forward<ADD_RELU>(call, false); }
OPERATOR(norm_back) { backward<PLAIN>(call, true); }
OPERATOR(norm_relu_back) { backward<RELU>(call, true); }
OPERATOR(norm_add_relu_back) { backward<ADD_RELU>(call, true); }
OPERATOR(fixed_norm_back) { backward<PLAIN>(call, false); }
OPERATOR(fixed_norm_relu_back) { backward<RELU>(call, false); }
OPERATOR(fixed_norm_add_relu_back) { backward<ADD_RELU>(call, false); }
