// Pooling of channels-last maps by oneDNN. Max pooling stores the position within the window in a byte.
#include "onednn.hpp"

using namespace shelfmind;
using dnnl::memory;

namespace {

enum Kind { MAXIMUM, MEAN };  // the mean is over positions within the map
struct Plan {
    Step forward, backward;
    memory::desc source, result, places;
};
std::map<Key, std::unique_ptr<Plan>> plans;

Plan &plan_of(const Tensor &window, const Tensor &source, const Tensor &result, Kind kind) {
    Window w(window);
    w.pad(source, result);
    Key key = key_of(w, dims_of(source), {0, 0, 0, 0}, dims_of(result), source.bf16, kind);
    return planned(plans, key, [&](Plan &plan) {
        auto algorithm =
            kind == MAXIMUM ? dnnl::algorithm::pooling_max : dnnl::algorithm::pooling_avg_exclude_padding;
        plan.source = channels_last(source);
        plan.result = channels_last(result);
        memory::dims no_dilation = {0, 0};
        dnnl::pooling_forward::primitive_desc forward(engine(), dnnl::prop_kind::forward_training, algorithm,
                                                      plan.source, plan.result, w.stride, w.last, no_dilation, w.begin,
                                                      w.end, own_scratchpad());
        dnnl::pooling_backward::primitive_desc backward(engine(), algorithm, plan.source, plan.result, w.stride,
                                                        w.last, no_dilation, w.begin, w.end, forward,
                                                        own_scratchpad());
        plan.forward.set(forward);
        plan.backward.set(backward);
        plan.places = forward.workspace_desc();
        if (kind == MAXIMUM && plan.places.get_size() > static_cast<size_t>(result.size()))
            throw std::runtime_error("oneDNN's pooling needs more than a byte per position");
    });
}

}  // namespace

// maps, window -> maxima, their positions
OPERATOR(pool_maximum) {
    Plan &plan = plan_of(call[1], call[0], call[2], MAXIMUM);
    plan.forward.run({{DNNL_ARG_SRC, {plan.source, engine(), call[0].data}},
                      {DNNL_ARG_DST, {plan.result, engine(), call[2].data}},
                      {DNNL_ARG_WORKSPACE, {plan.places, engine(), call[3].data}}});
}

// gradient, positions of the maxima, window, input (shape only) -> gradient of the input
OPERATOR(pool_maximum_back) {
    Plan &plan = plan_of(call[2], call[4], call[0], MAXIMUM);
    plan.backward.run({{DNNL_ARG_DIFF_DST, {plan.result, engine(), call[0].data}},
                       {DNNL_ARG_WORKSPACE, {plan.places, engine(), call[1].data}},
                       {DNNL_ARG_DIFF_SRC, {plan.source, engine(), call[4].data}}});
}

// maps, window -> means
OPERATOR(pool_mean) {
    Plan &plan = plan_of(call[1], call[0], call[2], MEAN);
    plan.forward.run(
        {{DNNL_ARG_SRC, {plan.source, engine(), call[0].data}}, {DNNL_ARG_DST, {plan.result, engine(), call[2].data}}});
}

// gradient, window, input (shape only) -> gradient of the input
OPERATOR(pool_mean_back) {
    Plan &plan = plan_of(call[1], call[3], call[0], MEAN);
    plan.backward.run({{DNNL_ARG_DIFF_DST, {plan.result, engine(), call[0].data}},
                       {DNNL_ARG_DIFF_SRC, {plan.source, engine(), call[3].data}}});
}
