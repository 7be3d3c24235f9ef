// Reorders weights from the checkpoint's layout to the one that oneDNN prefers, and their gradients back.
//
// With AVX-512, 1x1 weights are reordered here in tiles of 16 by 16; oneDNN's reorders would take a twelfth of a training
// step.
#pragma once
#include "onednn.hpp"

namespace shelfmind {

class Arrangement {
  public:
    // From one weight layout to another; one of the two is plain (O, I, h, w) or (g, O, I, h, w) in float.
    void set(const dnnl::memory::desc &from, const dnnl::memory::desc &to);
    bool needed() const { return kind != SAME; }
    void run(const void *source, void *target) const;

  private:
    // oneDNN's layout of the matrix (a, b) = (O, I): tiles of 16 b by 16 a, or strips of `width` of a or of b,
    // along which the other index advances, by two in bfloat16.
    enum Kind { SAME, OTHER, FROM_TILES, STRIPS_OF_A, STRIPS_OF_B };
    Kind kind = SAME;
    bool half = false;
    dnnl::memory::desc from, to;
    dnnl::reorder reorder;
    int64_t a = 0, b = 0, padded_a = 0, padded_b = 0, width = 0, stride_a = 0, stride_b = 0;

    Kind recognise();
    void arrange(const float *given, void *target) const;
    void from_tiles(const float *tiles, float *plain) const;
    template <class T>
    void to_strips_of_a(const float *plain, T *target) const;
    template <class T>
    void to_strips_of_b(const float *plain, T *target) const;
};

}  // namespace shelfmind
