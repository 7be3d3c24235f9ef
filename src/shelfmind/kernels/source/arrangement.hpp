// Weights from the checkpoint's arrangement to the one that oneDNN prefers, and their gradients back again.
//
// 1x1 weights, whose reorders by oneDNN take a twelfth of a training step, are arranged here in tiles of 16 by 16.
#pragma once
#include "onednn.hpp"

namespace shelfmind {

class Arrangement {
  public:
    // From one description of the weights to another; either is plain (O, I, h, w) or (g, O, I, h, w) in float.
    void set(const dnnl::memory::desc &from, const dnnl::memory::desc &to);
    bool needed() const { return kind != SAME; }
    void run(const void *source, void *target) const;

  private:
    // How oneDNN stores the matrix (a, b) = (O, I): in tiles of 16 b by 16 a, or in strips of `width` of a or of b,
    // along which the other one advances, in bfloat16 by two.
    enum Kind { SAME, OTHER, FROM_TILES, STRIPS_OF_A, STRIPS_OF_B };
    Kind kind = SAME;
    bool half = false;
    dnnl::memory::desc from, to;
    dnnl::reorder reorder;
    int64_t a = 0, b = 0, padded_a = 0, padded_b = 0, width = 0, stride_a = 0, stride_b = 0;

    Kind recognise();
    void from_tiles(const float *tiles, float *plain) const;
    template <class T>
    void to_strips_of_a(const float *plain, T *target) const;
    template <class T>
    void to_strips_of_b(const float *plain, T *target) const;
};

}  // namespace shelfmind
