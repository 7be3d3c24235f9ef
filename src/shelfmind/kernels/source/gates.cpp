// Gates on channels-last maps: y = x * sigmoid(logits), with logits per channel, per position, or the sum of both, in
// which case x is added (y = x + x * sigmoid); or y = ReLU(gated + added), the end of a residual block.
#include <cmath>
#include <vector>

#include "operators.hpp"

using namespace shelfmind;

namespace {

enum Of { CHANNELS, POSITIONS, BOTH };
const int64_t STRIP = 64;

inline float sigmoid(float x) {  // e^-x as 2^n * 2^f with a polynomial for 2^f, so that it vectorises
    float power = std::min(std::max(-x * 1.44269504f, -126.f), 126.f);
    float whole = std::floor(power), f = (power - whole) * 0.693147181f;
    float exponential = 1 + f * (1 + f * (0.5f + f * (1 / 6.f + f * (1 / 24.f + f * (1 / 120.f + f * (1 / 720.f +
                        f / 5040.f))))));
    int32_t bits = (static_cast<int32_t>(whole) + 127) << 23;
    float scale;
    std::memcpy(&scale, &bits, 4);
    return 1 / (1 + exponential * scale);
}

template <class T>
struct Maps {
    const T *x, *added;
    const float *channel_logits, *position_logits;
    int64_t images, positions, channels;
};

// The gates of the channels of one row.
template <class T, Of OF>
inline void gates_of(const Maps<T> &m, int64_t row, float *gates, int64_t first, int64_t last) {
    const float *channel = m.channel_logits + row / m.positions * m.channels;
    float position = OF == CHANNELS ? 0.f : m.position_logits[row];
#pragma omp simd
    for (int64_t c = first; c < last; c++)
        gates[c - first] = sigmoid(OF == POSITIONS ? position : channel[c] + position);
}

template <class T, Of OF, bool ADD>
void gate(const Maps<T> &m, T *y) {
#pragma omp parallel num_threads(threads)
    {
        std::vector<float> gates(m.channels);
        float *g = gates.data();
        Range mine = share_of(m.images * m.positions);
        for (int64_t row = mine.begin; row < mine.end; row++) {
            if (OF != CHANNELS || row == mine.begin || row % m.positions == 0)
                gates_of<T, OF>(m, row, g, 0, m.channels);
            const T *xi = m.x + row * m.channels, *ai = m.added + row * m.channels;
            T *yi = y + row * m.channels;
#pragma omp simd
            for (int64_t c = 0; c < m.channels; c++) {
                float value = load(xi + c) * (OF == BOTH ? 1 + g[c] : g[c]);
                if (ADD) value += load(ai + c);
                store(yi + c, ADD && value < 0 ? 0.f : value);
            }
        }
    }
}

// `of_added` receives the gradient after the ReLU's mask; null without an addition.
template <class T, Of OF, bool ADD>
void gate_back(const Maps<T> &m, const T *y, const T *change, T *of_x, float *of_channel, float *of_position,
               T *of_added) {
    int64_t strips = (m.channels + STRIP - 1) / STRIP;
    if (OF != CHANNELS) std::fill(of_position, of_position + m.images * m.positions, 0.f);
    // Each image's strip of channels is handled by one thread, so that sums over positions have a fixed order; sums over
    // channels need all strips of an image in one thread.
    int64_t tasks = OF == CHANNELS ? m.images * strips : m.images;
#pragma omp parallel num_threads(threads)
    {
        float gates[STRIP], sums[STRIP];
        Range mine = share_of(tasks);
        for (int64_t task = mine.begin; task < mine.end; task++) {
            int64_t image = OF == CHANNELS ? task / strips : task;
            int64_t from = OF == CHANNELS ? task % strips : 0, to = OF == CHANNELS ? from + 1 : strips;
            for (int64_t strip = from; strip < to; strip++) {
                int64_t first = strip * STRIP, last = std::min(m.channels, first + STRIP);
                std::fill(sums, sums + STRIP, 0.f);
                for (int64_t p = 0; p < m.positions; p++) {
                    int64_t row = image * m.positions + p, start = row * m.channels;
                    if (OF != CHANNELS || p == 0) gates_of<T, OF>(m, row, gates, first, last);
                    float of_row = 0;
#pragma omp simd reduction(+ : of_row)
                    for (int64_t c = first; c < last; c++) {
                        float g = load(change + start + c), s = gates[c - first];
                        if (ADD) {
                            g = load(y + start + c) > 0 ? g : 0.f;
                            store(of_added + start + c, g);
                        }
                        store(of_x + start + c, g * (OF == BOTH ? 1 + s : s));
                        float of_logit = g * load(m.x + start + c) * s * (1 - s);
                        sums[c - first] += of_logit;
                        of_row += of_logit;
                    }
                    if (OF != CHANNELS) of_position[row] += of_row;
                }
                if (OF != POSITIONS)
                    for (int64_t c = first; c < last; c++) of_channel[image * m.channels + c] = sums[c - first];
            }
        }
    }
}

template <class T>
Maps<T> maps_of(const Call &call, Of of) {
    Tensor x = call[0];
    const float *channel = of == POSITIONS ? nullptr : call[1].as<float>();
    const float *position = of == CHANNELS ? nullptr : call[of == BOTH ? 2 : 1].as<float>();
    return {x.as<T>(), nullptr, channel, position, x.images(), x.positions(), x.channels()};
}

// x, logits (those of channels first)[, added] -> y
template <Of OF, bool ADD>
void forward(const Call &call) {
    const int logits = OF == BOTH ? 2 : 1;
    of_type(call[0], [&](auto *type) {
        using T = std::remove_pointer_t<decltype(type)>;
        Maps<T> maps = maps_of<T>(call, OF);
        if (ADD) maps.added = call[1 + logits].as<T>();
        gate<T, OF, ADD>(maps, call[1 + logits + ADD].as<T>());
    });
}

// x, logits, gradient of y[, y] -> gradients of x and logits[, added]
template <Of OF, bool ADD>
void backward(const Call &call) {
    const int logits = OF == BOTH ? 2 : 1, output = 2 + logits + ADD;
    of_type(call[0], [&](auto *type) {
        using T = std::remove_pointer_t<decltype(type)>;
        Maps<T> maps = maps_of<T>(call, OF);
        float *channel = OF == POSITIONS ? nullptr : call[output + 1].as<float>();
        float *position = OF == CHANNELS ? nullptr : call[output + logits].as<float>();
        const T *y = ADD ? call[2 + logits].as<T>() : nullptr;
        T *added = ADD ? call[output + 1 + logits].as<T>() : nullptr;
        gate_back<T, OF, ADD>(maps, y, call[1 + logits].as<T>(), call[output].as<T>(), channel, position, added);
    });
}

}  // namespace

OPERATOR(gate_channels) { forward<CHANNELS, false>(call); }
OPERATOR(gate_channels_add_relu) { forward<CHANNELS, true>(call); }
OPERATOR(gate_positions) { forward<POSITIONS, false>(call); }
OPERATOR(gate_positions_add_relu) { forward<POSITIONS, true>(call); }
OPERATOR(gate_both) { forward<BOTH, false>(call); }
OPERATOR(gate_channels_back) { backward<CHANNELS, false>(call); }
OPERATOR(gate_channels_add_relu_back) { backward<CHANNELS, true>(call); }
OPERATOR(gate_positions_back) { backward<POSITIONS, false>(call); }
OPERATOR(gate_positions_add_relu_back) { backward<POSITIONS, true>(call); }
OPERATOR(gate_both_back) { backward<BOTH, false>(call); }
