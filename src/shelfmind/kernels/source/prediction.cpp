// Convolutions with constant weights: reordered once, with batch normalisation folded in, and the following
// operations applied by oneDNN before a result leaves the registers.
#include <cmath>
#include <vector>

#include "arrangement.hpp"

using namespace shelfmind;
using dnnl::memory;

namespace {

enum Finish { PLAIN, RELU, ADD_RELU };
using Bytes = std::unique_ptr<void, decltype(&std::free)>;

struct Plan {
    Step step;
    memory::desc source, result, weights;
    void *arranged;
    int team;
};

// A convolution, by the number that Python assigned.
struct Fixed {
    std::vector<float> bias;
    std::vector<std::pair<memory::desc, Bytes>> arranged;
    std::map<Key, std::unique_ptr<Plan>> plans;
};
std::unordered_map<int64_t, Fixed> all_fixed;

// What follows a convolution in the network: a bias, a batch normalisation, or neither.
struct Given {
    Tensor weights;
    const float *bias = nullptr, *gamma = nullptr, *beta = nullptr, *mean = nullptr, *variance = nullptr;
    float epsilon = 0;
};

// Weights and bias with the normalisation folded in.
std::vector<float> folded(const Given &given, std::vector<float> &bias) {
    int64_t channels = given.weights.shape[0], each = given.weights.size() / channels;
    std::vector<float> weights(given.weights.as<float>(), given.weights.as<float>() + given.weights.size());
    if (given.bias) bias.assign(given.bias, given.bias + channels);
    if (!given.gamma) return weights;
    bias.resize(channels);
    for (int64_t c = 0; c < channels; c++) {
        float slope = given.gamma[c] / std::sqrt(given.variance[c] + given.epsilon);
        bias[c] = given.beta[c] - given.mean[c] * slope;
        for (int64_t i = c * each; i < (c + 1) * each; i++) weights[i] *= slope;
    }
    return weights;
}

void *arranged_as(Fixed &fixed, const memory::desc &user, const memory::desc &wanted, const Given &given) {
    for (auto &[description, place] : fixed.arranged)
        if (description == wanted) return place.get();
    std::vector<float> weights = folded(given, fixed.bias);
    size_t bytes = (wanted.get_size() + 63) / 64 * 64;
    Bytes place(std::aligned_alloc(64, bytes), &std::free);
    if (!place) throw std::bad_alloc();
    Arrangement arrangement;
    arrangement.set(user, wanted);
    if (arrangement.needed())
        arrangement.run(weights.data(), place.get());
    else
        std::memcpy(place.get(), weights.data(), wanted.get_size());
    fixed.arranged.emplace_back(wanted, std::move(place));
    return fixed.arranged.back().second.get();
}

dnnl::primitive_attr finished_by(Finish finish, const memory::desc &result) {
    dnnl::post_ops after;
    if (finish == ADD_RELU) after.append_binary(dnnl::algorithm::binary_add, result);
    if (finish != PLAIN) after.append_eltwise(dnnl::algorithm::eltwise_relu, 0.f, 0.f);
    dnnl::primitive_attr attributes = own_scratchpad();
    attributes.set_post_ops(after);
    return attributes;
}

// The number of threads for this much work: waking one takes tens of microseconds.
int team_for(const Tensor &weights, const Tensor &result) {
    const double least = 3e6;  // floating-point operations
    double work = 2.0 * weights.size() * result.images() * result.positions();
    return work < least ? 1 : threads;
}

void predict(int64_t number, const Tensor &source, const Given &given, const Window &w, Finish finish,
             const Tensor *added, const Tensor &result) {
    Fixed &fixed = all_fixed[number];
    memory::dims dims(given.weights.shape, given.weights.shape + 4);
    bool with_bias = given.bias || given.gamma;
    memory::desc bias({dims[0]}, memory::data_type::f32, memory::format_tag::x), none;
    Key key = key_of(w, dims_of(source), dims, dims_of(result), source.bf16, finish);
    Plan &plan = planned(fixed.plans, key, [&](Plan &fresh) {
        fresh.team = team_for(given.weights, result);
        omp_set_num_threads(fresh.team);
        fresh.source = channels_last(source);
        fresh.result = channels_last(result);
        memory::desc any(grouped(w, dims), type_of(source), memory::format_tag::any);
        dnnl::convolution_forward::primitive_desc forward(
            engine(), dnnl::prop_kind::forward_inference, dnnl::algorithm::convolution_direct, fresh.source, any,
            with_bias ? bias : none, fresh.result, w.stride, {w.last[0] - 1, w.last[1] - 1}, w.begin, w.end,
            finished_by(finish, fresh.result));
        fresh.weights = forward.weights_desc();
        fresh.arranged = arranged_as(fixed, plain_weights(w, dims), fresh.weights, given);
        fresh.step.set(forward);
    });
    std::unordered_map<int, memory> arguments = {{DNNL_ARG_SRC, {plan.source, engine(), source.data}},
                                                 {DNNL_ARG_WEIGHTS, {plan.weights, engine(), plan.arranged}},
                                                 {DNNL_ARG_DST, {plan.result, engine(), result.data}}};
    if (with_bias) arguments[DNNL_ARG_BIAS] = {bias, engine(), fixed.bias.data()};
    if (added) arguments[DNNL_ARG_ATTR_MULTIPLE_POST_OP(0) | DNNL_ARG_SRC_1] = {plan.result, engine(), added->data};
    omp_set_num_threads(plan.team);
    plan.step.run(arguments);
}

// maps, weights, gamma, beta, mean, variance, settings, window, number[, added] -> maps
template <Finish FINISH>
void predict_normalised(const Call &call) {
    const int result = FINISH == ADD_RELU ? 10 : 9;
    Given given{call[1], nullptr, call[2].as<float>(), call[3].as<float>(), call[4].as<float>(), call[5].as<float>(),
                *call[6].as<float>()};
    Tensor added = call[9];
    predict(*call[8].numbers(), call[0], given, Window(call[7]), FINISH, FINISH == ADD_RELU ? &added : nullptr,
            call[result]);
}

}  // namespace

// maps, weights, window, number -> maps
OPERATOR(fixed_convolution) {
    predict(*call[3].numbers(), call[0], {call[1]}, Window(call[2]), PLAIN, nullptr, call[4]);
}

// maps, weights, bias, window, number -> maps
OPERATOR(fixed_convolution_with_bias) {
    Given given{call[1], call[2].as<float>()};
    predict(*call[4].numbers(), call[0], given, Window(call[3]), PLAIN, nullptr, call[5]);
}

OPERATOR(folded_convolution) { predict_normalised<PLAIN>(call); }
OPERATOR(folded_convolution_relu) { predict_normalised<RELU>(call); }
OPERATOR(folded_convolution_add_relu) { predict_normalised<ADD_RELU>(call); }

// Releases the resources of this number.
extern "C" void shelfmind_forget(int64_t number) {
    std::lock_guard<std::mutex> guard(running);
    all_fixed.erase(number);
}

// The number of convolutions with resources.
extern "C" int shelfmind_kept() { return static_cast<int>(all_fixed.size()); }
