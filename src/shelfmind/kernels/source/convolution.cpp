// Convolution of channels-last maps by oneDNN: forward, gradient of the input, gradients of weights and bias.
//
// Weights are float, (O, C / groups, h, w), as in checkpoints; each call reorders them to oneDNN's layout, in
// bfloat16 for bfloat16 maps. Their gradients are float.
#include "arrangement.hpp"

using namespace shelfmind;
using dnnl::memory;

namespace {

enum Kind { FORWARD, FORWARD_WITH_BIAS, OF_INPUT, OF_WEIGHTS, OF_WEIGHTS_WITH_BIAS };

struct Plan {
    Step step;
    memory::desc source, result, user_weights, weights;
    Arrangement arrangement;  // from the caller's layout to oneDNN's, or gradients back
};
std::map<Key, std::unique_ptr<Plan>> plans;

void make(Plan &plan, const Window &w, const Tensor &source, const memory::dims &weights, const Tensor &result,
          Kind kind) {
    memory::dims dims = grouped(w, weights);
    auto f32 = memory::data_type::f32;
    bool backward = kind == OF_WEIGHTS || kind == OF_WEIGHTS_WITH_BIAS;
    plan.source = channels_last(source);
    plan.result = channels_last(result);
    plan.user_weights = plain_weights(w, weights);
    memory::desc any(dims, type_of(source), memory::format_tag::any);
    memory::desc any_gradient(dims, f32, memory::format_tag::any);
    memory::desc bias({weights[0]}, f32, memory::format_tag::x), none;
    memory::dims dilation = {w.last[0] - 1, w.last[1] - 1};
    auto algorithm = dnnl::algorithm::convolution_direct;
    auto attributes = own_scratchpad();
    auto how = backward || kind == OF_INPUT ? dnnl::prop_kind::forward_training : dnnl::prop_kind::forward_inference;
    dnnl::convolution_forward::primitive_desc forward(engine(), how, algorithm, plan.source, any,
                                                      kind == FORWARD_WITH_BIAS ? bias : none, plan.result, w.stride,
                                                      dilation, w.begin, w.end, attributes);
    if (kind == OF_INPUT) {
        dnnl::convolution_backward_data::primitive_desc made(engine(), algorithm, plan.source, any, plan.result,
                                                             w.stride, dilation, w.begin, w.end, forward, attributes);
        plan.weights = made.weights_desc();
        plan.step.set(made);
    } else if (backward) {
        dnnl::convolution_backward_weights::primitive_desc made(
            engine(), algorithm, plan.source, any_gradient, kind == OF_WEIGHTS_WITH_BIAS ? bias : none, plan.result,
            w.stride, dilation, w.begin, w.end, forward, attributes);
        plan.weights = made.diff_weights_desc();
        plan.step.set(made);
    } else {
        plan.weights = forward.weights_desc();
        plan.step.set(forward);
    }
    if (backward)
        plan.arrangement.set(plan.weights, plan.user_weights);
    else
        plan.arrangement.set(plan.user_weights, plan.weights);
}

Plan &plan_of(const Window &w, const Tensor &source, const Tensor &weights, const Tensor &result, Kind kind) {
    if (source.bf16 != result.bf16 || weights.bf16) throw std::runtime_error("types of maps or weights do not match");
    memory::dims dims(weights.shape, weights.shape + 4);
    Key key = key_of(w, dims_of(source), dims, dims_of(result), source.bf16, kind);
    return planned(plans, key, [&](Plan &plan) { make(plan, w, source, dims, result, kind); });
}

// A strided 1x1 convolution reads a subset of positions. Gathered, they form the input of an unstrided one, for which
// oneDNN is up to twice as fast, especially if a side is odd.
struct Gathered {
    int64_t shape[4];
    Tensor maps;

    static bool worthwhile(const Window &w, const Tensor &weights) {
        bool padded = w.begin[0] || w.begin[1] || w.end[0] || w.end[1];
        return weights.shape[2] == 1 && weights.shape[3] == 1 && w.stride[0] * w.stride[1] > 1 && !padded;
    }
    Gathered(const Tensor &source, const Tensor &result)
        : shape{source.shape[0], result.shape[1], result.shape[2], source.shape[3]},
          maps{nullptr, 4, shape, source.bf16} {
        maps.data = scratch(MAPS, maps.size() * width());
    }
    Gathered(const Gathered &) = delete;

    void gather(const Tensor &source, const Window &w) const {
        for_positions(maps, [&](int64_t image, int64_t y, int64_t x, char *place) {
            std::memcpy(place, at(source, image, y * w.stride[0], x * w.stride[1]), row());
        });
    }
    void scatter(const Tensor &source, const Window &w) const {  // unread positions have no gradient
        for_positions(source, [&](int64_t image, int64_t y, int64_t x, char *place) {
            if (y % w.stride[0] || x % w.stride[1])
                std::memset(place, 0, row());
            else
                std::memcpy(place, at(maps, image, y / w.stride[0], x / w.stride[1]), row());
        });
    }

  private:
    size_t width() const { return maps.bf16 ? 2 : 4; }
    size_t row() const { return shape[3] * width(); }
    char *at(const Tensor &map, int64_t image, int64_t y, int64_t x) const {
        return static_cast<char *>(map.data) + ((image * map.shape[1] + y) * map.shape[2] + x) * row();
    }
    template <class Body>
    void for_positions(const Tensor &map, Body body) const {
#pragma omp parallel num_threads(threads)
        {
            Range mine = share_of(map.shape[0] * map.shape[1]);
            for (int64_t line = mine.begin; line < mine.end; line++) {
                int64_t image = line / map.shape[1], y = line % map.shape[1];
                for (int64_t x = 0; x < map.shape[2]; x++) body(image, y, x, at(map, image, y, x));
            }
        }
    }
};

memory at(const memory::desc &description, void *data) { return {description, engine(), data}; }

memory arranged_weights(Plan &plan, const Tensor &weights) {
    if (!plan.arrangement.needed()) return at(plan.user_weights, weights.data);
    void *arranged = scratch(WEIGHTS, plan.weights.get_size());
    plan.arrangement.run(weights.data, arranged);
    return at(plan.weights, arranged);
}

void forward(const Tensor &source, const Tensor &weights, const Tensor *bias, Window window, const Tensor &result) {
    if (Gathered::worthwhile(window, weights)) {
        Gathered gathered(source, result);
        gathered.gather(source, window);
        window.stride = {1, 1};
        return forward(gathered.maps, weights, bias, window, result);
    }
    Plan &plan = plan_of(window, source, weights, result, bias ? FORWARD_WITH_BIAS : FORWARD);
    std::unordered_map<int, memory> arguments = {{DNNL_ARG_SRC, at(plan.source, source.data)},
                                                 {DNNL_ARG_WEIGHTS, arranged_weights(plan, weights)},
                                                 {DNNL_ARG_DST, at(plan.result, result.data)}};
    if (bias) {
        memory::desc vector({weights.shape[0]}, memory::data_type::f32, memory::format_tag::x);
        arguments[DNNL_ARG_BIAS] = at(vector, bias->data);
    }
    plan.step.run(arguments);
}

void of_input(const Tensor &change, const Tensor &weights, Window window, const Tensor &source) {
    if (Gathered::worthwhile(window, weights)) {
        Gathered gathered(source, change);
        Window strided = window;
        window.stride = {1, 1};
        of_input(change, weights, window, gathered.maps);
        return gathered.scatter(source, strided);
    }
    Plan &plan = plan_of(window, source, weights, change, OF_INPUT);
    plan.step.run({{DNNL_ARG_DIFF_DST, at(plan.result, change.data)},
                   {DNNL_ARG_WEIGHTS, arranged_weights(plan, weights)},
                   {DNNL_ARG_DIFF_SRC, at(plan.source, source.data)}});
}

void of_weights(const Tensor &source, const Tensor &change, Window window, const Tensor &gradient, const Tensor *bias) {
    if (Gathered::worthwhile(window, gradient)) {
        Gathered gathered(source, change);
        gathered.gather(source, window);
        window.stride = {1, 1};
        return of_weights(gathered.maps, change, window, gradient, bias);
    }
    Plan &plan = plan_of(window, source, gradient, change, bias ? OF_WEIGHTS_WITH_BIAS : OF_WEIGHTS);
    bool arranged = plan.arrangement.needed();
    void *own = arranged ? scratch(GRADIENT, plan.weights.get_size()) : gradient.data;
    std::unordered_map<int, memory> arguments = {{DNNL_ARG_SRC, at(plan.source, source.data)},
                                                 {DNNL_ARG_DIFF_DST, at(plan.result, change.data)},
                                                 {DNNL_ARG_DIFF_WEIGHTS, at(plan.weights, own)}};
    if (bias) {
        memory::desc vector({gradient.shape[0]}, memory::data_type::f32, memory::format_tag::x);
        arguments[DNNL_ARG_DIFF_BIAS] = at(vector, bias->data);
    }
    plan.step.run(arguments);
    if (arranged) plan.arrangement.run(own, gradient.data);
}

}  // namespace

// maps, weights, window -> maps
OPERATOR(convolution) { forward(call[0], call[1], nullptr, Window(call[2]), call[3]); }

// maps, weights, bias, window -> maps
OPERATOR(convolution_with_bias) {
    Tensor bias = call[2];
    forward(call[0], call[1], &bias, Window(call[3]), call[4]);
}

// gradient of the result, weights, window, input (shape only) -> gradient of the input
OPERATOR(convolution_of_input) { of_input(call[0], call[1], Window(call[2]), call[4]); }

// input, gradient of the result, window, weights (shape only) -> gradient of the weights
OPERATOR(convolution_of_weights) { of_weights(call[0], call[1], Window(call[2]), call[4], nullptr); }

// input, gradient of the result, window, weights (shape only) -> gradients of weights and bias
OPERATOR(convolution_of_weights_and_bias) {
    Tensor bias = call[5];
    of_weights(call[0], call[1], Window(call[2]), call[4], &bias);
}
