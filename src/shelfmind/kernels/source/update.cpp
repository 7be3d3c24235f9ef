// The complete update in one pass over memory: weight decay, Nesterov momentum, weights, averaged weights.
#include <vector>

#include "operators.hpp"

using namespace shelfmind;

// Inputs: momentum, rate, decay of the averages, number of assigned values, weight decay of each weight; then weights,
// velocities, averages and gradients of all weights; assigned tensors, their averages and their new values; averages and
// values of everything else that is averaged. Output: a zero. All inputs but gradients and values are updated:
// g' = g + decay * w; v = momentum * v + g'; w -= rate * (g' + momentum * v);
// average += (w - average) * (1 - keep).
OPERATOR(update) {
    float momentum = *call[0].as<float>(), rate = *call[1].as<float>(), share = 1 - *call[2].as<float>();
    const float *decays = call[4].as<float>();
    int assigned = static_cast<int>(*call[3].as<float>()), weights = static_cast<int>(call[4].size()), first = 5;
    int moved = first + 4 * weights, others = moved + 3 * assigned, rest = (call.count - 1 - others) / 2;
    std::vector<float *> places(call.count);
    std::vector<int64_t> sizes(call.count);
    for (int i = first; i < call.count - 1; i++) {
        places[i] = call[i].as<float>();
        sizes[i] = call[i].size();
    }
#pragma omp parallel num_threads(threads)
    {
        for (int i = first; i < first + weights; i++) {
            float *w = places[i], *v = places[i + weights], *average = places[i + 2 * weights];
            const float *gradient = places[i + 3 * weights];
            float decay = decays[i - first];
            Range mine = share_of(sizes[i]);
#pragma omp simd
            for (int64_t j = mine.begin; j < mine.end; j++) {
                float g = gradient[j] + decay * w[j];
                v[j] = momentum * v[j] + g;
                w[j] -= rate * (g + momentum * v[j]);
                average[j] += (w[j] - average[j]) * share;
            }
        }
        for (int i = moved; i < moved + assigned; i++) {
            float *place = places[i], *average = places[i + assigned];
            const float *value = places[i + 2 * assigned];
            Range mine = share_of(sizes[i]);
#pragma omp simd
            for (int64_t j = mine.begin; j < mine.end; j++) {
                place[j] = value[j];
                average[j] += (value[j] - average[j]) * share;
            }
        }
        for (int i = others; i < others + rest; i++) {
            float *average = places[i];
            const float *value = places[i + rest];
            Range mine = share_of(sizes[i]);
#pragma omp simd
            for (int64_t j = mine.begin; j < mine.end; j++) average[j] += (value[j] - average[j]) * share;
        }
    }
    *call[call.count - 1].as<float>() = 0;
}
