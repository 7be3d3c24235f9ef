// Shared by the oneDNN operators: engine, stream, scratch memory, and descriptions of maps and windows.
#pragma once
#include <array>
#include <map>
#include <memory>
#include <unordered_map>

#include "oneapi/dnnl/dnnl.hpp"
#include "operators.hpp"

namespace shelfmind {

dnnl::engine &engine();
dnnl::stream &stream();

// Growing memory shared by all primitives; each slot serves one purpose within an operator.
enum Slot { SCRATCH, WEIGHTS, GRADIENT, MAPS, SLOTS };
void *scratch(Slot slot, size_t bytes);

inline dnnl::memory::data_type type_of(const Tensor &tensor) {
    return tensor.bf16 ? dnnl::memory::data_type::bf16 : dnnl::memory::data_type::f32;
}
inline dnnl::memory::dims dims_of(const Tensor &map) {  // oneDNN counts N, C, H, W whatever the layout
    return {map.shape[0], map.shape[3], map.shape[1], map.shape[2]};
}
inline dnnl::memory::desc channels_last(const Tensor &map) {
    return {dims_of(map), type_of(map), dnnl::memory::format_tag::nhwc};
}

// A sliding window, as passed by Python: (stride y, stride x, top, bottom, left, right, dilation y,
// dilation x, groups) for a convolution; a pooling has its kernel's height and width instead of the last three.
struct Window {
    dnnl::memory::dims stride, begin, end, last;
    int64_t groups;

    explicit Window(const Tensor &tensor) {
        const int64_t *n = tensor.numbers();
        stride = {n[0], n[1]};
        begin = {n[2], n[4]};
        end = {n[3], n[5]};
        last = {n[6], n[7]};
        groups = n[8];
    }

    // A padding of -1 pads as much as all results need, the larger half at the end.
    void pad(const Tensor &source, const Tensor &result) {
        for (int axis = 0; axis < 2; axis++) {
            if (begin[axis] >= 0) continue;
            int64_t covered = (result.shape[1 + axis] - 1) * stride[axis] + last[axis];
            int64_t missing = std::max<int64_t>(0, covered - source.shape[1 + axis]);
            begin[axis] = missing / 2;
            end[axis] = missing - missing / 2;
        }
    }
};

// Weights (O, C / groups, h, w) in oneDNN's dimensions, and as in checkpoints.
inline dnnl::memory::dims grouped(const Window &w, const dnnl::memory::dims &weights) {
    if (w.groups == 1) return weights;
    return {w.groups, weights[0] / w.groups, weights[1], weights[2], weights[3]};
}
inline dnnl::memory::desc plain_weights(const Window &w, const dnnl::memory::dims &weights) {
    auto plain = w.groups == 1 ? dnnl::memory::format_tag::oihw : dnnl::memory::format_tag::goihw;
    return {grouped(w, weights), dnnl::memory::data_type::f32, plain};
}

using Key = std::array<int64_t, 20>;
inline Key key_of(const Window &w, const dnnl::memory::dims &source, const dnnl::memory::dims &weights,
                  const dnnl::memory::dims &result, bool bf16, int kind) {
    return {source[0], source[1], source[2], source[3], weights[0],  weights[2], weights[3],  result[2], result[3],
            w.stride[0], w.stride[1], w.begin[0], w.begin[1], w.last[0], w.last[1], w.groups, bf16, kind,
            w.end[0], w.end[1]};
}

// A cache: one object per key.
template <class Plan, class Make>
Plan &planned(std::map<Key, std::unique_ptr<Plan>> &plans, const Key &key, Make make) {
    std::unique_ptr<Plan> &plan = plans[key];
    if (!plan) {
        auto fresh = std::make_unique<Plan>();
        make(*fresh);
        plan = std::move(fresh);
    }
    return *plan;
}

// One primitive with its scratchpad in shared memory.
struct Step {
    dnnl::primitive primitive;
    dnnl::memory::desc scratchpad;

    template <class Description>
    void set(const Description &description) {
        scratchpad = description.scratchpad_desc();
        primitive = dnnl::primitive(description);
    }
    void run(std::unordered_map<int, dnnl::memory> arguments) {
        size_t bytes = scratchpad.get_size();
        if (bytes) arguments[DNNL_ARG_SCRATCHPAD] = dnnl::memory(scratchpad, engine(), scratch(SCRATCH, bytes));
        primitive.execute(stream(), arguments);
        stream().wait();
    }
};

inline dnnl::primitive_attr own_scratchpad() {
    dnnl::primitive_attr attributes;
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    return attributes;
}

}  // namespace shelfmind
